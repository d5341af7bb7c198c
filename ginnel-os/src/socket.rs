//! What all kinds of socket share: sending, receiving, connecting and adopting.
#![expect(unsafe_code, reason = "received control data is opened exactly once, here")]

use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use bytes::Bytes;
use ginnel_proto::{Address, Backoff, Message};

use crate::ancillary::{self, Rights};
use crate::error::SocketError;
use crate::name::{self, Target};
use crate::sys::{
    self, Carried, Handle, Incoming, Kernel, Name, Names, Outgoing, SocketKind, Sockets, Wait, Would, codes,
};

/// The size of a received packet, and the descriptors that came with it.
pub type Received<F = Carried> = (usize, Vec<F>);

/// What is to be received.
#[derive(Debug)]
pub(crate) enum Form<'a> {
    /// Part of a stream.
    Chunk,
    /// A packet, whose true length is wanted even if it is cut.
    Packet,
    /// The same, and the `sun_path` of who sent it.
    #[cfg_attr(windows, expect(dead_code, reason = "there are no datagrams"))]
    PacketFrom(&'a mut Vec<u8>),
}

/// What one receiving call brought.
#[derive(Debug)]
pub(crate) struct Arrived<F> {
    /// Bytes of the chunk or packet; more than the room for it if a packet was cut.
    pub(crate) bytes: usize,
    /// Descriptors, in the order sent. Empty if `lost`.
    pub(crate) fds: Vec<F>,
    /// The kernel dropped descriptors; those that it did deliver were closed.
    pub(crate) lost: bool,
    /// A time came with it: this is a packet, not the end.
    pub(crate) stamped: bool,
    /// Nothing came beside the bytes.
    pub(crate) plain: bool,
}

impl<F> Arrived<F> {
    /// What a call without room brings.
    pub(crate) const fn nothing() -> Self {
        Self { bytes: 0, fds: Vec::new(), lost: false, stamped: false, plain: true }
    }
}

/// Sends bytes and duplicates of descriptors: all of the descriptors, with the first byte, or none.
#[inline]
pub(crate) fn send<S: Sockets>(
    sys: &S,
    fd: S::Borrowed<'_>,
    bytes: &[IoSlice<'_>],
    fds: &[S::Lent<'_>],
    wait: Wait,
) -> Would<usize> {
    if fds.is_empty() {
        return sys.send(fd, Outgoing { bytes, control: &[], to: None }, wait);
    }
    let mut rights = Rights::new();
    let control = encode(sys, fds, &mut rights)?;
    sys.send(fd, Outgoing { bytes, control, to: None }, wait)
}

/// As [`send`], to whoever is bound to `to`.
#[cfg(unix)]
pub(crate) fn send_to<S: Sockets>(
    sys: &S,
    fd: S::Borrowed<'_>,
    to: &Name,
    (bytes, fds): (&[u8], &[S::Lent<'_>]),
    wait: Wait,
) -> Would<usize> {
    let mut rights = Rights::new();
    let control = encode(sys, fds, &mut rights)?;
    let bytes = [IoSlice::new(bytes)];
    sys.send(fd, Outgoing { bytes: &bytes, control, to: Some(to) }, wait)
}

#[inline]
fn encode<'r, S: Sockets>(sys: &S, fds: &[S::Lent<'_>], rights: &'r mut Rights) -> io::Result<&'r [u8]> {
    let numbers = fds.iter().map(|&fd| sys.number(fd));
    rights.encode(numbers).ok_or_else(|| SocketError::TooManyFds { given: fds.len() }.into())
}

/// Receives one chunk or packet and owns every descriptor that came with it.
#[inline]
pub(crate) fn receive<S: Sockets>(
    sys: &S,
    fd: S::Borrowed<'_>,
    bytes: &mut [MaybeUninit<u8>],
    form: Form<'_>,
    wait: Wait,
) -> Would<Arrived<S::Carried>> {
    let mut control = ancillary::room();
    let (whole, from) = match form {
        Form::Chunk => (false, None),
        Form::Packet => (true, None),
        Form::PacketFrom(from) => (true, Some(from)),
    };
    let incoming = Incoming { bytes, control: &mut control, whole, from };
    let Some(taken) = sys.receive(fd, incoming, wait)? else { return Ok(None) };
    // SAFETY: this very call wrote both.
    Ok(Some(unsafe { arrived(sys, taken, &control) }))
}

/// Receives part of a stream, at most `room` bytes, behind what a vector holds. It has capacity for them.
#[inline]
pub(crate) fn receive_behind<S: Sockets>(
    sys: &S,
    fd: S::Borrowed<'_>,
    (buffer, room): (&mut Vec<u8>, usize),
    wait: Wait,
) -> Would<Arrived<S::Carried>> {
    let held = buffer.len();
    let spare = &mut buffer.spare_capacity_mut()[..room];
    let Some(arrived) = receive(sys, fd, spare, Form::Chunk, wait)? else { return Ok(None) };
    // SAFETY: the kernel has written so many bytes to the front of the spare capacity, no more than `room`.
    unsafe { buffer.set_len(held + arrived.bytes.min(room)) };
    Ok(Some(arrived))
}

/// Makes sense of one received call's control data.
///
/// # Safety
/// The kernel wrote `taken` and `control` in one call, and they are looked at for the first time.
#[inline]
pub(crate) unsafe fn arrived<S: Sockets>(
    sys: &S,
    taken: sys::Taken,
    control: &[MaybeUninit<u8>],
) -> Arrived<S::Carried> {
    let plain = taken.control == 0 && !taken.control_cut;
    let mut arrived =
        Arrived { bytes: taken.bytes, fds: Vec::new(), lost: taken.control_cut, stamped: false, plain };
    if taken.control > 0 {
        // SAFETY: the caller vouches for it.
        let opened = unsafe { ancillary::open(sys, control, taken.control) };
        arrived.stamped = opened.stamped;
        if !arrived.lost {
            arrived.fds = opened.fds;
        }
    }
    arrived
}

/// Lends initialised bytes as room to receive into.
#[inline]
pub(crate) fn room(bytes: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: the two have one layout, and nothing in this crate writes anything but bytes that arrived.
    unsafe { &mut *(ptr::from_mut(bytes) as *mut [MaybeUninit<u8>]) }
}

/// An empty vector with room for a packet. A socket that was taken unchecked may be of a family that reports more
/// bytes than it writes (TCP does, with `MSG_TRUNC`): its room is written beforehand.
pub(crate) fn body(room: usize, checked: bool) -> Vec<u8> {
    if checked {
        return Vec::with_capacity(room);
    }
    let mut body = vec![0; room];
    body.clear();
    body
}

/// Makes a message of the first `bytes` bytes of an empty vector, which a receiving call has written.
///
/// # Safety
/// That many bytes of `body`'s capacity are written.
pub(crate) unsafe fn message<F>(mut body: Vec<u8>, (bytes, fds): Received<F>) -> Message<F> {
    // SAFETY: the caller vouches for it.
    unsafe { body.set_len(bytes) };
    // A small message must not hold on to a large buffer, and giving the rest back in place costs more than a copy.
    let body = if bytes < body.capacity() / 4 { Bytes::copy_from_slice(&body) } else { body.into() };
    Message::new(body).with_fds(fds)
}

/// The room and the size of a packet: an error if it was cut.
#[inline]
pub(crate) fn whole(size: usize, room: usize) -> io::Result<usize> {
    if size <= room { Ok(size) } else { Err(SocketError::PacketCut { size, room }.into()) }
}

/// A socket on its way to an address.
#[derive(Debug)]
pub struct Connecting<S: Sockets + Names = Kernel> {
    sys: S,
    fd: S::Fd,
    target: Option<Target<S::Pin>>,
    pause: Backoff,
}

impl Connecting {
    /// Makes a socket for `address`. An inherited descriptor (`fd:N`) is duplicated and connected already.
    ///
    /// # Errors
    /// The kernel's, for the socket; for an inherited descriptor also [`SocketError::WrongSocket`]; for a
    /// portable name also [`SocketError::UnsafeDirectory`].
    pub fn new(kind: SocketKind, address: &Address, nonblocking: bool) -> io::Result<Self> {
        Self::on(Kernel, kind, address, nonblocking)
    }
}

impl<S: Sockets + Names> Connecting<S> {
    /// As [`new`](Connecting::new), on this kernel.
    ///
    /// # Errors
    /// As there.
    pub fn on(sys: S, kind: SocketKind, address: &Address, nonblocking: bool) -> io::Result<Self> {
        let (fd, target) = name::begin(&sys, kind, address, nonblocking)?;
        Ok(Self { sys, fd, target, pause: PAUSE })
    }

    /// A non-blocking socket for what has this name.
    pub(crate) fn to(sys: S, kind: SocketKind, name: Name) -> io::Result<Self> {
        let fd = sys.socket(kind, true)?;
        Ok(Self { sys, fd, target: Some(Target::Direct(name)), pause: PAUSE })
    }

    /// Tries to connect. `Ok(None)`: the other side's queue is full, or a wait inside the call was interrupted
    /// or timed out.
    ///
    /// # Errors
    /// The kernel's: nobody is there (`NotFound`, `ConnectionRefused`), no permission, the wrong kind of socket
    /// (`EPROTOTYPE`). See connect(2) and unix(7).
    pub fn attempt(&self) -> Would<()> {
        match self.target.as_ref().and_then(Target::name) {
            Some(name) => self.sys.connect(self.sys.borrow(&self.fd), name),
            None => Ok(Some(())),
        }
    }

    /// How long to pause before the next attempt, where the wait is not inside the call.
    pub fn pause(&mut self) -> Duration {
        self.pause.next(sys::jitter(&self.sys))
    }

    /// Was the descriptor inherited, so that its flags belong to others too?
    pub fn is_inherited(&self) -> bool {
        self.target.is_none()
    }

    /// The socket, on loan.
    pub fn borrowed(&self) -> S::Borrowed<'_> {
        self.sys.borrow(&self.fd)
    }

    /// The socket.
    pub fn into_fd(self) -> S::Fd {
        self.fd
    }
}

const PAUSE: Backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(50));

/// The text of a socket kind in errors.
fn kind_name(kind: SocketKind) -> &'static str {
    match kind {
        SocketKind::Stream => "SOCK_STREAM",
        SocketKind::SeqPacket => "SOCK_SEQPACKET",
        SocketKind::Datagram => "SOCK_DGRAM",
    }
}

/// Is it a local socket of this kind?
pub(crate) fn check_kind<S: Sockets>(sys: &S, fd: S::Borrowed<'_>, kind: SocketKind) -> io::Result<()> {
    let found = match sys.kind(fd) {
        Err(error) if error.raw_os_error() == Some(codes::NO_SOCKET) => None,
        found => found?,
    };
    if found == Some(kind) {
        Ok(())
    } else {
        Err(SocketError::WrongSocket { expected: kind_name(kind) }.into())
    }
}

/// Is it a local socket of this kind that listens, or does not?
pub(crate) fn check_role<S: Sockets>(
    sys: &S,
    fd: S::Borrowed<'_>,
    kind: SocketKind,
    listening: bool,
) -> io::Result<()> {
    check_kind(sys, fd, kind)?;
    if sys.is_listening(fd)? == listening {
        Ok(())
    } else {
        Err(SocketError::WrongRole { listening: !listening }.into())
    }
}

/// Adopts a connected socket or gives it back.
pub(crate) fn adopt<S: Sockets>(
    sys: &S,
    fd: S::Fd,
    kind: SocketKind,
    listening: bool,
) -> Result<S::Fd, AdoptError<S::Fd>> {
    match check_role(sys, sys.borrow(&fd), kind, listening) {
        Ok(()) => Ok(fd),
        Err(error) => Err(AdoptError { error, fd }),
    }
}

/// A descriptor that could not be adopted. It is still the caller's.
#[derive(Debug)]
#[non_exhaustive]
pub struct AdoptError<F = Handle> {
    /// Why.
    pub error: io::Error,
    /// The descriptor, untouched.
    pub fd: F,
}

impl<F> AdoptError<F> {
    /// A descriptor that is given back, and why.
    pub const fn new(error: io::Error, fd: F) -> Self {
        Self { error, fd }
    }
}

impl<F> fmt::Display for AdoptError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<F: fmt::Debug> std::error::Error for AdoptError<F> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Drops the descriptor.
impl<F> From<AdoptError<F>> for io::Error {
    fn from(refused: AdoptError<F>) -> Self {
        refused.error
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
