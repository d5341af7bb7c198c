//! `ginnel peer`

mod room;

use std::io::Error as IoError;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result};
use ginnel::{Address, PeerOptions};

use self::room::Room;
use super::input::{Input, Lines, Most};
use super::session::NO_INPUT;
use super::talk::plain;
use crate::events::Events;
use crate::exit::{Doing, Exit, NoSocket};
use crate::output::Output;
use crate::plan::Peer;
use crate::signals::{Signals, Wake};
use crate::wait;

/// Three threads take part, one that waits for signals, one that listens and one that speaks: what ends the first of
/// them ends all. None of them is waited for, since each may be held up by a terminal.
pub(crate) fn run(plan: Peer, events: Events) -> Result<Exit> {
    let signals = Signals::hold()?;
    let deadline = wait::deadline(plan.timeout);
    let mut output = Output::stdout()?;
    let input = Lines::of(Input::stdin(None)?, Most::MESSAGE);
    let (ends, end) = channel();
    let joined = Arc::new(OnceLock::new());
    start(&ends, move || await_stop(signals, deadline))?;
    let (speaking, opened) = (ends.clone(), Arc::clone(&joined));
    start(&ends, move || {
        let room = Arc::new(join(plan, events)?);
        // It is set here alone.
        let _ = opened.set(Arc::clone(&room));
        let speaker = Arc::clone(&room);
        start(&speaking, move || speak(&speaker, input))?;
        room.listen(&mut output)
    })?;
    let ended = end.recv().context("a thread of this command has panicked")?;
    if let Some(room) = joined.get() {
        room.leave(PATIENCE);
    }
    ended
}

/// Starts a thread whose result may be the end.
fn start(
    ends: &Sender<Result<Exit>>,
    work: impl FnOnce() -> Result<Exit> + Send + 'static,
) -> Result<(), IoError> {
    let ends = ends.clone();
    // It fails only if another has ended before.
    thread::Builder::new().spawn(move || ends.send(work()).unwrap_or_default()).map(drop)
}

/// From then on signals end the process at once.
fn await_stop(signals: Signals, deadline: Option<Instant>) -> Result<Exit> {
    loop {
        if let Wake::Stop(signal) = signals.wait(None, deadline)? {
            signals.release();
            return Ok(Exit::Signal(signal));
        }
    }
}

fn join(plan: Peer, events: Events) -> Result<Room> {
    let Peer { address, hello, standby, allow, mode, .. } = plan;
    let mut options = PeerOptions::new().name(hello.name())?.data(hello.data().clone())?.standby(standby);
    if let Some(mode) = mode {
        options = options.mode(mode);
    }
    if let Some(policy) = allow {
        options = options.allow(policy);
    }
    let joined = ginnel::Peer::join_with(&address, &options);
    let (peer, driver) = joined.map_err(|error| not_joined(address, error))?.shared();
    // If it fails, every call on the handle does.
    thread::Builder::new().spawn(|| driver.run())?;
    Ok(Room::new(peer, events))
}

fn not_joined(address: Address, error: ginnel::Error) -> Error {
    let doing = Doing::TakePart;
    let about = |error: Error| error.context(format!("cannot {doing} {address}"));
    let source = match error {
        ginnel::Error::Io(source) => source,
        ginnel::Error::Peer(fault) => return about(plain(fault)),
        error => return about(error.into()),
    };
    NoSocket { doing, address, source }.into()
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
