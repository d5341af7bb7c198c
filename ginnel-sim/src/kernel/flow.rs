//! What goes through sockets.

use std::io::IoSlice;
use std::mem::MaybeUninit;

use ginnel_os::SocketKind;
use ginnel_os::sys::Taken;
use rustix::net::SocketAddrUnix;

use super::control::{self, Room};
use super::process::Process;
use super::socket::{Segment, Socket, State};
use super::{Errno, FileId, Got, Pid, SockId, What, World};
use crate::fault::Fault;

impl World {
    pub(super) fn send(
        &mut self,
        (pid, number): (Pid, i32),
        bytes: &[IoSlice<'_>],
        control: &[u8],
        to: Option<&SocketAddrUnix>,
    ) -> Got<usize> {
        self.enter(pid)?;
        let id = self.sock_of(pid, number)?;
        let fds = control::rights(control);
        if fds.len() > MOST_FDS {
            return Err(libc::EINVAL);
        }
        let files: Vec<FileId> = fds.iter().map(|&fd| self.lookup(pid, fd)).collect::<Got<_>>()?;
        let kind = self.look(id).ok_or(libc::EBADF)?.kind;
        let sent = if kind == SocketKind::Stream {
            self.send_stream(id, bytes, (pid, &files))
        } else {
            self.send_packet(id, bytes, (pid, &files), to)
        };
        match sent {
            Err(libc::EPIPE) => self.happened(Fault::BrokenPipe),
            Err(libc::EAGAIN) => self.happened(Fault::FullSocket),
            Err(libc::EPERM) => self.happened(Fault::RefusesFds),
            Err(libc::ETOOMANYREFS) => self.happened(Fault::TooManyRefs),
            _ => {}
        }
        sent
    }

    fn send_stream(
        &mut self,
        id: SockId,
        bytes: &[IoSlice<'_>],
        (pid, files): (Pid, &[FileId]),
    ) -> Got<usize> {
        let socket = self.look(id).ok_or(libc::EBADF)?;
        let State::Connected { peer } = socket.state else { return Err(libc::ENOTCONN) };
        let capacity = socket.capacity;
        if socket.ended_write || self.look(peer).is_none_or(|peer| peer.ended_read) {
            return Err(libc::EPIPE);
        }
        let total: usize = bytes.iter().map(|part| part.len()).sum();
        if total == 0 {
            // Nothing carries the descriptors.
            return Ok(0);
        }
        let room = capacity.saturating_sub(self.unread(peer));
        if room == 0 {
            return Err(libc::EAGAIN);
        }
        if self.fails(Fault::NoBuffers) {
            return Err(libc::ENOBUFS);
        }
        self.may_carry(peer, (pid, files))?;
        let mut count = total.min(room);
        if count > 1 && self.fails(Fault::ShortWrite) {
            count = 1 + self.choices.index(count - 1);
        }
        let mut data: Vec<u8> = bytes.iter().flat_map(|part| part.iter().copied()).take(count).collect();
        if data.len() > 1 && self.fails(Fault::SplitWrite) {
            let rest = data.split_off(1 + self.choices.index(data.len() - 1));
            self.deliver(peer, data, (pid, files));
            self.deliver(peer, rest, (pid, &[]));
        } else {
            self.deliver(peer, data, (pid, files));
        }
        Ok(count)
    }

    fn send_packet(
        &mut self,
        id: SockId,
        bytes: &[IoSlice<'_>],
        (pid, files): (Pid, &[FileId]),
        to: Option<&SocketAddrUnix>,
    ) -> Got<usize> {
        let socket = self.sock(id).ok_or(libc::EBADF)?;
        if socket.kind == SocketKind::SeqPacket
            && let Some(error) = socket.error.take()
        {
            return Err(error);
        }
        let (kind, capacity, ended) = (socket.kind, socket.capacity, socket.ended_write);
        let peer = match (to, &socket.state) {
            (None, State::Connected { peer }) => *peer,
            (None, _) => return Err(libc::ENOTCONN),
            (Some(to), _) => self.resolve(pid, to)?,
        };
        if ended {
            return Err(libc::EPIPE);
        }
        let total: usize = bytes.iter().map(|part| part.len()).sum();
        if total > capacity.saturating_sub(PACKET_COST) && capacity < super::socket::LARGE {
            return Err(libc::EMSGSIZE);
        }
        let Some(other) = self.look(peer) else {
            return Err(self.left_alone(id));
        };
        if other.kind != kind {
            return Err(libc::EPROTOTYPE);
        }
        self.hears(peer, id)?;
        // While there is any room there is room for a whole packet.
        if self.load(peer) >= capacity || self.is_crowded(peer, id) {
            return Err(libc::EAGAIN);
        }
        self.may_carry(peer, (pid, files))?;
        let data: Vec<u8> = bytes.iter().flat_map(|part| part.iter().copied()).collect();
        self.deliver(peer, data, (pid, files));
        Ok(total)
    }

    /// The other side has gone. A datagram socket is told once, and has no peer then.
    fn left_alone(&mut self, id: SockId) -> Errno {
        match self.sock(id) {
            Some(socket) if socket.kind == SocketKind::Datagram => {
                socket.state = State::Fresh;
                libc::ECONNREFUSED
            }
            _ => libc::EPIPE,
        }
    }

    /// May these descriptors go there?
    fn may_carry(&mut self, peer: SockId, (pid, files): (Pid, &[FileId])) -> Got<()> {
        if files.is_empty() {
            return Ok(());
        }
        if self.look(peer).is_some_and(|peer| peer.refuses_fds) || self.fails_quietly(Fault::RefusesFds) {
            return Err(libc::EPERM);
        }
        // All that the user has under way, against what this process may have.
        let &Process { uid, limit, .. } = self.user(pid);
        let many = self.in_flight.get(&uid).is_some_and(|&count| count > limit);
        if (many && uid != 0) || self.fails_quietly(Fault::TooManyRefs) {
            return Err(libc::ETOOMANYREFS);
        }
        Ok(())
    }

    /// As [`fails`](Self::fails), for what is counted where it is answered.
    fn fails_quietly(&mut self, fault: Fault) -> bool {
        self.choices.chance(self.rates.of(fault))
    }

    fn deliver(&mut self, to: SockId, bytes: Vec<u8>, (pid, files): (Pid, &[FileId])) {
        let uid = self.user(pid).uid;
        files.iter().for_each(|&file| self.hold(file));
        *self.in_flight.entry(uid).or_default() += files.len();
        if let Some(socket) = self.sock(to) {
            socket.queue.push_back(Segment { bytes, read: 0, fds: files.to_vec(), uid });
        }
        self.stir(to);
    }

    /// Bytes that wait at a socket.
    pub(super) fn unread(&self, id: SockId) -> usize {
        self.look(id)
            .map_or(0, |socket| socket.queue.iter().map(|segment| segment.bytes.len() - segment.read).sum())
    }

    /// What waits at a socket takes of the buffer that it came from: packets take something beside their bytes.
    fn load(&self, id: SockId) -> usize {
        let packets = self.look(id).map_or(0, |socket| match socket.kind {
            SocketKind::Stream => 0,
            SocketKind::SeqPacket | SocketKind::Datagram => socket.queue.len(),
        });
        self.unread(id) + packets * PACKET_COST
    }

    pub(super) fn receive(
        &mut self,
        (pid, number): (Pid, i32),
        bytes: &mut [MaybeUninit<u8>],
        (control, whole): (&mut [MaybeUninit<u8>], bool),
    ) -> Got<Taken> {
        self.enter(pid)?;
        let id = self.sock_of(pid, number)?;
        let kind = self.look(id).ok_or(libc::EBADF)?.kind;
        let (count, arrived, stamped) = if kind == SocketKind::Stream {
            let (count, arrived) = self.take_stream(id, bytes)?;
            (count, arrived, false)
        } else {
            self.take_packet(id, bytes, whole)?
        };
        let cut = !arrived.1.is_empty() && self.fails(Fault::CutControl);
        let length = if cut { control.len().min(self.choices.pick(&[16, 20, 24])) } else { control.len() };
        let mut room = Room::new(&mut control[..length]);
        if stamped {
            room.stamp();
        }
        let dropped = self.hand_over(pid, &mut room, arrived);
        let control_cut = room.cut || dropped;
        if dropped {
            self.failed.insert(id);
        }
        Ok(Taken { bytes: count, control: room.used, control_cut })
    }

    /// Gives what arrived numbers in the process that reads, as many as fit. `true`: some did not.
    fn hand_over(&mut self, pid: Pid, room: &mut Room<'_>, (uid, files): (u32, Vec<FileId>)) -> bool {
        let mut numbers = Vec::new();
        for &file in files.iter().take(room.fits()) {
            match self.number_received(pid, file) {
                Ok(number) => numbers.push(number),
                Err(_) => break,
            }
        }
        room.rights(&numbers);
        let dropped = numbers.len() < files.len();
        self.drop_fds(uid, files);
        dropped
    }

    /// Descriptors under way are under way no more.
    pub(super) fn drop_fds(&mut self, uid: u32, files: Vec<FileId>) {
        if let Some(count) = self.in_flight.get_mut(&uid) {
            *count -= files.len();
        }
        files.into_iter().for_each(|file| self.let_go(file));
    }

    /// Nothing is there: an error, the end, or not yet.
    fn nothing(&mut self, id: SockId) -> Got<()> {
        let socket = self.sock(id).ok_or(libc::EBADF)?;
        match socket.error.take() {
            Some(error) => Err(error),
            None if socket.ended_read => Ok(()),
            None => Err(libc::EAGAIN),
        }
    }

    fn take_stream(&mut self, id: SockId, bytes: &mut [MaybeUninit<u8>]) -> Got<(usize, (u32, Vec<FileId>))> {
        let socket = self.sock(id).ok_or(libc::EBADF)?;
        if !matches!(socket.state, State::Connected { .. }) {
            return Err(libc::EINVAL);
        }
        let (mut count, mut fds) = (0, (0, Vec::new()));
        while count < bytes.len()
            && let Some(segment) = socket.queue.front_mut()
        {
            if !segment.fds.is_empty() && !fds.1.is_empty() {
                break;
            }
            let rest = &segment.bytes[segment.read..];
            let part = rest.len().min(bytes.len() - count);
            copy(&rest[..part], &mut bytes[count..]);
            (count, segment.read) = (count + part, segment.read + part);
            let barrier = !segment.fds.is_empty();
            if barrier {
                fds = (segment.uid, std::mem::take(&mut segment.fds));
            }
            if segment.read == segment.bytes.len() {
                socket.queue.pop_front();
            }
            if barrier {
                break;
            }
        }
        if count == 0 && !bytes.is_empty() {
            self.nothing(id)?;
        }
        let more = self.unread(id) > 0;
        if more && !fds.1.is_empty() && count < bytes.len() {
            self.happened(Fault::ReadEndsAtFds);
        }
        self.made_room(id);
        Ok((count, fds))
    }

    fn take_packet(
        &mut self,
        id: SockId,
        bytes: &mut [MaybeUninit<u8>],
        whole: bool,
    ) -> Got<(usize, (u32, Vec<FileId>), bool)> {
        let socket = self.sock(id).ok_or(libc::EBADF)?;
        if socket.kind == SocketKind::SeqPacket && !matches!(socket.state, State::Connected { .. }) {
            return Err(libc::ENOTCONN);
        }
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        let stamps = socket.stamps;
        let Some(segment) = socket.queue.pop_front() else {
            return self.nothing(id).map(|()| (0, (0, Vec::new()), false));
        };
        let part = segment.bytes.len().min(bytes.len());
        copy(&segment.bytes[..part], bytes);
        let count = if whole { segment.bytes.len() } else { part };
        self.made_room(id);
        Ok((count, (segment.uid, segment.fds), stamps))
    }

    /// Whoever writes to this one may have room again.
    fn made_room(&mut self, id: SockId) {
        if let Some(Socket { state: State::Connected { peer }, .. }) = self.look(id) {
            let peer = *peer;
            if self.is_writable(peer) {
                self.stir(peer);
            }
        }
    }

    /// Would the poller say that it can be written to? Only when three quarters are free, and no queue of datagrams is
    /// full.
    pub(super) fn is_writable(&self, id: SockId) -> bool {
        let Some(socket) = self.look(id) else { return false };
        match socket.state {
            State::Connected { peer } if socket.kind == SocketKind::Datagram && self.is_crowded(peer, id) => {
                false
            }
            State::Connected { peer } => self.load(peer) * 4 <= socket.capacity,
            State::Fresh => true,
            State::Listening { .. } => false,
        }
    }

    /// Do too many datagrams wait there for one more from here? Two that are connected to each other have no limit.
    fn is_crowded(&self, id: SockId, from: SockId) -> bool {
        self.look(id).is_some_and(|socket| {
            let mutual = matches!(socket.state, State::Connected { peer } if peer == from);
            !mutual && socket.queue.len() > DATAGRAMS
        })
    }

    /// The kinds of file behind descriptors under way do not matter, but these do.
    pub(super) fn set_refuses_fds(&mut self, pid: Pid, number: i32) -> Result<(), Errno> {
        self.by_number(pid, number)?.refuses_fds = true;
        Ok(())
    }

    /// Is a number a socket that is open?
    pub(super) fn is_socket(&self, file: FileId) -> Option<SockId> {
        match self.file(file)?.what {
            What::Socket(id) => Some(id),
            _ => None,
        }
    }
}

fn copy(from: &[u8], to: &mut [MaybeUninit<u8>]) {
    for (place, byte) in to.iter_mut().zip(from) {
        place.write(*byte);
    }
}

/// `SCM_MAX_FD`
const MOST_FDS: usize = 253;
/// `net.unix.max_dgram_qlen`
const DATAGRAMS: usize = 10;
/// What each packet takes of a send buffer beside its bytes.
const PACKET_COST: usize = 32;
