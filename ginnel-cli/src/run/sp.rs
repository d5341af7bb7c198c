//! `ginnel sp`

mod pace;
mod part;
mod print;
mod watch;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ginnel::sp::{self, Handle, Options, Pattern, Socket};
use ginnel::{Address, ConnId, Stream};

use self::pace::Rounds;
use self::part::{Desk, Part};
use self::print::Printer;
use self::watch::Watch;
use super::connection::unreached;
use super::ending::ending;
use super::input::{Input, Most, NO_INPUT};
use super::modes;
use crate::args::sp::End;
use crate::events::{Event, Events};
use crate::exit::{Doing, Exit};
use crate::plan::{Kind, Places, Said, Sp};
use crate::signals::Signals;
use crate::wait;

pub(crate) fn run(plan: Sp, events: Events) -> Result<Exit> {
    let signals = Signals::hold()?;
    let deadline = wait::deadline(plan.pace.timeout);
    let said = plan.said.as_ref().map(|said| read(said, deadline)).transpose()?;
    let options = options(&plan);
    let (gone, rounds) = Rounds::new(plan.pace);
    let desk = Desk { pace: plan.pace, printer: Printer::new(plan.format, events)?, events };
    let part = Part { said, rounds, desk };
    let stage = Stage { places: plan.places, signals, deadline, gone, events };
    match plan.end {
        End::Req => stage.play(sp::Req::with(&options)?, part, Part::ask),
        End::Rep => stage.play(sp::Rep::with(&options)?, part, Part::answer),
        End::Pub => stage.play(sp::Pub::with(&options)?, part, Part::tell),
        End::Push => stage.play(sp::Push::with(&options)?, part, Part::tell),
        End::Pull => stage.play(sp::Pull::with(&options)?, part, Part::hear),
        End::Pair => stage.play(sp::Pair1::with(&options)?, part, Part::converse),
        End::Pair0 => stage.play(sp::Pair0::with(&options)?, part, Part::converse),
        End::Surveyor => stage.play(sp::Surveyor::with(&options)?, part, Part::survey),
        End::Respondent => stage.play(sp::Respondent::with(&options)?, part, Part::answer),
        End::Bus => stage.play(sp::Bus::with(&options)?, part, Part::converse),
        End::Sub => {
            let mut sub = sp::Sub::with(&options)?;
            for prefix in subscriptions(plan.subscribe) {
                sub.subscribe(prefix)?;
            }
            stage.play(sub, part, Part::hear)
        }
    }
}

/// Read before anybody is disturbed.
fn read(said: &Said, deadline: Option<Instant>) -> Result<Vec<u8>> {
    match said {
        Said::Text(text) => Ok(text.as_encoded_bytes().to_vec()),
        Said::File(path) => fs::read(path).with_context(|| format!("cannot read {}", path.display())),
        Said::Input => Input::stdin(deadline)?.all(Most::SP).context(NO_INPUT),
    }
}

fn options(plan: &Sp) -> Options {
    let mut options = Options::new();
    if let Some(mode) = plan.places.mode {
        options = modes::of_end(options, mode);
    }
    if let Some(policy) = &plan.places.allow {
        options = options.allow(policy.clone());
    }
    match plan.pace.recv_timeout {
        Some(time) if plan.end == End::Surveyor => options.survey_time(time),
        _ => options,
    }
}

/// Everything, unless told otherwise.
fn subscriptions(given: Vec<OsString>) -> Vec<Vec<u8>> {
    if given.is_empty() {
        return vec![Vec::new()];
    }
    given.into_iter().map(OsString::into_encoded_bytes).collect()
}

/// Where an end meets others, and what may end it.
struct Stage {
    places: Places,
    signals: Signals,
    deadline: Option<Instant>,
    /// Who pauses is told here that nobody is left.
    gone: Sender<()>,
    events: Events,
}

impl Stage {
    /// Four threads take part: one moves the end, one waits for signals, one tells what becomes of its pipes, and one plays
    /// the part.
    fn play<P: Pattern>(
        self,
        socket: Socket<P>,
        part: Part,
        play: impl FnOnce(Part, &mut Handle<P>) -> Result<()> + Send + 'static,
    ) -> Result<Exit> {
        let (end, driver) = socket.shared();
        // If it fails, every call on the handle does.
        thread::Builder::new().spawn(|| driver.run())?;
        let played = self.take_part(&end, |end| play(part, end));
        let patience = if matches!(played, Ok(Exit::SUCCESS)) { PATIENCE } else { Duration::ZERO };
        // Whoever does not read, or end, in time is left all the same.
        let _ = end.close(patience);
        played
    }

    fn take_part<P: Pattern>(
        self,
        end: &Handle<P>,
        play: impl FnOnce(&mut Handle<P>) -> Result<()> + Send + 'static,
    ) -> Result<Exit> {
        let Self { places, signals, deadline, gone, events } = self;
        let pending = open(end, &places, events)?;
        let watch = Watch::new(end.clone(), pending, places.stay_open, gone, events);
        thread::Builder::new().spawn(|| watch.run())?;
        let (ends, ending) = ending();
        ends.watch(signals, deadline)?;
        let mut end = end.clone();
        ends.start(move || {
            dial(&end, &places)?;
            play(&mut end).map(|()| Exit::SUCCESS)
        })?;
        ending.wait()
    }
}

/// Listens, and takes in what was inherited: those that may become pipes.
fn open<P: Pattern>(end: &Handle<P>, places: &Places, events: Events) -> Result<BTreeSet<ConnId>> {
    for url in &places.listen {
        let listens = end.listen(url).map_err(|error| unreached(Doing::Listen, url.clone(), error))?;
        // Nothing else has a port.
        let address = end.bound_port(listens).map_or_else(|_| url.clone(), |port| format!("tcp://{port}"));
        events.tell(&Event::Listening { address, kind: Kind::Stream });
    }
    let adopt = |&number: &u16| {
        let address = Address::inherited(number);
        let about = format!("cannot use {address}");
        let stream = Stream::connect(&address).with_context(|| about.clone())?;
        end.adopt(stream).context(about)
    };
    places.fds.iter().map(adopt).collect()
}

fn dial<P: Pattern>(end: &Handle<P>, places: &Places) -> Result<()> {
    for url in &places.dial {
        let dialled = if places.dial_on { end.keep_dialing(url) } else { end.dial(url) };
        dialled.map_err(|error| unreached(Doing::Connect, url.clone(), error))?;
    }
    Ok(())
}

/// How long the others may take to read what was sent, and to end too.
const PATIENCE: Duration = Duration::from_secs(1);
