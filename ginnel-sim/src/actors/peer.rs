//! A peer that lives on the fake kernel: one of several who meet at a path.

mod letters;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ginnel_proto::limits::Bound;
use ginnel_proto::machine::{ConnId, Crowd, Loss, Refused, SendId};
use ginnel_proto::peer::{self, Command, Event, Hello, PeerOptions, Role, Trouble};
use ginnel_proto::server::{self, Command as Ask};
use ginnel_proto::{Address, Answer, CallId, Message};

use super::engine::{Core, Ends, judge};
use crate::fault::Fault;
use crate::kernel::{Fake, Fd, Pid, SockId};
use crate::ledger::{Entry, Outbox};
use crate::scene::{Actor, Part, Scene};

type Machine = peer::Peer<Fd>;

/// A peer, and what its application remembers.
#[derive(Debug)]
pub(crate) struct Peer {
    core: Core<Machine>,
    role: Role,
    /// It has asked to leave, or has left.
    leaving: bool,
    out: bool,
    /// All connections and attempts that it had.
    ends: BTreeMap<ConnId, Ends>,
    /// The last of them that was made here.
    newest: ConnId,
    /// The connection to whoever listens, or the last.
    link: Option<Ends>,
    /// What goes to whoever listens.
    up: Outbox,
    /// What goes to those who are connected to this one.
    neighbours: BTreeMap<ConnId, Outbox>,
    requests: Vec<(ConnId, CallId)>,
    answered: Vec<(ConnId, CallId, Entry)>,
    asked: Vec<(ConnId, CallId, Entry)>,
    /// What was sent to one who listens, and not to the next.
    addressed: Vec<(SendId, ConnId)>,
}

impl Peer {
    pub(crate) fn new(scene: &Scene, fake: Fake, (address, path): (Address, PathBuf)) -> Option<Self> {
        let hello = Hello::new("somebody").ok()?;
        let queue =
            Bound { messages: scene.pick(&[1024, 16, 3]), bytes: scene.pick(&[1 << 20, 10_000]), fds: 64 };
        let mut options = PeerOptions::new(address, hello);
        options.standby = scene.pick(&[true, true, true, false]);
        options.client.queue = queue;
        options.client.base = Duration::from_millis(5);
        options.client.cap = Duration::from_millis(100);
        options.client.seed = u64::from(fake.pid().0);
        options.server.queue = queue;
        let mut core = Core::new(scene, fake, Machine::new(options))?;
        core.engine.net_mut().contend(path).ok()?;
        let mut peer = Self {
            core,
            role: Role::Negotiating,
            leaving: false,
            out: true,
            ends: BTreeMap::new(),
            newest: ConnId(0),
            link: None,
            up: Outbox::default(),
            neighbours: BTreeMap::new(),
            requests: Vec::new(),
            answered: Vec::new(),
            asked: Vec::new(),
            addressed: Vec::new(),
        };
        peer.join(scene);
        Some(peer)
    }

    fn join(&mut self, scene: &Scene) {
        if self.out {
            self.out = false;
            self.command(scene, Command::Join);
        }
    }

    fn depart(&mut self, scene: &Scene) {
        if !self.out && !self.leaving {
            scene.note(|| format!("  peer {} leaves", self.pid().0));
            self.leaving = true;
            self.command(scene, Command::Leave);
        }
    }

    fn command(&mut self, scene: &Scene, command: Command<Fd>) {
        self.core.command(scene, command);
        self.take(scene);
    }

    /// Notes which sockets attempts have, as long as they have some.
    fn note_ends(&mut self, scene: &Scene) {
        let wanted = self.core.engine.machine().wanted();
        for id in (self.newest.0 + 1..=wanted.0).map(ConnId) {
            if let Some(ends) = self.core.ends(id) {
                self.ends.insert(id, ends);
                // An attempt may come to nothing.
                scene.excuse(Some(ends.0));
            }
        }
        self.newest = wanted;
    }

    fn take(&mut self, scene: &Scene) {
        self.note_ends(scene);
        while let Some(event) = self.core.engine.poll_event() {
            self.heed(scene, event);
        }
        let machine = self.core.machine();
        let mut ledger = scene.ledger.borrow_mut();
        let first = machine.first_unsent(machine.listener().unwrap_or(ConnId::LISTENER));
        if self.role != Role::Listener {
            self.up.sent_before(first, self.link.map(|ends| ends.1), &mut ledger);
        }
        for (&id, outbox) in &mut self.neighbours {
            if machine.is_connected(id) {
                let at = self.ends.get(&id).map(|ends| ends.1);
                outbox.sent_before(machine.first_unsent(id), at, &mut ledger);
            }
        }
    }

    fn heed(&mut self, scene: &Scene, event: Event<Fd>) {
        scene.note(|| format!("  peer {} <- {:.150}", self.pid().0, format!("{event:?}")));
        match event {
            Event::Role(role) => {
                if self.role == Role::Listener {
                    self.excuse_all(scene);
                }
                self.role = role;
            }
            Event::Joined(id, _) => self.joined(scene, id),
            Event::Failed(Trouble::Refused(why)) => {
                let error = self.core.engine.net_mut().refusal(why);
                scene.note(|| format!("  peer {}: {error}", self.pid().0));
            }
            Event::Failed(Trouble::Unreachable(_)) => {}
            Event::Left => {
                (self.leaving, self.out) = (false, true);
                self.excuse_all(scene);
                self.up.drop_answers();
                self.core.command(scene, Command::Many(Ask::Stop));
            }
            Event::Many(event) => self.heed_one_of_many(scene, event),
        }
    }

    fn joined(&mut self, scene: &Scene, id: ConnId) {
        let ends = self.core.ends(id).or(self.ends.get(&id).copied());
        match ends {
            Some(ends) => {
                self.ends.insert(id, ends);
                scene.trust(ends.0);
            }
            // It came and went within one turn: which socket it had is not known any more.
            None => scene.ledger.borrow_mut().gone(self.pid()),
        }
        if is_up(id) {
            self.link = ends;
        } else if self.neighbours.insert(id, Outbox::default()).is_some() {
            scene.violated(format!("{id:?} was given out twice"));
        }
    }

    fn heed_one_of_many(&mut self, scene: &Scene, event: server::Event<Fd>) {
        use server::Event as Many;
        match event {
            Many::Message(id, message) => self.got(scene, id, &message),
            Many::Request(request) => {
                self.got(scene, request.connection, &request.message);
                self.requests.push((request.connection, request.id));
            }
            Many::Cancelled(id, call) => self.requests.retain(|waiting| *waiting != (id, call)),
            Many::Answered(id, call, answer) => {
                self.settled(scene, id, call);
                if let Answer::Response(message) = answer {
                    self.got(scene, id, &message);
                }
            }
            Many::CallLost(id, call) => self.settled(scene, id, call),
            Many::CallReturned(id, call, message, _) => {
                self.settled(scene, id, call);
                scene.came_back(&self.core.fake, &message, self.there(id));
            }
            Many::Returned(id, send, message, why) => {
                self.gone(id, send, why == Refused::Gone);
                scene.came_back(&self.core.fake, &message, self.there(id));
            }
            Many::Cut(id, send) => self.gone(id, send, true),
            Many::Left(id, loss) => self.left(scene, id, loss),
            Many::Undelivered(id, call, _) => self.undelivered(scene, id, call),
            Many::Missed(_) => {}
            Many::Joined(_) | Many::Listening | Many::ListenFailed(_) => {
                scene.violated("a peer is told what only a server is");
            }
        }
    }

    fn got(&self, scene: &Scene, id: ConnId, message: &Message<Fd>) {
        let at = match is_up(id) {
            true => self.link.map(|ends| ends.0),
            false => self.ends.get(&id).map(|ends| ends.0),
        };
        scene.arrived(at, &self.core.fake, message);
    }

    /// The socket of one who is connected here; what goes to whoever listens may go to any.
    fn there(&self, id: ConnId) -> Option<SockId> {
        self.ends.get(&id).map(|ends| ends.1).filter(|_| !is_up(id))
    }

    fn left(&mut self, scene: &Scene, id: ConnId, loss: Loss) {
        let ends = self.ends.get(&id).copied();
        judge(scene, loss, ends.map(|ends| ends.0), false);
        if matches!(loss, Loss::Errno(_) | Loss::Fault(_)) && scene.has_happened(Fault::Forked) {
            // A child may keep the connection, so that the other side goes on writing.
            scene.excuse(ends.map(|ends| ends.0));
        }
        self.requests.retain(|(from, _)| *from != id);
        if is_up(id) {
            self.up.drop_answers();
            let addressed = |send| self.addressed.contains(&(send, id));
            scene.hold(self.up.check_told(addressed));
            return;
        }
        if let Some(outbox) = self.neighbours.get_mut(&id) {
            let outcome = outbox.end(ends.map(|ends| ends.1), &mut scene.ledger.borrow_mut());
            scene.hold(outcome);
        }
        if self.asked.iter().any(|(of, ..)| *of == id) {
            scene.violated(format!("nobody was told what became of the questions to {id:?}"));
        }
    }

    /// What is still said to this one is not heard.
    fn excuse_all(&self, scene: &Scene) {
        scene.ledger.borrow_mut().gone(self.pid());
        self.ends.values().for_each(|ends| scene.excuse(Some(ends.0)));
    }

    /// The socket that it listens on.
    fn socket(&self) -> Option<SockId> {
        self.core.fake.socket_of(self.core.engine.net().listener()?.borrowed())
    }
}

/// Was this connection made here, to whoever listens?
pub(super) fn is_up(id: ConnId) -> bool {
    id < ConnId::FIRST_ACCEPTED
}

impl Actor for Peer {
    fn name(&self) -> &'static str {
        "peer"
    }

    fn pid(&self) -> Pid {
        self.core.fake.pid()
    }

    fn act(&mut self, scene: &Scene) {
        match scene.index(18) {
            0..=4 => self.send(scene),
            5 => self.broadcast(scene),
            6 | 7 => self.ask(scene),
            8..=10 => self.answer(scene),
            11 => self.core.holding = !self.core.holding,
            12 => {
                if let Some(id) = self.someone(scene).filter(|id| *id != ConnId::LISTENER) {
                    self.core.pause(scene, id);
                }
            }
            13 => drop(self.core.engine.flush(scene.now())),
            14 if scene.chance(200) => {
                if let Some(id) = self.disconnect(scene) {
                    self.core.command(scene, Command::Many(Ask::Disconnect(id)));
                }
            }
            15 if scene.chance(60) => self.depart(scene),
            _ => self.join(scene),
        }
        self.take(scene);
    }

    fn is_ready(&self) -> bool {
        self.core.is_ready()
    }

    fn deadline(&self) -> Option<Instant> {
        self.core.deadline()
    }

    fn turn(&mut self, scene: &Scene) {
        self.core.turn(scene);
        self.take(scene);
    }

    fn settle(&mut self, scene: &Scene) {
        self.core.settle(scene);
        self.join(scene);
        while !self.requests.is_empty() {
            self.answer(scene);
        }
        self.take(scene);
    }

    fn check(&mut self, scene: &Scene) {
        self.core.check(scene);
        let machine = self.core.machine();
        if machine.role() != self.role {
            scene.violated(format!("{:?}, and it was told {:?}", machine.role(), self.role));
        }
        let connected = |id: ConnId| match is_up(id) {
            true => self.role == Role::Connector,
            false => machine.is_connected(id),
        };
        if connected(ConnId::LISTENER) && !self.up.is_empty() {
            scene.violated("something for whoever listens was never sent");
        }
        for (id, outbox) in &self.neighbours {
            if connected(*id) && !outbox.is_empty() {
                scene.violated(format!("something for {id:?} was never sent"));
            }
        }
        for (id, call, _) in &self.asked {
            if connected(*id) {
                scene.violated(format!("{call:?} to {id:?} was never answered"));
            }
        }
        for id in machine.connections() {
            if machine.unsent(id).messages > 0 {
                scene.violated(format!("{id:?} counts {:?} as unsent", machine.unsent(id)));
            }
        }
    }

    fn part(&self) -> Option<Part> {
        let machine = self.core.machine();
        Some(Part {
            pid: self.pid(),
            role: machine.role(),
            socket: self.socket().filter(|_| machine.role() == Role::Listener),
            link: machine.listener().and_then(|id| self.core.ends(id)),
            followers: machine
                .connections()
                .filter(|id| !is_up(*id))
                .filter_map(|id| self.core.ends(id).map(|ends| ends.0))
                .collect(),
        })
    }

    fn holds_name(&self) -> bool {
        self.core.machine().role() == Role::Listener
    }

    fn keeps_name(&self) -> bool {
        self.holds_name()
    }

    fn leave(&mut self, scene: &Scene) {
        self.depart(scene);
    }

    fn killed(&mut self, scene: &Scene) {
        self.excuse_all(scene);
    }
}
