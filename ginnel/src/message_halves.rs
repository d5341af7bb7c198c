use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ginnel_os::{self as os, Delivery, Directions, Error, Message, Offer, Request, SendError, Step, Wait};
use ginnel_proto::{Next, limits};

use crate::Connection;
use crate::driver::{Waits, settle, wait_any};

/// What two halves share. The lock is held for a look or a write that does not wait, never for a wait.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) stream: os::Stream,
    core: Mutex<os::Connection>,
    /// A greeting came, or nothing will come any more.
    heard: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, os::Connection> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody will read a greeting any more, so nobody may wait for one.
    fn no_more(&self) {
        self.lock().session().line().ended();
        self.heard.notify_all();
    }
}

pub(crate) fn split(connection: Connection) -> (Sender, Receiver) {
    let Connection { os: stream, waits, core } = connection;
    let shared = Arc::new(Shared { stream, core: Mutex::new(core), heard: Condvar::new() });
    let receiver = Receiver { shared: Arc::clone(&shared), waits, buffer: Vec::new() };
    (Sender { shared, waits }, receiver)
}

/// The sending half of a [`Connection`]. It does not read: somebody has to receive at the other half, or a peer that
/// sends and does not read waits for ever. Dropping it says goodbye.
#[derive(Debug)]
pub struct Sender {
    pub(crate) shared: Arc<Shared>,
    pub(crate) waits: Waits,
}

impl Sender {
    /// As [`Connection::feed`]. What is larger than 64 KiB, or has more than 16 descriptors, waits until the other half
    /// has received the other side's greeting.
    ///
    /// # Errors
    /// As there, and [`Error::Stopped`] if the other half found the end before a greeting.
    pub fn feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = message.into();
        loop {
            let offer = self.shared.lock().offer(message)?;
            let (back, wait) = match offer {
                Offer::Queued => return Ok(()),
                Offer::Full(back) => (back, false),
                Offer::NotGreeted(back) => (back, true),
            };
            // What cannot be written stays queued: another message is in hand.
            let moved = self.until(|core, stream| core.write_half(stream, Directions::BOTH));
            if let Err(error) = moved.and_then(|()| if wait { self.wait_for_greeting() } else { Ok(()) }) {
                return Err(SendError::returned(error, back));
            }
            message = back;
        }
    }

    /// As [`Connection::try_feed`].
    ///
    /// # Errors
    /// As there.
    pub fn try_feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        Ok(self.shared.lock().session().push(message.into())?)
    }

    /// As [`Connection::flush`], without reading.
    ///
    /// # Errors
    /// As there.
    pub fn flush(&mut self) -> Result<(), SendError> {
        self.until(|core, stream| core.flush_half(stream, Directions::BOTH))?;
        Ok(settle(self.shared.stream.borrowed(), self.waits.deadline())?)
    }

    /// As [`Connection::send`], without reading.
    ///
    /// # Errors
    /// As there.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.feed(message)?;
        self.flush()
    }

    /// As [`Connection::set_deadline`], for this half.
    pub const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.waits = self.waits.until_moment(deadline);
    }

    /// Attempts to write until it is done. The lock is free during each wait.
    fn until<E: From<io::Error>>(
        &self,
        mut attempt: impl FnMut(&mut os::Connection, &os::Stream) -> Result<Step<()>, E>,
    ) -> Result<(), E> {
        loop {
            let step = attempt(&mut self.shared.lock(), &self.shared.stream)?;
            match step {
                Step::Done(()) => return Ok(()),
                Step::Pause(length) => self.waits.pause(length)?,
                Step::Wait(directions) => {
                    wait_any(self.shared.stream.borrowed(), directions, self.waits.deadline())?;
                }
            }
        }
    }

    fn wait_for_greeting(&self) -> Result<(), Error> {
        let mut core = self.shared.lock();
        while core.greeting().is_none() && !core.session().line().is_ended() {
            core = match self.waits.remaining()? {
                None => self.shared.heard.wait(core).unwrap_or_else(PoisonError::into_inner),
                Some(rest) => {
                    self.shared.heard.wait_timeout(core, rest).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        Ok(())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.shared.lock().leave_half(&self.shared.stream);
    }
}

/// The receiving half of a [`Connection`].
#[derive(Debug)]
pub struct Receiver {
    pub(crate) shared: Arc<Shared>,
    pub(crate) waits: Waits,
    buffer: Vec<u8>,
}

impl Receiver {
    /// As [`Connection::recv`]. It writes nothing but pongs and refusals, and does not wait for that.
    ///
    /// # Errors
    /// As there.
    pub fn recv(&mut self) -> Result<Option<Message>, Error> {
        let received = self.receive();
        let over = match &received {
            Ok(message) => message.is_none(),
            Err(error) => !error.is_timeout(),
        };
        if over {
            self.shared.no_more();
        }
        received
    }

    fn receive(&mut self) -> Result<Option<Message>, Error> {
        let mut reads = 0_u32;
        loop {
            reads = reads.saturating_add(1);
            if reads > READS {
                // Much came, and nothing for the caller: the deadline counts all the same.
                self.waits.remaining()?;
            }
            let mut core = self.shared.lock();
            match core.take()? {
                Next::Delivery(Delivery::Message(message)) => return Ok(Some(message)),
                Next::Delivery(Delivery::Request(Request { id, .. })) => core.session().refuse(id),
                Next::Delivery(Delivery::Cancelled(_)) => {}
                Next::Ended => return Ok(None),
                Next::Pending => {
                    core.try_write(&self.shared.stream);
                    self.shared.heard.notify_all();
                    let calm = !core.session().line().watches_time();
                    drop(core);
                    self.read(calm)?;
                }
            }
        }
    }

    fn read(&mut self, calm: bool) -> Result<(), Error> {
        self.buffer.clear();
        self.buffer.reserve(limits::READ);
        let wait = if calm && self.waits.may_wait_in_call() { Wait::InCall } else { Wait::Never };
        let outcome = self.shared.stream.receive_behind(&mut self.buffer, limits::READ, wait);
        let mut core = self.shared.lock();
        if core.received(&self.buffer, outcome)? {
            return Ok(());
        }
        let look = core.before_wait(&self.shared.stream)?;
        drop(core);
        self.waits
            .look_again(look, |first| wait_any(self.shared.stream.borrowed(), Directions::READ, first))?;
        Ok(())
    }

    /// As [`Connection::set_deadline`], for this half.
    pub const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.waits = self.waits.until_moment(deadline);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.no_more();
    }
}

/// Reads that bring nothing before the deadline is looked at.
const READS: u32 = 16;
