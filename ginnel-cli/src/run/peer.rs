//! `ginnel peer`

mod room;

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use ginnel::PeerOptions;

use self::room::Room;
use super::connection::unreached;
use super::ending::ending;
use super::input::{Input, Lines, Most, NO_INPUT};
use super::modes;
use crate::events::Events;
use crate::exit::{Doing, Exit};
use crate::output::Output;
use crate::plan::Peer;
use crate::signals::Signals;
use crate::wait;

/// Three threads take part, one that waits for signals, one that listens and one that speaks.
pub(crate) fn run(plan: Peer, events: Events) -> Result<Exit> {
    let signals = Signals::hold()?;
    let deadline = wait::deadline(plan.timeout);
    let mut output = Output::stdout()?;
    let input = Lines::of(Input::stdin(None)?, Most::MESSAGE);
    let (ends, end) = ending();
    let joined = Arc::new(OnceLock::new());
    ends.watch(signals, deadline)?;
    let (speaking, opened) = (ends.clone(), Arc::clone(&joined));
    ends.start(move || {
        let room = Arc::new(join(plan, events)?);
        // It is set here alone.
        let _ = opened.set(Arc::clone(&room));
        let speaker = Arc::clone(&room);
        speaking.start(move || speak(&speaker, input))?;
        room.listen(&mut output)
    })?;
    let ended = end.wait();
    if let Some(room) = joined.get() {
        room.leave(PATIENCE);
    }
    ended
}

fn join(plan: Peer, events: Events) -> Result<Room> {
    let Peer { address, hello, standby, allow, mode, .. } = plan;
    let options = PeerOptions::new().name(hello.name())?.data(hello.data().clone())?;
    let mut options = modes::of_peer(options, mode, standby);
    if let Some(policy) = allow {
        options = options.allow(policy);
    }
    let joined = ginnel::Peer::join_with(&address, &options);
    let (peer, driver) =
        joined.map_err(|error| unreached(Doing::TakePart, address.to_string(), error))?.shared();
    // If it fails, every call on the handle does.
    thread::Builder::new().spawn(|| driver.run())?;
    Ok(Room::new(peer, events))
}

fn speak(room: &Room, mut lines: Lines<Input>) -> Result<Exit> {
    while let Some(line) = lines.next().context(NO_INPUT)? {
        if room.has_left() {
            break;
        }
        room.say(line);
    }
    Ok(Exit::SUCCESS)
}

/// How long neighbours may take to end too.
const PATIENCE: Duration = Duration::from_secs(1);
