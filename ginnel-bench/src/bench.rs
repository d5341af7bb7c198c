//! The command line.

mod bars;
mod count;
mod idle;
mod interrupt;
mod peers;
mod plot;
mod process;
mod race;
mod report;
mod stats;
mod systems;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::{Args, Parser, Subcommand};
use ginnel_bench_part::{IDLE, Placement, SCENARIOS, take_part};

use peers::Entrant;
use race::Plan;
use systems::SYSTEMS;

/// Measures ginnel beside its peers and the bare system calls
#[derive(Debug, Parser)]
#[command(name = "ginnel-bench", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    measure: Measure,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One process of a scenario, started by another ginnel-bench
    #[command(hide = true)]
    Part {
        /// SCENARIO SYSTEM SIDE SOCKET PLACEMENT
        arguments: Vec<OsString>,
    },
    /// Make N round trips of 64 bytes with a child, for counting system calls with strace -f -c
    CountRtt {
        /// A system with streams
        system: String,
        /// How many round trips
        laps: u64,
    },
}

#[derive(Debug, Args)]
struct Measure {
    /// Only scenarios whose name contains this
    #[arg(long, value_name = "SUBSTRING")]
    only: Option<String>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the results
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Shorter rounds: the whole run in about a minute
    #[arg(long)]
    quick: bool,
    /// The ginnel-bench-peers program; by default the one beside this program
    #[arg(long, value_name = "PATH")]
    peers: Option<PathBuf>,
    /// Processors of client and server: each its own (split), one for both (same), any (free)
    #[arg(long, value_name = "WHERE", default_value = DEFAULT_PLACEMENT.name())]
    placement: Placement,
}

pub(super) fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Part { arguments }) => {
            take_part(&SYSTEMS, &arguments);
            Ok(())
        }
        Some(Command::CountRtt { system, laps }) => count::round_trips(&system, laps),
        None => measure(&cli.measure),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if nobody_reads(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ginnel-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever read our output has seen enough, as with `ginnel-bench | head`.
fn nobody_reads(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn measure(options: &Measure) -> anyhow::Result<()> {
    interrupt::notice()?;
    let only = options.only.as_deref().unwrap_or_default();
    let scenarios: Vec<_> = SCENARIOS.into_iter().filter(|scenario| scenario.name.contains(only)).collect();
    let asks_idle = IDLE.name.contains(only);
    ensure!(!scenarios.is_empty() || asks_idle, "no scenario's name contains {only:?}");
    let plan = if options.quick { Plan::quick(options.placement) } else { Plan::thorough(options.placement) };
    let mut output = io::stdout();
    writeln!(output, "{}", report::header(&plan))?;
    let entrants = enter(options.peers.as_deref(), &mut output)?;

    let (mut outcomes, mut missed) = (Vec::new(), 0);
    for scenario in scenarios {
        let race = race::run(scenario, &entrants, &plan).with_context(|| scenario.name)?;
        let found = report::outcomes(&race);
        let verdict = bars::judge(scenario, &found);
        write!(output, "\n{}{}", report::table(&race), verdict.text)?;
        missed += verdict.missed;
        outcomes.extend(found);
    }
    if asks_idle {
        write!(output, "\n{}", idle::table(&idle::run(&entrants)))?;
    }
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&outcomes)? + "\n";
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &options.plot {
        plot::draw(&outcomes, file)?;
    }
    ensure!(missed == 0, "{missed} of the bars were missed");
    Ok(())
}

/// Our own systems and those of the peers, as far as they are there.
fn enter(peers: Option<&Path>, output: &mut impl Write) -> anyhow::Result<Vec<Entrant>> {
    let mut entrants = peers::own()?;
    match peers::found(peers) {
        Ok(found) => entrants.extend(found),
        Err(reason) => writeln!(output, "left out: the peers, because {reason:#}")?,
    }
    Ok(entrants)
}

/// Two processes that talk have a processor each wherever there are two, so that is what is measured. With
/// `same` no side's work hides behind the other's: a ratio is then one of the processor time of both, and a
/// call that waits costs more than one that does not. `free` shows what the scheduler makes of it, and is too
/// restless for ratios.
const DEFAULT_PLACEMENT: Placement = Placement::Split;
