//! `nng-peer` as a process that a test has started.

#![allow(
    unsafe_code,
    reason = "a descriptor is handed to one child alone, which takes a step between fork and exec"
)]

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::exchange::{Pace, Plan, STEP_LINE};
use crate::protocol::Side;

/// One process; it is ended when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    /// Separate, so that a test can wait for either.
    steps: Receiver<()>,
    errors: Receiver<String>,
}

/// How the process reaches the other end.
#[derive(Debug)]
pub enum Reach<'a> {
    /// It listens at this address.
    Listen(&'a str),
    /// It connects to this address.
    Dial(&'a str),
    /// It gets this connected stream socket.
    Descriptor(OwnedFd),
}

impl Process {
    /// Starts `program`, which is to do its part of the plan.
    pub fn start(program: &Path, plan: &Plan, reach: Reach<'_>) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg(plan.protocol.name());
        command.args(["--side", if plan.side() == Side::Lead { "lead" } else { "follow" }]);
        command.args(["--count", &plan.count.to_string(), "--size", &plan.size.to_string()]);
        match reach {
            Reach::Listen(url) => command.args(["--listen", url]),
            Reach::Dial(url) => command.args(["--dial", url]),
            Reach::Descriptor(fd) => inherit(&mut command, fd),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting nng-peer")?;
        let input = child.stdin.take().context("standard input was asked to be piped")?;
        let output = child.stdout.take().context("standard output was asked to be piped")?;
        let errors = child.stderr.take().context("standard error was asked to be piped")?;
        let (lines, steps) = read_lines(output);
        Ok(Self { child, input, lines, steps, errors: read_errors(errors) })
    }

    /// The address that it listens at.
    pub fn listens(&self) -> Result<String> {
        let line = self.lines.recv_timeout(PATIENCE).context("waiting for nng-peer to listen")?;
        Ok(line.strip_prefix("listening ").with_context(|| format!("it says \"{line}\""))?.to_owned())
    }

    /// Waits for its end, and for its report if it did its part.
    pub fn finish(mut self) -> Result<String> {
        let mut report = None;
        let patient = loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => report = Some(line),
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => break false,
            }
        };
        if !patient {
            self.child.kill().context("ending nng-peer")?;
        }
        let status = self.child.wait().context("waiting for nng-peer")?;
        let errors: Vec<_> = self.errors.iter().collect();
        ensure!(patient, "nng-peer does not end");
        ensure!(status.success(), "{status}: {}", errors.join("; "));
        report.context("nng-peer ended without a report")
    }

    /// Waits until a subscriber tells that it keeps up; false if it tells no more.
    #[must_use]
    pub fn has_told(&self) -> bool {
        self.steps.recv_timeout(PATIENCE).is_ok()
    }
}

/// The pace of whoever talks to this process.
impl Pace for Process {
    fn tell(&mut self) -> Result<()> {
        writeln!(self.input, "{STEP_LINE}").context("writing to nng-peer")
    }

    fn hear(&mut self) -> Result<()> {
        ensure!(self.has_told(), "the subscriber tells no more");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended and was waited for is neither killed nor waited for again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn inherit(command: &mut Command, fd: OwnedFd) -> &mut Command {
    command.args(["--fd", &fd.as_raw_fd().to_string()]);
    let keep_open = move || {
        rustix::io::fcntl_setfd(fd.as_fd(), rustix::io::FdFlags::empty())?;
        Ok(())
    };
    // SAFETY: after the fork the closure makes one system call, and neither allocates nor locks.
    unsafe { command.pre_exec(keep_open) }
}

fn read_lines(output: ChildStdout) -> (Receiver<String>, Receiver<()>) {
    let (lines, read) = mpsc::channel();
    let (steps, stepped) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Whether anybody still wants them is not this thread's concern.
            let _ = if line == STEP_LINE { steps.send(()).ok() } else { lines.send(line).ok() };
        }
    });
    (read, stepped)
}

fn read_errors(errors: ChildStderr) -> Receiver<String> {
    let (lines, read) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
    read
}

/// Longer than the process itself waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);
