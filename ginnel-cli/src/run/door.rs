//! Listening: what comes in at a name, or the signal that ends it.

#[cfg(unix)]
#[path = "door/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "door/windows.rs"]
mod system;

use std::io;
use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::Result;
use ginnel::Listener;

use self::system::Entrance;
use super::connection::Connection;
use super::modes;
use crate::events::{Event, Events, Peer};
use crate::exit::{Doing, Exit, NoSocket};
use crate::plan::{Name, Place};
use crate::signals::Signals;
use crate::wait;

/// What a wait at a name ended with.
#[derive(Debug)]
pub(crate) enum Knock<T> {
    /// A connection or a packet.
    Came(T),
    /// This signal asks for the end.
    Stop(i32),
}

/// A name where connections come in.
#[derive(Debug)]
pub(crate) struct Door<C> {
    entrance: Entrance<C>,
    signals: Signals,
    deadline: Option<Instant>,
    events: Events,
}

impl<C: Connection> Door<C> {
    pub(crate) fn open(name: Name, events: Events) -> Result<Self> {
        // Before there is a name to remove.
        let signals = Signals::hold()?;
        let mut builder = Listener::<C>::builder();
        if let Some(mode) = name.mode {
            builder = modes::of_listener(builder, mode);
        }
        if let Some(backlog) = name.backlog {
            builder = builder.backlog(backlog);
        }
        if let Some(policy) = name.allow {
            builder = builder.allow(policy);
        }
        let place = name.place;
        let deadline = wait::deadline(place.timeout);
        let listener = builder.listen(&place.address).map_err(|source| no_name(&place, source))?;
        let entrance = Entrance::of(listener)?;
        tell_listening(&place, events);
        Ok(Self { entrance, signals, deadline, events })
    }

    /// When `--timeout` has passed, for what is done after the door is closed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Waits for a connection. `None`: a child may have ended.
    pub(super) fn knock(&mut self) -> Result<Option<Knock<C>>> {
        self.entrance.knock(&self.signals, self.deadline)
    }

    /// Waits for a connection.
    pub(crate) fn next(&mut self) -> Result<Knock<C>> {
        loop {
            if let Some(knock) = self.knock()? {
                return Ok(knock);
            }
        }
    }

    /// Waits for the first connection, which also closes the door: the name is removed.
    pub(crate) fn first(mut self) -> Result<ControlFlow<Exit, C>> {
        let connection = match self.next()? {
            Knock::Came(connection) => connection,
            Knock::Stop(signal) => return Ok(ControlFlow::Break(Exit::Signal(signal))),
        };
        self.events.tell(&Event::Accepted { peer: Peer::from(&connection.peer()?) });
        drop(self.entrance);
        Ok(release(self.signals, connection))
    }
}

/// The name is gone: signals end the process at once again, as one may that came meanwhile.
pub(super) fn release<T>(signals: Signals, what: T) -> ControlFlow<Exit, T> {
    match signals.release() {
        Some(signal) => ControlFlow::Break(Exit::Signal(signal)),
        None => ControlFlow::Continue(what),
    }
}

pub(super) fn no_name(place: &Place, source: io::Error) -> NoSocket {
    NoSocket { doing: Doing::Listen, address: place.address.to_string(), source }
}

pub(super) fn tell_listening(place: &Place, events: Events) {
    events.tell(&Event::Listening { address: place.address.to_string(), kind: place.kind });
}
