#![expect(unsafe_code, reason = "a vector is filled by the kernel, batches are opened slot by slot")]

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};

use ginnel_proto::Message;

use crate::ancillary;
use crate::error::SocketError;
use crate::socket::{self, Arrived, Form, Received};
use crate::sys::{Carried, Handle, HandleRef, Kernel, Slot, SocketKind, Sockets, Taken, Wait, Would, codes};

/// Whole packets over a connection, in order, with descriptors. Never waits by itself.
#[derive(Debug)]
pub struct SeqPacket<S: Sockets = Kernel> {
    sys: S,
    fd: S::Fd,
    /// It is a local packet socket, which writes as many bytes as it reports.
    checked: bool,
    /// The kernel reported a reset before the packets that it had queued; said when they are all taken.
    reset: AtomicBool,
}

impl SeqPacket {
    /// Two sockets connected to each other.
    ///
    /// # Errors
    /// The kernel's, see socketpair(2).
    pub fn pair(nonblocking: bool) -> io::Result<(Self, Self)> {
        Self::pair_on(Kernel, nonblocking)
    }

    /// Takes the socket as it is, unchecked: calls on one that is no packet socket fail.
    pub fn unchecked(fd: Handle) -> Self {
        Self::unchecked_on(Kernel, fd)
    }

    /// Sends packets in one system call and returns how many of them went, at least one.
    ///
    /// # Errors
    /// As [`send`](Self::send), about the first packet; a later one's error shows in the next call.
    pub fn send_batch(&self, packets: &[IoSlice<'_>], wait: Wait) -> Would<usize> {
        if packets.is_empty() {
            return Ok(Some(0));
        }
        Kernel.send_many(self.borrowed(), packets, wait)
    }

    /// Receives what packets there are, as many as the batch holds, in one system call. Returns how many; 0 is
    /// the end.
    ///
    /// # Errors
    /// The kernel's. What went wrong with a single packet is told by that [`Packet`].
    pub fn receive_batch(&self, batch: &mut Batch, wait: Wait) -> Would<usize> {
        let mut took = self.past_reset(|| batch.fill(self.borrowed(), wait))?;
        if took == Some(0) {
            // As in `take`.
            took = batch.fill(self.borrowed(), wait)?;
        }
        if took == Some(0) {
            self.end()?;
        }
        Ok(took)
    }
}

impl<S: Sockets> SeqPacket<S> {
    /// As [`pair`](SeqPacket::pair), on this kernel.
    ///
    /// # Errors
    /// As there.
    pub fn pair_on(sys: S, nonblocking: bool) -> io::Result<(Self, Self)> {
        let (a, b) = sys.socket_pair(SocketKind::SeqPacket, nonblocking)?;
        Ok((Self::unchecked_on(sys.clone(), a), Self::unchecked_on(sys, b)))
    }

    /// Takes the descriptor as it is: calls on one that is no packet socket fail.
    pub fn unchecked_on(sys: S, fd: S::Fd) -> Self {
        // A descriptor that is no socket says so at the first call that matters.
        let _ = sys.stamp_packets(sys.borrow(&fd));
        sys.quieten(sys.borrow(&fd));
        let checked = socket::check_kind(&sys, sys.borrow(&fd), SocketKind::SeqPacket).is_ok();
        Self { sys, fd, checked, reset: AtomicBool::new(false) }
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

    /// Sends one packet, whole, with duplicates of these descriptors.
    ///
    /// # Errors
    /// [`SocketError::TooManyFds`], or the kernel's (`EMSGSIZE` for a packet that `SO_SNDBUF` cannot hold);
    /// nothing was sent then.
    #[inline]
    pub fn send(&self, packet: &[u8], fds: &[S::Lent<'_>], wait: Wait) -> Would<()> {
        let sent = socket::send(&self.sys, self.borrowed(), &[IoSlice::new(packet)], fds, wait)?;
        Ok(sent.map(|_| ()))
    }

    /// Receives one packet of up to `most` bytes; the inner `None` is the end.
    ///
    /// # Errors
    /// [`SocketError::PacketCut`], [`SocketError::FdsLost`], or the kernel's.
    pub fn receive(&self, most: usize, wait: Wait) -> Would<Option<Message<S::Carried>>> {
        let mut body = socket::body(most, self.checked);
        let Some(received) = self.take(&mut body.spare_capacity_mut()[..most], wait)? else {
            return Ok(None);
        };
        // SAFETY: a local packet socket wrote the bytes that it reports to the start of `body`; for any other socket
        // they were written before.
        Ok(Some(received.map(|received| unsafe { socket::message(body, received) })))
    }

    /// Receives one packet into `bytes`; the inner `None` is the end.
    ///
    /// # Errors
    /// As [`receive`](Self::receive). Of a packet that was cut or lost descriptors, the bytes stand in `bytes`.
    #[inline]
    pub fn receive_into(&self, bytes: &mut [u8], wait: Wait) -> Would<Option<Received<S::Carried>>> {
        self.take(socket::room(bytes), wait)
    }

    #[inline]
    fn take(&self, room: &mut [MaybeUninit<u8>], wait: Wait) -> Would<Option<Received<S::Carried>>> {
        let most = room.len();
        let mut arrived =
            self.past_reset(|| socket::receive(&self.sys, self.borrowed(), room, Form::Packet, wait))?;
        if arrived.as_ref().is_some_and(is_end) {
            // The kernel looks for a packet first and for the end afterwards: one that was sent, and the socket closed,
            // in between is still there. The end is final, so a second look is too.
            arrived = socket::receive(&self.sys, self.borrowed(), room, Form::Packet, wait)?;
        }
        arrived.map(|arrived| self.judge(arrived, most)).transpose()
    }

    /// Makes a receiving call again if the kernel told of a reset, which it does before it hands over what had
    /// arrived; unlike on a stream.
    #[inline]
    fn past_reset<T>(&self, mut call: impl FnMut() -> Would<T>) -> Would<T> {
        match call() {
            Err(error) if error.raw_os_error() == Some(codes::RESET) => {
                self.reset.store(true, Ordering::Relaxed);
                call()
            }
            other => other,
        }
    }

    #[inline]
    fn judge(&self, arrived: Arrived<S::Carried>, room: usize) -> io::Result<Option<Received<S::Carried>>> {
        if is_end(&arrived) {
            return self.end();
        }
        if arrived.lost {
            return Err(SocketError::FdsLost { bytes: arrived.bytes.min(room) }.into());
        }
        let bytes = socket::whole(arrived.bytes, room)?;
        Ok(Some((bytes, arrived.fds)))
    }

    fn end(&self) -> io::Result<Option<Received<S::Carried>>> {
        if self.reset.swap(false, Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(codes::RESET));
        }
        Ok(None)
    }
}

/// Nothing came, not even the time that every packet carries.
fn is_end<F>(arrived: &Arrived<F>) -> bool {
    arrived.bytes == 0 && arrived.plain
}

/// Takes the socket as it is, unchecked: calls on one that is no packet socket fail.
impl From<Handle> for SeqPacket {
    fn from(fd: Handle) -> Self {
        Self::unchecked_on(Kernel, fd)
    }
}

impl From<SeqPacket> for Handle {
    fn from(socket: SeqPacket) -> Self {
        socket.into_handle()
    }
}

/// Room for several packets, used again and again.
///
/// ```
/// let batch = ginnel_os::Batch::new(32, 2048);
/// assert_eq!(batch.iter().count(), 0);
/// ```
pub struct Batch {
    bytes: Vec<u8>,
    control: Vec<MaybeUninit<u8>>,
    packets: Vec<(usize, Arrived<Carried>)>,
    room: usize,
    most: usize,
}

impl Batch {
    /// Room for `packets` packets (at most 1,024 are filled at once) of `room` bytes each.
    ///
    /// # Panics
    /// If that is more memory than there can be.
    pub fn new(packets: usize, room: usize) -> Self {
        let most = packets.clamp(1, 1024);
        Self {
            bytes: vec![0; most.checked_mul(room).expect("the room for a batch fits memory")],
            control: vec![MaybeUninit::uninit(); most * ancillary::ROOM],
            packets: Vec::with_capacity(most),
            room,
            most,
        }
    }

    /// The packets of the last call, in order.
    pub fn iter(&self) -> impl Iterator<Item = Packet<'_>> {
        self.packets.iter().map(|(index, arrived)| {
            let start = index * self.room;
            let filled = start + arrived.bytes.min(self.room);
            Packet { bytes: &self.bytes[start..filled], arrived, room: self.room }
        })
    }

    /// Takes the descriptors of packet `index` of the last call; those that nobody takes are closed by the next
    /// call and when the batch is dropped.
    pub fn take_fds(&mut self, index: usize) -> Vec<Carried> {
        self.packets.get_mut(index).map(|(_, arrived)| std::mem::take(&mut arrived.fds)).unwrap_or_default()
    }

    /// Receives; what came after the end of the connection are no packets.
    fn fill(&mut self, fd: HandleRef<'_>, wait: Wait) -> Would<usize> {
        self.packets.clear();
        let rooms = self.bytes.chunks_mut(self.room.max(1)).map(Some).chain(std::iter::repeat_with(|| None));
        let controls = self.control.chunks_mut(ancillary::ROOM);
        let mut slots: Vec<Slot<'_>> = controls
            .zip(rooms)
            .map(|(control, bytes)| Slot {
                bytes: socket::room(bytes.unwrap_or_default()),
                control,
                taken: Taken::default(),
            })
            .collect();
        let Some(took) = Kernel.receive_many(fd, &mut slots, wait)? else { return Ok(None) };
        for (index, slot) in slots.iter().take(took).enumerate() {
            // SAFETY: the call above wrote both, and each slot is looked at once.
            let arrived = unsafe { socket::arrived(&Kernel, slot.taken, slot.control) };
            // A packet may follow what looked like the end, see `take`.
            if !is_end(&arrived) {
                self.packets.push((index, arrived));
            }
        }
        Ok(Some(self.packets.len()))
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("most", &self.most).field("room", &self.room).finish_non_exhaustive()
    }
}

/// One packet of a [`Batch`].
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    arrived: &'a Arrived<Carried>,
    room: usize,
}

impl<'a> Packet<'a> {
    /// The packet's bytes.
    ///
    /// # Errors
    /// [`SocketError::PacketCut`] if it was larger than the batch's room, [`SocketError::FdsLost`].
    pub fn bytes(&self) -> io::Result<&'a [u8]> {
        if self.arrived.lost {
            return Err(SocketError::FdsLost { bytes: self.bytes.len() }.into());
        }
        socket::whole(self.arrived.bytes, self.room)?;
        Ok(self.bytes)
    }

    /// The descriptors that came with it, on loan; [`Batch::take_fds`] takes them.
    pub fn fds(&self) -> &'a [Carried] {
        &self.arrived.fds
    }
}
