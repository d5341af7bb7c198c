use std::process::ExitCode;
use std::time::Instant;

use ginnel_sim::fault::Counts;
use ginnel_sim::run::{run, run_again};

fn main() -> ExitCode {
    let n: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1000);
    let start = Instant::now();
    let mut counts = Counts::none();
    for seed in 0..n {
        let outcome = run(seed);
        counts.join(&outcome.faults);
        if let Some(violation) = outcome.violation {
            println!("seed {seed}: {violation}");
            let again = run_again(outcome.spans, seed, true);
            println!("{}", again.trace.join("\n"));
            println!("seed {seed}: {violation} after {:?}", start.elapsed());
            return ExitCode::FAILURE;
        }
    }
    println!("{n} seeds in {:?}\n{counts}", start.elapsed());
    ExitCode::SUCCESS
}
