//! The bare system calls, without any library: what nothing can be faster than.

#![allow(unsafe_code, reason = "the floor is what the system calls cost, so it makes them itself")]

use std::io::{self, Read, Write};
use std::mem::{MaybeUninit, offset_of, size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use ginnel_bench_part::{Blocking, BlockingFds, BlockingSystem, Endpoint, PacketLink, System, ready};

use super::{FLOOR, floor_broadcast, floor_messages};

pub(super) const SYSTEM: System = System::named(FLOOR)
    .with_stream(|part, control| ready(part.stream::<Blocking<Floor>>(control)))
    .with_packets(|part, control| ready(part.packets::<FloorPackets>(control)))
    .with_messages(floor_messages::messages)
    .with_calls(floor_messages::calls)
    .with_clients(floor_messages::calls)
    .with_broadcasts(floor_broadcast::broadcasts)
    .with_fds(|part, control| ready(part.fds::<Blocking<Floor>>(control)))
    .with_requests(floor_messages::calls)
    .with_pipelines(floor_messages::messages)
    .with_publishers(floor_broadcast::broadcasts);

pub(super) struct Floor;

impl BlockingSystem for Floor {
    type Stream = FloorStream;
    type Listener = OwnedFd;

    fn listen(path: &Path) -> io::Result<OwnedFd> {
        listen(libc::SOCK_STREAM, path)
    }

    fn accept(listener: &mut OwnedFd) -> io::Result<FloorStream> {
        accept(listener).map(FloorStream)
    }

    fn connect(path: &Path) -> io::Result<FloorStream> {
        connect(libc::SOCK_STREAM, path).map(FloorStream)
    }
}

impl BlockingFds for Floor {
    fn send_fd(stream: &mut FloorStream, fd: BorrowedFd<'_>) -> io::Result<()> {
        let mut byte = [1];
        let mut control = ControlBuffer { bytes: [0; CONTROL_SPACE] };
        with_message(&mut byte, &mut control, |message| {
            // SAFETY: `with_message` gives a header whose control buffer is aligned for `cmsghdr`
            // and has CMSG_SPACE of one descriptor, so the first header and its data lie in it.
            unsafe {
                let header = libc::CMSG_FIRSTHDR(message);
                (*header).cmsg_level = libc::SOL_SOCKET;
                (*header).cmsg_type = libc::SCM_RIGHTS;
                (*header).cmsg_len = libc::CMSG_LEN(FD_BYTES) as _;
                ptr::write_unaligned(libc::CMSG_DATA(header).cast::<RawFd>(), fd.as_raw_fd());
            }
            // SAFETY: every pointer of the message is to a buffer that outlives this call.
            check(unsafe { libc::sendmsg(stream.0.as_raw_fd(), message, libc::MSG_NOSIGNAL) })
        })?;
        Ok(())
    }

    fn recv_fds(stream: &mut FloorStream) -> io::Result<u64> {
        let mut byte = [0];
        let mut control = ControlBuffer { bytes: [0; CONTROL_SPACE] };
        with_message(&mut byte, &mut control, |message| {
            // SAFETY: every pointer of the message is to a buffer that outlives this call.
            let received =
                check(unsafe { libc::recvmsg(stream.0.as_raw_fd(), message, libc::MSG_CMSG_CLOEXEC) })?;
            if received == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // SAFETY: the kernel filled the control buffer and set its length in the message.
            let header = unsafe { libc::CMSG_FIRSTHDR(message) };
            if header.is_null() {
                return Ok(0);
            }
            // SAFETY: not null, so a whole header lies in the buffer. Nobody asked for other
            // control messages than SCM_RIGHTS, there is room for one descriptor, and a
            // descriptor just received is ours alone.
            drop(unsafe {
                OwnedFd::from_raw_fd(ptr::read_unaligned(libc::CMSG_DATA(header).cast::<RawFd>()))
            });
            Ok(1)
        })
    }
}

pub(super) struct FloorStream(OwnedFd);

/// With `recv` and `send`: on a socket they are a few per cent cheaper than `read` and `write`,
/// which go through the file layer first.
impl Read for FloorStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        recv(&self.0, buffer)
    }
}

impl Write for FloorStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send(&self.0, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct FloorPackets {
    socket: OwnedFd,
    buffer: [u8; 64],
}

impl FloorPackets {
    fn new(socket: OwnedFd) -> Self {
        Self { socket, buffer: [0; 64] }
    }

    fn recv(&mut self) -> io::Result<()> {
        match recv(&self.socket, &mut self.buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Endpoint for FloorPackets {
    type Listener = OwnedFd;

    async fn listen(path: &Path) -> io::Result<OwnedFd> {
        listen(libc::SOCK_SEQPACKET, path)
    }

    async fn accept(listener: &mut OwnedFd) -> io::Result<Self> {
        accept(listener).map(Self::new)
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        connect(libc::SOCK_SEQPACKET, path).map(Self::new)
    }

    async fn signal(&mut self) -> io::Result<()> {
        send(&self.socket, &[1]).map(drop)
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.recv()
    }
}

impl PacketLink for FloorPackets {
    async fn send_some(&mut self, packet: &[u8], _most: u64) -> io::Result<u64> {
        send(&self.socket, packet).map(|_| 1)
    }

    async fn recv_some(&mut self) -> io::Result<u64> {
        self.recv().map(|()| 1)
    }
}

/// Room for one descriptor, aligned as control messages must be.
#[repr(C)]
union ControlBuffer {
    bytes: [u8; CONTROL_SPACE],
    _align: libc::cmsghdr,
}

/// Lends a message header over one payload buffer and the control buffer.
fn with_message<T>(
    payload: &mut [u8],
    control: &mut ControlBuffer,
    call: impl FnOnce(&mut libc::msghdr) -> io::Result<T>,
) -> io::Result<T> {
    let mut slice = libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: payload.len() };
    // SAFETY: a `msghdr` of zeroes is one without name, buffers and flags.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &raw mut slice;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut *control).cast();
    message.msg_controllen = CONTROL_SPACE as _;
    call(&mut message)
}

fn socket(kind: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved.
    let fd = check_int(unsafe { libc::socket(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the kernel just gave us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn listen(kind: libc::c_int, path: &Path) -> io::Result<OwnedFd> {
    let socket = socket(kind)?;
    let (address, length) = address(path)?;
    // SAFETY: the address is initialised, and `length` is within it.
    check_int(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) })?;
    // SAFETY: no memory is involved.
    check_int(unsafe { libc::listen(socket.as_raw_fd(), BACKLOG) })?;
    Ok(socket)
}

fn accept(listener: &OwnedFd) -> io::Result<OwnedFd> {
    let (fd, nobody) = (listener.as_raw_fd(), ptr::null_mut());
    // SAFETY: accept4 writes no address through null pointers.
    let fd = check_int(unsafe { libc::accept4(fd, nobody, ptr::null_mut(), libc::SOCK_CLOEXEC) })?;
    // SAFETY: the kernel just gave us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn connect(kind: libc::c_int, path: &Path) -> io::Result<OwnedFd> {
    let socket = socket(kind)?;
    let (address, length) = address(path)?;
    // SAFETY: the address is initialised, and `length` is within it.
    check_int(unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), length) })?;
    Ok(socket)
}

fn send(socket: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    let (data, length) = (bytes.as_ptr().cast(), bytes.len());
    // SAFETY: the pointer and the length are those of one borrowed slice.
    check(unsafe { libc::send(socket.as_raw_fd(), data, length, libc::MSG_NOSIGNAL) })
}

fn recv(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    let (data, length) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: the pointer and the length are those of one exclusively borrowed slice.
    check(unsafe { libc::recv(socket.as_raw_fd(), data, length, 0) })
}

fn address(path: &Path) -> io::Result<(libc::sockaddr_un, libc::socklen_t)> {
    // SAFETY: a `sockaddr_un` of zeroes is valid, and is one with an empty path.
    let mut address: libc::sockaddr_un = unsafe { MaybeUninit::zeroed().assume_init() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let bytes = path.as_os_str().as_bytes();
    if bytes.len() >= address.sun_path.len() {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    for (place, &byte) in address.sun_path.iter_mut().zip(bytes) {
        *place = byte as libc::c_char;
    }
    let length = offset_of!(libc::sockaddr_un, sun_path) + bytes.len() + 1;
    Ok((address, length as libc::socklen_t))
}

fn check(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn check_int(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

const BACKLOG: libc::c_int = 128;
const FD_BYTES: libc::c_uint = size_of::<RawFd>() as libc::c_uint;
// SAFETY: computes a size; it reads no memory.
const CONTROL_SPACE: usize = unsafe { libc::CMSG_SPACE(FD_BYTES) } as usize;
