//! Sending and receiving on macOS and FreeBSD, with control data that rustix would parse for us.
#![expect(unsafe_code, reason = "sendmsg, recvmsg and socket options take pointers")]

use std::io::{self, IoSlice};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::net::SocketAddrUnix;
use rustix::net::addr::{SocketAddrArg, SocketAddrOpaque};

use super::name;
use crate::sys::posix::{call, wait_flag};
use crate::sys::{Incoming, Outgoing, Slot, Taken, Wait, Would, special};

/// Most slices in one call: `IOV_MAX`.
const MOST_SLICES: usize = 1024;

/// An empty message header.
#[inline]
fn header() -> libc::msghdr {
    // SAFETY: `msghdr` is integers and pointers, for which zero and null are values.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

#[inline]
pub(in crate::sys) fn send(fd: BorrowedFd<'_>, outgoing: Outgoing<'_>, wait: Wait) -> Would<usize> {
    // Where the flag is not known yet, the socket's own option does the same.
    let flags = libc::MSG_NOSIGNAL | wait_flag(wait);
    if let Outgoing { bytes: [one], control: [], to: None } = outgoing {
        // SAFETY: pointer and length are one live slice.
        return call(wait, || unsafe { libc::send(fd.as_raw_fd(), one.as_ptr().cast(), one.len(), flags) });
    }
    let mut message = header();
    message.msg_iov = outgoing.bytes.as_ptr().cast_mut().cast();
    message.msg_iovlen = outgoing.bytes.len().min(MOST_SLICES) as _;
    if !outgoing.control.is_empty() {
        message.msg_control = outgoing.control.as_ptr().cast_mut().cast();
        message.msg_controllen = outgoing.control.len() as _;
    }
    let Some(to) = outgoing.to else { return attempt(fd, &message, flags, wait) };
    name::addressed(to, |to: &SocketAddrUnix| {
        let named = |name: *const SocketAddrOpaque, length| {
            message.msg_name = name.cast_mut().cast();
            message.msg_namelen = length;
            attempt(fd, &message, flags, wait)
        };
        // SAFETY: the pointer is used only while `with_sockaddr` lends it.
        unsafe { to.with_sockaddr(named) }
    })
}

#[inline]
fn attempt(fd: BorrowedFd<'_>, message: &libc::msghdr, flags: i32, wait: Wait) -> Would<usize> {
    // SAFETY: `IoSlice` has the layout of `iovec` (std promises it); bytes, control data and name are
    // borrowed for the call, which reads them only. sendmsg(2)
    call(wait, || unsafe { libc::sendmsg(fd.as_raw_fd(), message, flags) })
}

#[inline]
pub(in crate::sys) fn receive(fd: BorrowedFd<'_>, incoming: Incoming<'_>, wait: Wait) -> Would<Taken> {
    // A packet that does not fit reaches into this byte, whether or not the kernel tells its length.
    let mut spare = [MaybeUninit::uninit(); 1];
    let mut vectors = [vector(incoming.bytes), vector(&mut spare)];
    let (parts, whole) = if incoming.whole { (2, special::WHOLE) } else { (1, 0) };
    let mut message = receive_header(&mut vectors[..parts], incoming.control);
    let mut name = MaybeUninit::<Name>::uninit();
    if incoming.from.is_some() {
        message.msg_name = name.as_mut_ptr().cast();
        message.msg_namelen = size_of::<Name>() as _;
    }
    let flags = special::RECEIVE | whole | wait_flag(wait);
    // SAFETY: header, vectors, buffers and name live across the call, which writes no further than the lengths
    // that stand beside the pointers. recvmsg(2)
    let mut ask = || call(wait, || unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags) });
    let (took, lost) = match ask() {
        // Nothing that was sent with them comes with them any more.
        Err(error) if is_loss(&error) && incoming.whole => (Some(0), true),
        Err(error) if is_loss(&error) => (Some(ask()?.ok_or(error)?), true),
        took => (took?, false),
    };
    let Some(bytes) = took else { return Ok(None) };
    if let Some(from) = incoming.from {
        copy_sun_path(&name, message.msg_namelen as usize, from);
    }
    let control = if lost { 0 } else { message.msg_controllen as _ };
    let control_cut = lost || message.msg_flags & libc::MSG_CTRUNC != 0;
    Ok(Some(Taken { bytes, control, control_cut }))
}

/// There are too many files open for the descriptors that came: the kernel closes them all, and says so in the place of what
/// came with them. A packet is dropped with them; the bytes of a stream are taken by another call.
/// `unp_externalize` in both systems
fn is_loss(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMSGSIZE | libc::EMFILE))
}

#[inline]
fn vector(bytes: &mut [MaybeUninit<u8>]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
}

#[inline]
fn receive_header(vectors: &mut [libc::iovec], control: &mut [MaybeUninit<u8>]) -> libc::msghdr {
    let mut message = header();
    message.msg_iov = vectors.as_mut_ptr();
    message.msg_iovlen = vectors.len() as _;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = control.len() as _;
    message
}

/// Room for any address.
type Name = libc::sockaddr_storage;

/// Copies what the kernel wrote of a `sun_path`. A sender without a name has an address all the same, of zeroes.
fn copy_sun_path(name: &MaybeUninit<Name>, length: usize, into: &mut Vec<u8>) {
    into.clear();
    let start = std::mem::offset_of!(libc::sockaddr_un, sun_path);
    let length = length.min(size_of::<Name>()).saturating_sub(start);
    // SAFETY: the kernel wrote as many bytes as it reports, since there was room for the longest address of any family.
    // It is looked at as far as there is room, whatever is reported.
    let path = unsafe { std::slice::from_raw_parts(name.as_ptr().cast::<u8>().add(start), length) };
    into.extend(path.iter().take_while(|&&byte| byte != 0));
}

/// Sends packet by packet, until one does not fit; its error is that of the next call. macOS has no call for several, and
/// FreeBSD's are loops of its C library.
pub(in crate::sys) fn send_many(fd: BorrowedFd<'_>, packets: &[IoSlice<'_>], wait: Wait) -> Would<usize> {
    for (sent, packet) in packets.iter().enumerate() {
        let outgoing = Outgoing { bytes: std::slice::from_ref(packet), control: &[], to: None };
        match send(fd, outgoing, wait) {
            Ok(Some(_)) => {}
            // A first one says so.
            Ok(None) | Err(_) if sent > 0 => return Ok(Some(sent)),
            none => return none.map(|_| None),
        }
    }
    Ok(Some(packets.len()))
}

/// Receives packet by packet, waiting for the first at most.
pub(in crate::sys) fn receive_many(fd: BorrowedFd<'_>, slots: &mut [Slot<'_>], wait: Wait) -> Would<usize> {
    for (index, slot) in slots.iter_mut().enumerate() {
        let incoming = Incoming { bytes: slot.bytes, control: slot.control, whole: true, from: None };
        let wait = if index == 0 { wait } else { Wait::Never };
        match receive(fd, incoming, wait) {
            Ok(Some(took)) => {
                slot.taken = took;
                // It looks as the end does, behind which there is nothing.
                if took == Taken::default() {
                    return Ok(Some(index + 1));
                }
            }
            Ok(None) | Err(_) if index > 0 => return Ok(Some(index)),
            none => return none.map(|_| None),
        }
    }
    Ok(Some(slots.len()))
}

/// Reads a socket option of a fixed size, all of whose bytes the kernel writes.
///
/// # Safety
/// Any bytes are a value of `T`.
pub(in crate::sys) unsafe fn option<T>(fd: BorrowedFd<'_>, (level, name): (i32, i32)) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `value` and the count to `length`. getsockopt(2)
    let result =
        unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &raw mut length) };
    match (result, length as usize) {
        // SAFETY: all of it was written, and the caller vouches that any bytes will do.
        (0, length) if length == size_of::<T>() => Ok(unsafe { value.assume_init() }),
        (0, _) => Err(io::ErrorKind::InvalidData.into()),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(in crate::sys) fn set_option(
    fd: BorrowedFd<'_>,
    (level, name): (i32, i32),
    value: i32,
) -> io::Result<()> {
    let length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the kernel reads four bytes at `value`. setsockopt(2)
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
