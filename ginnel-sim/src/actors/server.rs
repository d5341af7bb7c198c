//! A server that lives on the fake kernel.

use std::collections::BTreeMap;
use std::time::Instant;

use ginnel_proto::limits::Bound;
use ginnel_proto::machine::{ConnId, Crowd, Refused, SendId};
use ginnel_proto::server::{self, Command, Event, ServerOptions};
use ginnel_proto::{Address, Answer, CallId, Frame, Kind};

use super::engine::{Core, Ends, judge};
use crate::kernel::{Fake, Fd, Pid, SockId};
use crate::ledger::{Entry, Outbox, Post};
use crate::scene::{Actor, Scene};

type Machine = server::Server<Fd>;

/// A server, and what its application remembers.
#[derive(Debug)]
pub(crate) struct Server {
    core: Core<Machine>,
    address: Address,
    peers: BTreeMap<ConnId, Peer>,
    requests: Vec<(ConnId, CallId)>,
    /// What was answered, and with what.
    answered: Vec<(ConnId, CallId, Entry)>,
    /// Questions of ours.
    asked: Vec<(ConnId, CallId, Entry)>,
    /// Strangers may come, who keep no rules.
    strangers: bool,
}

#[derive(Debug, Default)]
struct Peer {
    ends: Option<Ends>,
    outbox: Outbox,
}

impl Server {
    pub(crate) fn new(scene: &Scene, fake: Fake, address: Address, strangers: bool) -> Option<Self> {
        let queue =
            Bound { messages: scene.pick(&[1024, 16, 3]), bytes: scene.pick(&[1 << 20, 10_000]), fds: 64 };
        let total = scene.pick(&[64 << 20, 100_000]);
        let options = ServerOptions { queue, total, wire: scene.wire(), ..ServerOptions::default() };
        let mut server = Self {
            core: Core::new(scene, fake, server::Server::new(options))?,
            address,
            peers: BTreeMap::new(),
            requests: Vec::new(),
            answered: Vec::new(),
            asked: Vec::new(),
            strangers,
        };
        server.core.command(scene, Command::Listen(server.address.clone()));
        server.take(scene);
        Some(server)
    }

    fn someone(&self, scene: &Scene) -> Option<ConnId> {
        let connected: Vec<_> = self.core.machine().connections().collect();
        if connected.is_empty() { None } else { Some(connected[scene.index(connected.len())]) }
    }

    fn send(&mut self, scene: &Scene) {
        let Some(to) = self.someone(scene) else { return };
        let (entry, message) = scene.write(&self.core.fake);
        let frame = Frame::new(Kind::Message, message);
        if !matches!(self.core.machine().admit(to, &frame), Some(Ok(()))) {
            scene.came_back(&self.core.fake, &frame.message, None);
            return;
        }
        scene.note(|| format!("  server sends {entry:?} to {to:?}"));
        self.core.command(scene, Command::Send(to, frame.message));
        self.posted(to, entry, Post::Message);
    }

    fn posted(&mut self, to: ConnId, entry: Entry, post: Post) {
        if let Some(last) = self.core.machine().last(to) {
            self.peers.entry(to).or_default().outbox.push(last, entry, post);
        }
    }

    fn ask(&mut self, scene: &Scene) {
        let Some(to) = self.someone(scene) else { return };
        let (entry, message) = scene.write(&self.core.fake);
        let Some(id) = self.core.machine().upcoming(to) else { return };
        let frame = Frame::new(Kind::Request(id), message);
        if !matches!(self.core.machine().admit(to, &frame), Some(Ok(()))) {
            scene.came_back(&self.core.fake, &frame.message, None);
            return;
        }
        scene.note(|| format!("  server asks {to:?} {entry:?} as {id:?}"));
        self.asked.push((to, id, entry));
        self.core.command(scene, Command::Ask(to, frame.message));
        self.posted(to, entry, Post::Question);
    }

    fn answer(&mut self, scene: &Scene) {
        if self.requests.is_empty() {
            return;
        }
        let (to, id) = self.requests.remove(scene.index(self.requests.len()));
        let (entry, message) = scene.write(&self.core.fake);
        let before = self.core.machine().last(to);
        scene.note(|| format!("  server answers {to:?} {id:?} with {entry:?}"));
        self.answered.push((to, id, entry));
        self.core.command(scene, Command::Answer(to, id, Answer::Response(message)));
        if self.core.machine().last(to) == before {
            scene.ledger.borrow_mut().dropped(entry);
        } else {
            self.posted(to, entry, Post::Answer);
        }
    }

    fn broadcast(&mut self, scene: &Scene) {
        let (entry, message) =
            scene.ledger.borrow_mut().write(&self.core.fake, scene.pick(&[8, 300, 9_000]), 0);
        let connected: Vec<_> = self.core.machine().connections().collect();
        let before: Vec<_> = connected.iter().map(|&id| self.core.machine().last(id)).collect();
        scene.note(|| format!("  server broadcasts {entry:?}"));
        self.core.command(scene, Command::Broadcast(message.body));
        for (id, before) in connected.into_iter().zip(before) {
            if self.core.machine().last(id) > before {
                self.posted(id, entry, Post::Broadcast);
            }
        }
    }

    fn disconnect(&mut self, scene: &Scene) {
        let Some(id) = self.someone(scene) else { return };
        scene.note(|| format!("  server takes leave of {id:?}"));
        self.excuse(scene, id);
        self.core.command(scene, Command::Disconnect(id));
    }

    /// What this one still says is not heard.
    fn excuse(&self, scene: &Scene, id: ConnId) {
        scene.excuse(self.peers.get(&id).and_then(|peer| peer.ends).map(|ends| ends.0));
    }

    /// This one's socket, over there.
    fn there(&self, id: ConnId) -> Option<SockId> {
        self.peers.get(&id).and_then(|peer| peer.ends).map(|ends| ends.1)
    }

    fn excuse_all(&mut self, scene: &Scene) {
        scene.ledger.borrow_mut().gone(self.pid());
        self.peers.keys().for_each(|&id| self.excuse(scene, id));
    }

    fn take(&mut self, scene: &Scene) {
        while let Some(event) = self.core.engine.poll_event() {
            self.heed(scene, event);
        }
        let mut ledger = scene.ledger.borrow_mut();
        for (&id, peer) in &mut self.peers {
            if self.core.machine().is_connected(id) {
                let at = peer.ends.map(|ends| ends.1);
                peer.outbox.sent_before(self.core.machine().first_unsent(id), at, &mut ledger);
            }
        }
    }

    fn heed(&mut self, scene: &Scene, event: Event<Fd>) {
        let at =
            |server: &Self, id| server.peers.get(&id).and_then(|peer| peer.ends).map(|ends: Ends| ends.0);
        scene.note(|| format!("  server <- {:.150}", format!("{event:?}")));
        match event {
            Event::Joined(id) => {
                let ends = self.core.ends(id);
                scene.note(|| format!("  server: {id:?} joined, {ends:?}"));
                match ends {
                    Some(ends) => scene.know(Some(ends.0)),
                    // It came and went within one turn: which socket it had is not known any more.
                    None => scene.ledger.borrow_mut().gone(self.pid()),
                }
                if self.peers.insert(id, Peer { ends, outbox: Outbox::default() }).is_some() {
                    scene.violated(format!("{id:?} was given out twice"));
                }
            }
            Event::Message(id, message) => self.got(scene, id, &message),
            Event::Request(request) => {
                self.got(scene, request.connection, &request.message);
                self.requests.push((request.connection, request.id));
            }
            Event::Cancelled(id, call) => self.requests.retain(|waiting| *waiting != (id, call)),
            Event::Answered(id, call, answer) => {
                self.settled(scene, id, call);
                if let Answer::Response(message) = answer {
                    self.got(scene, id, &message);
                }
            }
            Event::CallLost(id, call) => self.settled(scene, id, call),
            Event::CallReturned(id, call, message, _) => {
                self.settled(scene, id, call);
                scene.came_back(&self.core.fake, &message, self.there(id));
            }
            Event::Returned(id, send, message, why) => {
                self.gone(id, send, why == Refused::Gone);
                scene.came_back(&self.core.fake, &message, self.there(id));
            }
            Event::Cut(id, send) => self.gone(id, send, true),
            Event::Left(id, loss) => {
                judge(scene, loss, at(self, id), self.strangers);
                self.requests.retain(|(from, _)| *from != id);
                self.ended(scene, id);
            }
            Event::Undelivered(id, call, _) => self.undelivered(scene, id, call),
            Event::Listening | Event::ListenFailed(_) | Event::Missed(_) => {}
        }
    }

    /// A failure goes in its place.
    fn undelivered(&self, scene: &Scene, id: ConnId, call: CallId) {
        match self.answered.iter().find(|(to, of, _)| (*to, *of) == (id, call)) {
            Some((.., entry)) => scene.ledger.borrow_mut().dropped(*entry),
            None => scene.violated(format!("an answer to {call:?} of {id:?} was not delivered, nor given")),
        }
    }

    fn got(&self, scene: &Scene, id: ConnId, message: &ginnel_proto::Message<Fd>) {
        let Some(peer) = self.peers.get(&id) else {
            return scene.violated(format!("something came from {id:?}, who never joined"));
        };
        scene.arrived(peer.ends.map(|ends| ends.0), &self.core.fake, message);
    }

    fn settled(&mut self, scene: &Scene, id: ConnId, call: CallId) {
        let Some(at) = self.asked.iter().position(|(of, asked, _)| (*of, *asked) == (id, call)) else {
            return scene.violated(format!("{call:?} of {id:?} was answered twice, or never asked"));
        };
        let (.., entry) = self.asked.swap_remove(at);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.outbox.forget(entry);
        }
    }

    fn gone(&mut self, id: ConnId, send: SendId, lost: bool) {
        if let Some(peer) = self.peers.get_mut(&id) {
            if lost { peer.outbox.lose(send) } else { peer.outbox.settle(send) }
        }
    }

    fn ended(&mut self, scene: &Scene, id: ConnId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            let there = peer.ends.map(|ends| ends.1);
            let outcome = peer.outbox.end(there, &mut scene.ledger.borrow_mut());
            scene.hold(outcome);
        }
        if self.asked.iter().any(|(of, ..)| *of == id) {
            scene.violated(format!("nobody was told what became of the questions to {id:?}"));
        }
    }
}

impl Actor for Server {
    fn name(&self) -> &'static str {
        "server"
    }

    fn pid(&self) -> Pid {
        self.core.fake.pid()
    }

    fn act(&mut self, scene: &Scene) {
        match scene.index(16) {
            0..=4 => self.send(scene),
            5 => self.broadcast(scene),
            6 => self.ask(scene),
            7..=9 => self.answer(scene),
            10 => self.core.holding = !self.core.holding,
            11 => {
                if let Some(id) = self.someone(scene) {
                    self.core.pause(scene, id);
                }
            }
            12 => drop(self.core.engine.flush(scene.now())),
            13 if scene.chance(200) => self.disconnect(scene),
            14 if scene.chance(60) => {
                scene.note(|| "  server stops".to_owned());
                self.excuse_all(scene);
                self.core.command(scene, Command::Stop);
            }
            15 if self.core.machine().is_listening() => {
                // It fails if somebody else listens there by now.
                let _ = self.core.engine.net_mut().republish();
            }
            _ => self.core.command(scene, Command::Listen(self.address.clone())),
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
        while !self.requests.is_empty() {
            self.answer(scene);
        }
        self.take(scene);
    }

    fn check(&mut self, scene: &Scene) {
        self.core.check(scene);
        for (id, peer) in &self.peers {
            let connected = self.core.machine().is_connected(*id);
            if connected && !peer.outbox.is_empty() {
                scene.violated(format!("something for {id:?} was never sent"));
            }
            let strange = scene.is_strange(peer.ends.map(|ends| ends.0));
            if connected && !strange && self.asked.iter().any(|(of, ..)| of == id) {
                scene.violated(format!("a question to {id:?} was never answered"));
            }
            if connected && self.core.machine().unsent(*id).messages > 0 {
                scene.violated(format!("{id:?} counts {:?} as unsent", self.core.machine().unsent(*id)));
            }
        }
    }

    fn sweeps(&self) -> bool {
        true
    }

    fn leave(&mut self, scene: &Scene) {
        self.excuse_all(scene);
        self.core.command(scene, Command::Stop);
        self.take(scene);
    }

    fn killed(&mut self, scene: &Scene) {
        self.excuse_all(scene);
    }
}
