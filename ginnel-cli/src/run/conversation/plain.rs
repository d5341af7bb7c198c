//! Streams and packets as they are.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use ginnel::{Credentials, ReadHalf, SeqPacket, Stream, WriteHalf};

use super::{Conversation, Ear, Form, Heard, Mouth};
use crate::events::{Event, Events};
use crate::run::input::{Most, chunk};
use crate::run::shell;

/// A connection that is a pipe.
pub(crate) trait Plain: Sized + Send + 'static {
    #[doc(hidden)]
    type Ear: Ear;
    #[doc(hidden)]
    type Mouth: Mouth;

    /// Its two halves, which wait until this moment.
    fn part(self, deadline: Option<Instant>) -> io::Result<Conversation<Self::Ear, Self::Mouth>>;

    /// Joins it to standard input and output until it is over.
    fn serve(self, deadline: Option<Instant>, events: Events) -> Result<()> {
        let unread = self.part(deadline)?.join(deadline)?;
        events.tell(&Event::Closed { unread });
        Ok(())
    }

    /// Joins it to a command until that has ended.
    fn exec(self, script: &OsStr, peer: &Credentials, events: Events) -> Result<ExitStatus> {
        let child = shell::between_pipes(script, peer).context("cannot start the command")?;
        let pid = child.id();
        events.tell(&Event::Started { pid });
        let status = self.part(None)?.exec(child)?;
        events.tell(&Event::ended(pid, status));
        Ok(status)
    }
}

impl Plain for Stream {
    type Ear = ReadHalf;
    type Mouth = WriteHalf;

    fn part(mut self, deadline: Option<Instant>) -> io::Result<Conversation<ReadHalf, WriteHalf>> {
        self.set_deadline(deadline)?;
        let (ear, mouth) = self.into_split();
        Ok(Conversation { ear, mouth, form: Form::Bytes })
    }
}

impl Ear for ReadHalf {
    fn hear(&mut self) -> Result<Heard> {
        heard(unless_gone(chunk(self)).context("cannot receive")?)
    }
}

impl Mouth for WriteHalf {
    fn say(&mut self, piece: Vec<u8>) -> Result<Option<()>> {
        unless_gone(self.write_all(&piece)).context("cannot send")
    }

    fn settle(&mut self) -> Result<()> {
        self.flush().context("cannot send")
    }
}

impl Plain for SeqPacket {
    type Ear = Arc<Self>;
    type Mouth = Arc<Self>;

    fn part(mut self, deadline: Option<Instant>) -> io::Result<Conversation<Arc<Self>, Arc<Self>>> {
        self.set_deadline(deadline)?;
        let ear = Arc::new(self);
        Ok(Conversation { mouth: Arc::clone(&ear), ear, form: Form::Lines(Most::PACKET) })
    }
}

impl Ear for Arc<SeqPacket> {
    fn hear(&mut self) -> Result<Heard> {
        let received = unless_gone(self.recv()).context("cannot receive")?;
        heard(received.map(|message| message.map(|message| message.body.into())))
    }
}

impl Mouth for Arc<SeqPacket> {
    fn say(&mut self, piece: Vec<u8>) -> Result<Option<()>> {
        let sent = unless_gone(self.send(&piece));
        sent.with_context(|| format!("cannot send a packet of {} bytes", piece.len()))
    }

    fn settle(&mut self) -> Result<()> {
        self.flush().context("cannot send")
    }
}

/// `None`: the other side has gone without reading everything; in it `None`: it has ended.
#[expect(clippy::unnecessary_wraps, reason = "whoever hears may fail")]
fn heard(piece: Option<Option<Vec<u8>>>) -> Result<Heard> {
    Ok(match piece {
        Some(Some(piece)) => Heard::Piece(piece),
        Some(None) => Heard::End { unread: false },
        None => Heard::End { unread: true },
    })
}

/// `None`: the other side has closed the connection, perhaps without reading everything.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => Ok(None),
        other => other.map(Some),
    }
}
