//! Sends parcels in every way there is, breaks off now and then, and goes on with what the receiver wants next.

use std::os::fd::AsFd as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ginnel::{Connection, Error, Stream, Typed};

use super::parcel::{Parcel, Word, belong, fds_of};
use super::relay::{Relayed, relay};
use crate::counts::Counts;
use crate::crowd::{MOST_FDS, hoard};
use crate::orders::{Orders, tell};
use crate::system;

/// Sends so many descriptors at least, and waits for the parent to close.
pub(crate) fn send(socket: &Path, descriptors: u64, orders: &Orders) -> Result<()> {
    tell(&Counts::default())?;
    let usual = system::raise_descriptor_limit()?;
    let is_root = system::is_root();
    let mut sender =
        Sender { sent: 0, counts: Counts::default(), random: fastrand::Rng::with_seed(2), usual, is_root };
    sender.counts.set("is-root", u64::from(is_root));
    let before = system::descriptors(std::process::id())?;
    let detour = socket.with_extension("relay");
    let listener = UnixListener::bind(&detour).context("a relay listens")?;
    let relayed = Relayed::default();
    thread::scope(|threads| {
        let relaying = threads.spawn(|| relay(&listener, socket, &relayed));
        let sent = sender.send_all(descriptors, socket, &detour);
        relayed.over.store(true, Relaxed);
        relaying.join().map_err(|_| anyhow::anyhow!("the relay failed"))??;
        sent
    })?;
    drop(listener);
    sender.counts.add("cut-off", relayed.cut.into_inner());
    sender.counts.add("stripped-by-relay", relayed.stripped.into_inner());
    sender.counts.set("fds-before", before);
    sender.counts.set("fds-after", system::descriptors(std::process::id())?);
    tell(&sender.counts)?;
    drop(orders.wait(Duration::from_secs(60)));
    Ok(())
}

struct Sender {
    /// The next parcel.
    sent: u64,
    counts: Counts,
    random: fastrand::Rng,
    /// The usual limit of descriptors.
    usual: u64,
    is_root: bool,
}

type Channel = Typed<Connection, Parcel, Word>;

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// The receiver has everything, unless it was told otherwise.
    InOrder,
    /// Somebody broke it.
    Broken,
}

impl Sender {
    fn send_all(&mut self, descriptors: u64, socket: &Path, detour: &Path) -> Result<()> {
        let (mut parcels, mut planned) = (0, 0);
        while planned < descriptors {
            planned += fds_of(parcels);
            parcels += 1;
        }
        let mut last = Ended::InOrder;
        loop {
            let is_straight = self.random.u8(..10) < 6;
            match self.begin(if is_straight { socket } else { detour }, &last)? {
                Some(_) if self.sent >= parcels => break,
                Some(mut channel) => {
                    last = match self.talk(&mut channel, parcels) {
                        Ok(()) => self.finish(channel),
                        Err(error) => self.failed(&error),
                    };
                }
                None => last = Ended::Broken,
            }
            if !is_straight {
                // A relay that breaks it off looks like a receiver that has ended.
                last = Ended::Broken;
            }
        }
        self.counts.set("parcels", parcels);
        self.counts.set("descriptors", planned);
        Ok(())
    }

    /// Connects, and goes on with what the receiver wants.
    fn begin(&mut self, path: &Path, last: &Ended) -> Result<Option<Channel>> {
        let mut channel: Channel = Typed::new(Connection::connect(path).context("connecting")?);
        channel.inner().set_deadline(Instant::now().checked_add(LONG));
        // The relay may have cut it already.
        let Ok(Some(word)) = channel.recv() else { return Ok(None) };
        if *last == Ended::InOrder && !word.was_told && word.next != self.sent {
            self.counts.add(if word.next < self.sent { "lost" } else { "doubled" }, 1);
        }
        self.sent = word.next;
        self.counts.add("connections", 1);
        Ok(Some(channel))
    }

    /// Sends until enough, or until something goes wrong.
    fn talk(&mut self, channel: &mut Channel, parcels: u64) -> Result<(), Error> {
        for _ in 0..self.random.u32(1..200) {
            if self.sent >= parcels {
                break;
            }
            channel.inner().set_deadline(Instant::now().checked_add(LONG));
            let parcel = Parcel::new(self.sent).map_err(std::io::Error::other)?;
            match self.random.u32(..1000) {
                0..50 => self.call(channel, &parcel)?,
                50..100 => channel.send(&parcel)?,
                100..103 => {
                    // It is not queued, and the next one is whole.
                    let refused = channel.feed(&parcel.spoilt());
                    self.counts.add(if refused.is_err() { "unwritable" } else { "misattributed" }, 1);
                    continue;
                }
                103..105 if !self.is_root => self.crowd(channel, &parcel)?,
                _ => channel.feed(&parcel)?,
            }
            self.sent += 1;
        }
        Ok(())
    }

    /// The descriptors come back with the answer.
    fn call(&mut self, channel: &mut Channel, parcel: &Parcel) -> Result<(), Error> {
        if self.random.u8(..20) == 0 {
            channel.inner().set_deadline(Some(Instant::now()));
        }
        let word = channel.call(parcel)?;
        if belong(parcel.number, &word.fds).is_ok_and(|belong| belong) {
            self.counts.add("came-back", word.fds.len() as u64);
        } else {
            self.counts.add("misattributed", 1);
        }
        Ok(())
    }

    /// More descriptors of this user are under way than this process may have, so the kernel refuses to send any; then
    /// there is room again.
    fn crowd(&mut self, channel: &mut Channel, parcel: &Parcel) -> Result<(), Error> {
        channel.feed(parcel)?;
        let other = |error: anyhow::Error| Error::from(std::io::Error::other(error));
        let file = hoard().map_err(other)?;
        let (left, right) = Stream::pair()?;
        for _ in 0..4 {
            left.send_with_fds(b"x", &[file.as_fd(); MOST_FDS])?;
        }
        system::set_descriptor_limit(Some(FEW)).map_err(other)?;
        channel.inner().set_deadline(Instant::now().checked_add(SHORT));
        let refused = channel.flush();
        system::set_descriptor_limit(Some(self.usual)).map_err(other)?;
        drop((left, right));
        match refused {
            Err(error) if error.error.is_timeout() => self.counts.add("too-many-refs", 1),
            other => other?,
        }
        channel.inner().set_deadline(Instant::now().checked_add(LONG));
        Ok(channel.flush()?)
    }

    fn failed(&mut self, error: &Error) -> Ended {
        self.counts.add(if error.is_timeout() { "cancelled" } else { "broken" }, 1);
        Ended::Broken
    }

    /// Closes, or drops what is still queued.
    fn finish(&mut self, channel: Channel) -> Ended {
        if self.random.u8(..5) == 0 {
            self.counts.add("dropped", 1);
            return Ended::Broken;
        }
        match channel.into_inner().close(LONG) {
            Ok(()) => Ended::InOrder,
            Err(error) => self.failed(&error),
        }
    }
}

/// Fewer than are under way.
const FEW: u64 = 32;
/// Long enough for a refusal.
const SHORT: Duration = Duration::from_millis(5);
/// Nothing here takes so long.
const LONG: Duration = Duration::from_secs(10);
