//! Commands that several threads carry out: what ends the first of them ends all. None of them is waited for, since each
//! may be held up by a terminal.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::exit::Exit;
use crate::signals::Signals;

/// Where each thread says that the command has ended.
#[derive(Clone, Debug)]
pub(crate) struct Ends(Sender<Result<Exit>>);

/// The end of the command.
#[derive(Debug)]
pub(crate) struct Ending(Receiver<Result<Exit>>);

/// Before the first thread is started.
pub(crate) fn ending() -> (Ends, Ending) {
    let (ends, end) = channel();
    (Ends(ends), Ending(end))
}

impl Ends {
    /// Starts a thread whose result may be the end.
    pub(crate) fn start(&self, work: impl FnOnce() -> Result<Exit> + Send + 'static) -> io::Result<()> {
        let Self(ends) = self.clone();
        // It fails only if another has ended before.
        thread::Builder::new().spawn(move || ends.send(work()).unwrap_or_default()).map(drop)
    }

    /// Starts the thread that waits for a signal and for this moment.
    pub(crate) fn watch(&self, signals: Signals, deadline: Option<Instant>) -> io::Result<()> {
        self.start(move || await_stop(signals, deadline))
    }
}

impl Ending {
    /// Waits for it.
    pub(crate) fn wait(self) -> Result<Exit> {
        self.0.recv().context("a thread of this command has panicked")?
    }
}

/// From then on signals end the process at once.
fn await_stop(signals: Signals, deadline: Option<Instant>) -> Result<Exit> {
    let signal = signals.wait_for_stop(deadline)?;
    signals.release();
    Ok(Exit::Signal(signal))
}
