//! `ginnel recv`

use std::ffi::OsString;
use std::ops::ControlFlow;

use anyhow::{Context, Result};
use ginnel::{Message, SeqPacket, Stream};

use super::datagrams;
use super::descriptors::{collect, tell_each};
use super::door::Door;
use super::shell;
use crate::events::{Event, Events};
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::{Kind, Name, Recv};

pub(crate) fn run(plan: Recv, events: Events) -> Result<Exit> {
    let Recv { name, exec } = plan;
    let received = match name.place.kind {
        Kind::Stream => first_bytes(name, events)?,
        Kind::SeqPacket => first_packet(name, events)?,
        Kind::Datagram(packets) => datagrams::first(packets, &name.place, events)?,
    };
    let message = match received {
        ControlFlow::Break(exit) => return Ok(exit),
        ControlFlow::Continue(message) => message,
    };
    events.tell(&Event::Received { bytes: message.body.len(), fds: message.fds.len() });
    match exec {
        Some(script) => run_with(script, message, events),
        None => print(&message, events),
    }
}

fn first_packet(name: Name, events: Events) -> Result<ControlFlow<Exit, Message>> {
    let door = Door::<SeqPacket>::open(name, events)?;
    let deadline = door.deadline();
    let mut socket = match door.first()? {
        ControlFlow::Break(exit) => return Ok(ControlFlow::Break(exit)),
        ControlFlow::Continue(socket) => socket,
    };
    socket.set_deadline(deadline)?;
    let message = socket.recv().context("cannot receive")?;
    Ok(ControlFlow::Continue(message.context("the connection ended without a packet")?))
}

fn first_bytes(name: Name, events: Events) -> Result<ControlFlow<Exit, Message>> {
    let door = Door::<Stream>::open(name, events)?;
    let deadline = door.deadline();
    let mut stream = match door.first()? {
        ControlFlow::Break(exit) => return Ok(ControlFlow::Break(exit)),
        ControlFlow::Continue(stream) => stream,
    };
    stream.set_deadline(deadline)?;
    collect(&stream, deadline).map(ControlFlow::Continue)
}

fn run_with(script: OsString, message: Message, events: Events) -> Result<Exit> {
    let mut child = shell::on_message(&script, message).context("cannot start the command")?;
    events.tell(&Event::Started { pid: child.id() });
    let status = child.wait()?;
    events.tell(&Event::ended(child.id(), status));
    Ok(Exit::like(status))
}

fn print(message: &Message, events: Events) -> Result<Exit> {
    let mut output = Output::stdout()?;
    output.write(&message.body)?;
    output.finish()?;
    tell_each(&message.fds, events)?;
    Ok(Exit::SUCCESS)
}
