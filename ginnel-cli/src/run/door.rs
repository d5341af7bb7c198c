//! Listening: what comes in at a name, or the signal that ends it.

use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ginnel::{Datagram, Listener, Message};
use rustix::io::ioctl_fionbio;

use super::connection::Connection;
use crate::events::{Event, Events, Peer};
use crate::exit::{Doing, Exit, NoSocket};
use crate::plan::{Name, Place};
use crate::signals::{Signals, Wake};
use crate::wait;

/// What a wait at a name ended with.
#[derive(Debug)]
pub(crate) enum Knock<T> {
    /// A connection or a packet.
    Came(T),
    /// A child may have ended.
    Child,
    /// This signal asks for the end.
    Stop(i32),
}

/// A name where connections come in.
#[derive(Debug)]
pub(crate) struct Door<C> {
    listener: Listener<C>,
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
            builder = builder.mode(mode);
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
        // Waiting is done beside the signals: a connection that is gone again must not block accept(2).
        ioctl_fionbio(listener.as_fd(), true)?;
        tell_listening(&place, events);
        Ok(Self { listener, signals, deadline, events })
    }

    /// When `--timeout` has passed, for what is done after the door is closed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Waits for a connection.
    pub(crate) fn next(&mut self) -> Result<Knock<C>> {
        loop {
            match self.signals.wait(Some(self.listener.as_fd()), self.deadline)? {
                Wake::Child => return Ok(Knock::Child),
                Wake::Stop(signal) => return Ok(Knock::Stop(signal)),
                Wake::Ready => {}
            }
            self.listener.set_deadline(Some(Instant::now() + PATIENCE))?;
            match self.listener.accept() {
                // Whoever came is not allowed, or was taken by another process that holds the descriptor, or this
                // process has too many files open.
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                accepted => return Ok(Knock::Came(accepted.context("cannot accept")?)),
            }
        }
    }

    /// Waits for the first connection, which also closes the door: the name is removed.
    pub(crate) fn first(mut self) -> Result<ControlFlow<Exit, C>> {
        let connection = match first(|| self.next())? {
            ControlFlow::Continue(connection) => connection,
            stop => return Ok(stop),
        };
        self.events.tell(&Event::Accepted { peer: Peer::from(&connection.peer()?) });
        drop(self.listener);
        Ok(release(self.signals, connection))
    }
}

/// A name where packets come in without a connection.
#[derive(Debug)]
pub(crate) struct Letterbox {
    socket: Datagram,
    signals: Signals,
    deadline: Option<Instant>,
    events: Events,
}

impl Letterbox {
    pub(crate) fn open(place: &Place, events: Events) -> Result<Self> {
        let signals = Signals::hold()?;
        let deadline = wait::deadline(place.timeout);
        let mut socket = Datagram::bind(&place.address).map_err(|source| no_name(place, source))?;
        socket.set_deadline(Some(Instant::now()))?;
        tell_listening(place, events);
        Ok(Self { socket, signals, deadline, events })
    }

    /// Waits for a packet.
    pub(crate) fn next(&self) -> Result<Knock<Message>> {
        loop {
            match self.signals.wait(Some(self.socket.as_fd()), self.deadline)? {
                Wake::Child => return Ok(Knock::Child),
                Wake::Stop(signal) => return Ok(Knock::Stop(signal)),
                Wake::Ready => {}
            }
            match self.socket.recv() {
                // Taken by another process that holds the descriptor.
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                // Too large, or with more descriptors than fit this process: no peer may end the listening by that.
                Err(error) if error.kind() == ErrorKind::InvalidData => {
                    self.events.tell(&Event::NotReceived { message: error.to_string() });
                }
                received => return Ok(Knock::Came(received.context("cannot receive")?)),
            }
        }
    }

    /// Waits for the first packet, which also closes the box: the name is removed.
    pub(crate) fn first(self) -> Result<ControlFlow<Exit, Message>> {
        let message = match first(|| self.next())? {
            ControlFlow::Continue(message) => message,
            stop => return Ok(stop),
        };
        drop(self.socket);
        Ok(release(self.signals, message))
    }

    /// What a command started by this process is waited for with.
    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }
}

fn first<T>(mut next: impl FnMut() -> Result<Knock<T>>) -> Result<ControlFlow<Exit, T>> {
    loop {
        match next()? {
            Knock::Came(what) => return Ok(ControlFlow::Continue(what)),
            Knock::Child => {}
            Knock::Stop(signal) => return Ok(ControlFlow::Break(Exit::Signal(signal))),
        }
    }
}

/// The name is gone: signals end the process at once again, as one may that came meanwhile.
fn release<T>(signals: Signals, what: T) -> ControlFlow<Exit, T> {
    match signals.release() {
        Some(signal) => ControlFlow::Break(Exit::Signal(signal)),
        None => ControlFlow::Continue(what),
    }
}

fn no_name(place: &Place, source: io::Error) -> NoSocket {
    NoSocket { doing: Doing::Listen, address: place.address.to_string(), source }
}

fn tell_listening(place: &Place, events: Events) {
    events.tell(&Event::Listening { address: place.address.to_string(), kind: place.kind });
}

/// How long signals may go unheard while a connection is accepted that is not there any more.
const PATIENCE: Duration = Duration::from_millis(100);
