//! The sockets of one engine: actions in, reports out. It knows no machine, and waits nowhere but in
//! `SocketNet::wait`.

mod awake;
mod bodies;
mod conn;
mod door;
mod doors;
mod options;
mod seat;
mod turn;
mod watching;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::mem;
use std::time::{Duration, Instant};

use ginnel_proto::link::Greeting;
use ginnel_proto::machine::{ConnId, Failure, NetEvent, Refused, SendId};
use ginnel_proto::{Address, AddressKind, Frame, Line, Wire};

use crate::connection::Directions;
use crate::error::SocketError;
use crate::listener::Listener;
use crate::poller::{Waitable, Waker};
use crate::socket::Connecting;
use crate::stream::Stream;
use crate::sys::{Kernel, Ready, SocketKind, Sys};
use awake::Awake;
use bodies::Bodies;
use conn::{After, Conn, errno};
use door::Door;
use seat::Seat;

pub use door::DoorId;
pub use options::NetOptions;

/// The sockets of one engine on Unix.
#[derive(Debug)]
pub struct SocketNet<S: Sys = Kernel> {
    sys: S,
    /// The process that made it.
    pid: u32,
    options: NetOptions,
    poller: S::Poller,
    conns: BTreeMap<ConnId, Box<Conn<S>>>,
    doors: BTreeMap<DoorId, Door<S>>,
    /// The number of the next listener: none is used twice.
    next_door: DoorId,
    /// Those who came in through a listener and have not greeted.
    knocking: BTreeMap<ConnId, DoorId>,
    /// The last that came in through a listener, or was adopted.
    last_accepted: ConnId,
    reports: VecDeque<NetEvent<S::Carried>>,
    /// Connections that were given something to write, and some that are gone.
    unwritten: Vec<ConnId>,
    /// Connections that may have something to read, whoever waits longest first.
    readable: VecDeque<ConnId>,
    deadlines: BTreeSet<(Instant, ConnId)>,
    scratch: Vec<u8>,
    ready: Vec<Ready>,
    /// Connections that may keep buffers since somebody last waited.
    touched: Vec<ConnId>,
    /// The same, between the two waits before.
    cooling: Vec<ConnId>,
    /// Nobody takes what would be read: these are not read meanwhile.
    held: Option<BTreeSet<ConnId>>,
    bodies: Bodies,
    /// Where peers meet, if this is one.
    seat: Option<Box<Seat<S>>>,
    awake: Awake,
    /// Turns since the poller was asked.
    blind: u32,
}

impl SocketNet {
    /// No sockets yet.
    ///
    /// # Errors
    /// The kernel's, for the poller.
    pub fn new(options: NetOptions) -> io::Result<Self> {
        Self::on(Kernel, options)
    }

    /// Ends the wait of whoever waits for the descriptor.
    pub fn waker(&self) -> Waker {
        self.poller.waker()
    }

    /// The descriptor that is readable when there is something to do, for whoever waits without the engine in hand.
    pub fn shared_descriptor(&self) -> Waitable {
        self.poller.shared_descriptor()
    }

    /// Waits until something is ready or this moment has come. The next turn sees to it.
    ///
    /// # Errors
    /// [`SocketError::Forked`]. Else the kernel's.
    pub fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        if self.is_inherited() {
            return Err(SocketError::Forked.into());
        }
        if self.has_work() {
            return self.poller.wait(Some(Duration::ZERO));
        }
        self.release();
        let begun = Instant::now();
        if let Some(moment) = self.awake.moment() {
            let came =
                self.look_for(begun, [begun.checked_add(moment), until].into_iter().flatten().min())?;
            self.awake.looked(came);
            if came {
                return Ok(());
            }
        }
        self.poller.wait(until.map(|until| until.saturating_duration_since(Instant::now())))?;
        self.awake.slept(begun.elapsed());
        Ok(())
    }

    /// Is there so much to do that the poller need not be asked? Every few times it must be, so that nobody with much to say
    /// hides the others.
    pub fn can_do_without_look(&self) -> bool {
        self.blind < BLIND && self.has_work()
    }

    /// Looks again and again, until something is ready or this moment has come.
    fn look_for(&mut self, begun: Instant, until: Option<Instant>) -> io::Result<bool> {
        let mut now = begun;
        while until.is_some_and(|until| now < until) {
            self.poller.wait(Some(Duration::ZERO))?;
            if self.poller.has_found() {
                return Ok(true);
            }
            now = Instant::now();
        }
        Ok(false)
    }
}

impl<S: Sys> SocketNet<S> {
    /// As [`new`](SocketNet::new), on this kernel.
    ///
    /// # Errors
    /// As there.
    pub fn on(sys: S, options: NetOptions) -> io::Result<Self> {
        Ok(Self {
            poller: sys.poller()?,
            pid: sys.pid(),
            sys,
            conns: BTreeMap::new(),
            doors: BTreeMap::new(),
            next_door: DoorId::ONLY,
            knocking: BTreeMap::new(),
            last_accepted: ConnId::FIRST_ACCEPTED,
            reports: VecDeque::new(),
            unwritten: Vec::new(),
            readable: VecDeque::new(),
            touched: Vec::new(),
            cooling: Vec::new(),
            deadlines: BTreeSet::new(),
            scratch: Vec::new(),
            ready: Vec::new(),
            held: None,
            bodies: Bodies::new(options.parts),
            seat: None,
            awake: Awake::new(options.awake),
            blind: 0,
            options,
        })
    }

    fn connect(&mut self, id: ConnId, address: &Address, now: Instant) {
        if let AddressKind::Tcp(port) = address.kind() {
            return match self.sys.connect_tcp(port) {
                Ok(fd) => {
                    let wire = self.options.link.wire.without_kinds();
                    self.begin(id, Stream::made_on(self.sys.clone(), fd), (false, wire), now);
                }
                Err(error) => {
                    let failure = Failure::Errno(errno(&error));
                    self.reports.push_back(NetEvent::ConnectFailed(id, failure));
                }
            };
        }
        let connecting = Connecting::on(self.sys.clone(), SocketKind::Stream, address, true);
        self.connect_by(id, connecting, now);
    }

    fn connect_by(&mut self, id: ConnId, connecting: io::Result<Connecting<S>>, now: Instant) {
        let connected = connecting.and_then(|connecting| Ok(connecting.attempt()?.map(|()| connecting)));
        let failure = match connected {
            Ok(Some(connecting)) => {
                let ours = !connecting.is_inherited();
                let fd = connecting.into_fd();
                let sys = self.sys.clone();
                let stream = if ours { Stream::made_on(sys, fd) } else { Stream::unchecked_on(sys, fd) };
                return self.begin(id, stream, (false, self.options.link.wire), now);
            }
            Ok(None) => Failure::Busy,
            Err(error) => Failure::Errno(errno(&error)),
        };
        self.reports.push_back(NetEvent::ConnectFailed(id, failure));
    }

    /// Takes a fresh stream in.
    fn begin(&mut self, id: ConnId, stream: Stream<S>, (accepted, wire): (bool, Wire), now: Instant) {
        if self.conns.len() >= MANY {
            // Many who do not read must not hold much of the kernel's memory together. It fails for no socket.
            let _ = self.sys.set_send_buffer(stream.borrowed(), SMALL_BUFFER);
        }
        let mut conn = Conn::new(id, stream, (accepted, wire), &self.options);
        if let Some(seat) = &self.seat {
            conn.introduce(seat.hello());
        }
        conn.open(&mut self.reports);
        if !conn.is_knocking() {
            // A wire without greetings.
            self.knocking.remove(&id);
        }
        self.conns.insert(id, Box::new(conn));
        self.tend(id, Directions::WRITE, now);
    }

    /// This one was lost, and the machine has not been told: what it sent meanwhile was not sent.
    fn give_back(&mut self, id: ConnId, send: SendId, frame: Frame<S::Carried>) {
        let is_loss =
            |report: &NetEvent<S::Carried>| matches!(report, NetEvent::Lost(other, _) if *other == id);
        let before = self.reports.iter().position(is_loss).unwrap_or(self.reports.len());
        self.reports.insert(before, NetEvent::Refused(id, send, frame, Refused::Gone));
    }

    /// How long a connection that is closed here may take from now on.
    pub const fn set_linger(&mut self, linger: Duration) {
        self.options.linger = linger;
    }

    /// Takes a connection in that stands already. What its line holds counts as number 0, if it holds something.
    pub fn adopt(&mut self, id: ConnId, stream: Stream<S>, line: Line<S::Carried>) {
        self.conns.insert(id, Box::new(Conn::adopted(id, stream, line)));
        self.write_later(id);
        self.queue(id);
    }

    /// Takes a listener in that is published already.
    ///
    /// # Errors
    /// The kernel's: it cannot be watched.
    pub fn adopt_listener(&mut self, listener: Listener<S>) -> io::Result<DoorId> {
        self.open(listener, self.options.link.wire)
    }

    /// The listener, if there is one.
    pub fn listener(&self) -> Option<&Listener<S>> {
        self.doors.values().next().map(Door::listener)
    }

    /// Publishes the listener's name again if somebody removed or replaced it.
    ///
    /// # Errors
    /// As [`Listener::republish`].
    pub fn republish(&mut self) -> io::Result<()> {
        self.doors.values_mut().try_for_each(|door| door.republish(&self.poller))
    }

    /// Was it inherited by a fork? Only the process that made it may use it.
    pub fn is_inherited(&self) -> bool {
        self.sys.pid() != self.pid
    }

    /// What tells who is ready.
    pub const fn poller(&self) -> &S::Poller {
        &self.poller
    }

    /// A connection's descriptor, to ask the kernel about it.
    pub fn borrowed(&self, id: ConnId) -> Option<S::Borrowed<'_>> {
        self.conns.get(&id).map(|conn| conn.borrowed())
    }

    /// Connections, those included that are not open yet or are being closed.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// What this one takes and who it is, once it has greeted.
    pub fn greeting(&self, id: ConnId) -> Option<Greeting> {
        self.conns.get(&id)?.greeting()
    }

    /// Is reading on hold, but for those that leave?
    pub const fn is_on_hold(&self) -> bool {
        self.held.is_some()
    }

    /// Is there something to do that no readiness will tell of?
    pub fn has_work(&self) -> bool {
        let waits_at_old_name = self.doors.values().any(Door::has_retired);
        !self.unwritten.is_empty() || (self.held.is_none() && !self.readable.is_empty()) || waits_at_old_name
    }

    /// Does what a connection is ready for, and sees to what is watched and when to look again. Tells what it read.
    fn tend(&mut self, id: ConnId, ready: Directions, now: Instant) -> usize {
        let Some(conn) = self.conns.get_mut(&id) else { return 0 };
        if !mem::replace(&mut conn.touched, true) {
            self.touched.push(id);
        }
        let was_knocking = conn.is_knocking();
        let may_read = conn.may_read(self.held.is_some());
        let mut taken = 0;
        let grows = self.bodies.may_grow(id);
        let mut after = if ready.write { conn.write(now, &mut self.reports) } else { After::Stays };
        if may_read && (ready.read || after == After::More) {
            after = conn.read((&mut self.scratch, grows), &mut self.reports, &mut taken);
        }
        if after != After::Gone && conn.has_output() {
            // A pong, for instance.
            after = after.max(conn.write(now, &mut self.reports));
        }
        if after != After::Gone {
            let looked = conn.look(now, may_read).or_else(|fault| {
                // Nobody may have turned for a while: what lies in the kernel counts.
                let before = taken;
                match conn.read((&mut self.scratch, grows), &mut self.reports, &mut taken) {
                    After::Gone => Ok(After::Gone),
                    _ if taken > before => Ok(After::More),
                    _ => Err(fault),
                }
            });
            after = after.max(looked.unwrap_or_else(|fault| conn.cut(fault, &mut self.reports)));
        }
        let opened = was_knocking && !conn.is_knocking();
        if after == After::Waits {
            conn.crowded = true;
            self.bodies.wait(id);
        }
        let relieved = self.bodies.note(id, conn.growing());
        match after {
            After::Gone => self.forget(id),
            After::More => {
                self.queue(id);
                self.watch(id);
            }
            After::Stays | After::Waits => self.watch(id),
        }
        if opened {
            self.knocking.remove(&id);
        }
        if !relieved.is_empty() {
            self.relieve(relieved);
        }
        taken
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
        self.look_at_doors(now);
    }
}

/// Turns in a row without asking the poller.
const BLIND: u32 = 4;

/// From so many connections on, each gets a small send buffer.
const MANY: usize = 256;
/// Bytes of it; the kernel doubles them for its own needs.
const SMALL_BUFFER: usize = 32 << 10;

#[cfg(unix)]
#[cfg(test)]
mod tests;
