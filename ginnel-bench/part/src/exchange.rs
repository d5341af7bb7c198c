//! The measured loops: for each scenario, what the server does beside what the client does.

pub(crate) mod broadcast;
mod messages;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

pub(crate) use messages::{Calls, Messages, Pipeline, Sends};

use crate::{ByteStream, FdLink, Latencies, PacketLink};

/// Both sides of a round over a standing connection.
pub(crate) trait Exchange<L> {
    /// The server's side of a round.
    async fn serve(&mut self, link: &mut L, laps: u64) -> io::Result<()>;

    /// The client's side of a round, which is the one that is timed.
    async fn ask(&mut self, link: &mut L, laps: u64, latencies: &mut Latencies) -> io::Result<()>;
}

/// A message there and back, every lap timed.
pub(crate) struct RoundTrips {
    message: Vec<u8>,
}

impl RoundTrips {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { message: payload(bytes) }
    }
}

impl<L: ByteStream> Exchange<L> for RoundTrips {
    async fn serve(&mut self, link: &mut L, laps: u64) -> io::Result<()> {
        for _ in 0..laps {
            link.recv_exact(&mut self.message).await?;
            link.send_all(&self.message).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, link: &mut L, laps: u64, latencies: &mut Latencies) -> io::Result<()> {
        let mut before = Instant::now();
        for _ in 0..laps {
            link.send_all(&self.message).await?;
            link.recv_exact(&mut self.message).await?;
            let now = Instant::now();
            latencies.record(now - before);
            before = now;
        }
        Ok(())
    }
}

/// Messages in one direction; one byte comes back when the last has arrived.
pub(crate) struct OneWay {
    message: Vec<u8>,
    buffer: Vec<u8>,
}

impl OneWay {
    pub(crate) fn new(bytes: usize) -> Self {
        let buffer = if bytes > SMALL_BUFFER { LARGE_BUFFER } else { SMALL_BUFFER };
        Self { message: payload(bytes), buffer: payload(buffer) }
    }
}

impl<L: ByteStream> Exchange<L> for OneWay {
    async fn serve(&mut self, link: &mut L, laps: u64) -> io::Result<()> {
        let mut left = laps * self.message.len() as u64;
        while left > 0 {
            match link.recv_some(&mut self.buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                received => left -= received as u64,
            }
        }
        link.signal().await
    }

    async fn ask(&mut self, link: &mut L, laps: u64, latencies: &mut Latencies) -> io::Result<()> {
        for lap in 0..laps {
            let sampled = sample(lap);
            link.send_all(&self.message).await?;
            note(sampled, latencies);
        }
        link.signalled().await
    }
}

/// Packets in one direction; a packet of one byte comes back when the last has arrived.
pub(crate) struct Packets {
    packet: Vec<u8>,
}

impl Packets {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { packet: payload(bytes) }
    }
}

impl<L: PacketLink> Exchange<L> for Packets {
    async fn serve(&mut self, link: &mut L, laps: u64) -> io::Result<()> {
        let mut received = 0;
        while received < laps {
            received += link.recv_some().await?;
        }
        link.signal().await
    }

    async fn ask(&mut self, link: &mut L, laps: u64, latencies: &mut Latencies) -> io::Result<()> {
        let (mut sent, mut calls) = (0, 0);
        while sent < laps {
            let sampled = sample(calls);
            sent += link.send_some(&self.packet, laps - sent).await?;
            note(sampled, latencies);
            calls += 1;
        }
        link.signalled().await
    }
}

/// One descriptor of `/dev/null` in each message.
///
/// The server answers every `WINDOW` of them, and the client goes one window ahead: the kernel
/// limits how many descriptors a user may have in flight.
pub(crate) struct Fds {
    passed: File,
}

impl Fds {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { passed: File::open("/dev/null")? })
    }
}

impl<L: FdLink> Exchange<L> for Fds {
    async fn serve(&mut self, link: &mut L, laps: u64) -> io::Result<()> {
        for _ in 0..laps.div_ceil(WINDOW) {
            let mut received = 0;
            while received < WINDOW {
                received += link.recv_fds().await?;
            }
            link.signal().await?;
        }
        Ok(())
    }

    async fn ask(&mut self, link: &mut L, laps: u64, latencies: &mut Latencies) -> io::Result<()> {
        for window in 0..laps.div_ceil(WINDOW) {
            for lap in 0..WINDOW {
                let sampled = sample(lap);
                link.send_fd(self.passed.as_fd()).await?;
                note(sampled, latencies);
            }
            if window > 0 {
                link.signalled().await?;
            }
        }
        link.signalled().await
    }
}

/// Looks at the clock before every 16th send, to keep the clock out of the other fifteen.
fn sample(call: u64) -> Option<Instant> {
    call.is_multiple_of(SAMPLED).then(Instant::now)
}

fn note(sampled: Option<Instant>, latencies: &mut Latencies) {
    if let Some(before) = sampled {
        latencies.record(before.elapsed());
    }
}

/// Written memory: fresh zeroes would all be one page of the kernel, which copies too fast.
pub(crate) fn payload(bytes: usize) -> Vec<u8> {
    vec![0x5a; bytes]
}

/// Laps are a multiple of this in rounds of `Fds`.
pub(crate) const WINDOW: u64 = 16;
/// Laps are a multiple of this in rounds of what is published: as much as every library may gather, and twice this is
/// within the queue that it has by default or is given.
pub(crate) const PUBLISHED: u64 = 256;
const SAMPLED: u64 = 16;
const SMALL_BUFFER: usize = 64 << 10;
const LARGE_BUFFER: usize = 256 << 10;
