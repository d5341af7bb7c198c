//! Sockets: how they come to be, find each other, and end.

use std::collections::VecDeque;
use std::net::Shutdown;

use ginnel_os::SocketKind;
use ginnel_os::sys::PeerIds;
use rustix::net::SocketAddrUnix;

use super::names::Ino;
use super::{FileId, Got, Pid, SockId, What, World};
use crate::fault::Fault;

/// A socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) kind: SocketKind,
    pub(super) state: State,
    /// What has arrived.
    pub(super) queue: VecDeque<Segment>,
    /// How many bytes may wait at the other side.
    pub(super) capacity: usize,
    /// Nothing more will arrive.
    pub(super) ended_read: bool,
    /// Nothing more may be sent.
    pub(super) ended_write: bool,
    /// Told once.
    pub(super) error: Option<i32>,
    pub(super) refuses_fds: bool,
    pub(super) stamps: bool,
    /// Times that readiness has begun anew, as an edge-triggered wait is told: to read, to write.
    pub(super) edges: [u32; 2],
    /// Bits of the file that `bind` makes.
    pub(super) mode: u32,
    name: Option<Ino>,
    abstract_name: Option<Vec<u8>>,
    maker: Pid,
    peer_ids: Option<(Pid, u32)>,
}

#[derive(Debug)]
pub(super) enum State {
    Fresh,
    Listening {
        backlog: usize,
        waiting: VecDeque<SockId>,
    },
    /// The other side may be gone.
    Connected {
        peer: SockId,
    },
}

/// Bytes that were written together, and the descriptors that came with the first of them.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) bytes: Vec<u8>,
    pub(super) read: usize,
    pub(super) fds: Vec<FileId>,
    /// Whose descriptors they count as.
    pub(super) uid: u32,
}

impl World {
    fn make(&mut self, kind: SocketKind, maker: Pid) -> SockId {
        let capacity = self.capacity();
        self.sockets.push(Some(Socket {
            kind,
            state: State::Fresh,
            queue: VecDeque::new(),
            capacity,
            ended_read: false,
            ended_write: false,
            error: None,
            refuses_fds: false,
            stamps: false,
            edges: [0, 1],
            mode: 0o777,
            name: None,
            abstract_name: None,
            maker,
            peer_ids: None,
        }));
        self.makers.push(maker);
        SockId(self.sockets.len() - 1)
    }

    /// Some sockets hold a few bytes, others all that is ever written here.
    fn capacity(&mut self) -> usize {
        if self.relented { LARGE } else { self.choices.pick(&[LARGE, LARGE, 4096, 300, 40, 1]) }
    }

    fn install(&mut self, pid: Pid, socket: SockId) -> Got<i32> {
        let file = self.open(What::Socket(socket));
        let number = self.number(pid, file);
        if number.is_err() {
            self.files[file.0] = None;
            self.close_socket(socket);
        }
        number
    }

    pub(super) fn socket(&mut self, pid: Pid, kind: SocketKind) -> Got<i32> {
        self.enter(pid)?;
        if self.fails(Fault::NoFilesSocket) {
            return Err(libc::EMFILE);
        }
        let socket = self.make(kind, pid);
        self.install(pid, socket).inspect_err(|_| self.happened(Fault::NoFilesSocket))
    }

    pub(super) fn pair(&mut self, pid: Pid, other: Pid, kind: SocketKind) -> Got<(i32, i32)> {
        self.enter(pid)?;
        let (a, b) = (self.make(kind, pid), self.make(kind, other));
        self.join(a, b);
        let first = self.install(pid, a).inspect_err(|_| self.close_socket(b))?;
        let second = self.install(other, b).inspect_err(|_| self.close(pid, first))?;
        Ok((first, second))
    }

    /// Connects two sockets to each other.
    fn join(&mut self, a: SockId, b: SockId) {
        for (this, peer) in [(a, b), (b, a)] {
            let (maker, uid) = self.sockets[peer.0].as_ref().map_or((Pid(0), 0), |peer| {
                (peer.maker, self.processes.get(peer.maker.0 as usize - 1).map_or(0, |process| process.uid))
            });
            if let Some(socket) = &mut self.sockets[this.0] {
                socket.state = State::Connected { peer };
                socket.peer_ids = Some((maker, uid));
            }
        }
    }

    pub(super) fn sock_of(&self, pid: Pid, number: i32) -> Got<SockId> {
        match self.file(self.lookup(pid, number)?).map(|file| &file.what) {
            Some(What::Socket(socket)) => Ok(*socket),
            Some(_) => Err(libc::ENOTSOCK),
            None => Err(libc::EBADF),
        }
    }

    pub(super) fn sock(&mut self, id: SockId) -> Option<&mut Socket> {
        self.sockets[id.0].as_mut()
    }

    pub(super) fn look(&self, id: SockId) -> Option<&Socket> {
        self.sockets[id.0].as_ref()
    }

    /// An open socket, behind a number.
    pub(super) fn by_number(&mut self, pid: Pid, number: i32) -> Got<&mut Socket> {
        let id = self.sock_of(pid, number)?;
        self.sock(id).ok_or(libc::EBADF)
    }

    pub(super) fn bind(&mut self, pid: Pid, number: i32, to: &SocketAddrUnix) -> Got<()> {
        self.enter(pid)?;
        let id = self.sock_of(pid, number)?;
        let mode = self.by_number(pid, number)?.mode;
        if let Some(name) = to.abstract_name() {
            self.may_be_named(id)?;
            if self.sockets.iter().flatten().any(|other| other.abstract_name.as_deref() == Some(name)) {
                return Err(libc::EADDRINUSE);
            }
            self.by_number(pid, number)?.abstract_name = Some(name.to_owned());
            return Ok(());
        }
        let inode = self.bind_name(pid, to, (id, mode))?;
        self.by_number(pid, number)?.name = Some(inode);
        Ok(())
    }

    /// A socket is given one name.
    pub(super) fn may_be_named(&self, id: SockId) -> Got<()> {
        let named = |socket: &Socket| socket.name.is_some() || socket.abstract_name.is_some();
        if self.look(id).is_some_and(named) { Err(libc::EINVAL) } else { Ok(()) }
    }

    pub(super) fn listen(&mut self, pid: Pid, number: i32, backlog: u32) -> Got<()> {
        self.enter(pid)?;
        let uid = self.user(pid).uid;
        let socket = self.by_number(pid, number)?;
        if socket.kind == SocketKind::Datagram {
            return Err(libc::EOPNOTSUPP);
        }
        if socket.name.is_none() && socket.abstract_name.is_none() {
            return Err(libc::EINVAL);
        }
        socket.maker = pid;
        socket.peer_ids = Some((pid, uid));
        let id = self.sock_of(pid, number)?;
        self.makers[id.0] = pid;
        let socket = self.by_number(pid, number)?;
        match &mut socket.state {
            State::Connected { .. } => return Err(libc::EINVAL),
            State::Listening { backlog: now, .. } => *now = backlog as usize,
            state @ State::Fresh => {
                *state = State::Listening { backlog: backlog as usize, waiting: VecDeque::new() };
            }
        }
        Ok(())
    }

    /// Whom an address means.
    pub(super) fn resolve(&self, pid: Pid, to: &SocketAddrUnix) -> Got<SockId> {
        let found = match to.abstract_name() {
            Some(name) => {
                let named = |socket: &Option<Socket>| {
                    socket.as_ref().is_some_and(|socket| socket.abstract_name.as_deref() == Some(name))
                };
                self.sockets.iter().position(named).map(SockId)
            }
            None => self.named_socket(pid, to)?,
        };
        found.filter(|id| self.sockets[id.0].is_some()).ok_or(libc::ECONNREFUSED)
    }

    pub(super) fn connect(&mut self, pid: Pid, number: i32, to: &SocketAddrUnix) -> Got<()> {
        self.enter(pid)?;
        let outcome = self.try_connect(pid, number, to);
        match outcome {
            Err(libc::EAGAIN) => self.happened(Fault::BusyConnect),
            Err(libc::ENOENT | libc::ECONNREFUSED) => self.happened(Fault::NobodyThere),
            _ => {}
        }
        outcome
    }

    fn try_connect(&mut self, pid: Pid, number: i32, to: &SocketAddrUnix) -> Got<()> {
        let id = self.sock_of(pid, number)?;
        let kind = self.by_number(pid, number)?.kind;
        let other = self.resolve(pid, to)?;
        if self.look(other).is_none_or(|other| other.kind != kind) {
            return Err(libc::EPROTOTYPE);
        }
        if kind == SocketKind::Datagram {
            self.hears(other, id)?;
            self.by_number(pid, number)?.state = State::Connected { peer: other };
            return Ok(());
        }
        let busy = self.fails(Fault::BusyConnect);
        let Some(Socket { state: State::Listening { backlog, waiting }, ended_read: false, .. }) =
            self.look(other)
        else {
            return Err(libc::ECONNREFUSED);
        };
        if busy || waiting.len() > *backlog {
            return Err(libc::EAGAIN);
        }
        match self.by_number(pid, number)?.state {
            State::Fresh => {}
            State::Connected { .. } => return Err(libc::EISCONN),
            State::Listening { .. } => return Err(libc::EINVAL),
        }
        let (maker, refuses) =
            self.look(other).map_or((pid, false), |other| (other.maker, other.refuses_fds));
        let embryo = self.make(kind, maker);
        self.join(id, embryo);
        if let Some(embryo) = self.sock(embryo) {
            embryo.refuses_fds = refuses;
        }
        if let Some(Socket { state: State::Listening { waiting, .. }, .. }) = self.sock(other) {
            waiting.push_back(embryo);
        }
        self.stir(other);
        Ok(())
    }

    /// A datagram socket that is connected hears only its peer.
    pub(super) fn hears(&self, other: SockId, from: SockId) -> Got<()> {
        match self.look(other) {
            Some(&Socket { kind: SocketKind::Datagram, state: State::Connected { peer }, .. })
                if peer != from =>
            {
                Err(libc::EPERM)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn accept(&mut self, pid: Pid, number: i32) -> Got<i32> {
        self.enter(pid)?;
        let id = self.sock_of(pid, number)?;
        // A number is looked for before anybody who waits.
        if self.fails(Fault::NoFilesAccept) || self.open_count(pid) >= self.user(pid).limit {
            return Err(libc::EMFILE);
        }
        let waiting = match self.sock(id) {
            Some(Socket { state: State::Listening { waiting, .. }, .. }) => waiting,
            Some(Socket { kind: SocketKind::Datagram, .. }) => return Err(libc::EOPNOTSUPP),
            _ => return Err(libc::EINVAL),
        };
        let Some(embryo) = waiting.pop_front() else { return Err(libc::EAGAIN) };
        self.install(pid, embryo)
    }

    pub(super) fn shutdown(&mut self, pid: Pid, number: i32, how: Shutdown) -> Got<()> {
        self.enter(pid)?;
        let id = self.sock_of(pid, number)?;
        let (read, write) = (how != Shutdown::Write, how != Shutdown::Read);
        self.end(id, read, write);
        if let Some(&Socket { kind, state: State::Connected { peer }, .. }) = self.look(id)
            && kind != SocketKind::Datagram
        {
            self.end(peer, write, read);
        }
        Ok(())
    }

    fn end(&mut self, id: SockId, read: bool, write: bool) {
        if let Some(socket) = self.sock(id) {
            socket.ended_read |= read;
            socket.ended_write |= write;
        }
        self.stir(id);
    }

    /// Something has changed: an edge-triggered wait is told of all that it is ready for now.
    pub(super) fn stir(&mut self, id: SockId) {
        let (read, write) = (self.is_readable(id), self.is_writable(id));
        if let Some(socket) = self.sock(id) {
            socket.edges[0] += u32::from(read);
            socket.edges[1] += u32::from(write);
        }
    }

    /// Nobody refers to it any more.
    pub(super) fn close_socket(&mut self, id: SockId) {
        self.close_as(id, false);
    }

    fn close_as(&mut self, id: SockId, embryo: bool) {
        let Some(socket) = self.sockets[id.0].take() else { return };
        if let Some(inode) = socket.name {
            self.names.unbind(inode);
        }
        let unread = !socket.queue.is_empty();
        match socket.state {
            State::Fresh => {}
            State::Listening { waiting, .. } => {
                waiting.into_iter().for_each(|embryo| self.close_as(embryo, true));
            }
            State::Connected { peer } if socket.kind != SocketKind::Datagram => {
                if (unread || embryo)
                    && let Some(peer) = self.sock(peer)
                {
                    peer.error = Some(libc::ECONNRESET);
                    self.happened(Fault::Reset);
                }
                self.end(peer, true, true);
            }
            State::Connected { .. } => {}
        }
        for segment in socket.queue {
            self.drop_fds(segment.uid, segment.fds);
        }
    }

    pub(super) fn peer_ids(&mut self, pid: Pid, number: i32) -> Got<PeerIds> {
        self.enter(pid)?;
        Ok(match self.by_number(pid, number)?.peer_ids {
            Some((Pid(pid), uid)) => PeerIds { pid: Some(pid), uid, gid: uid },
            None => PeerIds { pid: None, uid: u32::MAX, gid: u32::MAX },
        })
    }

    /// The two ends of the connection behind a number: ours, theirs.
    pub(crate) fn ends(&self, pid: Pid, number: i32) -> Option<(SockId, SockId)> {
        let id = self.sock_of(pid, number).ok()?;
        match self.look(id)?.state {
            State::Connected { peer } => Some((id, peer)),
            _ => None,
        }
    }
}

/// More than anybody writes in one run.
pub(super) const LARGE: usize = 1 << 20;
