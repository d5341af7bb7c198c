//! An engine's part in who listens at a path: the steps of a contest, and the words between peers.

use std::io;
use std::time::Instant;

use bytes::Bytes;
use ginnel_proto::election::{Refusal, Seen, Step};
use ginnel_proto::machine::{ConnId, NetEvent, ProcessId, Refused, SendId};
use ginnel_proto::{Frame, Kind, Message};

use super::SocketNet;
use super::door::{Door, DoorId};
use crate::connection::Directions;
use crate::listener::{Listener, ListenerOptions};
use crate::name::{Claim, Contender, Spot};
use crate::socket::Connecting;
use crate::sys::{Poller, SocketKind, Sys};

/// What the poller calls the watch over the name.
pub(super) const TOKEN: ConnId = ConnId(u64::MAX - 2);

/// What the poller calls the process at the other end of a connection that was made here; those are numbered below.
const PROCESS: u64 = 1 << 62;

pub(super) const fn process_of(id: ConnId) -> ConnId {
    ConnId(id.0 | PROCESS)
}

pub(super) const fn connection_of(id: ConnId) -> ConnId {
    ConnId(id.0 & !PROCESS)
}

pub(super) const fn is_process(id: ConnId) -> bool {
    id.0 & PROCESS != 0 && id.0 < ConnId::FIRST_ACCEPTED.0
}

/// One peer's seat at a path.
#[derive(Debug)]
pub(super) struct Seat<S: Sys> {
    contender: Contender<S>,
    hello: Bytes,
}

impl<S: Sys> Seat<S> {
    /// What whoever is connected with is told first.
    pub(super) fn hello(&self) -> Bytes {
        self.hello.clone()
    }
}

impl<S: Sys> SocketNet<S> {
    /// Takes part in who listens at this path.
    ///
    /// # Errors
    /// The path does not suit peers: [`SocketError::OpenDirectory`](crate::SocketError::OpenDirectory) and its like, or the
    /// kernel's. Nothing was changed.
    pub fn contend(&mut self, spot: Spot) -> io::Result<()> {
        let options = ListenerOptions { nonblocking: true, ..self.options.listener.clone() };
        let claim = Claim::of(SocketKind::Stream, &options);
        let contender = Contender::new(self.sys.clone(), spot, claim);
        contender.check()?;
        self.seat = Some(Box::new(Seat { contender, hello: Bytes::new() }));
        Ok(())
    }

    /// Why the contest has failed.
    pub fn refusal(&mut self, why: Refusal) -> io::Error {
        match &mut self.seat {
            Some(seat) => seat.contender.refusal(why),
            None => io::ErrorKind::Other.into(),
        }
    }

    pub(super) fn introduce(&mut self, hello: Bytes) {
        if let Some(seat) = &mut self.seat {
            seat.hello = hello;
        }
    }

    pub(super) fn keep(&mut self, spare: S::Carried) {
        if let Some(seat) = &mut self.seat {
            seat.contender.keep(spare.into());
        }
    }

    pub(super) fn elect(&mut self, step: Step) {
        // A forked child must not touch what its parent owns.
        if self.is_inherited() {
            return;
        }
        if step == Step::Unlock {
            self.unwatch();
        }
        let silent = if step == Step::SeekLeader { self.listens_there() } else { None };
        let Some(seat) = &mut self.seat else { return };
        let seen = seat.contender.carry_out(step, silent, || self.poller.alarm());
        let seen = match step {
            Step::Watch => self.open_door(),
            _ => seen,
        };
        self.reports.extend(seen.map(NetEvent::Elected));
    }

    /// The process that listens at the other end of the newest connection that was made here.
    fn listens_there(&self) -> Option<u32> {
        let (_, newest) = self.conns.range(..ConnId::FIRST_ACCEPTED).next_back()?;
        self.sys.peer_ids(newest.borrowed()).ok()?.pid
    }

    fn unwatch(&mut self) {
        if let Some(watched) = self.seat.as_ref().and_then(|seat| seat.contender.watched()) {
            self.poller.remove(self.sys.borrow(watched));
        }
    }

    /// The path is ours: whoever connects is let in from now on, and the name is watched.
    fn open_door(&mut self) -> Option<Seen> {
        let Some(fresh) = self.seat.as_mut()?.contender.own() else { return Some(Seen::Done) };
        self.unwatch();
        if let Some(door) = self.doors.get_mut(&DoorId::ONLY) {
            door.succeed(fresh, &self.poller);
        } else {
            let listener = Listener::of(self.sys.clone(), fresh, self.options.listener.clone());
            let door = Door::published(DoorId::ONLY, listener, self.options.link.wire, &self.poller);
            self.doors.insert(DoorId::ONLY, door);
        }
        if let Some(watch) = self.seat.as_mut()?.contender.watch()
            && let Err(error) = self.poller.add(self.sys.borrow(watch), TOKEN.0, Directions::READ)
        {
            tracing::warn!(%error, "nobody will tell when the socket file is removed");
        }
        Some(Seen::Done)
    }

    /// Something happened to the name, to the lock or to their directory.
    pub(super) fn disturbed(&mut self) {
        match self.seat.as_ref().and_then(|seat| seat.contender.changes()) {
            Some(Ok(false)) | None => {}
            Some(Ok(true)) => self.reports.push_back(NetEvent::Disturbed),
            Some(Err(error)) => {
                tracing::warn!(%error, "nobody will tell any more when the socket file is removed");
                self.unwatch();
            }
        }
    }

    /// Has the turn come that is waited for?
    pub(super) fn look_for_turn(&mut self) {
        let seen = self.seat.as_mut().and_then(|seat| seat.contender.has_turn());
        self.reports.extend(seen.map(NetEvent::Elected));
    }

    /// Connects to the socket file that was looked at.
    pub(super) fn probe(&mut self, id: ConnId, now: Instant) {
        let target = match &self.seat {
            Some(seat) => seat.contender.target(),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        let connecting = target.and_then(|name| Connecting::to(self.sys.clone(), SocketKind::Stream, name));
        self.connect_by(id, connecting, now);
    }

    /// Says a word between peers.
    pub(super) fn say(&mut self, id: ConnId, word: Bytes, fds: Vec<S::Carried>) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.say(Frame::new(Kind::Control, Message::new(word).with_fds(fds)));
            self.write_later(id);
        }
    }

    /// Gives one a duplicate of the listening socket, if it is of our user.
    pub(super) fn bequeath(&mut self, id: ConnId, word: Bytes) {
        match self.duplicate_for(id) {
            Ok(Some(duplicate)) => self.say(id, word, vec![duplicate]),
            refused => {
                if let Err(error) = refused {
                    tracing::warn!(%error, "cannot hand over the listening socket");
                }
                let frame = Frame::empty(Kind::Control);
                self.reports.push_back(NetEvent::Refused(id, SendId(0), frame, Refused::Descriptors));
            }
        }
    }

    fn duplicate_for(&self, id: ConnId) -> io::Result<Option<S::Carried>> {
        let (Some(conn), Some(door)) = (self.conns.get(&id), self.doors.get(&DoorId::ONLY)) else {
            return Ok(None);
        };
        if !self.sys.is_own_user(conn.borrowed())? {
            return Ok(None);
        }
        self.sys.share(door.borrowed())
    }

    /// This process is at the other end.
    pub(super) fn watch_process(&mut self, id: ConnId, process: ProcessId) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.watch_process(process, &self.poller);
            if conn.has_died() {
                // Nobody will tell: it is read to its end in the next turn.
                self.queue(id);
            }
        }
    }

    /// The process at the other end has ended.
    pub(super) fn died(&mut self, id: ConnId, now: Instant) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.died(&self.poller);
            self.tend(id, Directions::READ, now);
        }
    }
}
