//! The measured loops over whole messages: gathered in batches, sent one by one, and as calls.

use std::io;
use std::time::Instant;

use super::{Exchange, note, payload, sample};
use crate::link::whole;
use crate::{CallLink, Latencies, MessageLink};

/// Messages in one direction, fed and flushed in batches; one signal comes back when the last has arrived.
pub(crate) struct Messages<L: MessageLink> {
    message: L::Message,
    bytes: usize,
    batch: u64,
}

impl<L: MessageLink> Messages<L> {
    pub(crate) fn new(bytes: usize) -> Self {
        let batch = (BATCH_BYTES / bytes).max(1) as u64;
        Self { message: L::message(payload(bytes)), bytes, batch }
    }
}

impl<L: MessageLink> Exchange<L> for Messages<L> {
    async fn serve(&mut self, link: &mut L, laps: u64) -> io::Result<()> {
        link.recv_all(self.bytes, laps).await?;
        link.signal().await
    }

    /// The clock is looked at once in a batch: a message is often faster than a look at it.
    async fn ask(&mut self, link: &mut L, laps: u64, latencies: &mut Latencies) -> io::Result<()> {
        let mut left = laps;
        while left > 0 {
            let before = Instant::now();
            let batch = left.min(self.batch);
            for _ in 0..batch {
                link.feed(&self.message).await?;
            }
            link.flush().await?;
            latencies.record(before.elapsed());
            left -= batch;
        }
        link.signalled().await
    }
}

/// Messages in one direction, fed one after the other and flushed once; one signal comes back when the last has
/// arrived.
pub(crate) struct Pipeline<L: MessageLink>(Messages<L>);

impl<L: MessageLink> Pipeline<L> {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Messages::new(bytes))
    }
}

impl<L: MessageLink> Exchange<L> for Pipeline<L> {
    async fn serve(&mut self, link: &mut L, laps: u64) -> io::Result<()> {
        self.0.serve(link, laps).await
    }

    /// The clock is looked at as rarely as in `Messages`.
    async fn ask(&mut self, link: &mut L, laps: u64, latencies: &mut Latencies) -> io::Result<()> {
        let mut left = laps;
        while left > 0 {
            let before = Instant::now();
            let batch = left.min(self.0.batch);
            for _ in 0..batch {
                link.feed(&self.0.message).await?;
            }
            latencies.record(before.elapsed());
            left -= batch;
        }
        link.flush().await?;
        link.signalled().await
    }
}

/// Messages in one direction, each with a call of its own; one signal comes back when the last has arrived.
pub(crate) struct Sends<L: MessageLink> {
    message: L::Message,
    bytes: usize,
}

impl<L: MessageLink> Sends<L> {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { message: L::message(payload(bytes)), bytes }
    }
}

impl<L: MessageLink> Exchange<L> for Sends<L> {
    async fn serve(&mut self, link: &mut L, laps: u64) -> io::Result<()> {
        link.recv_all(self.bytes, laps).await?;
        link.signal().await
    }

    async fn ask(&mut self, link: &mut L, laps: u64, latencies: &mut Latencies) -> io::Result<()> {
        for lap in 0..laps {
            let sampled = sample(lap);
            link.send(&self.message).await?;
            note(sampled, latencies);
        }
        link.signalled().await
    }
}

/// A request and its answer, every lap timed; a signal says that no more requests come.
pub(crate) struct Calls {
    request: Vec<u8>,
}

impl Calls {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { request: payload(bytes) }
    }
}

impl<L: CallLink> Exchange<L> for Calls {
    async fn serve(&mut self, link: &mut L, laps: u64) -> io::Result<()> {
        link.answer(laps).await?;
        link.signalled().await
    }

    async fn ask(&mut self, link: &mut L, laps: u64, latencies: &mut Latencies) -> io::Result<()> {
        let mut before = Instant::now();
        for _ in 0..laps {
            whole(link.call(&self.request).await?, self.request.len())?;
            let now = Instant::now();
            latencies.record(now - before);
            before = now;
        }
        link.signal().await
    }
}

/// What is sent at once: as much as fits into 64 KiB with a few bytes in front of each message.
const BATCH_BYTES: usize = 60 << 10;
