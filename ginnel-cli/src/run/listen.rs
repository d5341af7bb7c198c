//! `ginnel listen`

use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::process::{Child, ExitStatus};

use anyhow::Result;
use ginnel::{Message, SeqPacket, Stream};

use super::connection::Connection;
use super::door::{Door, Knock, Letterbox};
use super::session::tell_closed;
use super::shell;
use crate::events::{Event, Events, Peer};
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::{Kind, Listen, Name, Place};
use crate::signals::{Signals, Wake};

pub(crate) fn run(plan: Listen, events: Events) -> Result<Exit> {
    let Listen { name, exec } = plan;
    match (name.place.kind, exec) {
        (Kind::Stream, None) => serve_first::<Stream>(name, events),
        (Kind::SeqPacket, None) => serve_first::<SeqPacket>(name, events),
        (Kind::Datagram, None) => print_each(&name.place, events),
        (Kind::Stream, Some(script)) => serve_all::<Stream>(name, &script, events),
        (Kind::SeqPacket, Some(script)) => serve_all::<SeqPacket>(name, &script, events),
        (Kind::Datagram, Some(script)) => run_for_each(&name.place, &script, events),
    }
}

fn serve_first<C: Connection>(name: Name, events: Events) -> Result<Exit> {
    let door = Door::<C>::open(name, events)?;
    let deadline = door.deadline();
    match door.first()? {
        ControlFlow::Break(exit) => Ok(exit),
        ControlFlow::Continue(connection) => connection.serve(deadline, events).map(|()| Exit::SUCCESS),
    }
}

fn serve_all<C: Connection>(name: Name, script: &OsStr, events: Events) -> Result<Exit> {
    let mut door = Door::<C>::open(name, events)?;
    let mut children = Vec::new();
    loop {
        match door.next()? {
            Knock::Came(connection) => children.extend(start(script, connection, events)),
            Knock::Child => children.retain_mut(|child| !has_ended(child, events)),
            Knock::Stop(signal) => return Ok(Exit::Signal(signal)),
        }
    }
}

/// Starts the command for one connection. A failure costs this connection only.
fn start<C: Connection>(script: &OsStr, connection: C, events: Events) -> Option<Child> {
    let started = connection.peer().and_then(|peer| {
        events.tell(&Event::Accepted { peer: Peer::from(&peer) });
        shell::on_connection(script, connection.into(), &peer)
    });
    match started {
        Ok(child) => {
            events.tell(&Event::Started { pid: child.id() });
            Some(child)
        }
        Err(error) => {
            events.tell(&Event::NotStarted { message: error.to_string() });
            None
        }
    }
}

fn has_ended(child: &mut Child, events: Events) -> bool {
    match child.try_wait() {
        Ok(Some(status)) => {
            events.tell(&Event::ended(child.id(), status));
            true
        }
        Ok(None) => false,
        // No such child: there is nothing to wait for.
        Err(_) => true,
    }
}

fn print_each(place: &Place, events: Events) -> Result<Exit> {
    let letterbox = Letterbox::open(place, events)?;
    let mut output = Output::stdout()?;
    loop {
        match letterbox.next()? {
            Knock::Came(Message { body, fds, .. }) => {
                tell_closed(fds.len(), events);
                output.line(&body)?;
            }
            Knock::Child => {}
            Knock::Stop(signal) => return Ok(Exit::Signal(signal)),
        }
    }
}

/// One packet after another: while a command runs, later packets wait in the socket, then their senders.
fn run_for_each(place: &Place, script: &OsStr, events: Events) -> Result<Exit> {
    let letterbox = Letterbox::open(place, events)?;
    loop {
        let Message { body, fds, .. } = match letterbox.next()? {
            Knock::Came(message) => message,
            Knock::Child => continue,
            Knock::Stop(signal) => return Ok(Exit::Signal(signal)),
        };
        tell_closed(fds.len(), events);
        let mut child = match shell::on_message(script, body, Vec::new()) {
            Ok(child) => child,
            Err(error) => {
                events.tell(&Event::NotStarted { message: error.to_string() });
                continue;
            }
        };
        events.tell(&Event::Started { pid: child.id() });
        match wait_for(&mut child, letterbox.signals())? {
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
