//! `ginnel listen`

use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::thread;

use anyhow::{Error, Result};
use ginnel::{Credentials, Message, SeqPacket, Stream};

use super::answer::Desk;
use super::connection::Connection;
use super::descriptors::tell_closed;
use super::door::{Door, Knock, Letterbox};
use super::shell;
use super::talk::Talk;
use crate::events::{Event, Events, Peer};
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::{Kind, Listen, Name, Place, Work};
use crate::signals::{Signals, Wake};
use crate::speech::Speech;

pub(crate) fn run(plan: Listen, events: Events) -> Result<Exit> {
    let Listen { name, work } = plan;
    match (work, name.place.kind) {
        (Work::Join(Some(speech)), _) => talk_with_first(name, speech, events),
        (Work::Join(None), Kind::Stream) => serve_first::<Stream>(name, events),
        (Work::Join(None), Kind::SeqPacket) => serve_first::<SeqPacket>(name, events),
        (Work::Join(None), Kind::Datagram) => print_each(&name.place, events),
        (Work::Exec(script, Some(speech)), _) => {
            let talk = Talk { speech, deadline: None, events };
            serve_in_threads(name, events, move |stream, peer| talk.exec(stream, &script, peer).map(drop))
        }
        (Work::Exec(script, None), Kind::Stream) => serve_all::<Stream>(name, &script, events),
        (Work::Exec(script, None), Kind::SeqPacket) => serve_all::<SeqPacket>(name, &script, events),
        (Work::Exec(script, None), Kind::Datagram) => run_for_each(&name.place, &script, events),
        (Work::Answer(script, codec), _) => {
            let desk = Desk { script, codec, events };
            serve_in_threads(name, events, move |stream, peer| desk.serve(stream, peer))
        }
    }
}

fn talk_with_first(name: Name, speech: Speech, events: Events) -> Result<Exit> {
    let door = Door::<Stream>::open(name, events)?;
    let deadline = door.deadline();
    match door.first()? {
        ControlFlow::Break(exit) => Ok(exit),
        ControlFlow::Continue(stream) => {
            Talk { speech, deadline, events }.join(stream).map(|()| Exit::SUCCESS)
        }
    }
}

/// Serves each connection in a thread of its own. A failure costs this connection only.
fn serve_in_threads(
    name: Name,
    events: Events,
    serve: impl Fn(Stream, &Credentials) -> Result<()> + Send + Sync + 'static,
) -> Result<Exit> {
    let mut door = Door::<Stream>::open(name, events)?;
    let serve = Arc::new(serve);
    loop {
        let stream = match door.next()? {
            Knock::Came(stream) => stream,
            Knock::Child => continue,
            Knock::Stop(signal) => return Ok(Exit::Signal(signal)),
        };
        let serve = Arc::clone(&serve);
        let started = thread::Builder::new().spawn(move || {
            let served = stream.peer_credentials().map_err(Error::from).and_then(|peer| {
                events.tell(&Event::Accepted { peer: Peer::from(&peer) });
                serve(stream, &peer)
            });
            if let Err(error) = served {
                events.tell(&Event::ConnectionLost { message: format!("{error:#}") });
            }
        });
        if let Err(error) = started {
            events.tell(&Event::ConnectionLost { message: error.to_string() });
        }
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
