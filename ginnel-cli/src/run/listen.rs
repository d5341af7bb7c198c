//! `ginnel listen`

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use anyhow::{Error, Result};
use ginnel::{Credentials, SeqPacket, Stream};

use super::answer::Desk;
use super::connection::Connection;
use super::datagrams;
use super::door::{Door, Knock};
use super::lend::serve_all;
use super::talk::Talk;
use crate::events::{Event, Events, Peer};
use crate::exit::Exit;
use crate::plan::{Kind, Listen, Name, Work};
use crate::speech::Speech;

pub(crate) fn run(plan: Listen, events: Events) -> Result<Exit> {
    let Listen { name, work } = plan;
    match (work, name.place.kind) {
        (Work::Join(Some(speech)), _) => talk_with_first(name, speech, events),
        (Work::Join(None), Kind::Stream) => serve_first::<Stream>(name, events),
        (Work::Join(None), Kind::SeqPacket) => serve_first::<SeqPacket>(name, events),
        (Work::Join(None), Kind::Datagram(packets)) => datagrams::print_each(packets, &name.place, events),
        (Work::Exec(script, Some(speech)), _) => {
            let talk = Talk { speech, deadline: None, events };
            serve_in_threads(name, events, move |stream, peer| talk.exec(stream, &script, peer).map(drop))
        }
        (Work::Exec(script, None), Kind::Stream) => serve_all::<Stream>(name, &script, events),
        (Work::Exec(script, None), Kind::SeqPacket) => serve_all::<SeqPacket>(name, &script, events),
        (Work::Exec(script, None), Kind::Datagram(packets)) => {
            datagrams::run_for_each(packets, &name.place, &script, events)
        }
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
pub(super) fn serve_in_threads<C: Connection + Send + 'static>(
    name: Name,
    events: Events,
    serve: impl Fn(C, &Credentials) -> Result<()> + Send + Sync + 'static,
) -> Result<Exit> {
    let mut door = Door::<C>::open(name, events)?;
    let serve = Arc::new(serve);
    loop {
        let connection = match door.next()? {
            Knock::Came(connection) => connection,
            Knock::Stop(signal) => return Ok(Exit::Signal(signal)),
        };
        let serve = Arc::clone(&serve);
        let started = thread::Builder::new().spawn(move || {
            let served = connection.peer().map_err(Error::from).and_then(|peer| {
                events.tell(&Event::Accepted { peer: Peer::from(&peer) });
                serve(connection, &peer)
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
