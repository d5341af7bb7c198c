//! How often something is sent, and how long is waited in between.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use anyhow::Result;

use crate::plan::Pace;
use crate::wait;

/// One message or exchange after another.
#[derive(Debug)]
pub(super) struct Rounds {
    pace: Pace,
    /// Has something, or ends, once nobody is left.
    gone: Receiver<()>,
}

impl Rounds {
    /// And where to say that nobody is left.
    pub(super) fn new(pace: Pace) -> (Sender<()>, Self) {
        let (told, gone) = channel();
        (told, Self { pace, gone })
    }

    /// Plays as many rounds as were asked for. Each is told when the next is due.
    pub(super) fn play(&self, mut round: impl FnMut(Option<Instant>) -> Result<()>) -> Result<()> {
        let most = self.pace.count.or(self.pace.interval.is_none().then_some(1));
        self.pause(wait::deadline(self.pace.delay));
        for number in 1.. {
            let next = wait::deadline(self.pace.interval);
            round(next)?;
            // What was counted must be sent, and fails if it cannot.
            if most == Some(number) || (!self.pause(next) && most.is_none()) {
                break;
            }
        }
        Ok(())
    }

    /// `false`: nobody is left.
    fn pause(&self, until: Option<Instant>) -> bool {
        let Some(until) = until else { return true };
        let rest = until.saturating_duration_since(Instant::now());
        self.gone.recv_timeout(rest) == Err(RecvTimeoutError::Timeout)
    }
}
