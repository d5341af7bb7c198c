//! How fast survivors heal: from SIGKILL to the last of them having exchanged greetings with the new listener.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use ginnel::SeqPacket;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::herd::{Habits, Herd};
use crate::plot;
use crate::report::now;

/// What is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct Plan {
    /// Sizes of the herds
    #[arg(long, value_delimiter = ',', default_value = "8,100,1000")]
    peers: Vec<usize>,
    /// Rounds of each; as many as fit in about ten seconds unless told otherwise
    #[arg(long)]
    rounds: Option<usize>,
    /// Nobody keeps a duplicate of the listening socket
    #[arg(long)]
    no_standby: bool,
    /// Size of the herd that starts at once; 0: none
    #[arg(long, default_value_t = 1000)]
    herd: usize,
    /// Draws the distributions there
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Writes them there, in milliseconds
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Times of one thing, in milliseconds, the shortest first.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    pub(crate) name: String,
    pub(crate) sorted: Vec<f64>,
}

impl Times {
    fn new(name: String, mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self { name, sorted: times }
    }

    /// So much of them is not longer than this.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
    }
}

pub(crate) fn run(plan: &Plan) -> Result<()> {
    raise_limit()?;
    println!("{:<12}{:>8}{:>12}{:>12}{:>12}{:>12}", "", "rounds", "median", "p99", "max", "x floor");
    let mut all = Vec::new();
    for &peers in &plan.peers {
        let rounds = plan.rounds.unwrap_or(match peers {
            ..=20 => 1000,
            21..=200 => 300,
            _ => 60,
        });
        let (floor, heal) = measure(peers, rounds, plan.no_standby)?;
        let bar = floor.quantile(0.5);
        for times in [floor, heal] {
            tell(&times, bar);
            all.push(times);
        }
    }
    if plan.herd > 0 {
        let herd = start_at_once(plan.herd, 5)?;
        tell(&herd, f64::NAN);
        all.push(herd);
    }
    if let Some(file) = &plan.plot {
        plot::draw(&all, file)?;
    }
    if let Some(file) = &plan.json {
        std::fs::write(file, json(&all)).context("cannot write the figures")?;
    }
    Ok(())
}

fn tell(times: &Times, floor: f64) {
    let [median, p99, max] = [0.5, 0.99, 1.0].map(|share| times.quantile(share));
    let ratio = if floor.is_nan() { String::new() } else { format!("{:.1}", median / floor) };
    println!(
        "{:<12}{:>8}{:>9.3} ms{:>9.3} ms{:>9.3} ms{ratio:>12}",
        times.name,
        times.sorted.len(),
        median,
        p99,
        max
    );
}

/// Kills the leader again and again; before each time, a process that does nothing, to see how long the kernel takes.
fn measure(peers: usize, rounds: usize, no_standby: bool) -> Result<(Times, Times)> {
    let directory = tempfile::tempdir()?;
    let mut herd = Herd::new(directory.path(), Habits { no_standby, quiet: true, mixed: false })?;
    for _ in 0..peers {
        herd.start()?;
    }
    herd.heal()?;
    let (mut floors, mut heals) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floors.push(floor()?);
        let leader = herd.leader().context("nobody leads")?;
        let (killed, dead) = herd.kill(leader)?;
        herd.forget();
        herd.heal()?;
        let last = herd.members.iter().map(|member| member.since).max().context("somebody is left")?;
        heals.push(last.saturating_sub(killed) as f64 / 1e6);
        dead.reap()?;
        herd.start()?;
        herd.heal()?;
        // Whoever is new is to be asleep before the next is killed.
        thread::sleep(Duration::from_millis(1));
    }
    Ok((Times::new(format!("floor-{peers}"), floors), Times::new(format!("heal-{peers}"), heals)))
}

/// From SIGKILL until a bare `poll` sees the hang-up.
fn floor() -> Result<f64> {
    let (ours, theirs) = SeqPacket::pair()?;
    let mut victim: Child = Command::new("/proc/self/exe")
        .arg("victim")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()
        .context("a victim does not start")?;
    ensure!(ours.recv()?.is_some(), "the victim has gone by itself");
    thread::sleep(Duration::from_micros(500));
    let killed = now();
    kill_process(Pid::from_child(&victim), Signal::KILL)?;
    let mut asked = [PollFd::from_borrowed_fd(ours.as_fd(), PollFlags::RDHUP)];
    poll(&mut asked, None)?;
    let seen = now();
    victim.wait()?;
    Ok((seen - killed) as f64 / 1e6)
}

/// Says that it is there, and waits to be killed.
pub(crate) fn victim() -> Result<()> {
    let line = SeqPacket::adopt(io::stdin().as_fd().try_clone_to_owned()?).map_err(io::Error::from)?;
    line.send(b"here")?;
    line.recv()?;
    Ok(())
}

/// Many who start at once, until one leads and all others follow it.
fn start_at_once(peers: usize, rounds: usize) -> Result<Times> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let directory = tempfile::tempdir()?;
        let mut herd = Herd::new(directory.path(), Habits::default())?;
        let begun = now();
        for _ in 0..peers {
            herd.start()?;
        }
        herd.heal()?;
        let last = herd.members.iter().map(|member| member.since).max().context("somebody is there")?;
        times.push(last.saturating_sub(begun) as f64 / 1e6);
    }
    Ok(Times::new(format!("herd-{peers}"), times))
}

/// A herd needs a descriptor or two for each member.
fn raise_limit() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

fn json(all: &[Times]) -> String {
    let each = |times: &Times| {
        let numbers: Vec<_> = times.sorted.iter().map(|time| format!("{time:.4}")).collect();
        format!("\"{}\": [{}]", times.name, numbers.join(", "))
    };
    format!("{{{}}}\n", all.iter().map(each).collect::<Vec<_>>().join(",\n "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_measured() {
        let times = Times::new("t".into(), vec![3.0, 1.0, 2.0]);
        assert_eq!([0.0, 0.5, 1.0].map(|share| times.quantile(share)), [1.0, 2.0, 3.0]);
        assert!(Times::new("t".into(), Vec::new()).quantile(0.5).is_nan());
    }
}
