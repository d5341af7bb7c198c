//! `ginnel connect`

use std::ffi::OsStr;

use anyhow::Result;
use ginnel::{SeqPacket, Stream};

use super::connection::{self, Connection};
use super::datagrams;
use super::lend::lend;
use super::talk::Talk;
use crate::events::Events;
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
        (Kind::Datagram(packets), _) => datagrams::send_lines(packets, &place, events),
    }
}

fn serve<C: Connection>(place: &Place, events: Events) -> Result<Exit> {
    let deadline = wait::deadline(place.timeout);
    let (connection, _) = connection::open::<C>(place, deadline, events)?;
    connection.serve(deadline, events).map(|()| Exit::SUCCESS)
}

fn talk(place: &Place, script: Option<&OsStr>, speech: Speech, events: Events) -> Result<Exit> {
    let deadline = wait::deadline(place.timeout);
    let (stream, peer) = connection::open::<Stream>(place, deadline, events)?;
    match script {
        None => Talk { speech, deadline, events }.join(stream).map(|()| Exit::SUCCESS),
        Some(script) => Talk { speech, deadline: None, events }.exec(stream, script, &peer).map(Exit::like),
    }
}
