//! Linux calls that rustix lacks or whose control data it would parse for us.
#![expect(unsafe_code, reason = "sendmsg, recvmsg, their batch forms and four socket options take pointers")]

use std::io::{self, IoSlice};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use ginnel_proto::limits;
use rustix::net::addr::{SocketAddrArg, SocketAddrOpaque};

use super::posix::{call, wait_flag};
use super::{Incoming, Outgoing, PeerIds, Slot, Taken, Wait, Would};
use crate::ancillary::Layout;

/// How Linux lays out control messages: `size_t` length, two `int`s, data aligned to `size_t`. cmsg(3)
pub(crate) const CONTROL: Layout = Layout {
    length: size_of::<usize>(),
    align: size_of::<usize>(),
    most_fds: limits::MAX_FDS,
    // `SCM_TIMESTAMPNS` has the number of the option that asks for it.
    stamp: Some(libc::SO_TIMESTAMPNS),
    // `SCM_PIDFD`, Linux 6.5: a descriptor too, if somebody asked for it on an adopted socket.
    pidfd: Some(4),
};

/// `SO_PEERPIDFD`, Linux 6.5; libc does not name it on every target.
const SO_PEERPIDFD: i32 = 77;
/// `SO_PASSRIGHTS`, Linux 6.16.
const SO_PASSRIGHTS: i32 = 83;
/// The two numbers are those of asm-generic/socket.h. PA-RISC and SPARC count otherwise, and what another option writes
/// there must not be taken for a descriptor.
const _: () = assert!(libc::SO_PEERGROUPS == 59, "socket options are numbered otherwise on this target");

/// Most packets in one call: `UIO_MAXIOV`.
const MOST_PACKETS: usize = 1024;

/// An empty message header.
#[inline]
fn header() -> libc::msghdr {
    // SAFETY: `msghdr` is integers and pointers, for which zero and null are values.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

#[inline]
pub(super) fn send(fd: BorrowedFd<'_>, outgoing: Outgoing<'_>, wait: Wait) -> Would<usize> {
    let flags = libc::MSG_NOSIGNAL | wait_flag(wait);
    if let Outgoing { bytes: [one], control: [], to: None } = outgoing {
        // SAFETY: pointer and length are one live slice.
        return call(wait, || unsafe { libc::send(fd.as_raw_fd(), one.as_ptr().cast(), one.len(), flags) });
    }
    let mut message = header();
    message.msg_iov = outgoing.bytes.as_ptr().cast_mut().cast();
    message.msg_iovlen = outgoing.bytes.len().min(MOST_PACKETS) as _;
    if !outgoing.control.is_empty() {
        message.msg_control = outgoing.control.as_ptr().cast_mut().cast();
        message.msg_controllen = outgoing.control.len() as _;
    }
    let attempt = |message: &libc::msghdr| {
        // SAFETY: `IoSlice` has the layout of `iovec` (std promises it); bytes, control data and name are
        // borrowed for the call, which reads them only. sendmsg(2)
        call(wait, || unsafe { libc::sendmsg(fd.as_raw_fd(), message, flags) })
    };
    let Some(to) = outgoing.to else { return attempt(&message) };
    let named = |name: *const SocketAddrOpaque, length| {
        message.msg_name = name.cast_mut().cast();
        message.msg_namelen = length;
        attempt(&message)
    };
    // SAFETY: the pointer is used only while `with_sockaddr` lends it.
    unsafe { to.with_sockaddr(named) }
}

#[inline]
pub(super) fn receive(fd: BorrowedFd<'_>, incoming: Incoming<'_>, wait: Wait) -> Would<Taken> {
    let whole = if incoming.whole { libc::MSG_TRUNC } else { 0 };
    let flags = libc::MSG_CMSG_CLOEXEC | whole | wait_flag(wait);
    let mut vector = vector(incoming.bytes);
    let mut message = receive_header(&mut vector, incoming.control);
    let mut name = MaybeUninit::<Name>::uninit();
    if incoming.from.is_some() {
        message.msg_name = name.as_mut_ptr().cast();
        message.msg_namelen = size_of::<Name>() as _;
    }
    // SAFETY: header, vector, buffers and name live across the call, which writes no further than the lengths
    // that stand beside the pointers. recvmsg(2)
    let took = call(wait, || unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags) })?;
    let Some(bytes) = took else { return Ok(None) };
    if let Some(from) = incoming.from {
        copy_sun_path(&name, message.msg_namelen as usize, from);
    }
    Ok(Some(taken(&message, bytes)))
}

#[inline]
fn vector(bytes: &mut [MaybeUninit<u8>]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
}

#[inline]
fn receive_header(vector: &mut libc::iovec, control: &mut [MaybeUninit<u8>]) -> libc::msghdr {
    let mut message = header();
    message.msg_iov = vector;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = control.len() as _;
    message
}

#[inline]
fn taken(message: &libc::msghdr, bytes: usize) -> Taken {
    Taken {
        bytes,
        control: message.msg_controllen as _,
        control_cut: message.msg_flags & libc::MSG_CTRUNC != 0,
    }
}

/// Room for any address. In `sockaddr_un` the NUL of a path of 108 bytes would not fit, and the kernel counts what it
/// could not write. unix(7), "Pathname sockets"
type Name = libc::sockaddr_storage;

/// Copies what the kernel wrote of a `sun_path`: a path ends at its first NUL, an abstract name begins with one.
fn copy_sun_path(name: &MaybeUninit<Name>, length: usize, into: &mut Vec<u8>) {
    into.clear();
    let start = std::mem::offset_of!(libc::sockaddr_un, sun_path);
    let length = length.min(size_of::<Name>()).saturating_sub(start);
    // SAFETY: the kernel wrote as many bytes as it reports, since there was room for the longest address of any family.
    // It is looked at as far as there is room, whatever is reported.
    let path = unsafe { std::slice::from_raw_parts(name.as_ptr().cast::<u8>().add(start), length) };
    match path.first() {
        None => {}
        Some(0) => into.extend_from_slice(path),
        Some(_) => into.extend(path.iter().take_while(|&&byte| byte != 0)),
    }
}

pub(super) fn send_many(fd: BorrowedFd<'_>, packets: &[IoSlice<'_>], wait: Wait) -> Would<usize> {
    let mut messages: Vec<libc::mmsghdr> = packets.iter().take(MOST_PACKETS).map(packet_header).collect();
    let flags = libc::MSG_NOSIGNAL | wait_flag(wait);
    let (start, count) = (messages.as_mut_ptr(), messages.len() as u32);
    // SAFETY: `messages` and the packets that they point to live across the call, which writes `msg_len` of
    // the first `count` headers. sendmmsg(2)
    call(wait, || unsafe { libc::sendmmsg(fd.as_raw_fd(), start, count, flags as _) } as isize)
}

fn packet_header(packet: &IoSlice<'_>) -> libc::mmsghdr {
    let mut message = header();
    message.msg_iov = ptr::from_ref(packet).cast_mut().cast();
    message.msg_iovlen = 1;
    libc::mmsghdr { msg_hdr: message, msg_len: 0 }
}

pub(super) fn receive_many(fd: BorrowedFd<'_>, slots: &mut [Slot<'_>], wait: Wait) -> Would<usize> {
    let slots = if slots.len() > MOST_PACKETS { &mut slots[..MOST_PACKETS] } else { slots };
    let mut vectors: Vec<libc::iovec> = slots.iter_mut().map(|slot| vector(slot.bytes)).collect();
    let headers = slots.iter_mut().zip(&mut vectors);
    let mut messages: Vec<libc::mmsghdr> = headers
        .map(|(slot, vector)| libc::mmsghdr { msg_hdr: receive_header(vector, slot.control), msg_len: 0 })
        .collect();
    let flags = libc::MSG_CMSG_CLOEXEC | libc::MSG_TRUNC | libc::MSG_WAITFORONE | wait_flag(wait);
    let (start, count) = (messages.as_mut_ptr(), messages.len() as u32);
    // SAFETY: headers, vectors and buffers live across the call, which writes no further than the lengths that
    // stand beside the pointers; a null timeout is none. recvmmsg(2)
    let took = call(wait, || unsafe {
        libc::recvmmsg(fd.as_raw_fd(), start, count, flags as _, ptr::null_mut()) as isize
    })?;
    let Some(took) = took else { return Ok(None) };
    for (slot, message) in slots.iter_mut().zip(&messages).take(took) {
        slot.taken = taken(&message.msg_hdr, message.msg_len as usize);
    }
    Ok(Some(took))
}

/// Reads a socket option into `space` and returns how many bytes the kernel wrote.
fn option(fd: BorrowedFd<'_>, name: i32, space: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    let mut length = space.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `space` and the count to `length`. getsockopt(2)
    let result = unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, name, space.as_mut_ptr().cast(), &raw mut length)
    };
    if result == 0 { Ok(length as usize) } else { Err(io::Error::last_os_error()) }
}

/// Reads a socket option of any length, growing the buffer as the kernel asks (`ERANGE`).
fn long_option(fd: BorrowedFd<'_>, name: i32) -> io::Result<Vec<u8>> {
    let mut room = 256;
    loop {
        let mut bytes: Vec<u8> = Vec::with_capacity(room);
        match option(fd, name, bytes.spare_capacity_mut()) {
            Ok(length) => {
                // SAFETY: the kernel wrote `length` bytes to the start; if it told a length that it would have liked,
                // no more than there was room for.
                unsafe { bytes.set_len(length.min(bytes.capacity())) };
                return Ok(bytes);
            }
            Err(error) if error.raw_os_error() == Some(libc::ERANGE) && room < MOST_OPTION => room *= 4,
            Err(error) => return Err(error),
        }
    }
}

/// 65,536 groups of four bytes: `NGROUPS_MAX`.
const MOST_OPTION: usize = 262_144;

/// rustix panics if the peer's pid is 0, which is what a foreign pid namespace looks like.
pub(super) fn peer_ids(fd: BorrowedFd<'_>) -> io::Result<PeerIds> {
    let mut space = [MaybeUninit::uninit(); size_of::<libc::ucred>()];
    if option(fd, libc::SO_PEERCRED, &mut space)? != space.len() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // SAFETY: the kernel wrote the whole structure, three integers.
    let ids = unsafe { space.as_ptr().cast::<libc::ucred>().read_unaligned() };
    let pid = u32::try_from(ids.pid).ok().filter(|&pid| pid != 0);
    Ok(PeerIds { pid, uid: ids.uid, gid: ids.gid })
}

pub(super) fn peer_groups(fd: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let bytes = long_option(fd, libc::SO_PEERGROUPS)?;
    let groups = bytes.chunks_exact(4).filter_map(|four| four.try_into().ok());
    Ok(groups.map(u32::from_ne_bytes).collect())
}

/// The peer's pidfd, if the kernel has such a thing and the peer can still be named. `SO_PEERPIDFD`
pub(crate) fn peer_pidfd(fd: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); 4];
    match option(fd, SO_PEERPIDFD, &mut space) {
        Ok(4) => {
            // SAFETY: the kernel wrote the four bytes of a new descriptor, which is not below zero and which nobody
            // else owns. It is close-on-exec: every pidfd is made so, see pidfd_open(2).
            Ok(Some(unsafe { OwnedFd::from_raw_fd(space.as_ptr().cast::<i32>().read_unaligned()) }))
        }
        Ok(_) => Ok(None),
        Err(error) => match error.raw_os_error() {
            Some(libc::ENOPROTOOPT | libc::ENODATA | libc::ESRCH | libc::EINVAL) => Ok(None),
            _ => Err(error),
        },
    }
}

/// The peer's security label, if a security module gave it one. `SO_PEERSEC`
pub(crate) fn peer_label(fd: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    match long_option(fd, libc::SO_PEERSEC) {
        Ok(mut label) => {
            while label.last() == Some(&0) {
                label.pop();
            }
            Ok(Some(label).filter(|label| !label.is_empty()))
        }
        Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Ok(None),
        Err(error) => Err(error),
    }
}

fn set_option(fd: BorrowedFd<'_>, name: i32, value: i32) -> io::Result<()> {
    let length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the kernel reads four bytes at `value`. setsockopt(2)
    let result = unsafe {
        libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, name, (&raw const value).cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

pub(super) fn stamp_packets(fd: BorrowedFd<'_>) -> io::Result<()> {
    set_option(fd, libc::SO_TIMESTAMPNS, 1)
}

/// Refuses descriptors: whoever sends some gets `EPERM`. `false`: the kernel is older than Linux 6.16.
pub(crate) fn refuse_fds(fd: BorrowedFd<'_>) -> io::Result<bool> {
    match set_option(fd, SO_PASSRIGHTS, 0) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod messages_at_the_edge;
#[cfg(test)]
mod options_at_the_edge;
