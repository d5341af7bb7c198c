//! A part as a child process: started, told what to do, listened to, and always ended.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ginnel_bench_part::{Control, Measured, Placement, Reply, Scenario, Side};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::interrupt;

/// Everything a part is started with, apart from its side.
#[derive(Debug, Clone)]
pub(super) struct Seat<'a> {
    pub(super) program: &'a Path,
    pub(super) system: &'a str,
    pub(super) scenario: Scenario,
    pub(super) socket: PathBuf,
    pub(super) placement: Placement,
}

/// A server and the client that is connected to it.
pub(super) struct Pair {
    // The client first: dropping it ends the connection before the server is killed.
    client: Process,
    server: Process,
}

impl Pair {
    /// Starts both; they wait for rounds.
    pub(super) fn start(seat: &Seat<'_>) -> anyhow::Result<Self> {
        let server = Process::start(seat, Side::Server)?;
        let client = Process::start(seat, Side::Client)?;
        Ok(Self { client, server })
    }

    /// Runs one round.
    pub(super) fn round(&mut self, laps: u64) -> anyhow::Result<Measured> {
        self.server.order(laps)?;
        self.client.order(laps)?;
        match self.client.reply()? {
            Reply::Took(measured) => Ok(measured),
            Reply::Failed(reason) => bail!("the client failed: {reason}"),
            Reply::Ready | Reply::Held(_) => bail!("the client did not say how long it took"),
        }
    }
}

/// One child process.
pub(super) struct Process {
    child: Child,
    orders: ChildStdin,
    replies: ChildStdout,
    received: Vec<u8>,
}

impl Process {
    /// Starts a part and waits until it is ready.
    pub(super) fn start(seat: &Seat<'_>, side: Side) -> anyhow::Result<Self> {
        let mut command = Command::new(seat.program);
        command.args(["part", seat.scenario.name, seat.system, side.name()]);
        command.arg(&seat.socket).arg(seat.placement.name());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = child.stdin.take().expect("stdin is piped");
        let replies = child.stdout.take().expect("stdout is piped");
        let mut process = Self { child, orders, replies, received: Vec::new() };
        match process.reply()? {
            Reply::Ready => Ok(process),
            Reply::Failed(reason) => bail!("the {} failed: {reason}", side.name()),
            Reply::Took(_) | Reply::Held(_) => bail!("the {} did not say that it is ready", side.name()),
        }
    }

    /// Orders one round.
    pub(super) fn order(&mut self, laps: u64) -> anyhow::Result<()> {
        self.orders.write_all(Control::order(laps).as_bytes()).context("cannot order a round")
    }

    /// The next thing that a part says.
    pub(super) fn reply(&mut self) -> anyhow::Result<Reply> {
        let line = self.line(Instant::now() + PATIENCE)?;
        Reply::decode(&line).with_context(|| format!("a part said {line:?}"))
    }

    fn line(&mut self, deadline: Instant) -> anyhow::Result<String> {
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let line = self.received.drain(..=end).take(end).collect();
                return String::from_utf8(line).context("a part said something that is not text");
            }
            self.wait(deadline)?;
            let mut chunk = [0; 4096];
            match self.replies.read(&mut chunk)? {
                0 => bail!("a part ended early"),
                length => self.received.extend_from_slice(&chunk[..length]),
            }
        }
    }

    fn wait(&self, deadline: Instant) -> anyhow::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).context("the deadline is too far")?;
        let mut watched = [PollFd::from_borrowed_fd(self.replies.as_fd(), PollFlags::IN)];
        let polled = poll(&mut watched, Some(&left));
        if interrupt::came() {
            bail!("interrupted");
        }
        if polled.context("cannot wait for a part")? == 0 {
            bail!("a part was silent for {} s", PATIENCE.as_secs());
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended and was reaped, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// No round lasts nearly as long, so a part that is silent for this long hangs.
const PATIENCE: Duration = Duration::from_secs(20);
