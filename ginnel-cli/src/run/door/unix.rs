use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ginnel::Listener;
use rustix::io::ioctl_fionbio;

use super::Knock;
use crate::run::connection::Connection;
use crate::signals::{Signals, Wake};

/// A listener that is waited for beside signals.
#[derive(Debug)]
pub(super) struct Entrance<C>(Listener<C>);

impl<C: Connection> Entrance<C> {
    pub(super) fn of(listener: Listener<C>) -> io::Result<Self> {
        // A connection that is gone again must not block accept(2).
        ioctl_fionbio(listener.as_fd(), true)?;
        Ok(Self(listener))
    }

    /// Waits for a connection. `None`: a child may have ended.
    pub(super) fn knock(&mut self, signals: &Signals, deadline: Option<Instant>) -> Result<Option<Knock<C>>> {
        let Self(listener) = self;
        loop {
            match signals.wait(Some(listener.as_fd()), deadline)? {
                Wake::Child => return Ok(None),
                Wake::Stop(signal) => return Ok(Some(Knock::Stop(signal))),
                Wake::Ready => {}
            }
            listener.set_deadline(Some(Instant::now() + PATIENCE))?;
            match listener.accept() {
                // Whoever came is not allowed, or was taken by another process that holds the descriptor, or this
                // process has too many files open.
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                accepted => return Ok(Some(Knock::Came(accepted.context("cannot accept")?))),
            }
        }
    }
}

/// How long signals may go unheard while a connection is accepted that is not there any more.
const PATIENCE: Duration = Duration::from_millis(100);
