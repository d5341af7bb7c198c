//! A client that lives on the fake kernel.

use std::time::{Duration, Instant};

use ginnel_proto::client::{self, ClientOptions, Command, Event, Reason, Status};
use ginnel_proto::limits::Bound;
use ginnel_proto::machine::{ConnId, Loss};
use ginnel_proto::{Address, Answer, CallId, Frame, Kind, Message};

use super::engine::{Core, Ends, judge};
use crate::kernel::{Fake, Fd, Pid};
use crate::ledger::{Entry, Outbox, Post};
use crate::scene::{Actor, Scene};

/// A client, and what its application remembers.
#[derive(Debug)]
pub(crate) struct Client {
    core: Core<client::Client<Fd>>,
    outbox: Outbox,
    /// The connection of now, or the last.
    ends: Option<Ends>,
    /// The connection that is being made.
    attempted: Option<Ends>,
    attempt: ConnId,
    connected: bool,
    requests: Vec<(ConnId, CallId)>,
    asked: Vec<(CallId, Entry)>,
}

impl Client {
    pub(crate) fn new(scene: &Scene, fake: Fake, address: Address) -> Option<Self> {
        let queue =
            Bound { messages: scene.pick(&[1024, 16, 3]), bytes: scene.pick(&[1 << 20, 10_000]), fds: 64 };
        let options = ClientOptions {
            queue,
            wire: scene.wire(),
            attempts: scene.pick(&[None, None, Some(3)]),
            base: Duration::from_millis(5),
            seed: 5,
            ..ClientOptions::default()
        };
        let mut client = Self {
            core: Core::new(scene, fake, client::Client::new(address, options))?,
            outbox: Outbox::default(),
            ends: None,
            attempted: None,
            attempt: ConnId(0),
            connected: false,
            requests: Vec::new(),
            asked: Vec::new(),
        };
        client.core.command(scene, Command::Connect);
        client.take(scene);
        Some(client)
    }

    fn send(&mut self, scene: &Scene) {
        let (entry, message) = scene.write(&self.core.fake);
        let frame = Frame::new(Kind::Message, message);
        if self.core.machine().admit(&frame).is_err() {
            scene.came_back(&self.core.fake, &frame.message, None);
            return;
        }
        let before = self.core.machine().last();
        scene.note(|| format!("  client {} sends {entry:?}", self.pid().0));
        self.core.command(scene, Command::Send(frame.message));
        let last = self.core.machine().last();
        if last > before {
            self.outbox.push(last, entry, Post::Message);
        }
    }

    fn ask(&mut self, scene: &Scene) {
        let (entry, message) = scene.write(&self.core.fake);
        let id = self.core.machine().upcoming();
        let frame = Frame::new(Kind::Request(id), message);
        if self.core.machine().admit(&frame).is_err() {
            scene.came_back(&self.core.fake, &frame.message, None);
            return;
        }
        let before = self.core.machine().last();
        scene.note(|| format!("  client {} asks {entry:?} as {id:?}", self.pid().0));
        self.asked.push((id, entry));
        self.core.command(scene, Command::Ask(frame.message));
        let last = self.core.machine().last();
        if last > before {
            self.outbox.push(last, entry, Post::Question);
        }
    }

    fn answer(&mut self, scene: &Scene) {
        if self.requests.is_empty() {
            return;
        }
        let (connection, id) = self.requests.remove(scene.index(self.requests.len()));
        let (entry, message) = scene.write(&self.core.fake);
        let before = self.core.machine().last();
        scene.note(|| format!("  client {} answers {id:?} with {entry:?}", self.pid().0));
        self.core.command(scene, Command::Answer(connection, id, Answer::Response(message)));
        let last = self.core.machine().last();
        if last > before {
            self.outbox.push(last, entry, Post::Answer);
        } else {
            scene.ledger.borrow_mut().dropped(entry);
        }
    }

    fn take(&mut self, scene: &Scene) {
        self.heed_all(scene);
        // What is left before the first that is not sent has gone over the connection of now.
        let at = self.ends.map(|ends| ends.1);
        let first = self.core.machine().first_unsent();
        self.outbox.sent_before(first, at, &mut scene.ledger.borrow_mut());
    }

    fn heed_all(&mut self, scene: &Scene) {
        while let Some(event) = self.core.engine.poll_event() {
            self.heed(scene, event);
        }
    }

    fn heed(&mut self, scene: &Scene, event: Event<Fd>) {
        scene.note(|| format!("  client {} <- {:.150}", self.pid().0, format!("{event:?}")));
        match event {
            Event::Status(status) => self.stands(scene, status),
            Event::Message(message) => self.got(scene, &message),
            Event::Request(request) => {
                self.got(scene, &request.message);
                self.requests.push((request.connection, request.id));
            }
            Event::Cancelled(id) => self.requests.retain(|(_, waiting)| *waiting != id),
            Event::Answered(id, answer) => {
                self.settled(scene, id);
                if let Answer::Response(message) = answer {
                    self.got(scene, &message);
                }
            }
            Event::CallLost(id) => self.settled(scene, id),
            Event::CallReturned(id, message, _) => {
                self.settled(scene, id);
                scene.came_back(&self.core.fake, &message, None);
            }
            Event::Returned(id, message, _) => {
                self.outbox.settle(id);
                scene.came_back(&self.core.fake, &message, None);
            }
            Event::Cut(id) => self.outbox.settle(id),
        }
    }

    fn stands(&mut self, scene: &Scene, status: Status) {
        let was_connected = std::mem::replace(&mut self.connected, status == Status::Connected);
        let reason = match status {
            Status::Connecting { .. } => return self.attempts(),
            Status::Connected => return self.connected(scene),
            Status::Reconnecting { reason, .. } | Status::Disconnected { reason } => reason,
        };
        self.outbox.drop_answers();
        let ours = self.ends.map(|ends| ends.0).filter(|_| was_connected);
        match reason {
            Reason::Fault(fault) => judge(scene, Loss::Fault(fault), ours, false),
            // Nobody is there, or there is no descriptor for another attempt.
            Reason::Error { errno: libc::ENOENT | libc::ECONNREFUSED | libc::EMFILE | libc::ENOSPC }
                if !was_connected => {}
            Reason::Error { errno } => judge(scene, Loss::Errno(errno), ours, false),
            _ => {}
        }
    }

    /// Each attempt has a number of its own, one more than the last.
    fn attempts(&mut self) {
        self.attempt.0 += 1;
        self.attempted = self.core.ends(self.attempt);
    }

    fn connected(&mut self, scene: &Scene) {
        self.ends = self.attempted.take();
        scene.know(self.ends.map(|ends| ends.0));
        if self.core.machine().connection().is_some_and(|id| id != self.attempt) {
            scene.violated(format!(
                "{:?} has the number of another attempt",
                self.core.machine().connection()
            ));
        }
    }

    fn got(&self, scene: &Scene, message: &Message<Fd>) {
        scene.arrived(self.ends.map(|ends| ends.0), &self.core.fake, message);
    }

    fn settled(&mut self, scene: &Scene, id: CallId) {
        match self.asked.iter().position(|(asked, _)| *asked == id) {
            Some(at) => self.outbox.forget(self.asked.swap_remove(at).1),
            None => scene.violated(format!("{id:?} was answered twice, or never asked")),
        }
    }

    fn disconnect(&mut self, scene: &Scene) {
        scene.note(|| format!("  client {} takes leave", self.pid().0));
        scene.excuse(self.ends.map(|ends| ends.0));
        scene.excuse(self.attempted.map(|ends| ends.0));
        // What is sent by now is known, so of each other message something has to be told.
        self.take(scene);
        self.core.command(scene, Command::Disconnect);
        self.heed_all(scene);
        let outcome = self.outbox.has_no_message();
        scene.hold(outcome);
    }
}

impl Actor for Client {
    fn name(&self) -> &'static str {
        "client"
    }

    fn pid(&self) -> Pid {
        self.core.fake.pid()
    }

    fn act(&mut self, scene: &Scene) {
        match scene.index(14) {
            0..=4 => self.send(scene),
            5 | 6 => self.ask(scene),
            7 | 8 => self.answer(scene),
            9 => self.core.holding = !self.core.holding,
            10 => {
                if let Some(id) = self.core.machine().connection() {
                    self.core.pause(scene, id);
                }
            }
            11 => drop(self.core.engine.flush(scene.now())),
            12 if scene.chance(200) => self.disconnect(scene),
            _ => self.core.command(scene, Command::Connect),
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
        let machine = self.core.machine();
        let tries = matches!(machine.status(), Status::Connecting { .. } | Status::Reconnecting { .. });
        if tries && scene.is_listened_to() {
            scene.violated(format!("somebody listens, and a client is {:?}", machine.status()));
        }
        let connected = machine.status() == Status::Connected;
        if connected && !self.asked.is_empty() {
            scene.violated("a question of a client's was never answered");
        }
        if connected && !self.outbox.is_empty() {
            scene.violated("something of a client's was never sent");
        }
        if connected && machine.unsent().messages > 0 {
            scene.violated(format!("a client counts {:?} as unsent", machine.unsent()));
        }
    }

    fn leave(&mut self, scene: &Scene) {
        self.disconnect(scene);
    }

    fn killed(&mut self, scene: &Scene) {
        scene.excuse(self.ends.map(|ends| ends.0));
        scene.excuse(self.attempted.map(|ends| ends.0));
    }
}
