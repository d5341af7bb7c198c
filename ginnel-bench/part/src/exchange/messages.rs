//! The measured loops over whole messages: gathered in batches, sent one by one, and as calls.

use std::io;
use std::time::Instant;

use super::{Exchange, note, payload, sample};
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
        receive(link, self.bytes, laps).await?;
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
        receive(link, self.bytes, laps).await?;
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

async fn receive<L: MessageLink>(link: &mut L, bytes: usize, messages: u64) -> io::Result<()> {
    for _ in 0..messages {
        whole(link.recv().await?, bytes)?;
    }
    Ok(())
}

fn whole(received: usize, bytes: usize) -> io::Result<()> {
    if received == bytes { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// What is sent at once: as much as fits into 64 KiB with a few bytes in front of each message.
const BATCH_BYTES: usize = 60 << 10;
