//! `ginnel-sim`: runs seeds, and shows the shortest run that goes wrong.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use ginnel_sim::fault::Counts;
use ginnel_sim::play::{Ends, Play};
use ginnel_sim::run::{Outcome, run, run_again};
use ginnel_sim::shorten::shorten;

#[derive(Debug, Parser)]
#[command(about = "Runs the library on a kernel that fails on purpose")]
struct Args {
    /// How many runs, each decided by its seed
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// Only the run of this seed, and what happens in it if it goes wrong
    #[arg(long)]
    seed: Option<u64>,
    /// Play SP: pair0, pair1, pub, req, push, survey, bus, or any
    #[arg(long, value_name = "ENDS")]
    sp: Option<Ends>,
    /// Fail unless each kind of fault has happened so often
    #[arg(long, default_value_t = 0)]
    least: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let play = args.sp.map_or(Play::Ours, Play::Sp);
    match args.seed {
        Some(seed) => replay(seed, play),
        None => search(&args, play),
    }
}

fn replay(seed: u64, play: Play) -> ExitCode {
    let outcome = run(seed, play);
    if outcome.violation.is_some() {
        return tell((seed, play), outcome);
    }
    println!("seed {seed}: nothing went wrong in {:.1} s of its time", outcome.age.as_secs_f64());
    ExitCode::SUCCESS
}

fn search(args: &Args, play: Play) -> ExitCode {
    let start = Instant::now();
    let next = AtomicU64::new(0);
    let found = AtomicBool::new(false);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = || work((args.seeds, play), &next, &found);
    let parts: Vec<Part> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let mut counts = Counts::none();
    parts.iter().for_each(|part| counts.join(&part.counts));
    let mut tally = BTreeMap::new();
    parts.iter().for_each(|part| join(&mut tally, &part.tally));
    let runs: u64 = parts.iter().map(|part| part.runs).sum();
    let age: Duration = parts.iter().map(|part| part.age).sum();
    let died = parts.len() < threads;
    let failed = parts.into_iter().filter_map(|part| part.failed).min_by_key(|(seed, _)| *seed);
    println!("{runs} runs of {:.1} h in {:.1} s", age.as_secs_f64() / 3600.0, start.elapsed().as_secs_f64());
    if let Some((seed, outcome)) = failed {
        return tell((seed, play), outcome);
    }
    println!("what went wrong, and was survived:\n{counts}");
    tally.iter().for_each(|(what, count)| println!("  {what:<48}{count:>12}"));
    match counts.rarest(play) {
        Some((fault, count)) if count < args.least => {
            println!("{fault:?} happened {count} times, not {}", args.least);
            ExitCode::FAILURE
        }
        _ if died => {
            println!("a thread of the simulator itself has died");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn join(all: &mut BTreeMap<&'static str, u64>, more: &BTreeMap<&'static str, u64>) {
    more.iter().for_each(|(what, count)| *all.entry(*what).or_default() += count);
}

/// What one thread has run.
struct Part {
    runs: u64,
    counts: Counts,
    tally: BTreeMap<&'static str, u64>,
    age: Duration,
    failed: Option<(u64, Outcome)>,
}

fn work((seeds, play): (u64, Play), next: &AtomicU64, found: &AtomicBool) -> Part {
    let mut part =
        Part { runs: 0, counts: Counts::none(), tally: BTreeMap::new(), age: Duration::ZERO, failed: None };
    while !found.load(Ordering::Relaxed) {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds {
            break;
        }
        let outcome = run(seed, play);
        part.runs += 1;
        part.age += outcome.age;
        part.counts.join(&outcome.faults);
        join(&mut part.tally, &outcome.tally);
        if outcome.violation.is_some() {
            found.store(true, Ordering::Relaxed);
            part.failed = Some((seed, outcome));
        }
    }
    part
}

/// Tells the shortest run that goes wrong as this one does.
fn tell((seed, play): (u64, Play), outcome: Outcome) -> ExitCode {
    let violation = outcome.violation.unwrap_or_default();
    let steps = outcome.spans.len() - 1;
    let spans = shorten((seed, play), outcome.spans, &violation, SEARCH);
    println!("seed {seed}: {violation}\n{steps} steps; the shortest run found has {}:", spans.len() - 1);
    let shortest = run_again(spans, play, (seed, true));
    println!("{}", shortest.trace.join("\n"));
    let played = if let Play::Sp(ends) = play { format!(" --sp {}", ends.name()) } else { String::new() };
    println!("again: cargo xtask sim --seed {seed}{played}");
    ExitCode::FAILURE
}

/// How long a shorter run is looked for.
const SEARCH: Duration = Duration::from_secs(20);
