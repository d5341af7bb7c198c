use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use ginnel_proto::limits;

use crate::error::SocketError;
use crate::socket::{self, AdoptError, Form};
use crate::sys::{Kernel, SocketKind, Sockets, Wait, Would};

/// A byte stream that carries descriptors. Never waits by itself.
#[derive(Debug)]
pub struct Stream {
    fd: OwnedFd,
    /// A plain read met descriptors and has not said so yet.
    unread: AtomicBool,
    /// We made it, so nobody has asked the kernel for further control data.
    ours: bool,
}

/// What one receiving call on a stream brought.
#[derive(Debug)]
#[non_exhaustive]
pub struct Chunk {
    /// Bytes; 0 is the end, unless there was no room.
    pub bytes: usize,
    /// Descriptors whose first byte is at or before the end of these bytes.
    pub fds: Vec<OwnedFd>,
    /// The kernel had no more: the buffer was not filled, no descriptor ended the read, and the socket is one of
    /// our making. Waiting for readiness is safe without another call, see `docs/decisions/0002-readiness.md`.
    pub drained: bool,
}

impl Stream {
    /// Two streams connected to each other.
    ///
    /// # Errors
    /// The kernel's, see socketpair(2).
    pub fn pair(nonblocking: bool) -> io::Result<(Self, Self)> {
        let (a, b) = Kernel.socket_pair(SocketKind::Stream, nonblocking)?;
        Ok((Self::made(a), Self::made(b)))
    }

    /// A socket that was connected or accepted by this library, whose options nobody else has set.
    pub fn made(fd: OwnedFd) -> Self {
        Self { fd, unread: AtomicBool::new(false), ours: true }
    }

    /// Adopts a connected descriptor, keeping its flags.
    ///
    /// # Errors
    /// [`SocketError::WrongSocket`] or [`SocketError::WrongRole`], with the descriptor.
    pub fn adopt(fd: OwnedFd) -> Result<Self, AdoptError> {
        socket::adopt(fd, SocketKind::Stream, false).map(Self::from)
    }

    /// Sends some of the bytes, and the descriptors with the first of them. Returns how many bytes went.
    ///
    /// # Errors
    /// [`SocketError::TooManyFds`], [`SocketError::FdsWithoutBytes`], or the kernel's; nothing was sent then.
    #[inline]
    pub fn send(&self, bytes: &[IoSlice<'_>], fds: &[BorrowedFd<'_>], wait: Wait) -> Would<usize> {
        let bytes = &bytes[..bytes.len().min(limits::SLICES)];
        if !fds.is_empty() && bytes.iter().all(|part| part.is_empty()) {
            return Err(SocketError::FdsWithoutBytes.into());
        }
        socket::send(&Kernel, self.fd.as_fd(), bytes, fds, wait)
    }

    /// Receives bytes, and descriptors that were sent with them. Without room for a byte it does nothing.
    ///
    /// # Errors
    /// [`SocketError::FdsLost`], [`SocketError::FdsUnread`] for a plain read before, or the kernel's.
    #[inline]
    pub fn receive(&self, bytes: &mut [u8], wait: Wait) -> Would<Chunk> {
        self.report_unread()?;
        let room = bytes.len();
        let Some(arrived) = self.take(socket::room(bytes), wait)? else { return Ok(None) };
        if arrived.lost {
            return Err(SocketError::FdsLost { bytes: arrived.bytes }.into());
        }
        let drained = self.drained(&arrived, room);
        Ok(Some(Chunk { bytes: arrived.bytes, fds: arrived.fds, drained }))
    }

    /// As [`receive`](Self::receive), at most `most` bytes behind what `buffer` holds, as far as it has capacity.
    ///
    /// # Errors
    /// As [`receive`](Self::receive); bytes that came with lost descriptors stand behind what `buffer` held.
    #[inline]
    pub fn receive_behind(&self, buffer: &mut Vec<u8>, most: usize, wait: Wait) -> Would<Chunk> {
        self.report_unread()?;
        let room = most.min(buffer.capacity() - buffer.len());
        if room == 0 {
            return Ok(Some(Chunk { bytes: 0, fds: Vec::new(), drained: false }));
        }
        let Some(arrived) = socket::receive_behind(&Kernel, self.fd.as_fd(), (buffer, room), wait)? else {
            return Ok(None);
        };
        if arrived.lost {
            return Err(SocketError::FdsLost { bytes: arrived.bytes }.into());
        }
        let drained = self.drained(&arrived, room);
        Ok(Some(Chunk { bytes: arrived.bytes, fds: arrived.fds, drained }))
    }

    /// Reads bytes. If descriptors came with them they are closed, and the next call says so.
    ///
    /// # Errors
    /// [`SocketError::FdsUnread`] for the read before, or the kernel's.
    #[inline]
    pub fn read(&self, bytes: &mut [u8], wait: Wait) -> Would<Chunk> {
        self.read_uninit(socket::room(bytes), wait)
    }

    /// As [`read`](Self::read), into bytes that need not be initialised: as many of them are as are reported.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[inline]
    pub fn read_uninit(&self, bytes: &mut [MaybeUninit<u8>], wait: Wait) -> Would<Chunk> {
        self.report_unread()?;
        let room = bytes.len();
        let Some(arrived) = self.take(bytes, wait)? else { return Ok(None) };
        if arrived.lost || !arrived.fds.is_empty() {
            self.unread.store(true, Ordering::Relaxed);
        }
        let drained = self.drained(&arrived, room);
        Ok(Some(Chunk { bytes: arrived.bytes, fds: Vec::new(), drained }))
    }

    #[inline]
    fn drained(&self, arrived: &socket::Arrived<OwnedFd>, room: usize) -> bool {
        self.ours && arrived.plain && arrived.bytes > 0 && arrived.bytes < room
    }

    #[inline]
    fn take(&self, bytes: &mut [MaybeUninit<u8>], wait: Wait) -> Would<socket::Arrived<OwnedFd>> {
        if bytes.is_empty() {
            // The kernel would hand over descriptors ahead of their byte.
            return Ok(Some(socket::Arrived::nothing()));
        }
        socket::receive(&Kernel, self.fd.as_fd(), bytes, Form::Chunk, wait)
    }

    #[inline]
    fn report_unread(&self) -> io::Result<()> {
        if self.unread.load(Ordering::Relaxed) && self.unread.swap(false, Ordering::Relaxed) {
            return Err(SocketError::FdsUnread.into());
        }
        Ok(())
    }
}

/// Takes the descriptor as it is, unchecked: calls on one that is no stream fail.
impl From<OwnedFd> for Stream {
    fn from(fd: OwnedFd) -> Self {
        Self { fd, unread: AtomicBool::new(false), ours: false }
    }
}

impl From<Stream> for OwnedFd {
    fn from(stream: Stream) -> Self {
        stream.fd
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
