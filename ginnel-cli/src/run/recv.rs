//! `ginnel recv`

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ginnel::{Message, SeqPacket, Stream};

use super::descriptors::tell_each;
use super::door::{Door, Letterbox};
use super::shell;
use crate::events::{Event, Events};
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::{Kind, MAX_FDS, Name, Recv};
use crate::wait;

pub(crate) fn run(plan: Recv, events: Events) -> Result<Exit> {
    let Recv { name, exec } = plan;
    let received = match name.place.kind {
        Kind::Stream => first_bytes(name, events)?,
        Kind::SeqPacket => first_packet(name, events)?,
        Kind::Datagram => Letterbox::open(&name.place, events)?.first()?,
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

/// Everything to the end of the stream.
fn collect(stream: &Stream, deadline: Option<Instant>) -> Result<Message> {
    let (mut bytes, mut fds) = (Vec::new(), Vec::new());
    let mut chunk = vec![0; 64 << 10];
    loop {
        wait::check(deadline)?;
        let (n, more) = stream.recv_with_fds(&mut chunk).context("cannot receive")?;
        if n == 0 {
            return Ok(Message::new(bytes).with_fds(fds));
        }
        bytes.extend_from_slice(&chunk[..n]);
        fds.extend(more);
        if bytes.len() > MAX_BYTES {
            bail!("more than {MAX_BYTES} bytes (16 MiB) came: one message has no more");
        }
        if fds.len() > MAX_FDS {
            bail!("more than {MAX_FDS} descriptors came: one message has no more");
        }
    }
}

fn run_with(script: OsString, message: Message, events: Events) -> Result<Exit> {
    let Message { body, fds, .. } = message;
    let mut child = shell::on_message(&script, body, fds).context("cannot start the command")?;
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

/// Most bytes that are collected: 16 MiB.
const MAX_BYTES: usize = 16 << 20;
