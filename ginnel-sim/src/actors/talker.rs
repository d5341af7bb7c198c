//! One end of a connection without an engine, driven as tokio drives it: told once of each readiness.

mod failing;

use std::time::Instant;

use ginnel_os::{Connection, ConnectionOptions, Directions, Error, SocketKind, Step, Stream, Wait};
use ginnel_proto::limits::Bound;
use ginnel_proto::{Answer, CallId, Delivery, Message};

use super::engine::Ends;
use super::readiness::{Doing, Readiness};
use crate::kernel::{Fake, Fd, Pid};
use crate::ledger::Entry;
use crate::scene::{Actor, Scene};

/// One end, and what its application is doing.
#[derive(Debug)]
pub(crate) struct Talker {
    fake: Fake,
    stream: Stream<Fake>,
    core: Connection<Fake>,
    ends: Option<Ends>,
    doing: Doing,
    readiness: Readiness,
    /// It has let others come first.
    active: bool,
    wake_at: Option<Instant>,
    /// Queued, and not yet known to be with the kernel.
    fed: Vec<Entry>,
    /// Requests that wait to be answered.
    requests: Vec<(CallId, Option<Entry>)>,
    /// Writing has failed; what there is to read is read all the same.
    deaf: bool,
    /// Nothing more will come.
    ended: bool,
    /// There was no room for more.
    full: bool,
    /// It goes on waiting for an answer to the end.
    patient: bool,
}

impl Talker {
    /// Two ends of one connection, in two processes.
    pub(crate) fn pair(scene: &Scene, a: Fake, b: Fake) -> Option<(Self, Self)> {
        let (left, right) = a.pair_with(&b, SocketKind::Stream).ok()?;
        let left = Stream::made_on(a.clone(), left);
        let right = Stream::made_on(b.clone(), right);
        Some((Self::new(scene, a, left, true), Self::new(scene, b, right, false)))
    }

    fn new(scene: &Scene, fake: Fake, stream: Stream<Fake>, patient: bool) -> Self {
        let bound =
            Bound { messages: scene.pick(&[1024, 4]), bytes: scene.pick(&[1 << 20, 10_000]), fds: 64 };
        let options = ConnectionOptions::new().wire(scene.wire()).queue(bound).inbox(bound);
        let ends = fake.ends(stream.borrowed());
        scene.know(ends.map(|ends| ends.0));
        let readiness = Readiness { watched: Directions::default(), cleared: [0, 0], looked: [0, 0] };
        Self {
            core: Connection::on(&fake, &options),
            fake,
            stream,
            ends,
            doing: Doing::Nothing,
            readiness,
            active: false,
            wake_at: None,
            fed: Vec::new(),
            requests: Vec::new(),
            deaf: false,
            ended: false,
            full: false,
            patient,
        }
    }

    fn begin(&mut self, doing: Doing) {
        let first = match doing {
            Doing::Receiving => Directions::READ,
            _ => Directions::WRITE,
        };
        self.readiness.watched = first;
        (self.doing, self.active) = (doing, true);
    }

    /// Whoever awaited it does so no longer: what was not taken is still in hand.
    fn cancel(&mut self, scene: &Scene) {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Feeding(_, Some(message)) | Doing::Asking(_, Some(message)) => {
                scene.came_back(&self.fake, &message, None);
            }
            Doing::Waiting(entry, id) => {
                // The question may be withdrawn before anybody has taken it.
                scene.ledger.borrow_mut().dropped(entry);
                self.core.forget(id, &self.stream);
            }
            Doing::Answering(id, entry, Some(answer)) => {
                scene.came_back(&self.fake, &answer.into_message(), None);
                self.requests.push((id, scene.ledger.borrow().question(entry)));
            }
            _ => {}
        }
        (self.active, self.wake_at) = (false, None);
    }

    /// Attempts until one is done or there is nothing to do but wait.
    fn poll(&mut self, scene: &Scene) {
        self.active = false;
        for _ in 0..ATTEMPTS {
            let edges = self.fake.edges(self.stream.borrowed());
            self.readiness.looked = edges;
            let ready = self.readiness.flags(edges).and(self.readiness.watched);
            self.core.take_blocked();
            let step = self.attempt(scene, ready);
            let blocked = self.core.take_blocked();
            let cleared = self.readiness.clear(edges, blocked.and(ready));
            match step {
                Step::Done(()) => {
                    (self.doing, self.wake_at) = (Doing::Nothing, None);
                    return;
                }
                Step::Pause(length) => return self.wake_at = scene.now().checked_add(length),
                Step::Wait(wants) => {
                    let more = wants.or(self.readiness.watched);
                    if cleared || more != self.readiness.watched {
                        self.readiness.watched = more;
                        continue;
                    }
                    self.active = wants.and(ready).without(blocked) != Directions::default();
                    return;
                }
            }
        }
        scene.violated("an attempt is made again and again, and nothing changes");
    }

    fn attempt(&mut self, scene: &Scene, ready: Directions) -> Step<()> {
        let mut doing = std::mem::replace(&mut self.doing, Doing::Nothing);
        let step = match &mut doing {
            Doing::Nothing => Ok(Step::Done(())),
            Doing::Receiving => self.receive(scene, ready),
            Doing::Feeding(entry, message) => self.feed(*entry, message, ready),
            Doing::Flushing => self.flush(scene, ready),
            Doing::Asking(entry, message) => match self.ask(*entry, message, ready) {
                Ok(Step::Done(id)) => {
                    doing = Doing::Waiting(*entry, id);
                    Ok(Step::Wait(Directions::WRITE))
                }
                Ok(Step::Wait(wants)) => Ok(Step::Wait(wants)),
                Ok(Step::Pause(length)) => Ok(Step::Pause(length)),
                Err(error) => Err(error),
            },
            Doing::Waiting(_, id) => self.answered(scene, *id, ready),
            Doing::Answering(id, entry, answer) => {
                let step = self.core.answer(&self.stream, ready, (*id, answer));
                self.fed.extend(Some(*entry).filter(|_| matches!(step, Ok(Step::Done(())))));
                step
            }
            Doing::Closing => self.core.close(&self.stream, ready),
        };
        match step {
            Ok(Step::Wait(wants)) => {
                self.doing = doing;
                self.before_wait(scene, wants)
            }
            Ok(step @ Step::Pause(_)) => {
                self.doing = doing;
                step
            }
            Ok(Step::Done(())) => Step::Done(()),
            Err(error) => {
                self.failed(scene, &error, doing);
                Step::Done(())
            }
        }
    }

    fn before_wait(&mut self, scene: &Scene, wants: Directions) -> Step<()> {
        match self.core.before_wait(&self.stream) {
            Ok(look) => {
                self.wake_at = look;
                Step::Wait(if self.core.waits_to_write() { wants.or(Directions::WRITE) } else { wants })
            }
            Err(fault) => {
                let doing = std::mem::replace(&mut self.doing, Doing::Nothing);
                self.failed(scene, &fault.into(), doing);
                Step::Done(())
            }
        }
    }

    fn receive(&mut self, scene: &Scene, ready: Directions) -> Result<Step<()>, Error> {
        let step = self.core.next(&self.stream, ready, Wait::Never)?;
        Ok(match step {
            Step::Done(Some(Delivery::Message(message))) => {
                scene.arrived(self.here(), &self.fake, &message);
                Step::Done(())
            }
            Step::Done(Some(Delivery::Request(request))) => {
                let question = scene.arrived(self.here(), &self.fake, &request.message);
                self.requests.push((request.id, question));
                Step::Done(())
            }
            Step::Done(Some(Delivery::Cancelled(id))) => {
                self.requests.retain(|(waiting, _)| *waiting != id);
                Step::Done(())
            }
            Step::Done(None) => {
                scene.note(|| format!("  talker {}: the end", self.fake.pid().0));
                self.ended = true;
                Step::Done(())
            }
            Step::Wait(wants) => Step::Wait(wants),
            Step::Pause(length) => Step::Pause(length),
        })
    }

    fn feed(
        &mut self,
        entry: Entry,
        message: &mut Option<Message<Fd>>,
        ready: Directions,
    ) -> Result<Step<()>, Error> {
        let step = self.core.feed(&self.stream, ready, message)?;
        if matches!(step, Step::Done(())) {
            self.fed.push(entry);
        }
        Ok(step)
    }

    fn ask(
        &mut self,
        entry: Entry,
        message: &mut Option<Message<Fd>>,
        ready: Directions,
    ) -> Result<Step<CallId>, Error> {
        let step = self.core.ask(&self.stream, ready, message)?;
        if matches!(step, Step::Done(_)) {
            self.fed.push(entry);
        }
        Ok(step)
    }

    fn flush(&mut self, scene: &Scene, ready: Directions) -> Result<Step<()>, Error> {
        let step = self.core.flush(&self.stream, ready).map_err(|failed| self.given_back(scene, failed))?;
        if let (Step::Done(()), Some((_, theirs))) = (&step, self.ends) {
            for entry in self.fed.drain(..) {
                scene.ledger.borrow_mut().sent(entry, theirs);
            }
        }
        Ok(step)
    }

    fn answered(&mut self, scene: &Scene, id: CallId, ready: Directions) -> Result<Step<()>, Error> {
        let step = self.core.answered(&self.stream, ready, (id, Wait::Never));
        Ok(match step.map_err(|failed| self.given_back(scene, failed))? {
            Step::Done(message) => {
                scene.arrived_late(self.here(), &self.fake, &message);
                Step::Done(())
            }
            Step::Wait(wants) => Step::Wait(wants),
            Step::Pause(length) => Step::Pause(length),
        })
    }

    fn here(&self) -> Option<crate::kernel::SockId> {
        self.ends.map(|ends| ends.0)
    }

    fn send(&mut self, scene: &Scene, question: bool) {
        if self.deaf {
            return;
        }
        let (entry, message) = scene.write(&self.fake);
        scene.note(|| format!("  talker {} sends {entry:?}", self.fake.pid().0));
        self.begin(match question {
            true => Doing::Asking(entry, Some(message)),
            false => Doing::Feeding(entry, Some(message)),
        });
    }

    fn answer(&mut self, scene: &Scene) {
        if let Some((id, question)) = self.requests.pop() {
            let (entry, message) = scene.write(&self.fake);
            if let Some(question) = question {
                scene.ledger.borrow_mut().answers(entry, question);
            }
            self.begin(Doing::Answering(id, entry, Some(Answer::Response(message))));
        }
    }
}

impl Actor for Talker {
    fn name(&self) -> &'static str {
        "talker"
    }

    fn pid(&self) -> Pid {
        self.fake.pid()
    }

    fn act(&mut self, scene: &Scene) {
        if !matches!(self.doing, Doing::Nothing) {
            if scene.chance(100) && !matches!(self.doing, Doing::Closing) {
                self.cancel(scene);
            }
            return;
        }
        match scene.index(12) {
            _ if self.deaf && self.ended => {}
            0..=3 => self.send(scene, false),
            4 => self.begin(Doing::Flushing),
            5 => self.send(scene, true),
            6 | 7 => self.answer(scene),
            8 if scene.chance(30) => {
                self.over(scene);
                self.begin(Doing::Closing);
            }
            _ if !self.ended => self.begin(Doing::Receiving),
            _ => {}
        }
    }

    fn is_ready(&self) -> bool {
        let edges = self.fake.edges(self.stream.borrowed());
        let Readiness { watched, looked, cleared } = self.readiness;
        // Only whoever found a direction not ready is told when it is.
        let waits = |at: usize| looked[at] == cleared[at] && edges[at] != looked[at];
        let told = watched.read && waits(0) || watched.write && waits(1);
        !matches!(self.doing, Doing::Nothing) && (self.active || told)
    }

    fn deadline(&self) -> Option<Instant> {
        self.wake_at.filter(|_| !matches!(self.doing, Doing::Nothing))
    }

    fn turn(&mut self, scene: &Scene) {
        self.poll(scene);
    }

    fn settle(&mut self, scene: &Scene) {
        // Two who wait for each other's answer would wait for ever: one of them gives up.
        let waits = matches!(self.doing, Doing::Waiting(..)) && self.patient && !scene.is_spoilt();
        if !waits && !matches!(self.doing, Doing::Closing) {
            self.cancel(scene);
            self.ripen(scene);
        }
    }

    fn is_ripe(&self) -> bool {
        matches!(self.doing, Doing::Nothing) && !self.ended
    }

    fn ripen(&mut self, scene: &Scene) {
        if self.deaf {
            self.requests.clear();
        }
        if std::mem::take(&mut self.full) {
            // What has arrived has to be taken before anything else.
            self.begin(Doing::Receiving);
        } else if !self.requests.is_empty() {
            self.answer(scene);
        } else if self.fed.is_empty() || self.deaf || scene.is_spoilt() {
            self.begin(Doing::Receiving);
        } else {
            self.begin(Doing::Flushing);
        }
    }

    fn check(&mut self, scene: &Scene) {
        if matches!(self.doing, Doing::Waiting(..)) && !self.ended && !scene.is_spoilt() {
            scene.violated("a question is not answered");
        }
    }

    fn leave(&mut self, scene: &Scene) {
        self.cancel(scene);
        self.over(scene);
        self.begin(Doing::Closing);
    }

    fn killed(&mut self, scene: &Scene) {
        scene.spoil();
        scene.excuse(self.here());
    }
}

/// Attempts that one look may lead to.
const ATTEMPTS: u32 = 64;
