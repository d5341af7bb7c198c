//! Stands between sender and receiver, breaks connections at random bytes, and drops descriptors on the way: what
//! arrives beside the bytes is then too little, as from a kernel that has no room for them.

use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ginnel::Stream;

/// What it did.
#[derive(Debug, Default)]
pub(super) struct Relayed {
    pub(super) over: AtomicBool,
    pub(super) cut: AtomicU64,
    pub(super) stripped: AtomicU64,
}

/// Relays one connection after another until it is over.
pub(super) fn relay(listener: &UnixListener, to: &Path, relayed: &Relayed) -> Result<()> {
    listener.set_nonblocking(true).context("a relay looks now and then")?;
    let mut random = fastrand::Rng::with_seed(3);
    while !relayed.over.load(Relaxed) {
        match listener.accept() {
            Ok((from, _)) => {
                from.set_nonblocking(false).context("a relay waits")?;
                let plan = (random.usize(..MOST_BYTES), random.bool());
                // The sender may have too few descriptors at this moment, and then this connection breaks at once.
                if UnixStream::connect(to).and_then(|to| join(from, to, plan, relayed)).is_err() {
                    relayed.cut.fetch_add(1, Relaxed);
                }
            }
            // There is nobody, or there are no descriptors.
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
    Ok(())
}

/// Passes on so many bytes; then strips the next descriptors, or just ends.
fn join(
    from: UnixStream,
    to: UnixStream,
    (bytes, strips): (usize, bool),
    relayed: &Relayed,
) -> io::Result<()> {
    let ends = (from.try_clone()?, to.try_clone()?);
    let [from, to] = [from, to].map(|end| Stream::from(OwnedFd::from(end)));
    thread::scope(|threads| {
        threads.spawn(|| {
            // It ends when one of the two does, or is shut down.
            let _ = pass(&to, &from, Most::Exactly(usize::MAX));
            let _ = ends.0.shutdown(Shutdown::Write);
        });
        let most = if strips { Most::AndTheRestOfIt(bytes) } else { Most::Exactly(bytes) };
        if let Ok(true) = pass(&from, &to, most) {
            if strips && strip(&from, &to).is_ok_and(|stripped| stripped) {
                relayed.stripped.fetch_add(1, Relaxed);
            } else {
                relayed.cut.fetch_add(1, Relaxed);
            }
        }
        // They fail for one who has gone already.
        let _ = ends.1.shutdown(Shutdown::Both);
        let _ = ends.0.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// How many bytes are passed on.
#[derive(Debug, Clone, Copy)]
enum Most {
    Exactly(usize),
    /// And what was read together with the last of them.
    AndTheRestOfIt(usize),
}

/// Passes on what comes, up to so many bytes. `false`: it ended before.
fn pass(from: &Stream, to: &Stream, most: Most) -> io::Result<bool> {
    let mut chunk = vec![0; 16 << 10];
    let (Most::Exactly(mut left) | Most::AndTheRestOfIt(mut left)) = most;
    while left > 0 {
        let (length, fds) = from.recv_with_fds(&mut chunk)?;
        if length == 0 {
            return Ok(false);
        }
        let passed = if matches!(most, Most::Exactly(_)) { length.min(left) } else { length };
        write(to, &chunk[..passed], &fds)?;
        left = left.saturating_sub(passed);
    }
    Ok(true)
}

/// Drops one of the next descriptors, and passes on everything else: those of the next message must not take its place.
fn strip(from: &Stream, to: &Stream) -> io::Result<bool> {
    let mut chunk = vec![0; 16 << 10];
    loop {
        let (length, mut fds) = from.recv_with_fds(&mut chunk)?;
        let is_stripped = fds.pop().is_some();
        if length == 0 {
            return Ok(false);
        }
        write(to, &chunk[..length], &fds)?;
        if is_stripped {
            // It fails once the receiver has noticed.
            let _ = pass(from, to, Most::Exactly(usize::MAX));
            return Ok(true);
        }
    }
}

fn write(mut to: &Stream, bytes: &[u8], fds: &[OwnedFd]) -> io::Result<()> {
    if fds.is_empty() {
        return to.write_all(bytes);
    }
    let fds: Vec<BorrowedFd<'_>> = fds.iter().map(|fd| fd.as_fd()).collect();
    let sent = to.send_with_fds(bytes, &fds)?;
    to.write_all(&bytes[sent..])
}

/// A connection is broken after so many bytes at most.
const MOST_BYTES: usize = 4_000;
