//! An end with ten thousand pipes of SP: one more that comes and goes costs what it costs an end with ten.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ginnel::sp::{Event, Pull};

use crate::figures::Claim;
use crate::system;

/// What it is called.
pub(crate) const NAME: &str = "pipes";

const FEW: usize = 10;
const MANY: usize = 10_000;
/// Descriptors that are none of the pipes'.
const OTHERS: usize = 64;
/// Pipes that come and go in one round.
const CHANGES: usize = 500;
const ROUNDS: usize = 20;

/// What whoever gives work says first.
const PUSH_GREETS: &[u8] = b"\0SP\0\0\x50\0\0";

struct Crowded {
    end: Pull,
    far: Vec<UnixStream>,
}

impl Crowded {
    fn with(pipes: usize) -> Result<Self> {
        let mut crowded = Self { end: Pull::new()?, far: Vec::new() };
        for _ in 0..pipes {
            let far = crowded.attach()?;
            crowded.far.push(far);
        }
        Ok(crowded)
    }

    fn attach(&mut self) -> Result<UnixStream> {
        let (near, mut far) = UnixStream::pair()?;
        far.write_all(PUSH_GREETS)?;
        self.end.adopt(near)?;
        ensure!(matches!(self.end.next_event()?, Event::Attached(_)), "a pipe is attached");
        Ok(far)
    }

    /// One comes and goes, again and again.
    fn change(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        for _ in 0..CHANGES {
            drop(self.attach()?);
            ensure!(matches!(self.end.next_event()?, Event::Detached(..)), "a pipe is gone");
        }
        Ok(begun.elapsed() / CHANGES as u32)
    }
}

/// Plays it and prints what came of it. Does everything hold?
pub(crate) fn play() -> Result<bool> {
    let limit = usize::try_from(system::raise_descriptor_limit()?)?;
    let many = MANY.min(limit.saturating_sub(OTHERS + 2 * FEW) / 2);
    let (mut few, mut crowd) = (Crowded::with(FEW)?, Crowded::with(many).context("attaching pipes")?);
    // In turn, so that whatever else the machine does is spread over both.
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        times[0].push(few.change()?);
        times[1].push(crowd.change()?);
    }
    let [of_few, of_many] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    println!("== {NAME}: one comes and goes beside {FEW} and beside {many} of an end of SP");
    println!("  {of_few:.2?} and {of_many:.2?}, medians of {ROUNDS} rounds");
    let ratio = of_many.as_secs_f64() / of_few.as_secs_f64();
    // With ten thousand the processor's caches are cold, which a busy machine makes worse: 1.1 times on a quiet one.
    let claim = Claim::new(ratio <= 2.0, format!("{ratio:.2} times the cost, at most 2"));
    println!("  {claim}\n");
    Ok(claim.holds)
}
