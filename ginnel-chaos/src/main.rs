//! Peers in processes of their own that are killed, stopped and robbed of their files; and how fast they heal.

mod heal;
mod herd;
mod member;
mod plot;
mod report;
mod rounds;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::rounds::{Deed, Rounds};

#[derive(Debug, Parser)]
#[command(about = "Kills peers, and looks whether one of them always listens")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Rounds of chaos
    Rounds(Chaos),
    /// How fast survivors heal after the listener was killed
    Heal(heal::Plan),
    /// One process of a herd
    #[command(hide = true)]
    Member(member::Part),
    /// A process that is there to be killed
    #[command(hide = true)]
    Victim,
}

#[derive(Debug, Args)]
struct Chaos {
    /// How many rounds of each kind of kill; of everything else a hundredth
    #[arg(long, default_value_t = 1000)]
    rounds: u64,
    /// How many processes there are
    #[arg(long, default_value_t = 8)]
    peers: usize,
    /// Which random numbers
    #[arg(long)]
    seed: Option<u64>,
    /// Ends after so many seconds, whatever is left
    #[arg(long)]
    seconds: Option<u64>,
    /// Only this: kill, kill-two, ...
    #[arg(long)]
    only: Option<String>,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Rounds(chaos) => play(&chaos),
        Command::Heal(plan) => heal::run(&plan),
        Command::Member(part) => member::run(&part),
        Command::Victim => heal::victim(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn play(chaos: &Chaos) -> Result<()> {
    let seed = chaos.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("seed {seed}");
    let directory = tempfile::tempdir()?;
    let home = directory.path().join("home");
    std::fs::create_dir(&home)?;
    let mut rounds = Rounds::new(&home, chaos.peers, seed)?;
    let begun = Instant::now();
    let end = chaos.seconds.map(|seconds| begun + Duration::from_secs(seconds));
    for deed in Deed::ALL {
        if chaos.only.as_ref().is_some_and(|only| *only != deed.name()) {
            continue;
        }
        let many =
            if deed.is_kill() || chaos.only.is_some() { chaos.rounds } else { chaos.rounds.div_ceil(100) };
        let from = Instant::now();
        let mut done = 0;
        // Each kind has its share of the time.
        let share =
            end.map(|end| from + end.saturating_duration_since(from) / if deed.is_kill() { 2 } else { 4 });
        while done < many && share.is_none_or(|share| Instant::now() < share) {
            rounds.round(deed)?;
            done += 1;
        }
        println!("{:<18}{done:>7} rounds in {:.1} s", deed.name(), from.elapsed().as_secs_f64());
    }
    println!("longest heal after a fork {:.1} ms", rounds.longest_fork.as_secs_f64() * 1e3);
    println!("waits of all in 3 idle seconds: {}", rounds.idle_waits()?);
    rounds.finish()
}
