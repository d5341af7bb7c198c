//! What a contest orders, and what it is told.

use std::io;
use std::time::{Duration, Instant};

use super::{Attempt, Event, GONE, Hello, Peer, Role, Timer, Trouble, Word};
use crate::client::Reason;
use crate::election::{Heir, Order, Reached, Refusal, Seen, Step};
use crate::link::Misuse;
use crate::machine::{Action, ConnId, Failure, Input, Loss, NetEvent, Refused};
use crate::server::{self, Command};
use crate::{Frame, Kind, PeerFault};

impl<F: std::fmt::Debug> Peer<F> {
    pub(super) fn join(&mut self, now: Instant) {
        self.introduce();
        let order = self.contest.join();
        self.obey(order, now);
    }

    pub(super) fn leave(&mut self, now: Instant) {
        let heir = if self.heir.is_some() { Heir::Standby } else { Heir::Nobody };
        self.timer = None;
        let order = self.contest.leave(heir);
        self.obey(order, now);
    }

    pub(super) fn timeout(&mut self, now: Instant) {
        let Some((_, timer)) = self.timer.take_if(|(at, _)| *at <= now) else { return };
        let order = match timer {
            Timer::Silence => self.contest.reached(Reached::Silent),
            Timer::Pause => self.contest.paused(),
            Timer::Retry => self.contest.join(),
        };
        self.obey(order, now);
    }

    pub(super) fn elected(&mut self, seen: Seen, now: Instant) {
        if let Seen::Recorded(count) = seen {
            self.epoch = count;
        }
        let order = self.contest.seen(seen);
        self.obey(order, now);
    }

    /// Carries out an order, and whatever follows from it at once.
    pub(super) fn obey(&mut self, mut order: Option<Order>, now: Instant) {
        while let Some(this) = order {
            order = match this {
                Order::Step(step) => {
                    self.step(step);
                    None
                }
                Order::Reach => {
                    self.reach(now);
                    None
                }
                Order::Wait => self.wait(now),
                Order::Pause => {
                    if self.contest.is_leading() && self.role != Role::Listener {
                        // Only the look behind its watch has failed: whoever connects is to be let in meanwhile.
                        self.lead();
                    }
                    self.pause(Timer::Pause, now);
                    None
                }
                Order::Follow => {
                    self.follow(now);
                    None
                }
                Order::Lead => {
                    self.lead();
                    None
                }
                Order::Resign => self.resign(now),
                Order::Fail(why) => {
                    self.failed(why, now);
                    None
                }
                Order::Left => {
                    self.left();
                    None
                }
            };
        }
    }

    fn step(&mut self, step: Step) {
        self.timer = None;
        if step != Step::SeekLeader && self.attempt.as_ref().is_some_and(|attempt| attempt.hello.is_none()) {
            self.drop_attempt();
        }
        self.act(Action::Elect(step));
    }

    fn drop_attempt(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            self.act(Action::Close(attempt.id));
        }
    }

    fn reach(&mut self, now: Instant) {
        self.drop_attempt();
        self.trouble = None;
        self.last.0 += 1;
        let id = self.last;
        self.attempt = Some(Attempt { id, hello: None, early: Vec::new() });
        self.act(match self.contest.has_looked() {
            true => Action::Probe(id),
            false => Action::Connect(id, self.options.address.clone()),
        });
        self.timer = Some((later(now, self.options.silence), Timer::Silence));
    }

    /// Goes on waiting for a greeting.
    fn wait(&mut self, now: Instant) -> Option<Order> {
        match &self.attempt {
            Some(attempt) if attempt.hello.is_some() => self.contest.reached(Reached::Greeted),
            Some(_) => {
                self.timer = Some((later(now, self.options.silence), Timer::Silence));
                None
            }
            None => self.contest.reached(Reached::Ended),
        }
    }

    fn pause(&mut self, timer: Timer, now: Instant) {
        self.drop_attempt();
        let backoff = if timer == Timer::Pause { &mut self.look } else { &mut self.backoff };
        let length = backoff.next(self.random.u32(..));
        self.timer = Some((later(now, length), timer));
    }

    /// Whoever was reached for has said who it is.
    pub(super) fn greeted(&mut self, hello: Hello, now: Instant) {
        let Some(attempt) = &mut self.attempt else { return };
        attempt.hello.get_or_insert(hello);
        self.timer = None;
        let order = self.contest.reached(Reached::Greeted);
        self.obey(order, now);
    }

    pub(super) fn unreached(&mut self, failure: Failure, now: Instant) {
        self.attempt = None;
        self.timer = None;
        let reached = match failure {
            Failure::Busy => Reached::Busy,
            Failure::Closed => Reached::Ended,
            Failure::Errno(errno) => reached(errno),
            // It is as silent as before.
            Failure::Fault(PeerFault::Silent) => Reached::Ended,
            Failure::Fault(_) => Reached::Failed,
        };
        if reached == Reached::Failed {
            self.trouble = Some(failure.into());
        }
        let order = self.contest.reached(reached);
        self.obey(order, now);
    }

    fn follow(&mut self, now: Instant) {
        let Some(Attempt { id, hello: Some(hello), early, .. }) = self.attempt.take() else { return };
        self.timer = None;
        self.backoff.reset();
        self.look.reset();
        self.epoch = self.epoch.max(hello.epoch());
        self.listener = Some(id);
        if let Some(process) = hello.process {
            self.act(Action::Watch(id, process));
        }
        self.change(Role::Connector);
        self.tell(Event::Joined(id, hello));
        self.client.joined(id);
        self.pass_on();
        for event in early {
            self.net(event, now);
        }
    }

    fn lead(&mut self) {
        self.timer = None;
        self.backoff.reset();
        self.look.reset();
        self.introduce();
        if self.role != Role::Listener {
            self.drop_attempt();
            self.change(Role::Listener);
            self.client.give_back(Refused::Refusal(Misuse::Oneself.into()));
            self.pass_on();
        }
        self.bequeath();
    }

    fn introduce(&mut self) {
        let hello = &mut self.options.hello;
        (hello.epoch, hello.takes_over) = (self.epoch, self.options.standby);
        hello.process = self.options.process;
        let hello = hello.encode();
        self.act(Action::Introduce(hello));
    }

    /// The path is lost: everybody is told, and looks for whoever has it.
    fn resign(&mut self, now: Instant) -> Option<Order> {
        self.act(Action::Unlisten);
        for (id, _) in std::mem::take(&mut self.neighbours) {
            self.act(Action::Tell(id, Word::StepDown.encode()));
            self.tell_server(Input::App(Command::Disconnect(id)), now);
            self.tell_many(server::Event::Left(id, Loss::Closed { goodbye: true }));
        }
        self.forget_heirs();
        self.change(Role::Negotiating);
        self.contest.resigned()
    }

    fn forget_heirs(&mut self) {
        self.heir = None;
        self.declined.clear();
    }

    fn failed(&mut self, why: Refusal, now: Instant) {
        let trouble = match self.trouble.take() {
            Some(reason) => Trouble::Unreachable(reason),
            None => Trouble::Refused(why),
        };
        self.pause(Timer::Retry, now);
        // What stays as it is need not be told again.
        if self.told.replace(trouble) != Some(trouble) {
            self.tell(Event::Failed(trouble));
        }
    }

    fn left(&mut self) {
        self.timer = None;
        self.drop_attempt();
        self.act(Action::Unlisten);
        self.forget_heirs();
        self.change(Role::Negotiating);
        self.tell(Event::Left);
    }

    fn change(&mut self, role: Role) {
        if self.role != role {
            self.role = role;
            self.told = None;
            self.tell(Event::Role(role));
        }
    }

    pub(super) fn lost(&mut self, id: ConnId, loss: Loss, now: Instant) {
        if self.is_attempt(id) {
            let greeted = self.attempt.take().is_some_and(|attempt| attempt.hello.is_some());
            self.timer = None;
            if let Loss::Fault(fault) = loss {
                self.trouble = Some(Reason::Fault(fault));
            }
            let order = match (greeted, self.trouble) {
                (true, _) => self.contest.lost(),
                (false, None) => self.contest.reached(Reached::Ended),
                (false, Some(_)) => self.contest.reached(Reached::Failed),
            };
            return self.obey(order, now);
        }
        if self.listener == Some(id) {
            return self.lost_listener(id, loss, now);
        }
        if self.neighbours.remove(&id).is_some() {
            self.declined.remove(&id);
            self.tell_server(Input::Net(NetEvent::Lost(id, loss)), now);
            if self.heir.is_some_and(|(heir, _)| heir == id) {
                self.heir = None;
                self.bequeath();
            }
        }
    }

    fn lost_listener(&mut self, id: ConnId, loss: Loss, now: Instant) {
        self.tell_client(Input::Net(NetEvent::Lost(id, loss)), now);
        for (send, to) in std::mem::take(&mut self.addressed) {
            let Some(Frame { kind, message }) = self.client.take_back(send) else { continue };
            match kind {
                Kind::Request(call) => self.tell_many(server::Event::CallReturned(to, call, message, GONE)),
                _ => self.tell_many(server::Event::Returned(to, send, message, GONE)),
            }
        }
        self.asked.clear();
        self.listener = None;
        self.tell_many(server::Event::Left(id, loss));
        self.change(Role::Negotiating);
        let order = self.contest.lost();
        self.obey(order, now);
    }
}

/// What an error of connect(2) says about the path. Only two of them say that nobody is there.
fn reached(errno: i32) -> Reached {
    match io::Error::from_raw_os_error(errno).kind() {
        io::ErrorKind::NotFound => Reached::Absent,
        io::ErrorKind::ConnectionRefused => Reached::Refused,
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Reached::Ended,
        _ => Reached::Failed,
    }
}

fn later(now: Instant, length: Duration) -> Instant {
    now.checked_add(length).unwrap_or(now)
}
