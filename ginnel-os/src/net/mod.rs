//! The sockets of one engine: actions in, reports out. It knows no machine, and never waits.

mod conn;
mod door;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use ginnel_proto::machine::{Action, ConnId, Failure, NetEvent};
use ginnel_proto::{Address, LinkOptions, Patience};
use rustix::net::sockopt;

use crate::connection::Directions;
use crate::engine::Net;
use crate::listener::ListenerOptions;
use crate::poller::{Poller, Ready, Waker};
use crate::socket::Connecting;
use crate::stream::Stream;
use crate::sys::{self, SocketKind};
use conn::{After, Conn, errno};
use door::Door;

/// What the connections of one engine speak, and how patient they are.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain settings, with a default")]
pub struct NetOptions {
    /// What is spoken and accepted.
    pub link: LinkOptions,
    /// How long the other side may be silent.
    pub patience: Patience,
    /// How long a connection that is closed here may take to write what is queued, and to end over there.
    pub linger: Duration,
    /// How a listener is published.
    pub listener: ListenerOptions,
}

impl Default for NetOptions {
    fn default() -> Self {
        let link = LinkOptions { incarnation: sys::incarnation(), ..LinkOptions::default() };
        let listener = ListenerOptions { nonblocking: true, ..ListenerOptions::default() };
        Self { link, patience: Patience::default(), linger: Duration::from_secs(1), listener }
    }
}

/// The sockets of one engine on Unix.
#[derive(Debug)]
pub struct UnixNet {
    options: NetOptions,
    poller: Poller,
    conns: BTreeMap<ConnId, Conn>,
    door: Option<Door>,
    reports: VecDeque<NetEvent<OwnedFd>>,
    /// Connections with something to do that no readiness will tell of.
    busy: BTreeMap<ConnId, Directions>,
    deadlines: BTreeSet<(Instant, ConnId)>,
    scratch: Vec<u8>,
    ready: Vec<Ready>,
    /// Nobody takes what would be read: these are not read meanwhile.
    held: Option<BTreeSet<ConnId>>,
}

impl UnixNet {
    /// No sockets yet.
    ///
    /// # Errors
    /// The kernel's, for the poller.
    pub fn new(options: NetOptions) -> io::Result<Self> {
        Ok(Self {
            poller: Poller::new()?,
            conns: BTreeMap::new(),
            door: None,
            reports: VecDeque::new(),
            busy: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            scratch: Vec::new(),
            ready: Vec::new(),
            held: None,
            options,
        })
    }

    /// Ends the wait of whoever waits for the descriptor.
    pub fn waker(&self) -> Waker {
        self.poller.waker()
    }

    fn connect(&mut self, id: ConnId, address: &Address, now: Instant) {
        let connected = Connecting::new(SocketKind::Stream, address, true)
            .and_then(|connecting| Ok(connecting.attempt()?.map(|()| connecting)));
        let failure = match connected {
            Ok(Some(connecting)) => {
                let ours = !connecting.is_inherited();
                let fd = connecting.into_fd();
                return self.adopt(id, if ours { Stream::made(fd) } else { fd.into() }, false, now);
            }
            Ok(None) => Failure::Busy,
            Err(error) => Failure::Errno(errno(&error)),
        };
        self.reports.push_back(NetEvent::ConnectFailed(id, failure));
    }

    /// Takes a connected stream in.
    fn adopt(&mut self, id: ConnId, stream: Stream, accepted: bool, now: Instant) {
        if self.conns.len() >= MANY {
            // Many who do not read must not hold much of the kernel's memory together. It fails for no socket.
            let _ = sockopt::set_socket_send_buffer_size(stream.as_fd(), SMALL_BUFFER);
        }
        let mut conn = Conn::new(id, stream, accepted, &self.options);
        conn.open(&mut self.reports);
        self.conns.insert(id, conn);
        self.tend(id, Directions::WRITE, now);
    }

    /// Does what a connection is ready for, and sees to what is watched and when to look again.
    fn tend(&mut self, id: ConnId, ready: Directions, now: Instant) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let was_opening = conn.is_knocking();
        let may_read = !conn.paused && self.held.is_none();
        let mut after = if ready.write { conn.write(now, &mut self.reports) } else { After::Stays };
        if may_read && (ready.read || after == After::More) {
            after = conn.read(&mut self.scratch, &mut self.reports);
        }
        if after != After::Gone && conn.has_output() {
            // A pong, for instance.
            after = after.max(conn.write(now, &mut self.reports));
        }
        if after != After::Gone {
            after = after.max(conn.look(now, &mut self.reports));
        }
        let opened = was_opening && (after == After::Gone || !conn.is_knocking());
        match after {
            After::Gone => self.forget(id),
            After::More => {
                self.busy.insert(id, Directions::READ);
                self.watch(id);
            }
            After::Stays => self.watch(id),
        }
        if opened && let Some(door) = &mut self.door {
            door.opened(&self.poller);
        }
    }

    /// Tells the poller what the connection waits for, and notes when to look at it.
    fn watch(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let mut wants = conn.wants();
        if let Some(held) = &mut self.held
            && mem::take(&mut wants.read)
        {
            held.insert(id);
        }
        // A hang-up is told even to those who watch nothing, so they are not watched at all.
        let wants = Some(wants).filter(|wants| *wants != Directions::default());
        let changed = match (conn.watched, wants) {
            (None, Some(wants)) => self.poller.add(conn.as_fd(), id.0, wants),
            (Some(was), Some(wants)) if was != wants => self.poller.change(conn.as_fd(), id.0, wants),
            (Some(_), None) => {
                self.poller.remove(conn.as_fd());
                Ok(())
            }
            _ => Ok(()),
        };
        match changed {
            Ok(()) => conn.watched = wants,
            Err(error) => {
                tracing::warn!(%error, "cannot watch a connection, closing it");
                conn.give_up(errno(&error), &mut self.reports);
                return self.forget(id);
            }
        }
        let (listed, deadline) = (conn.listed, conn.deadline);
        conn.listed = deadline;
        self.list(id, listed, deadline);
    }

    fn list(&mut self, id: ConnId, listed: Option<Instant>, deadline: Option<Instant>) {
        if listed != deadline {
            if let Some(at) = listed {
                self.deadlines.remove(&(at, id));
            }
            if let Some(at) = deadline {
                self.deadlines.insert((at, id));
            }
        }
    }

    fn forget(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.remove(&id) {
            if conn.watched.is_some() {
                self.poller.remove(conn.as_fd());
            }
            self.list(id, conn.listed, None);
            self.busy.remove(&id);
        }
    }

    fn accept(&mut self, now: Instant) {
        for _ in 0..ACCEPTS {
            let Some(door) = &mut self.door else { return };
            match door.accept(&self.poller, now) {
                Some((id, stream)) => self.adopt(id, stream, true, now),
                None => return,
            }
        }
    }

    /// Reads from nobody, or from everybody again.
    fn hold(&mut self, hold: bool) {
        match (&mut self.held, hold) {
            (None, true) => self.held = Some(BTreeSet::new()),
            (Some(held), false) => {
                let held = mem::take(held);
                self.held = None;
                held.into_iter().for_each(|id| self.watch(id));
            }
            _ => {}
        }
    }

    fn look_at_due(&mut self, now: Instant) {
        while let Some(&(at, id)) = self.deadlines.first()
            && at <= now
        {
            self.deadlines.remove(&(at, id));
            if let Some(conn) = self.conns.get_mut(&id) {
                conn.listed = None;
                self.tend(id, Directions::WRITE, now);
            }
        }
        if let Some(door) = &mut self.door {
            door.look(&self.poller, now);
        }
    }
}

impl Net for UnixNet {
    type Fd = OwnedFd;

    fn act(&mut self, action: Action<OwnedFd>, now: Instant) {
        match action {
            Action::Connect(id, address) => self.connect(id, &address, now),
            Action::Listen(address) => match Door::open(&address, &self.options.listener, &self.poller) {
                Ok(door) => {
                    self.door = Some(door);
                    self.reports.push_back(NetEvent::Listening);
                }
                Err(error) => self.reports.push_back(NetEvent::ListenFailed(Failure::Errno(errno(&error)))),
            },
            Action::Unlisten => {
                if let Some(door) = self.door.take() {
                    door.close(&self.poller);
                }
            }
            Action::Send(id, send, frame) => {
                if let Some(conn) = self.conns.get_mut(&id) {
                    conn.send(send, frame, &mut self.reports);
                    self.touch(id, Directions::WRITE);
                }
            }
            Action::Pause(id) => self.pause(id, true),
            Action::Resume(id) => self.pause(id, false),
            Action::Close(id) => {
                if let Some(conn) = self.conns.get_mut(&id) {
                    conn.leave(now, self.options.linger);
                    self.touch(id, Directions::WRITE);
                }
            }
        }
    }

    fn report(&mut self) -> Option<NetEvent<OwnedFd>> {
        self.reports.pop_front()
    }

    fn flush(&mut self, now: Instant) {
        let writes: Vec<ConnId> =
            self.busy.iter().filter(|(_, todo)| todo.write).map(|(&id, _)| id).collect();
        for id in writes {
            if let Some(todo) = self.busy.remove(&id) {
                self.tend(id, Directions::WRITE, now);
                if todo.read {
                    self.touch(id, Directions::READ);
                }
            }
        }
    }

    fn turn(&mut self, now: Instant, hold: bool) -> io::Result<bool> {
        self.hold(hold);
        self.look_at_due(now);
        let leftovers = mem::take(&mut self.busy);
        let mut active = !leftovers.is_empty();
        for (id, todo) in leftovers {
            self.tend(id, todo, now);
        }
        let mut ready = mem::take(&mut self.ready);
        active |= self.poller.look(&mut ready)?;
        for Ready { token, directions } in ready.drain(..) {
            match ConnId(token) {
                door::TOKEN => self.accept(now),
                id => self.tend(id, directions, now),
            }
        }
        self.ready = ready;
        Ok(active)
    }

    fn deadline(&self) -> Option<Instant> {
        let conns = self.deadlines.first().map(|&(at, _)| at);
        let door = self.door.as_ref().and_then(Door::deadline);
        [conns, door].into_iter().flatten().min()
    }
}

impl UnixNet {
    fn touch(&mut self, id: ConnId, todo: Directions) {
        let held = self.busy.entry(id).or_default();
        *held = held.or(todo);
    }

    fn pause(&mut self, id: ConnId, paused: bool) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.paused = paused;
            self.touch(id, Directions::BOTH);
        }
    }
}

impl AsFd for UnixNet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }
}

/// From so many connections on, each gets a small send buffer.
const MANY: usize = 256;
/// Bytes of it; the kernel doubles them for its own needs.
const SMALL_BUFFER: usize = 32 << 10;

/// Connections that are accepted in one turn.
const ACCEPTS: usize = 64;

#[cfg(test)]
mod tests;
