//! `ginnel demo`: what the library holds, shown with real processes.

mod part;
mod peers;
mod stage;
mod steps;
mod survey;
#[cfg(unix)]
#[path = "system/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "system/windows.rs"]
mod system;
mod talker;

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use anyhow::Result;

use self::stage::Stage;
use self::steps::{STEPS, Step};
use self::system::LIMIT;
use crate::escape;
use crate::events::{Event, Events};
use crate::exit::Exit;
use crate::output::Output;
use crate::signals::Signals;

/// Runs every step, also after one that failed.
pub(crate) fn run(events: Events) -> Result<Exit> {
    let signals = Signals::hold()?;
    let began = Instant::now();
    let stage = Stage::set(began + LIMIT)?;
    let mut screen = Screen::new()?;
    screen.title()?;
    let mut held = 0;
    for (number, step) in (1..).zip(STEPS) {
        // Each step ends by its deadline, so this is soon enough for the stage to be cleared.
        if let Some(signal) = signals.stopped() {
            return Ok(Exit::Signal(signal));
        }
        let outcome = take(step, &stage);
        held += usize::from(outcome.held);
        screen.step(number, &outcome)?;
        events.tell(&outcome.event(number));
    }
    screen.summary(held, began.elapsed())?;
    Ok(if held == STEPS.len() { Exit::SUCCESS } else { Exit::FAILURE })
}

pub(crate) fn part(role: &str, address: &OsStr) -> Result<Exit> {
    part::play(role, address, Instant::now() + LIMIT).map(|()| Exit::SUCCESS)
}

fn take(step: &Step, stage: &Stage) -> Outcome {
    let began = Instant::now();
    let result = (step.run)(stage);
    let time = began.elapsed();
    let held = result.is_ok();
    Outcome { name: step.name, held, what: result.unwrap_or_else(|error| format!("{error:#}")), time }
}

/// What came of a step.
struct Outcome {
    name: &'static str,
    held: bool,
    /// What happened, or what was a surprise.
    what: String,
    time: Duration,
}

impl Outcome {
    fn event(self, number: usize) -> Event {
        let Self { name, held, what, time } = self;
        Event::Step { number, name, held, what, micros: time.as_micros() }
    }
}

/// Lines for people, with colours on a terminal that wants them.
struct Screen {
    output: Output,
    coloured: bool,
}

impl Screen {
    fn new() -> Result<Self> {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let coloured = io::stdout().is_terminal() && !refused;
        // Whatever a peer said was made harmless before it came here.
        Ok(Self { output: Output::stdout_as_is()?, coloured })
    }

    fn title(&mut self) -> Result<()> {
        self.print(format_args!("ginnel demo, process {}\n\n", std::process::id()))
    }

    fn step(&mut self, number: usize, outcome: &Outcome) -> Result<()> {
        let Outcome { name, held, what, time } = outcome;
        let mark = if *held { self.paint("32", "\u{2713}") } else { self.paint("31", "\u{2717}") };
        let time = self.paint("2", &format!("{:>6.1} ms", time.as_secs_f64() * 1e3));
        let mut lines = what.lines().map(escape::one_line);
        let what = lines.next().unwrap_or_default();
        self.print(format_args!("{mark} {number:>2} {name:<9}  {what:<58} {time}\n"))?;
        lines.try_for_each(|line| self.print(format_args!("     {line}\n")))
    }

    fn summary(&mut self, held: usize, time: Duration) -> Result<()> {
        let of = format!("{held} of {} held", STEPS.len());
        let of = self.paint(if held == STEPS.len() { "1;32" } else { "1;31" }, &of);
        self.print(format_args!("\n{of}, {:.0} ms in all\n", time.as_secs_f64() * 1e3))
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }

    fn print(&mut self, line: std::fmt::Arguments<'_>) -> Result<()> {
        Ok(self.output.write(line.to_string().as_bytes())?)
    }
}
