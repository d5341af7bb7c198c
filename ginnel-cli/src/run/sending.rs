//! The thread that sends, while another prints what comes. It is left behind at the end: it may be waiting for a line
//! that nobody will type.

use std::io;
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use rustix::net::{Shutdown, shutdown};

use crate::wait::wait_for_hangup;

/// A thread that sends, and its result.
#[derive(Debug)]
pub(crate) struct Sending<T>(Receiver<Result<T>>);

impl<T: Send + 'static> Sending<T> {
    /// Sends with `send` until it has nothing more, then tells the peer with `end` that this direction has ended.
    pub(crate) fn start<S>(
        mut socket: S,
        send: impl FnOnce(&mut S) -> Result<T> + Send + 'static,
        end: fn(S),
    ) -> io::Result<Self>
    where
        S: AsFd + Send + 'static,
    {
        let (results, result) = channel();
        thread::Builder::new().spawn(move || {
            let sent = send(&mut socket);
            let failed = sent.is_err();
            // It fails only if the other side has gone, the thread's or the peer.
            let _ = results.send(sent);
            if failed {
                // This ends the reading thread's wait too, which then finds the result.
                shut_both(&socket);
            } else {
                end(socket);
            }
        })?;
        Ok(Self(result))
    }

    /// The result, if it is there.
    pub(crate) fn so_far(&self) -> Option<Result<T>> {
        self.0.try_recv().ok()
    }

    /// Waits for the result.
    pub(crate) fn result(self) -> Result<T> {
        self.0.recv().context("the thread that sends has panicked")?
    }
}

impl Sending<()> {
    /// After the peer's end: waits until there is nothing more to send, or nobody to send it to.
    pub(crate) fn end(self, socket: impl AsFd, deadline: Option<Instant>) -> Result<()> {
        wait_for_hangup(socket, deadline)?;
        // No result yet means that it waits for input which nobody would take.
        self.so_far().unwrap_or(Ok(()))
    }
}

/// Ends the writing direction.
pub(crate) fn shut(socket: impl AsFd) {
    // It fails if the peer has gone.
    let _ = shutdown(&socket, Shutdown::Write);
}

/// Ends both directions: whoever waits for something from this connection is woken.
pub(crate) fn shut_both(socket: impl AsFd) {
    // It fails if the peer has gone.
    let _ = shutdown(&socket, Shutdown::Both);
}
