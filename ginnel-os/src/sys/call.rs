//! One call, as it is: what sockets are made of, for whoever compares kernels.
#![expect(unsafe_code, reason = "received control data is opened, once")]

use std::io::IoSlice;
use std::mem::MaybeUninit;

use super::{Incoming, Name, Outgoing, Sockets, Taken, Wait, Would};
use crate::SocketError;
use crate::ancillary::{self, Rights};

/// Sends bytes and duplicates of descriptors, to a name if one is given, whatever comes of it. sendmsg(2)
///
/// # Errors
/// [`SocketError::TooManyFds`] above 253; else the kernel's.
pub fn send<S: Sockets>(
    sys: &S,
    fd: S::Borrowed<'_>,
    (bytes, fds): (&[u8], &[S::Lent<'_>]),
    to: Option<&Name>,
    wait: Wait,
) -> Would<usize> {
    let mut rights = Rights::new();
    let numbers = fds.iter().map(|&fd| sys.number(fd));
    let control = rights.encode(numbers).ok_or(SocketError::TooManyFds { given: fds.len() })?;
    sys.send(fd, Outgoing { bytes: &[IoSlice::new(bytes)], control, to }, wait)
}

/// Receives, with so many bytes of room for control data, and owns the descriptors that came. recvmsg(2)
///
/// # Errors
/// The kernel's.
pub fn receive<S: Sockets>(
    sys: &S,
    fd: S::Borrowed<'_>,
    bytes: &mut [MaybeUninit<u8>],
    control: usize,
    wait: Wait,
) -> Would<(Taken, Vec<S::Carried>)> {
    let mut room = vec![MaybeUninit::uninit(); control];
    let incoming = Incoming { bytes, control: &mut room, whole: true, from: None };
    let Some(taken) = sys.receive(fd, incoming, wait)? else { return Ok(None) };
    // SAFETY: this very call wrote so much of the control data, and it is opened once.
    let opened = unsafe { ancillary::open(sys, &room, taken.control) };
    Ok(Some((taken, opened.fds)))
}
