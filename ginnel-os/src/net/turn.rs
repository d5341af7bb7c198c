//! What an engine asks of its sockets, and how a turn is shared out among them.

use std::collections::BTreeSet;
use std::io;
use std::mem;
use std::time::Instant;

use bytes::Bytes;
use ginnel_proto::machine::{Action, ConnId, Failure, NetEvent};
use ginnel_proto::sp::Grant;
use ginnel_proto::{Frame, Kind, Message};

use super::SocketNet;
use super::conn::errno;
use super::door::{Door, DoorId};
use super::seat;
use crate::SocketError;
use crate::connection::Directions;
use crate::engine::Net;
use crate::listener::{Listener, ListenerOptions};
use crate::sys::{Poller, Ready, SocketKind, Sys};

impl<S: Sys> Net for SocketNet<S> {
    type Fd = S::Carried;

    fn act(&mut self, action: Action<S::Carried>, now: Instant) {
        match action {
            Action::Connect(id, address) => self.connect(id, &address, now),
            Action::Listen(address) => {
                let wire = self.options.link.wire;
                let options = ListenerOptions { nonblocking: true, ..self.options.listener.clone() };
                let listener = Listener::open_on(self.sys.clone(), SocketKind::Stream, &address, options);
                match listener.and_then(|listener| self.open(listener, wire)) {
                    Ok(_) => self.reports.push_back(NetEvent::Listening),
                    Err(error) => {
                        self.reports.push_back(NetEvent::ListenFailed(Failure::Errno(errno(&error))))
                    }
                }
            }
            // A forked child must not touch what its parent waits with.
            Action::Unlisten if self.is_inherited() => {}
            Action::Unlisten => self.close_all(),
            Action::Send(id, send, frame) => match self.conns.get_mut(&id) {
                Some(conn) => {
                    conn.send(send, frame, &mut self.reports);
                    if !mem::replace(&mut conn.unwritten, true) {
                        self.unwritten.push(id);
                    }
                }
                None => self.give_back(id, send, frame),
            },
            Action::Elect(step) => self.elect(step),
            Action::Probe(id) => self.probe(id, now),
            Action::Keep(spare) => self.keep(spare),
            Action::Introduce(hello) => self.introduce(hello),
            Action::Watch(id, process) => self.watch_process(id, process),
            Action::Tell(id, word) => self.say(id, word, Vec::new()),
            Action::Bequeath(id, word) => self.bequeath(id, word),
            Action::Pause(id) => self.pause(id, true),
            Action::Resume(id) => self.pause(id, false),
            Action::Close(id) => {
                if let Some(conn) = self.conns.get_mut(&id) {
                    conn.leave(now, self.options.linger);
                    self.write_later(id);
                }
            }
        }
    }

    fn report(&mut self) -> Option<NetEvent<S::Carried>> {
        self.reports.pop_front()
    }

    fn flush(&mut self, now: Instant) -> bool {
        // A forked child must not write between what its parent writes.
        if self.unwritten.is_empty() || self.is_inherited() {
            return false;
        }
        let mut unwritten = mem::take(&mut self.unwritten);
        for id in unwritten.drain(..) {
            if let Some(conn) = self.conns.get_mut(&id) {
                conn.unwritten = false;
                self.tend(id, Directions::WRITE, now);
            }
        }
        if self.unwritten.is_empty() {
            self.unwritten = unwritten;
        }
        true
    }

    fn hold(&mut self, hold: bool) {
        match (&mut self.held, hold) {
            (None, true) => self.held = Some(BTreeSet::new()),
            (Some(held), false) => {
                let held = mem::take(held);
                self.held = None;
                // What is not in the kernel any more is told by nobody.
                held.into_iter().for_each(|id| self.queue(id));
            }
            _ => {}
        }
    }

    fn turn(&mut self, now: Instant, look: bool) -> io::Result<bool> {
        if self.is_inherited() {
            return Err(SocketError::Forked.into());
        }
        self.blind = if look { 0 } else { self.blind.saturating_add(1) };
        self.look_at_due(now);
        let mut active = self.flush(now);
        let mut ready = mem::take(&mut self.ready);
        if look {
            active |= self.poller.look(&mut ready)?;
        }
        for Ready { token, directions } in ready.drain(..) {
            if let Some(door) = DoorId::of(token) {
                self.accept(door, now);
                continue;
            }
            match ConnId(token) {
                seat::TOKEN => self.disturbed(),
                id if seat::is_process(id) => self.died(seat::connection_of(id), now),
                id => {
                    if directions.write {
                        self.tend(id, Directions::WRITE, now);
                    }
                    if directions.read {
                        self.queue(id);
                    }
                    if self.held.is_some() {
                        self.watch(id);
                    }
                }
            }
        }
        self.ready = ready;
        self.look_for_turn();
        active |= self.held.is_none() && !self.readable.is_empty();
        self.read_some(now);
        active |= !self.reports.is_empty();
        if !active {
            self.release();
        }
        Ok(active)
    }

    fn deadline(&self) -> Option<Instant> {
        let conns = self.deadlines.first().map(|&(at, _)| at);
        let doors = self.doors.values().filter_map(Door::deadline);
        conns.into_iter().chain(doors).min()
    }
}

impl<S: Sys> SocketNet<S> {
    /// Reads from those who have something, each its share, until it is enough for one turn. The others come first in
    /// the next.
    pub(super) fn read_some(&mut self, now: Instant) {
        let mut bytes = 0;
        let hold = self.held.is_some();
        for _ in 0..self.readable.len() {
            if self.reports.len() >= REPORTS || bytes >= BYTES {
                return;
            }
            let Some(id) = self.readable.pop_front() else { return };
            let Some(conn) = self.conns.get_mut(&id) else { continue };
            if !conn.may_read(hold) && hold {
                // It keeps its place.
                self.readable.push_back(id);
                continue;
            }
            conn.queued = false;
            bytes += self.tend(id, Directions::READ, now);
        }
    }

    /// Idle connections hold no buffers. One that is used between any two waits is not idle.
    pub(super) fn release(&mut self) {
        for id in self.cooling.drain(..) {
            if let Some(conn) = self.conns.get_mut(&id)
                && !conn.touched
            {
                conn.release();
            }
        }
        for id in &self.touched {
            if let Some(conn) = self.conns.get_mut(id) {
                conn.touched = false;
            }
        }
        mem::swap(&mut self.cooling, &mut self.touched);
    }

    pub(super) fn pause(&mut self, id: ConnId, paused: bool) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.paused = paused;
            self.write_later(id);
            self.queue(id);
        }
    }

    /// Bytes that are held of large messages that have not arrived whole.
    pub const fn parts(&self) -> usize {
        self.bodies.held()
    }

    /// These may go on with their large messages.
    pub(super) fn relieve(&mut self, ids: BTreeSet<ConnId>) {
        for id in ids {
            if let Some(conn) = self.conns.get_mut(&id) {
                conn.crowded = false;
            }
            self.queue(id);
        }
    }

    /// Gives a message to a pipe of SP that the machine has chosen for it: what [`Action::Send`] does, with fewer moves.
    #[inline]
    pub fn hand_over(&mut self, Grant { pipe, send, word }: Grant, body: Bytes, now: Instant) {
        if let Some(conn) = self.conns.get_mut(&pipe)
            && conn.quick_send(send, word, &body)
        {
            if !mem::replace(&mut conn.unwritten, true) {
                self.unwritten.push(pipe);
            }
            return;
        }
        let kind = word.map_or(Kind::Message, Kind::Headed);
        self.act(Action::Send(pipe, send, Frame::new(kind, Message::new(body))), now);
    }

    /// It has something to write.
    pub(super) fn write_later(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id)
            && !mem::replace(&mut conn.unwritten, true)
        {
            self.unwritten.push(id);
        }
    }

    /// It is to be read, once.
    pub(super) fn queue(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id)
            && !mem::replace(&mut conn.queued, true)
        {
            self.readable.push_back(id);
        }
    }
}

/// Reports of one turn, and bytes that are read in it: after so many no other connection is read.
const REPORTS: usize = 1024;
const BYTES: usize = 1 << 20;
