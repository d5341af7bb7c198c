//! Messages over a stream: what is typed, or what a command prints, goes; what comes is printed, or given to the
//! command.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io::{self, ErrorKind};
use std::time::Instant;

use anyhow::{Error, Result};
use ginnel::{Connection, ConnectionOptions, Message, Receiver, Sender, Stream, Wire};

use super::descriptors::tell_each;
use crate::events::{Event, Events};
use crate::plan::MAX_FDS;
use crate::speech::Speech;

/// A conversation in messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk {
    pub(crate) speech: Speech,
    pub(crate) deadline: Option<Instant>,
    pub(crate) events: Events,
}

impl Talk {
    fn halves(self, mut stream: Stream) -> io::Result<(Sender, Receiver)> {
        stream.set_deadline(self.deadline)?;
        Ok(Connection::over(stream, &options(self.speech.wire)).split())
    }

    /// Descriptors of a message are named, and closed when it is dropped.
    pub(crate) fn tell(self, message: &Message) -> io::Result<()> {
        let Message { body, fds, .. } = message;
        if !self.events.are_few() {
            let told = self.speech.told(body);
            self.events.tell(&Event::Message { told, bytes: body.len(), fds: fds.len() });
        }
        tell_each(fds, self.events)
    }
}

/// As many descriptors are taken as one message has.
pub(crate) fn options(wire: Wire) -> ConnectionOptions {
    ConnectionOptions::new().wire(wire).most_fds(MAX_FDS)
}

/// The error with each fact in it once: those of the library name their source in their own words, too.
pub(crate) fn plain(error: impl Into<ginnel::Error>) -> Error {
    match error.into() {
        ginnel::Error::Io(error) => error.into(),
        ginnel::Error::Peer(fault) => Error::new(fault).context("the other side broke a rule"),
        error => error.into(),
    }
}

/// `None`: the peer closed the connection, perhaps without reading everything.
pub(crate) fn unless_gone<T>(result: Result<T, impl Into<ginnel::Error>>) -> Result<Option<T>> {
    match result.map_err(Into::into) {
        Ok(value) => Ok(Some(value)),
        Err(ginnel::Error::Stopped(_)) => Ok(None),
        Err(ginnel::Error::Io(error))
            if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) =>
        {
            Ok(None)
        }
        Err(error) => Err(plain(error)),
    }
}
