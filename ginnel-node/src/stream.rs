//! Byte streams that carry descriptors.
#![expect(unsafe_code, reason = "a room of JavaScript's is written to")]

use std::io::{self, IoSlice};
use std::net::Shutdown;

use ginnel_os::{self as os, HandleRef, Stream, Wait};

use crate::js::{Answer, Call, Env, Failure, Fault, Function, Handle, Value};
use crate::slot::Slot;
use crate::{fd, socket};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "pair", run: pair },
    #[cfg(unix)]
    Function { name: "adopt", run: adopt },
    #[cfg(windows)]
    Function { name: "adopt", run: fd::none },
    Function { name: "made", run: made },
    Function { name: "fd", run: socket::fd::<Held> },
    Function { name: "watch", run: socket::watch::<Held> },
    Function { name: "write", run: write },
    Function { name: "writev", run: writev },
    Function { name: "readMany", run: read_many },
    Function { name: "takeFds", run: take_fds },
    Function { name: "takeFdNumbers", run: take_fd_numbers },
    Function { name: "shutdown", run: shut },
    Function { name: "credentials", run: socket::credentials::<Held> },
    Function { name: "detach", run: socket::detach::<Held> },
    Function { name: "close", run: socket::close::<Held> },
];

struct Held {
    stream: Stream,
    /// Descriptors that came with the bytes of the last call.
    fds: Vec<os::Carried>,
    /// What went wrong after bytes that were told first.
    failed: Option<io::Error>,
}

impl Held {
    const fn of(stream: Stream) -> Self {
        Self { stream, fds: Vec::new(), failed: None }
    }

    /// Reads into a room until it is full, the kernel has no more, or `lengths` has no place. Each read has two numbers
    /// there: its bytes, 0 at the end, and its descriptors. How many reads there were.
    fn read_many(&mut self, room: &mut [u8], lengths: &mut [u8]) -> Result<i32, Failure> {
        if let Some(error) = self.failed.take() {
            return Err(error.into());
        }
        self.fds.clear();
        let (mut used, mut count) = (0, 0);
        for length in lengths.chunks_exact_mut(2 * size_of::<i32>()) {
            if used == room.len() || self.fds.len() >= fd::MANY {
                break;
            }
            let free = (room.len() - used).min(MOST);
            let (bytes, carried) = match self.stream.receive(&mut room[used..used + free], Wait::Never) {
                Ok(None) => break,
                Ok(Some(chunk)) => {
                    let carried = chunk.fds.len();
                    self.fds.extend(chunk.fds);
                    (chunk.bytes, carried)
                }
                Err(error) if count == 0 => return Err(error.into()),
                Err(error) => {
                    self.failed = Some(error);
                    tell(length, FAILED, 0);
                    return Ok(count + 1);
                }
            };
            tell(length, bytes as i32, carried as i32);
            used += bytes;
            count += 1;
            // Less than there was room for, and no descriptor has ended it: no more is there.
            if carried == 0 && bytes < free {
                break;
            }
        }
        Ok(count)
    }
}

impl socket::Held for Held {
    fn lent(&self) -> HandleRef<'_> {
        self.stream.borrowed()
    }

    fn given(self) -> os::Handle {
        self.stream.into_handle()
    }
}

fn tell(length: &mut [u8], bytes: i32, carried: i32) {
    length[..4].copy_from_slice(&bytes.to_ne_bytes());
    length[4..].copy_from_slice(&carried.to_ne_bytes());
}

pub(crate) fn give(env: Env, stream: Stream) -> Value {
    Handle::give(env, Slot::of(Held::of(stream)))
}

fn held(call: &Call) -> Result<&Slot<Held>, Failure> {
    Slot::at(call, 0)
}

/// Takes the stream out of a handle, for an engine.
pub(crate) fn taken(call: &Call, index: usize) -> Result<Stream, Failure> {
    let slot: &Slot<Held> = Slot::at(call, index)?;
    slot.take().map(|held| held.stream).ok_or_else(Failure::closed)
}

fn pair(call: &Call) -> Answer {
    let env = call.env();
    let (a, b) = Stream::pair(true)?;
    Ok(env.array([give(env, a), give(env, b)]))
}

#[cfg(unix)]
fn adopt(call: &Call) -> Answer {
    let adopted = Stream::adopt(fd::own(call.int(0)?)?).map_err(fd::returned)?;
    Ok(give(call.env(), adopted))
}

/// One that was accepted just now.
fn made(call: &Call) -> Answer {
    Ok(give(call.env(), Stream::made(socket::accepted(call, 0)?)))
}

fn write(call: &Call) -> Answer {
    let fds = fd::lent(call, 3)?;
    let bytes = rest(call.bytes(1)?, call.int(2)?)?;
    let sent = held(call)?.with(|held| held.stream.send(&[IoSlice::new(bytes)], &fds, Wait::Never))??;
    Ok(call.env().number(sent.map_or(-1.0, |sent| sent as f64)))
}

fn writev(call: &Call) -> Answer {
    let chunks = call.chunks(1)?;
    let mut slices: Vec<_> = chunks.into_iter().map(IoSlice::new).collect();
    let mut all = slices.as_mut_slice();
    let skip: usize = call.int(2)?;
    if skip > all.iter().map(|chunk| chunk.len()).sum() {
        return Err(outside(skip));
    }
    IoSlice::advance_slices(&mut all, skip);
    let sent = held(call)?.with(|held| held.stream.send(all, &[], Wait::Never))??;
    Ok(call.env().number(sent.map_or(-1.0, |sent| sent as f64)))
}

/// How many reads there were; see [`Held::read_many`].
fn read_many(call: &Call) -> Answer {
    // SAFETY: the caller gives two arrays that share nothing.
    let (room, lengths) = unsafe { (call.room(1)?, call.room(2)?) };
    if room.is_empty() || lengths.is_empty() {
        return Err(outside(0));
    }
    let count = held(call)?.with(|held| held.read_many(room, lengths))??;
    Ok(call.env().int(count))
}

fn take_fds(call: &Call) -> Answer {
    held(call)?.with(|held| fd::give(call, 1, &mut held.fds))?
}

/// As `takeFds`, as numbers that the caller owns.
fn take_fd_numbers(call: &Call) -> Answer {
    let fds = held(call)?.with(|held| std::mem::take(&mut held.fds))?;
    Ok(fd::numbers(call.env(), fds))
}

fn shut(call: &Call) -> Answer {
    let how = direction(call.int(1)?)?;
    held(call)?.with(|held| socket::shut(held.stream.borrowed(), how))??;
    Ok(call.env().undefined())
}

/// As shutdown(2) counts them.
pub(crate) fn direction(how: i32) -> Result<Shutdown, Failure> {
    match how {
        0 => Ok(Shutdown::Read),
        1 => Ok(Shutdown::Write),
        2 => Ok(Shutdown::Both),
        other => Err(outside(other)),
    }
}

fn rest(bytes: &[u8], from: usize) -> Result<&[u8], Failure> {
    bytes.get(from..).ok_or_else(|| outside(from))
}

fn outside(offset: impl std::fmt::Display) -> Failure {
    Failure::new(Fault::Range, "ERR_OUT_OF_RANGE", format!("{offset} lies outside"))
}

/// Stands for a length: something went wrong here, which the next call tells.
const FAILED: i32 = -1;
/// Most bytes of one read: their number is told in 31 bits.
const MOST: usize = i32::MAX as usize;
