//! A process of the play, as the one that started it has it: told what to do, listened to, and always ended.

use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::counts::Counts;

/// This program once more, in another role.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    orders: ChildStdin,
    replies: ChildStdout,
    received: Vec<u8>,
}

impl Process {
    /// Starts it, and waits until it says that it is ready.
    pub(crate) fn start(name: &str, args: &[String]) -> Result<Self> {
        let mut process = Self::begin(name, args)?;
        process.reply(PATIENCE)?;
        Ok(process)
    }

    /// Starts it. Its first reply says that it is ready.
    pub(crate) fn begin(name: &str, args: &[String]) -> Result<Self> {
        let program = std::env::current_exe().context("finding this program")?;
        let mut command = Command::new(program);
        command.arg("role").arg(name).args(args);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting the {name}"))?;
        let orders = child.stdin.take().context("standard input was asked to be piped")?;
        let replies = child.stdout.take().context("standard output was asked to be piped")?;
        Ok(Self { name: name.to_owned(), child, orders, replies, received: Vec::new() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to do something, and waits until it has done it.
    pub(crate) fn ask(&mut self, order: &str, most: Duration) -> Result<Counts> {
        self.order(order)?;
        self.reply(most).with_context(|| format!("it was told {order:?}"))
    }

    pub(crate) fn order(&mut self, order: &str) -> Result<()> {
        let sent = self.orders.write_all(format!("{order}\n").as_bytes());
        sent.with_context(|| format!("telling the {} {order:?}", self.name))
    }

    /// Waits for the next thing that it says.
    pub(crate) fn reply(&mut self, most: Duration) -> Result<Counts> {
        let deadline = Instant::now() + most;
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                return Counts::parse(&String::from_utf8_lossy(&line));
            }
            self.wait_until(deadline, most)?;
            let mut chunk = [0; 4096];
            match self.replies.read(&mut chunk).context("listening")? {
                0 => bail!("the {} ended early", self.name),
                length => self.received.extend_from_slice(&chunk[..length]),
            }
        }
    }

    fn wait_until(&self, deadline: Instant, most: Duration) -> Result<()> {
        loop {
            let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now()))?;
            let mut watched = [PollFd::from_borrowed_fd(self.replies.as_fd(), PollFlags::IN)];
            match poll(&mut watched, Some(&left)) {
                Ok(0) => bail!("the {} was silent for {most:?}", self.name),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error).context("waiting"),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended and was reaped, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process may take to be ready, or to do what takes no time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
