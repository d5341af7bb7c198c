use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};

use ginnel_proto::limits;

use crate::error::SocketError;
use crate::socket::{self, AdoptError, Form};
use crate::sys::{Carried, Handle, Kernel, SocketKind, Sockets, Wait, Would};

/// A byte stream that carries descriptors. Never waits by itself.
#[derive(Debug)]
pub struct Stream<S: Sockets = Kernel> {
    sys: S,
    fd: S::Fd,
    /// A plain read met descriptors and has not said so yet.
    unread: AtomicBool,
    /// We made it, so nobody has asked the kernel for further control data.
    ours: bool,
}

/// What one receiving call on a stream brought.
#[derive(Debug)]
#[non_exhaustive]
pub struct Chunk<F = Carried> {
    /// Bytes; 0 is the end, unless there was no room.
    pub bytes: usize,
    /// Descriptors whose first byte is at or before the end of these bytes.
    pub fds: Vec<F>,
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
        Self::pair_on(Kernel, nonblocking)
    }

    /// A socket that was connected or accepted by this library, whose options nobody else has set.
    pub fn made(fd: Handle) -> Self {
        Self::made_on(Kernel, fd)
    }

    /// A socket as it is, unchecked: calls on one that is no stream fail.
    pub fn unchecked(fd: Handle) -> Self {
        Self::unchecked_on(Kernel, fd)
    }
}

impl<S: Sockets> Stream<S> {
    /// As [`pair`](Stream::pair), on this kernel.
    ///
    /// # Errors
    /// As there.
    pub fn pair_on(sys: S, nonblocking: bool) -> io::Result<(Self, Self)> {
        let (a, b) = sys.socket_pair(SocketKind::Stream, nonblocking)?;
        Ok((Self::made_on(sys.clone(), a), Self::made_on(sys, b)))
    }

    /// As [`made`](Stream::made), on this kernel.
    pub const fn made_on(sys: S, fd: S::Fd) -> Self {
        Self { sys, fd, unread: AtomicBool::new(false), ours: true }
    }

    /// As [`adopt`](Stream::adopt), on this kernel.
    ///
    /// # Errors
    /// As there.
    pub fn adopt_on(sys: S, fd: S::Fd) -> Result<Self, AdoptError<S::Fd>> {
        let fd = socket::adopt(&sys, fd, SocketKind::Stream, false)?;
        Ok(Self::unchecked_on(sys, fd))
    }

    /// Takes the descriptor as it is, unchecked: calls on one that is no stream fail.
    pub(crate) fn unchecked_on(sys: S, fd: S::Fd) -> Self {
        sys.quieten(sys.borrow(&fd));
        Self { sys, fd, unread: AtomicBool::new(false), ours: false }
    }

    /// The kernel that it lives on.
    pub(crate) const fn sys(&self) -> &S {
        &self.sys
    }

    /// Gives the socket away.
    pub fn into_handle(self) -> S::Fd {
        self.fd
    }

    /// The socket, on loan.
    #[inline]
    pub fn borrowed(&self) -> S::Borrowed<'_> {
        self.sys.borrow(&self.fd)
    }

    /// Ends one or both directions. shutdown(2)
    ///
    /// # Errors
    /// The kernel's: it is not connected.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.sys.shutdown(self.borrowed(), how)
    }

    /// Nothing more will be written, and nothing that comes is of interest: the other side is told, behind what was
    /// written before. shutdown(2)
    ///
    /// # Errors
    /// The kernel's: it is not connected.
    pub fn finish(&self) -> io::Result<()> {
        self.sys.finish(self.borrowed())
    }

    /// Has the kernel everything that was sent? If not, it can be written to once it has.
    #[inline]
    pub fn is_settled(&self) -> bool {
        self.sys.is_settled(self.borrowed())
    }

    /// Sends some of the bytes, and the descriptors with the first of them. Returns how many bytes went.
    ///
    /// # Errors
    /// [`SocketError::TooManyFds`], [`SocketError::FdsWithoutBytes`], or the kernel's; nothing was sent then.
    #[inline]
    pub fn send(&self, bytes: &[IoSlice<'_>], fds: &[S::Lent<'_>], wait: Wait) -> Would<usize> {
        let bytes = &bytes[..bytes.len().min(limits::SLICES)];
        if !fds.is_empty() && bytes.iter().all(|part| part.is_empty()) {
            return Err(SocketError::FdsWithoutBytes.into());
        }
        socket::send(&self.sys, self.borrowed(), bytes, fds, wait)
    }

    /// Receives bytes, and descriptors that were sent with them. Without room for a byte it does nothing.
    ///
    /// # Errors
    /// [`SocketError::FdsLost`], [`SocketError::FdsUnread`] for a plain read before, or the kernel's.
    #[inline]
    pub fn receive(&self, bytes: &mut [u8], wait: Wait) -> Would<Chunk<S::Carried>> {
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
    pub fn receive_behind(&self, buffer: &mut Vec<u8>, most: usize, wait: Wait) -> Would<Chunk<S::Carried>> {
        self.report_unread()?;
        let room = most.min(buffer.capacity() - buffer.len());
        if room == 0 {
            return Ok(Some(Chunk { bytes: 0, fds: Vec::new(), drained: false }));
        }
        let Some(arrived) = socket::receive_behind(&self.sys, self.borrowed(), (buffer, room), wait)? else {
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
    pub fn read(&self, bytes: &mut [u8], wait: Wait) -> Would<Chunk<S::Carried>> {
        self.read_uninit(socket::room(bytes), wait)
    }

    /// As [`read`](Self::read), into bytes that need not be initialised: as many of them are as are reported.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[inline]
    pub fn read_uninit(&self, bytes: &mut [MaybeUninit<u8>], wait: Wait) -> Would<Chunk<S::Carried>> {
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
    fn drained(&self, arrived: &socket::Arrived<S::Carried>, room: usize) -> bool {
        self.ours
            && self.sys.reads_on_behind_descriptors()
            && arrived.plain
            && arrived.bytes > 0
            && arrived.bytes < room
    }

    #[inline]
    fn take(&self, bytes: &mut [MaybeUninit<u8>], wait: Wait) -> Would<socket::Arrived<S::Carried>> {
        if bytes.is_empty() {
            // The kernel would hand over descriptors ahead of their byte.
            return Ok(Some(socket::Arrived::nothing()));
        }
        socket::receive(&self.sys, self.borrowed(), bytes, Form::Chunk, wait)
    }

    #[inline]
    fn report_unread(&self) -> io::Result<()> {
        if self.unread.load(Ordering::Relaxed) && self.unread.swap(false, Ordering::Relaxed) {
            return Err(SocketError::FdsUnread.into());
        }
        Ok(())
    }
}

/// Takes the socket as it is, unchecked: calls on one that is no stream fail.
impl From<Handle> for Stream {
    fn from(fd: Handle) -> Self {
        Self::unchecked_on(Kernel, fd)
    }
}

impl From<Stream> for Handle {
    fn from(socket: Stream) -> Self {
        socket.into_handle()
    }
}
