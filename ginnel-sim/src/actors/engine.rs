//! An engine in a process, as its driver sees it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ginnel_os::engine::Engine;
use ginnel_os::net::{NetOptions, SocketNet};
use ginnel_proto::link::Incarnation;
use ginnel_proto::machine::{ConnId, Loss, Machine};
use ginnel_proto::{LinkOptions, Patience, PeerFault};

use crate::kernel::{DEAD, Fake, Fd, SockId};
use crate::moody::{Mood, Moody};
use crate::scene::Scene;

/// The two ends of a connection: ours, theirs.
pub(crate) type Ends = (SockId, SockId);

/// An engine, and what its driver remembers.
#[derive(Debug)]
pub(crate) struct Core<M: Machine<Fd = Fd>> {
    pub(crate) fake: Fake,
    pub(crate) engine: Engine<Moody<M>, SocketNet<Fake>>,
    /// Nobody takes what arrives.
    pub(crate) holding: bool,
    pub(crate) paused: BTreeSet<ConnId>,
    /// The last turn found something to do.
    active: bool,
    /// Turns in a row that found nothing though somebody had woken the driver.
    idle: u32,
}

impl<M: Machine<Fd = Fd>> Core<M> {
    /// `None`: the process has no descriptor for a poller.
    pub(crate) fn new(scene: &Scene, fake: Fake, machine: M) -> Option<Self> {
        Self::with(fake, machine, options(scene))
    }

    /// As [`new`](Self::new), with sockets of this kind.
    pub(crate) fn with(fake: Fake, machine: M, options: NetOptions) -> Option<Self> {
        let net = SocketNet::on(fake.clone(), options).ok()?;
        let engine = Engine::new(Moody::new(fake.clone(), machine), net);
        Some(Self { fake, engine, holding: false, paused: BTreeSet::new(), active: true, idle: 0 })
    }

    pub(crate) fn machine(&self) -> &M {
        self.engine.machine().inner()
    }

    pub(crate) const fn machine_mut(&mut self) -> &mut M {
        self.engine.machine_mut().inner_mut()
    }

    /// The last connection that the machine wanted to be made.
    pub(crate) const fn wanted(&self) -> ConnId {
        self.engine.machine().wanted()
    }

    /// There is something to do that nothing tells of.
    pub(crate) const fn wake(&mut self) {
        self.active = true;
    }

    pub(crate) fn command(&mut self, scene: &Scene, command: M::Command) {
        self.engine.command(Mood::Ask(command), scene.now());
        self.active = true;
    }

    pub(crate) fn ends(&self, id: ConnId) -> Option<Ends> {
        self.fake.ends(self.engine.net().borrowed(id)?)
    }

    fn is_woken(&self) -> bool {
        self.engine.net().poller().is_readable()
    }

    pub(crate) fn is_ready(&self) -> bool {
        let net = self.engine.net();
        self.active || net.has_work() || (net.is_on_hold() && !self.holding) || self.is_woken()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.engine.deadline()
    }

    /// Turns once, as a driver does: holds reading first if nobody has room.
    pub(crate) fn turn(&mut self, scene: &Scene) {
        self.engine.hold(self.holding);
        let woken = self.is_woken();
        let calls = scene.world.borrow().calls();
        match self.engine.turn(scene.now(), true) {
            Ok(active) => self.active = active,
            Err(error) => {
                self.active = false;
                if error.raw_os_error() != Some(DEAD) {
                    scene.violated(format!("a turn failed: {error}"));
                }
            }
        }
        let worked = scene.world.borrow().calls() > calls || self.engine.waiting_events() > 0;
        self.idle = if woken && !worked { self.idle + 1 } else { 0 };
        if self.idle >= IDLE {
            self.idle = 0;
            scene.violated("a driver is woken again and again, and finds nothing to do");
        }
        if self.engine.waiting_events() > EVENTS {
            scene.violated(format!("one turn told of {} things", self.engine.waiting_events()));
        }
    }

    /// Now that all has arrived: is nothing thought to be under way?
    pub(crate) fn check(&self, scene: &Scene) {
        let parts = self.engine.net().parts();
        if parts > 0 {
            scene.violated(format!("{parts} bytes count as parts of messages, and none is under way"));
        }
    }

    pub(crate) fn pause(&mut self, scene: &Scene, id: ConnId) {
        let mood = if self.paused.insert(id) {
            Mood::Pause(id)
        } else {
            self.paused.remove(&id);
            Mood::Resume(id)
        };
        scene.note(|| format!("  {mood:?}"));
        self.engine.command(mood, scene.now());
        self.active = true;
    }

    pub(crate) fn settle(&mut self, scene: &Scene) {
        self.holding = false;
        for id in std::mem::take(&mut self.paused) {
            self.engine.command(Mood::Resume(id), scene.now());
        }
        self.active = true;
    }
}

fn options(scene: &Scene) -> NetOptions {
    let incarnation = Incarnation([7; 16]);
    let ping = scene.pick(&[None, None, Some(Duration::from_secs(2))]);
    NetOptions {
        link: LinkOptions { incarnation, wire: scene.wire(), ..LinkOptions::default() },
        patience: Patience { ping, ..Patience::default() },
        parts: scene.pick(&[64 << 20, 64 << 20, 70_000, 0]),
        ..NetOptions::default()
    }
}

/// What a loss says about the other side, which is as good as this one.
pub(crate) fn judge(scene: &Scene, loss: Loss, ours: Option<SockId>, may_be_strange: bool) {
    let stranger = scene.is_strange(ours) || (ours.is_none() && may_be_strange);
    match loss {
        Loss::Fault(PeerFault::CutShort { .. }) | Loss::Closed { .. } | Loss::Died => {}
        // Once nothing goes wrong any more nobody is silent.
        Loss::Fault(PeerFault::Silent | PeerFault::Stuck | PeerFault::Unresponsive) if !scene.is_calm() => {
            scene.excuse(ours);
        }
        Loss::Fault(_) if stranger => scene.excuse(ours),
        Loss::Fault(fault) => scene.violated(format!("one who keeps all rules was blamed: {fault}")),
        Loss::Errno(errno) => judge_errno(scene, errno, ours),
    }
}

/// What the system can say of a connection that is used as it should be.
pub(crate) fn judge_errno(scene: &Scene, errno: i32, ours: Option<SockId>) {
    match errno {
        libc::ECONNRESET | libc::EPIPE | libc::ENOBUFS => {}
        libc::EMFILE | libc::ENOSPC if ours.is_none_or(|ours| scene.has_failed(ours)) => scene.excuse(ours),
        DEAD => {}
        _ => scene.violated(format!("error {errno}, which nothing can have led to")),
    }
}

/// Turns that a driver may be woken for in vain.
const IDLE: u32 = 8;

/// Things that one turn may tell of.
const EVENTS: usize = 1400;
