use std::collections::BTreeMap;

use bytes::Bytes;
use ginnel_proto::limits::{Bound, Load};
use ginnel_proto::machine::{Action, CREDIT, ConnId, Crowd, Input, NetEvent, Output, Refused, SendId};
use ginnel_proto::server::{Command, Event, Server, ServerOptions};
use ginnel_proto::{Address, Answer, CallId, Frame, Kind, Wire};

use super::held::{Held, Open};
use super::twins::{Said, Twin, Twins};
use super::words::{self, Sketch};
use crate::coin::{Coin, Purse};
use crate::script::Script;

/// Settings, then what happens, step by step: as for `client`, with many connections.
pub fn server(data: &[u8]) {
    let mut script = Script::new(data);
    let mut bench = Bench::new(&mut script);
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
const QUEUE: Bound = Bound { bytes: 20_000, messages: 8, fds: 6 };

struct Bench {
    twins: Twins<Server<Coin>>,
    orderly: bool,
    total: usize,
    listening: Listening,
    conns: BTreeMap<ConnId, Conn>,
    next: ConnId,
    messages: Open<(ConnId, SendId)>,
    calls: Open<(ConnId, CallId)>,
    requests: Vec<(ConnId, CallId)>,
}

/// What the engine was told to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listening {
    No,
    Opening,
    Yes,
}

#[derive(Default)]
struct Conn {
    held: Held,
    /// It is lost, which is about to be told.
    dying: bool,
}

impl Bench {
    fn new(script: &mut Script<'_>) -> Self {
        let orderly = !script.flag();
        let total = script.choose([64 << 20, 100_000, 0]);
        let options = ServerOptions {
            wire: script.choose([Wire::Native, Wire::Native, Wire::Lines]),
            queue: script.choose([QUEUE, Bound::CONNECTION]),
            answers: script.choose([16 << 20, 5000, 0]),
            total,
        };
        let listening = !script.flag();
        let make = || {
            if listening { Server::listening(options.clone()) } else { Server::new(options.clone()) }
        };
        Self {
            twins: Twins::new(make),
            orderly,
            total,
            listening: if listening { Listening::Yes } else { Listening::No },
            conns: BTreeMap::new(),
            next: ConnId::FIRST_ACCEPTED,
            messages: Open::new("message", orderly),
            calls: Open::new("call", orderly),
            requests: Vec::new(),
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let what = script.byte() % 24;
        let id = self.some(script);
        match what {
            0 => self.command(|| Command::Listen(Address::inherited(3))),
            1 => self.command(|| Command::StopListening),
            2 if script.byte() > 200 => self.command(|| Command::Stop),
            3..=5 => self.send(id, Sketch::message(script)),
            6 | 7 => self.ask(id, Sketch::message(script)),
            8 | 9 => self.answer(id, script),
            10 => {
                let call = CallId(script.number() % 8);
                self.calls.forget((id, call));
                self.command(|| Command::Forget(id, call));
            }
            11 => self.broadcast(usize::from(script.byte()) * 20),
            12 => self.command(|| Command::Disconnect(id)),
            13 if !self.orderly || !self.conns.contains_key(&id) => {
                let report = words::any_report(script, id, self.orderly);
                self.report(report);
            }
            14 => drop(self.twins.time_out(script.flag())),
            15 | 16 => self.knock(script),
            _ if self.orderly => self.happen(what, id, script),
            _ => {
                let report = words::any_report(script, id, false);
                self.report(report);
            }
        }
    }

    /// One that is connected, was, or never will be.
    fn some(&self, script: &mut Script<'_>) -> ConnId {
        ConnId(ConnId::FIRST_ACCEPTED.0 + u64::from(script.byte() % 5))
    }

    fn command(&mut self, command: impl Fn() -> Command<Coin>) {
        let said = self.twins.tell(|| Input::App(command()));
        self.absorb(said);
    }

    fn report(&mut self, make: impl Fn(&Purse) -> NetEvent<Coin>) {
        let (one, two) = self.twins.make(make);
        let said = self.twins.say((Input::Net(one), Input::Net(two)));
        self.absorb(said);
    }

    fn send(&mut self, id: ConnId, sketch: Sketch) {
        let frames = self.twins.make(|purse| sketch.frame(purse));
        match self.twins.one.admit(id, &frames.0) {
            Some(Ok(())) => self.messages.begin((id, self.upcoming(id))),
            Some(Err(_)) => return,
            // It comes back with the number 0.
            None => self.messages.begin((id, SendId(0))),
        }
        let send = |frame: Frame<Coin>| Input::App(Command::Send(id, frame.message));
        let said = self.twins.say((send(frames.0), send(frames.1)));
        self.absorb(said);
    }

    fn upcoming(&self, id: ConnId) -> SendId {
        SendId(self.twins.one.last(id).map_or(0, |last| last.0 + 1))
    }

    fn ask(&mut self, id: ConnId, sketch: Sketch) {
        let Some(call) = self.twins.one.upcoming(id) else { return };
        let frames = self.twins.make(|purse| Sketch { kind: Kind::Request(call), ..sketch }.frame(purse));
        if let Some(Ok(())) = self.twins.one.admit(id, &frames.0) {
            self.calls.begin((id, call));
            let ask = |frame: Frame<Coin>| Input::App(Command::Ask(id, frame.message));
            let said = self.twins.say((ask(frames.0), ask(frames.1)));
            self.absorb(said);
        }
    }

    fn answer(&mut self, id: ConnId, script: &mut Script<'_>) {
        let sketch = Sketch::message(script);
        let (id, call) = self.requests.pop().unwrap_or((id, CallId(script.number() % 8)));
        let answers = self.twins.make(|purse| sketch.make(purse));
        let answer = |message| Input::App(Command::Answer(id, call, Answer::Response(message)));
        let said = self.twins.say((answer(answers.0), answer(answers.1)));
        self.absorb(said);
    }

    fn broadcast(&mut self, length: usize) {
        let before: Vec<_> = self.twins.one.connections().map(|id| (id, self.upcoming(id))).collect();
        let body = Bytes::from(vec![0; length]);
        let said = self.twins.tell(|| Input::App(Command::Broadcast(body.clone())));
        for (id, send) in before {
            if self.twins.one.last(id) == Some(send) {
                self.messages.begin((id, send));
            }
        }
        self.absorb(said);
    }

    /// The listener comes about, or fails, or somebody knocks.
    fn knock(&mut self, script: &mut Script<'_>) {
        match self.listening {
            Listening::No => {}
            Listening::Opening if script.flag() => {
                self.listening = Listening::No;
                let failure = words::failure(script);
                self.report(|_| NetEvent::ListenFailed(failure));
            }
            Listening::Opening => {
                self.listening = Listening::Yes;
                self.report(|_| NetEvent::Listening);
            }
            Listening::Yes if self.next.0 < ConnId::FIRST_ACCEPTED.0 + 5 => {
                let id = self.next;
                self.next.0 += 1;
                self.conns.insert(id, Conn { held: Held::open(), dying: false });
                self.report(|_| NetEvent::Accepted(id, None));
            }
            Listening::Yes => {}
        }
    }

    /// What an engine reports of this connection.
    fn happen(&mut self, what: u8, id: ConnId, script: &mut Script<'_>) {
        let Some(Conn { held, dying }) = self.conns.get_mut(&id) else { return };
        match what {
            _ if *dying => self.lose(id, script),
            17 | 18 => {
                let sketch = Sketch::frame_of(script);
                self.report(|purse| NetEvent::Received(id, sketch.frame(purse)));
            }
            19 | 20 => {
                let Some((last, messages)) = held.sent(usize::from(script.byte() % 4) + 1) else { return };
                messages.into_iter().for_each(|send| self.messages.finish((id, send)));
                self.report(|_| NetEvent::Sent(id, last));
            }
            21 => {
                let why = words::refusal(script);
                if let Some((send, frames)) = held.refuse_last() {
                    self.refused((id, send), frames, why);
                }
            }
            22 => {
                if held.room() {
                    self.report(|_| NetEvent::Room(id));
                }
            }
            _ if script.byte() < 128 => {}
            _ => {
                *dying = true;
                for (send, frames) in held.recall(script.flag()) {
                    self.refused((id, send), frames, Refused::Gone);
                }
                if script.flag() {
                    self.lose(id, script);
                }
            }
        }
    }

    fn refused(&mut self, (id, send): (ConnId, SendId), frames: Twin<Frame<Coin>>, why: Refused) {
        let report = |frame| Input::Net(NetEvent::Refused(id, send, frame, why));
        let said = self.twins.say((report(frames.0), report(frames.1)));
        self.absorb(said);
    }

    /// What was given to a link that is lost already comes back, then the loss is told.
    fn lose(&mut self, id: ConnId, script: &mut Script<'_>) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        for (send, frames) in conn.held.recall(false) {
            self.refused((id, send), frames, Refused::Gone);
        }
        self.conns.remove(&id);
        let loss = words::loss(script);
        self.report(|_| NetEvent::Lost(id, loss));
    }

    fn absorb(&mut self, said: Said<Server<Coin>>) {
        for twin in said {
            match twin {
                (Output::Net(one), Output::Net(two)) => self.act(one, two),
                (Output::App(event), _) => self.told(event),
                other => panic!("{other:?}"),
            }
        }
    }

    fn act(&mut self, one: Action<Coin>, two: Action<Coin>) {
        match (one, two) {
            (Action::Send(id, send, one), Action::Send(_, _, two)) if self.orderly => {
                let conn = self.conns.get_mut(&id).expect("there is this connection");
                conn.held.give(send, (one, two));
            }
            (Action::Send(..), _) => {}
            (Action::Close(id), _) => drop(self.conns.remove(&id)),
            (Action::Listen(_), _) => {
                assert!(!self.orderly || self.listening == Listening::No, "one listener");
                self.listening = Listening::Opening;
            }
            (Action::Unlisten, _) => self.listening = Listening::No,
            other => panic!("a server never says {other:?}"),
        }
    }

    fn told(&mut self, event: Event<Coin>) {
        if let Event::Request(request) = &event {
            self.requests.push((request.connection, request.id));
        }
        match event {
            Event::Answered(id, call, _) | Event::CallLost(id, call) => self.calls.finish((id, call)),
            // Also of a call that was forgotten meanwhile: its message is given back all the same.
            Event::CallReturned(id, call, ..) => self.calls.forget((id, call)),
            Event::Returned(id, send, ..) | Event::Cut(id, send) => self.messages.finish((id, send)),
            _ => {}
        }
    }

    fn check(&self) {
        if !self.orderly {
            return;
        }
        let server = &self.twins.one;
        assert!(server.connections().eq(self.conns.keys().copied()), "who is there is known");
        let loads: Vec<Load> = server.connections().map(|id| server.unsent(id)).collect();
        let fds: usize = loads.iter().map(|load| load.fds).sum();
        let dying = self.conns.values().any(|conn| conn.dying);
        assert!(dying || self.twins.alive() == fds, "what waits owns its descriptors, and nothing else does");
        // Beside the total there are 64 KiB for each, or one message, and short words about what is not sent.
        let held: usize = loads.iter().map(|load| load.bytes).sum();
        assert!(held <= self.total + loads.len() * (CREDIT + LARGEST), "{held} bytes wait");
    }

    fn end(mut self) {
        if self.orderly {
            self.command(|| Command::Stop);
            self.messages.check_none();
            self.calls.check_none();
            assert_eq!(self.twins.one.connection_count(), 0);
            assert_eq!(self.twins.alive(), 0);
        }
        self.conns.clear();
        self.twins.end();
    }
}

/// The largest message here, and what stands around it; and the failures that replace answers.
const LARGEST: usize = 70_000 + 64_000;
