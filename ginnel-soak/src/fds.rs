//! A million descriptors through typed messages between two processes, with faults injected: each is a file that
//! tells its number, so that one which is lost, doubled, given to another message or never closed is noticed.

mod parcel;
mod receiver;
mod relay;
mod sender;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::counts::Counts;
use crate::figures::Claim;
use crate::process::{PATIENCE, Process};
use crate::system;

pub(crate) use receiver::receive;
pub(crate) use sender::send;

/// What it is called.
pub(crate) const NAME: &str = "fds";
/// How many descriptors are passed.
pub(crate) const FULL: u64 = 1_000_000;
pub(crate) const QUICK: u64 = FULL / 20;

/// Plays it and prints what came of it. Does everything hold?
pub(crate) fn play(descriptors: u64) -> Result<bool> {
    let begun = Instant::now();
    let sockets = system::local_sockets()?;
    let dir = tempfile::tempdir().context("making a directory")?;
    let mut args = vec!["--socket".to_owned(), dir.path().join("s").display().to_string()];
    if system::is_root() {
        // The kernel does not count for root how many are under way.
        std::os::unix::fs::chown(dir.path(), Some(SOMEBODY), Some(SOMEBODY))?;
        args.extend(["--user".to_owned(), SOMEBODY.to_string()]);
    }
    let mut receiver = Process::start("receiver", &args)?;
    let before = Counted::of(&receiver)?;
    args.extend(["--count".to_owned(), descriptors.to_string()]);
    let mut sender = Process::start("sender", &args)?;
    let sent = sender.reply(LONGEST)?;
    let received = receiver.ask("stop", PATIENCE)?;
    let after = Counted::of(&receiver)?;
    drop((sender, receiver));
    let sockets_after = system::local_sockets()?;

    println!("== {NAME}: {} descriptors in {} messages", sent.of("descriptors"), sent.of("parcels"));
    println!("  sender: {sent}\n  receiver: {received}");
    println!(
        "  receiver holds {before} before, {after} after; sockets of the machine {sockets}, {sockets_after}"
    );
    let claims = claims(&sent, &received, (before, after), descriptors);
    claims.iter().for_each(|claim| println!("  {claim}"));
    println!("  took {:.1} s\n", begun.elapsed().as_secs_f64());
    Ok(claims.iter().all(|claim| claim.holds))
}

fn claims(sent: &Counts, received: &Counts, held: (Counted, Counted), asked: u64) -> Vec<Claim> {
    let all = sent.of("descriptors");
    let mut claims = vec![
        Claim::new(
            all >= asked && received.of("descriptors") == all,
            format!("{} of {all} arrived", received.of("descriptors")),
        ),
        Claim::new(
            (1..=received.of("echoed")).contains(&sent.of("came-back")),
            format!("{} of {} came back with an answer", sent.of("came-back"), received.of("echoed")),
        ),
    ];
    for what in ["lost", "doubled", "misattributed"] {
        let count = received.of(what) + sent.of(what);
        claims.push(Claim::new(count == 0, format!("{count} {what}")));
    }
    let (before, after) = held;
    let leaked = before.0.abs_diff(after.0) + sent.of("fds-before").abs_diff(sent.of("fds-after"));
    claims.push(Claim::new(leaked == 0, format!("{leaked} leaked in both processes")));
    let mut injected =
        vec!["starved", "cut-off", "stripped-by-relay", "wrong-fds", "dropped", "cancelled", "unwritable"];
    if sent.of("is-root") == 0 {
        injected.push("too-many-refs");
    }
    for fault in injected {
        let count = sent.of(fault) + received.of(fault);
        claims.push(Claim::new(count > 0, format!("fault injected: {fault}, {count} times")));
    }
    claims
}

/// Descriptors that a process holds.
#[derive(Debug, Clone, Copy)]
struct Counted(u64);

impl Counted {
    fn of(process: &Process) -> Result<Self> {
        Ok(Self(system::descriptors(process.pid())?))
    }
}

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A user without rights.
const SOMEBODY: u32 = 61_003;
/// All of it takes no longer.
const LONGEST: Duration = Duration::from_secs(240);
