//! The hostile peers of one process: sockets that are written byte by byte, never waiting.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::counts::Counts;
use crate::orders::{Orders, Over, tell};
use crate::wire;

/// The peers of one process, and what is counted about them.
#[derive(Debug)]
pub(crate) struct Crowd {
    pub(crate) path: PathBuf,
    /// How many of them there are.
    pub(crate) count: usize,
    pub(crate) counts: Counts,
    pub(crate) random: fastrand::Rng,
    orders: Orders,
    is_ready: bool,
}

impl Crowd {
    pub(crate) fn new(path: PathBuf, count: usize, orders: Orders) -> Self {
        let random = fastrand::Rng::with_seed(u64::from(std::process::id()));
        Self { path, count, counts: Counts::default(), random, orders, is_ready: false }
    }

    /// Pauses for so long; from the first time on the attack counts as begun. `false`: it is to end.
    pub(crate) fn goes_on(&mut self, pause: Duration) -> Result<bool> {
        if !self.is_ready {
            self.is_ready = true;
            tell(&Counts::default())?;
        }
        let order = if pause.is_zero() { self.orders.come() } else { self.orders.wait(pause) };
        Ok(matches!(order, Ok(None)))
    }

    /// The attack has ended: says what was counted, and waits for the parent to close.
    pub(crate) fn end(self) -> Result<()> {
        tell(&self.counts)?;
        while self.orders.wait(Duration::from_secs(60)) != Err(Over) {}
        Ok(())
    }

    pub(crate) fn counted(&mut self, name: &str) {
        self.counts.add(name, 1);
    }

    /// All that have greeted.
    pub(crate) fn greeted(&self) -> Result<Vec<Peer>> {
        (0..self.count).map(|_| Peer::greeted(&self.path)).collect()
    }
}

/// One hostile peer.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: UnixStream,
    pub(crate) since: Instant,
}

/// What became of something offered to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It took so many bytes, and all descriptors.
    Took(usize),
    /// There is no room now.
    Full,
    /// The other side has gone, or has cut this one.
    Gone,
}

impl Peer {
    /// One that does not greet.
    pub(crate) fn silent(path: &Path) -> Result<Self> {
        let stream = UnixStream::connect(path).context("a hostile peer connects")?;
        stream.set_nonblocking(true).context("a hostile peer never waits")?;
        Ok(Self { stream, since: Instant::now() })
    }

    pub(crate) fn greeted(path: &Path) -> Result<Self> {
        let mut peer = Self::silent(path)?;
        peer.offer(&wire::greeting())?;
        Ok(peer)
    }

    pub(crate) fn offer(&mut self, bytes: &[u8]) -> Result<Offered> {
        judge(self.stream.write(bytes))
    }

    pub(crate) fn offer_with_fds(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<Offered> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        anyhow::ensure!(beside.push(SendAncillaryMessage::ScmRights(fds)), "too many descriptors");
        let sent = sendmsg(&self.stream, &[IoSlice::new(bytes)], &mut beside, SendFlags::NOSIGNAL);
        match sent {
            // Too many are under way already: that is as good as full.
            Err(Errno::TOOMANYREFS) => Ok(Offered::Full),
            other => judge(other.map_err(io::Error::from)),
        }
    }

    /// Reads what has come, and forgets it. `false`: the other side has gone.
    pub(crate) fn is_open(&mut self) -> bool {
        let mut chunk = [0; 4096];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
    }
}

fn judge(written: io::Result<usize>) -> Result<Offered> {
    match written {
        Ok(length) => Ok(Offered::Took(length)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock => Ok(Offered::Full),
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Ok(Offered::Gone),
            _ => Err(error).context("a hostile peer writes"),
        },
    }
}

/// Descriptors to hoard: so many copies of one are as good as so many files.
pub(crate) fn hoard() -> Result<OwnedFd> {
    let file = std::fs::File::open("/dev/null").context("opening something to pass")?;
    Ok(file.as_fd().try_clone_to_owned()?)
}

/// Most descriptors that one write of a hostile peer carries.
pub(crate) const MOST_FDS: usize = 16;
