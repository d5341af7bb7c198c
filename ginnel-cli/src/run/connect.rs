//! `ginnel connect`

use std::ffi::OsStr;

use anyhow::{Context, Result};
use ginnel::{Datagram, SeqPacket, Stream};

use super::connection::{self, Connection, no_connection};
use super::input::{Input, Lines, Most};
use super::shell;
use super::talk::Talk;
use crate::events::{Event, Events};
use crate::exit::Exit;
use crate::plan::{Connect, Kind, Place};
use crate::speech::Speech;
use crate::wait;

pub(crate) fn run(plan: Connect, events: Events) -> Result<Exit> {
    let Connect { place, exec, speech } = plan;
    if let Some(speech) = speech {
        return talk(&place, exec.as_deref(), speech, events);
    }
    match (place.kind, exec) {
        (Kind::Stream, None) => serve::<Stream>(&place, events),
        (Kind::SeqPacket, None) => serve::<SeqPacket>(&place, events),
        (Kind::Stream, Some(script)) => lend::<Stream>(&place, &script, events),
        (Kind::SeqPacket, Some(script)) => lend::<SeqPacket>(&place, &script, events),
        // `args` has refused a command.
        (Kind::Datagram, _) => send_lines(&place, events),
    }
}

fn serve<C: Connection>(place: &Place, events: Events) -> Result<Exit> {
    let deadline = wait::deadline(place.timeout);
    let (connection, _) = connection::open::<C>(place, deadline, events)?;
    connection.serve(deadline, events).map(|()| Exit::SUCCESS)
}

fn lend<C: Connection>(place: &Place, script: &OsStr, events: Events) -> Result<Exit> {
    let (connection, peer) = connection::open::<C>(place, wait::deadline(place.timeout), events)?;
    let mut child =
        shell::on_connection(script, connection.into(), &peer).context("cannot start the command")?;
    events.tell(&Event::Started { pid: child.id() });
    Ok(Exit::like(child.wait()?))
}

fn talk(place: &Place, script: Option<&OsStr>, speech: Speech, events: Events) -> Result<Exit> {
    let deadline = wait::deadline(place.timeout);
    let (stream, peer) = connection::open::<Stream>(place, deadline, events)?;
    match script {
        None => Talk { speech, deadline, events }.join(stream).map(|()| Exit::SUCCESS),
        Some(script) => Talk { speech, deadline: None, events }.exec(stream, script, &peer).map(Exit::like),
    }
}

fn send_lines(place: &Place, events: Events) -> Result<Exit> {
    let deadline = wait::deadline(place.timeout);
    let mut socket = Datagram::connect(&place.address).map_err(|source| no_connection(place, source))?;
    socket.set_deadline(deadline)?;
    let mut lines = Lines::of(Input::stdin(deadline)?, Most::PACKET);
    let mut bytes = 0;
    while let Some(line) = lines.next().context("cannot read standard input")? {
        socket.send(&line).with_context(|| format!("cannot send a packet of {} bytes", line.len()))?;
        bytes += line.len();
    }
    events.tell(&Event::Sent { bytes, fds: 0 });
    Ok(Exit::SUCCESS)
}
