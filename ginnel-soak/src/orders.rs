//! The side of a process that was started: orders come as lines, and each is answered with one.

use std::io::{BufRead as _, Write as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::counts::Counts;

/// What this process is told to do.
#[derive(Debug)]
pub(crate) struct Orders {
    lines: Receiver<String>,
}

/// The parent closed the pipe, or is gone: this process has nothing more to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Over;

impl Orders {
    /// From standard input. From now on this process does not outlive its parent.
    pub(crate) fn begin() -> Result<Self> {
        set_parent_process_death_signal(Some(Signal::KILL)).context("binding this process to its parent")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(std::result::Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { lines })
    }

    /// An order that has come.
    pub(crate) fn come(&self) -> Result<Option<String>, Over> {
        match self.lines.try_recv() {
            Ok(line) => Ok(Some(line)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Over),
        }
    }

    /// Waits for an order, for so long at most.
    pub(crate) fn wait(&self, most: Duration) -> Result<Option<String>, Over> {
        match self.lines.recv_timeout(most) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Over),
        }
    }
}

/// Tells the parent.
pub(crate) fn tell(counts: &Counts) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{counts}").and_then(|()| out.flush()).context("telling the parent")
}
