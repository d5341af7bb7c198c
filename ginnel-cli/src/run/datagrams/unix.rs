use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::process::{Child, ExitStatus};
use std::time::Instant;

use anyhow::{Context, Result};
use ginnel::{Datagram, Message};

use crate::events::{Event, Events};
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::{Body, Datagrams, Place};
use crate::run::connection::no_connection;
use crate::run::descriptors::tell_closed;
use crate::run::door::{Knock, no_name, release, tell_listening};
use crate::run::files::Files;
use crate::run::input::{Input, Lines, Most, NO_INPUT};
use crate::run::send::send_packet;
use crate::run::shell;
use crate::signals::{Signals, Wake};
use crate::wait;

/// Sends one, and says how long it was.
pub(crate) fn send(
    _: Datagrams,
    place: &Place,
    body: Body,
    files: &Files,
    deadline: Option<Instant>,
) -> Result<usize> {
    let mut socket = Datagram::connect(&place.address).map_err(|source| no_connection(place, source))?;
    socket.set_deadline(deadline)?;
    send_packet(body, deadline, |packet| socket.send_with_fds(packet, &files.fds()))
}

/// Every line of standard input as a packet.
pub(crate) fn send_lines(_: Datagrams, place: &Place, events: Events) -> Result<Exit> {
    let deadline = wait::deadline(place.timeout);
    let mut socket = Datagram::connect(&place.address).map_err(|source| no_connection(place, source))?;
    socket.set_deadline(deadline)?;
    let mut lines = Lines::of(Input::stdin(deadline)?, Most::PACKET);
    let mut bytes = 0;
    while let Some(line) = lines.next().context(NO_INPUT)? {
        socket.send(&line).with_context(|| format!("cannot send a packet of {} bytes", line.len()))?;
        bytes += line.len();
    }
    events.tell(&Event::Sent { bytes, fds: 0 });
    Ok(Exit::SUCCESS)
}

/// Waits for the first.
pub(crate) fn first(_: Datagrams, place: &Place, events: Events) -> Result<ControlFlow<Exit, Message>> {
    Letterbox::open(place, events)?.first()
}

/// Every packet as a line on standard output.
pub(crate) fn print_each(_: Datagrams, place: &Place, events: Events) -> Result<Exit> {
    let letterbox = Letterbox::open(place, events)?;
    let mut output = Output::stdout()?;
    loop {
        match letterbox.next()? {
            Knock::Came(Message { body, fds, .. }) => {
                tell_closed(fds.len(), events);
                output.line(&body)?;
            }
            Knock::Stop(signal) => return Ok(Exit::Signal(signal)),
        }
    }
}

/// One packet after another: while a command runs, later packets wait in the socket, then their senders.
pub(crate) fn run_for_each(_: Datagrams, place: &Place, script: &OsStr, events: Events) -> Result<Exit> {
    let letterbox = Letterbox::open(place, events)?;
    loop {
        let Message { body, fds, .. } = match letterbox.next()? {
            Knock::Came(message) => message,
            Knock::Stop(signal) => return Ok(Exit::Signal(signal)),
        };
        tell_closed(fds.len(), events);
        let mut child = match shell::on_message(script, Message::new(body)) {
            Ok(child) => child,
            Err(error) => {
                events.tell(&Event::NotStarted { message: error.to_string() });
                continue;
            }
        };
        events.tell(&Event::Started { pid: child.id() });
        match wait_for(&mut child, &letterbox.signals)? {
            ControlFlow::Break(signal) => return Ok(Exit::Signal(signal)),
            ControlFlow::Continue(status) => events.tell(&Event::ended(child.id(), status)),
        }
    }
}

/// Waits for a command, or for the signal that asks for the end.
fn wait_for(child: &mut Child, signals: &Signals) -> io::Result<ControlFlow<i32, ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(ControlFlow::Continue(status));
        }
        if let Wake::Stop(signal) = signals.wait(None, None)? {
            return Ok(ControlFlow::Break(signal));
        }
    }
}

/// A name where packets come in without a connection.
#[derive(Debug)]
struct Letterbox {
    socket: Datagram,
    signals: Signals,
    deadline: Option<Instant>,
    events: Events,
}

impl Letterbox {
    fn open(place: &Place, events: Events) -> Result<Self> {
        let signals = Signals::hold()?;
        let deadline = wait::deadline(place.timeout);
        let mut socket = Datagram::bind(&place.address).map_err(|source| no_name(place, source))?;
        socket.set_deadline(Some(Instant::now()))?;
        tell_listening(place, events);
        Ok(Self { socket, signals, deadline, events })
    }

    /// Waits for a packet.
    fn next(&self) -> Result<Knock<Message>> {
        loop {
            match self.signals.wait(Some(self.socket.as_fd()), self.deadline)? {
                Wake::Child => continue,
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
    fn first(self) -> Result<ControlFlow<Exit, Message>> {
        let message = match self.next()? {
            Knock::Came(message) => message,
            Knock::Stop(signal) => return Ok(ControlFlow::Break(Exit::Signal(signal))),
        };
        drop(self.socket);
        Ok(release(self.signals, message))
    }
}
