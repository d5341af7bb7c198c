use std::io;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use ginnel::Listener;

use super::Knock;
use crate::run::connection::Connection;
use crate::signals::{Signals, Wake};

/// A listener that is waited for beside signals: a thread accepts one connection at a time, and gives the listener back
/// with it.
#[derive(Debug)]
pub(super) struct Entrance<C>(Option<Listener<C>>);

impl<C: Connection> Entrance<C> {
    #[expect(clippy::unnecessary_wraps, reason = "it may fail elsewhere")]
    pub(super) fn of(listener: Listener<C>) -> io::Result<Self> {
        Ok(Self(Some(listener)))
    }

    /// Waits for a connection. Children are waited for in threads, so it is never `None`.
    pub(super) fn knock(&mut self, signals: &Signals, deadline: Option<Instant>) -> Result<Option<Knock<C>>> {
        let listener = self.0.take().context("a signal or the deadline has ended the listening")?;
        let (bell, (lend, lent)) = (signals.bell(), channel());
        thread::Builder::new().spawn(move || {
            let accepted = listener.accept();
            // It fails if nobody waits any more.
            let _ = lend.send((listener, accepted));
            bell.ring();
        })?;
        if let Wake::Stop(event) = signals.wait(deadline)? {
            return Ok(Some(Knock::Stop(event)));
        }
        let (listener, accepted) = lent.recv().context("the thread that accepts has panicked")?;
        self.0 = Some(listener);
        Ok(Some(Knock::Came(accepted.context("cannot accept")?)))
    }
}
