//! One scenario: all systems that can play it, in many short rounds that alternate.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::mem::take;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ginnel_bench_part::{Latencies, Measured, Placement, Scenario};

use super::interrupt;
use super::peers::Entrant;
use super::process::{Pair, Seat};
use super::stats;
use super::systems::FLOOR;

/// How long and where to measure.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    heats: usize,
    rounds_each: usize,
    pub(super) round: Duration,
    pub(super) placement: Placement,
}

impl Plan {
    /// Everything in about a minute.
    pub(super) fn quick(placement: Placement) -> Self {
        Self { heats: 6, rounds_each: 8, round: Duration::from_millis(8), placement }
    }

    /// Longer rounds, and more of them.
    pub(super) fn thorough(placement: Placement) -> Self {
        Self { heats: 12, rounds_each: 8, round: Duration::from_millis(40), placement }
    }

    /// The rounds that count.
    pub(super) fn rounds(&self) -> usize {
        self.heats * self.rounds_each
    }
}

/// What a scenario found.
#[derive(Debug)]
pub(super) struct Race {
    pub(super) scenario: Scenario,
    /// In the order of the report; the floor is first.
    pub(super) finishes: Vec<Finish>,
    /// The floor's values over those of its second instance: 1 on a quiet machine.
    pub(super) against_itself: f64,
    /// Systems that did not finish, and why.
    pub(super) left_out: Vec<(String, String)>,
}

/// What a scenario found for one system.
#[derive(Debug)]
pub(super) struct Finish {
    pub(super) system: String,
    /// The value of each counted round.
    pub(super) values: Vec<f64>,
    pub(super) latencies: Latencies,
}

/// Runs a scenario.
///
/// Two processes of one system differ by a per cent or two for as long as they live, by where
/// their memory happens to lie. So a scenario has several heats, each with new processes.
pub(super) fn run(scenario: Scenario, entrants: &[Entrant], plan: &Plan) -> anyhow::Result<Race> {
    let progress = Progress::new(scenario);
    let directory = tempfile::tempdir().context("cannot make a directory for the sockets")?;
    let mut field = Field::gather(scenario, entrants)?;
    for heat in 0..plan.heats {
        field.start(heat, plan.placement, directory.path())?;
        if heat == 0 {
            field.each(heat, |runner| runner.calibrate(plan.round))?;
        }
        for round in 0..WARM_UP {
            field.each(round, |runner| runner.round().map(drop))?;
        }
        for round in heat * plan.rounds_each..(heat + 1) * plan.rounds_each {
            progress.tell(round, plan.rounds());
            field.each(round, Runner::counted_round)?;
        }
    }
    progress.clear();
    field.finish()
}

struct Field<'a> {
    scenario: Scenario,
    runners: Vec<Runner<'a>>,
    left_out: Vec<(String, String)>,
}

struct Runner<'a> {
    entrant: &'a Entrant,
    scenario: Scenario,
    pair: Option<Pair>,
    /// In a round, see `calibrate`.
    laps: u64,
    finish: Finish,
}

impl Runner<'_> {
    fn start(&mut self, heat: usize, placement: Placement, directory: &Path) -> anyhow::Result<()> {
        let seat = Seat {
            program: &self.entrant.program,
            system: &self.entrant.system,
            scenario: self.scenario,
            socket: directory.join(format!("{}-{heat}", self.finish.system)),
            placement,
        };
        self.pair = Some(Pair::start(&seat)?);
        Ok(())
    }

    /// Finds how many laps fill a round. Everyone gets as many as it needs: with those of the floor, the
    /// slowest would take hundreds of times as long.
    fn calibrate(&mut self, round: Duration) -> anyhow::Result<()> {
        self.laps = FEWEST_LAPS;
        // The first round waits for whatever a library does after it has connected.
        self.round()?;
        loop {
            self.laps = self.scenario.whole_laps(self.laps);
            // Whatever disturbs one is unlikely to disturb the next.
            let fastest = self.round()?.elapsed.min(self.round()?.elapsed);
            let times = round.as_secs_f64() / fastest.as_secs_f64();
            if times < 2.0 {
                let fitting = (self.laps as f64 * times).ceil() as u64;
                self.laps = self.scenario.whole_laps(fitting);
                return Ok(());
            }
            self.laps *= 2;
        }
    }

    fn round(&mut self) -> anyhow::Result<Measured> {
        self.pair.as_mut().context("it is not running")?.round(self.laps)
    }

    fn counted_round(&mut self) -> anyhow::Result<()> {
        let measured = self.round()?;
        self.finish.values.push(self.scenario.value(self.laps, measured.elapsed));
        self.finish.latencies.merge(&measured.latencies);
        Ok(())
    }
}

impl<'a> Field<'a> {
    /// Everyone who can, and the floor a second time, far from the first in the order.
    fn gather(scenario: Scenario, entrants: &'a [Entrant]) -> anyhow::Result<Self> {
        let runner = |entrant: &'a Entrant, label: &str| {
            let finish = Finish { system: label.to_owned(), values: Vec::new(), latencies: Latencies::new() };
            Runner { entrant, scenario, pair: None, laps: FEWEST_LAPS, finish }
        };
        let able = entrants.iter().filter(|entrant| entrant.can(scenario));
        let mut runners: Vec<_> = able.map(|entrant| runner(entrant, &entrant.system)).collect();
        let floor = runners.first().context("nobody takes part")?.entrant;
        runners.insert(runners.len().div_ceil(2), runner(floor, FLOOR_AGAIN));
        Ok(Self { scenario, runners, left_out: Vec::new() })
    }

    /// Ends everyone's processes, then starts new ones.
    fn start(&mut self, heat: usize, placement: Placement, directory: &Path) -> anyhow::Result<()> {
        for runner in &mut self.runners {
            runner.pair = None;
        }
        self.each(heat, |runner| runner.start(heat, placement, directory))
    }

    /// Everyone in the order of this round. Who fails is left out from then on.
    fn each(
        &mut self,
        round: usize,
        mut act: impl FnMut(&mut Runner<'a>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut failed = BTreeMap::new();
        for index in stats::order(round, self.runners.len()) {
            if let Err(reason) = act(&mut self.runners[index]) {
                failed.insert(index, reason);
            }
        }
        for (index, runner) in take(&mut self.runners).into_iter().enumerate() {
            match failed.remove(&index) {
                None => self.runners.push(runner),
                Some(reason) => self.leave_out(runner.finish, &reason)?,
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, finish: Finish, reason: &anyhow::Error) -> anyhow::Result<()> {
        ensure!(!interrupt::came(), "interrupted");
        ensure!(![FLOOR, FLOOR_AGAIN].contains(&finish.system.as_str()), "the floor: {reason:#}");
        self.left_out.push((finish.system, format!("{reason:#}")));
        Ok(())
    }

    fn finish(self) -> anyhow::Result<Race> {
        let mut finishes: Vec<Finish> = self.runners.into_iter().map(|runner| runner.finish).collect();
        let again = finishes.iter().position(|finish| finish.system == FLOOR_AGAIN);
        let again = finishes.remove(again.context("the second floor did not finish")?);
        let against_itself = stats::paired_ratio(&finishes[0].values, &again.values);
        Ok(Race { scenario: self.scenario, finishes, against_itself, left_out: self.left_out })
    }
}

/// Which round it is, on a terminal; else which scenario.
struct Progress {
    scenario: Scenario,
    terminal: bool,
}

impl Progress {
    fn new(scenario: Scenario) -> Self {
        let terminal = io::stderr().is_terminal();
        eprint!("measuring {}{}", scenario.name, if terminal { "" } else { "\n" });
        Self { scenario, terminal }
    }

    fn tell(&self, round: usize, rounds: usize) {
        if self.terminal {
            eprint!("\rmeasuring {}: round {} of {rounds}", self.scenario.name, round + 1);
            let _ = io::stderr().flush();
        }
    }

    fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}

const FLOOR_AGAIN: &str = "floor-again";
const FEWEST_LAPS: u64 = 16;
const WARM_UP: usize = 3;
