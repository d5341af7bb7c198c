//! Ends of SP, each as two machines that are told the same.

mod parts;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ginnel_proto::limits::Bound;
use ginnel_proto::machine::{Action, ConnId, Input, NetEvent, Output, Refused};
use ginnel_proto::sp::{
    AskId, Bus, Command, DialerId, Event, Options, Pair0, Pair1, Protocol, Pub, Pull, Push, Rep, Req,
    Request, Respondent, Socket, Sub, Surveyor,
};
use ginnel_proto::{Address, Message};

use super::held::Held;
use super::twins::{Said, Twin, Twins};
use super::words;
use crate::coin::{Coin, Purse};
use crate::script::Script;
use parts::Part;

/// Which end it is, settings, then what happens, step by step: as for `client`, with any number of pipes. If reports are
/// orderly, each message that was given is sent, or waits, or is counted as dropped.
pub fn sp_ends(data: &[u8]) {
    let mut script = Script::new(data);
    match Protocol::ALL[usize::from(script.byte()) % Protocol::ALL.len()] {
        Protocol::Pair0 => run::<Pair0>(script),
        Protocol::Pair1 => run::<Pair1>(script),
        Protocol::Pub => run::<Pub>(script),
        Protocol::Sub => run::<Sub>(script),
        Protocol::Req => run::<Req>(script),
        Protocol::Rep => run::<Rep>(script),
        Protocol::Push => run::<Push>(script),
        Protocol::Pull => run::<Pull>(script),
        Protocol::Surveyor => run::<Surveyor>(script),
        Protocol::Respondent => run::<Respondent>(script),
        Protocol::Bus => run::<Bus>(script),
    }
}

fn run<P: Part>(mut script: Script<'_>) {
    let mut bench = Bench::<P>::new(&mut script);
    for _ in 0..MOST_STEPS {
        if script.is_over() {
            break;
        }
        bench.step(&mut script);
        bench.check();
    }
    bench.end();
}

/// Enough to fill a queue several times.
const MOST_STEPS: usize = 300;

struct Bench<P: Part> {
    twins: Twins<Socket<P, Coin>>,
    orderly: bool,
    /// What each link holds.
    pipes: BTreeMap<ConnId, Held>,
    dialling: BTreeSet<ConnId>,
    last_accepted: ConnId,
    last_dialer: u64,
    asked: Vec<AskId>,
    in_hand: Vec<Twin<Request>>,
    /// Messages that were given, once for each pipe that they are for; what became of them.
    given: usize,
    done: usize,
}

impl<P: Part> Bench<P> {
    fn new(script: &mut Script<'_>) -> Self {
        let orderly = !script.flag();
        let options = Options {
            ttl: script.byte() % 20,
            send_queue: script.choose([None, Some(0), Some(1), Some(3)]),
            receive_queue: script.choose([None, Some(0), Some(1), Some(3)]),
            inbox: script.choose([Bound::CONNECTION, Bound { bytes: 300, messages: 3, fds: 0 }]),
            prefer_new: script.flag(),
            resend: script.choose([Some(60_000), Some(50), None]).map(std::time::Duration::from_millis),
            asks: script.choose([1000, 3]),
            redial_most: script.choose([None, Some(std::time::Duration::from_secs(9))]),
            seed: script.number(),
            ..Options::default()
        };
        Self {
            twins: Twins::new(|| Socket::new(&options)),
            orderly,
            pipes: BTreeMap::new(),
            dialling: BTreeSet::new(),
            last_accepted: ConnId::FIRST_ACCEPTED,
            last_dialer: 0,
            asked: Vec::new(),
            in_hand: Vec::new(),
            given: 0,
            done: 0,
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let id = self.some(script);
        match script.byte() % 20 {
            0..=4 => P::speak(self, script),
            5 | 6 => P::take(self),
            7 => {
                self.last_accepted.0 += 1;
                let id = self.last_accepted;
                self.report(|_| NetEvent::Accepted(id, None));
            }
            8 => {
                self.last_dialer += 1;
                self.app(|| Command::Dial(Address::inherited(3)));
            }
            9 => {
                let dialer = DialerId(script.number() % 4);
                self.app(|| Command::HangUp(dialer));
            }
            10 => self.app(|| Command::Close(id)),
            11 if script.byte() > 200 => self.app(|| Command::Stop),
            11 | 12 => self.time_out(script),
            13 => self.connects(script),
            14 if !self.orderly || !self.is_known(id) => {
                let report = words::any_report(script, id, self.orderly);
                self.report(report);
            }
            14..=16 => self.hears(id, script),
            what => self.happens(what, id, script),
        }
    }

    fn is_known(&self, id: ConnId) -> bool {
        self.pipes.contains_key(&id) || self.dialling.contains(&id)
    }

    /// One that is attached, was, or never will be.
    fn some(&self, script: &mut Script<'_>) -> ConnId {
        let number = script.number();
        let known: Vec<_> = self.pipes.keys().chain(&self.dialling).copied().collect();
        match known.get(number as usize % 8) {
            Some(id) => *id,
            None if number & 0x80 == 0 => ConnId(number % 4),
            None => ConnId(self.last_accepted.0.saturating_sub(number % 4)),
        }
    }

    fn app(&mut self, command: impl Fn() -> Command<P::Command>) {
        let said = self.twins.tell(|| Input::App(command()));
        self.absorb(said);
    }

    /// Gives the same order to both.
    fn order(&mut self, (one, two): Twin<P::Command>) {
        self.given += P::copies(&one, self.twins.one.pipes().len());
        let said = self.twins.say((Input::App(Command::Pattern(one)), Input::App(Command::Pattern(two))));
        self.absorb(said);
    }

    fn report(&mut self, make: impl Fn(&Purse) -> NetEvent<Coin>) {
        let (one, two) = self.twins.make(make);
        let said = self.twins.say((Input::Net(one), Input::Net(two)));
        self.absorb(said);
    }

    fn time_out(&mut self, script: &mut Script<'_>) {
        self.twins.wait(script.number());
        let said = self.twins.time_out(script.flag());
        self.absorb(said);
    }

    /// An attempt comes to its end.
    fn connects(&mut self, script: &mut Script<'_>) {
        let Some(id) = self.dialling.pop_first() else { return };
        if script.byte() >= 64 {
            return self.report(|_| NetEvent::Connected(id, None));
        }
        let failure = words::failure(script);
        self.report(|_| NetEvent::ConnectFailed(id, failure));
    }

    /// Words that fit somewhere, and a body.
    fn hears(&mut self, id: ConnId, script: &mut Script<'_>) {
        if self.orderly && !self.pipes.contains_key(&id) {
            return;
        }
        let mut body = Vec::new();
        for _ in 0..script.byte() % 12 {
            let small = u32::from(script.byte() & 0x0f);
            body.extend(small.to_be_bytes());
        }
        if let Some(asked) = self.asked.get(script.number() as usize) {
            body.extend(asked.0.to_be_bytes());
        } else if script.flag() {
            body.extend((1_u32 << 31 | 7).to_be_bytes());
        }
        let count = script.byte() % 8;
        body.extend(script.take(count.into()));
        let body = Bytes::from(body);
        self.report(|_| NetEvent::Received(id, Message::new(body.clone()).into()));
    }

    /// What an engine reports of a pipe.
    fn happens(&mut self, what: u8, id: ConnId, script: &mut Script<'_>) {
        if !self.orderly {
            let report = words::any_report(script, id, false);
            return self.report(report);
        }
        let Some(held) = self.pipes.get_mut(&id) else { return };
        match what {
            17 => {
                let before = held.len();
                let Some((last, _)) = held.sent(usize::from(script.byte() % 4) + 1) else { return };
                self.done += before - held.len();
                self.report(|_| NetEvent::Sent(id, last));
            }
            18 => {
                if held.room() {
                    self.report(|_| NetEvent::Room(id));
                }
            }
            _ if script.byte() < 200 => {
                let why = words::refusal(script);
                if matches!(why, Refused::Refusal(_))
                    && let Some((send, frames)) = held.refuse_last()
                {
                    let report = |frame| Input::Net(NetEvent::Refused(id, send, frame, why));
                    let said = self.twins.say((report(frames.0), report(frames.1)));
                    self.absorb(said);
                }
            }
            _ => self.lose(id, script),
        }
    }

    /// One may be cut; the others come back, as bodies with the words before them; then the loss is told.
    fn lose(&mut self, id: ConnId, script: &mut Script<'_>) {
        let Some(mut held) = self.pipes.remove(&id) else { return };
        for (send, (one, two)) in held.recall(script.flag()) {
            let report = |frame| {
                Input::Net(NetEvent::Refused(id, send, parts::as_it_comes_back(frame), Refused::Gone))
            };
            let said = self.twins.say((report(one), report(two)));
            self.absorb(said);
        }
        let loss = words::loss(script);
        self.report(|_| NetEvent::Lost(id, loss));
    }

    fn absorb(&mut self, said: Said<Socket<P, Coin>>) {
        for (one, two) in said {
            match (one, two) {
                (Output::Net(Action::Send(id, send, one)), Output::Net(Action::Send(_, _, two))) => {
                    if let Some(held) = self.pipes.get_mut(&id).filter(|_| self.orderly) {
                        held.give(send, (one, two));
                    }
                }
                (Output::Net(Action::Close(id)), _) => {
                    self.dialling.remove(&id);
                    // What its link has it still writes.
                    self.done += self.pipes.remove(&id).map_or(0, |held| held.len());
                }
                (Output::Net(Action::Connect(id, _)), _) => {
                    let is_new = self.dialling.insert(id);
                    assert!(is_new, "{id:?} is given out twice");
                }
                (Output::Net(Action::Pause(id) | Action::Resume(id)), _) => {
                    assert!(self.pipes.contains_key(&id) || !self.orderly, "{id:?} is not there");
                }
                (Output::App(Event::Attached(id)), _) => {
                    self.pipes.insert(id, Held::open());
                }
                (Output::App(Event::Detached(id, _)), _) => {
                    self.pipes.remove(&id);
                }
                (Output::App(_), _) => {}
                (other, _) => panic!("an end never says {other:?}"),
            }
        }
    }

    fn check(&self) {
        let end = &self.twins.one;
        assert_eq!(self.twins.alive(), 0, "there are no descriptors in SP");
        if !self.orderly {
            return;
        }
        assert!(end.pipes().ids().eq(self.pipes.keys().copied()), "who is there is known");
        let in_link: usize = self.pipes.values().map(Held::len).sum();
        assert!(end.pipes().unsent() >= in_link);
        let dropped = (end.dropped().unsent + end.dropped().unanswerable) as usize;
        if P::END != Protocol::Req {
            assert_eq!(self.given, self.done + end.unsent() + dropped, "each message is somewhere");
        }
    }

    fn end(mut self) {
        self.app(|| Command::Stop);
        assert!(self.twins.one.pipes().is_empty());
        if self.orderly {
            self.check();
            assert!(self.dialling.is_empty() && self.pipes.is_empty());
        }
        P::take(&mut self);
        self.pipes.clear();
        self.in_hand.clear();
        self.twins.end();
    }
}
