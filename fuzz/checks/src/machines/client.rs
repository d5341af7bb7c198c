use std::collections::BTreeSet;

use ginnel_proto::client::{Adopted, Client, ClientOptions, Command, Event};
use ginnel_proto::limits::{Bound, Load};
use ginnel_proto::machine::{Action, ConnId, Input, NetEvent, Output, Refused, SendId};
use ginnel_proto::{Address, Answer, CallId, Calls, Kind, Wire};

use super::held::{Held, Open};
use super::twins::{Said, Twins};
use super::words::{self, Sketch};
use crate::coin::Coin;
use crate::script::Script;

/// Settings, then what happens, step by step. A first byte says whether reports are as an engine makes them, late ones
/// among them, or any at all. The laws hold always. If reports are orderly, what was accepted has one end each too: it
/// is sent, comes back, or was cut; it is answered, or its call is lost.
pub fn client(data: &[u8]) {
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
    twins: Twins<Client<Coin>>,
    orderly: bool,
    /// Of its queue.
    bound: Bound,
    /// The engine was told to connect.
    attempt: Option<ConnId>,
    open: Option<Conn>,
    last: ConnId,
    messages: Open<SendId>,
    answers: BTreeSet<SendId>,
    calls: Open<CallId>,
    /// What they have asked.
    requests: Vec<(ConnId, CallId)>,
}

/// The connection that stands.
struct Conn {
    id: ConnId,
    held: Held,
    /// It is lost, which is about to be told.
    dying: bool,
}

impl Conn {
    fn new(id: ConnId) -> Self {
        Self { id, held: Held::open(), dying: false }
    }
}

impl Bench {
    fn new(script: &mut Script<'_>) -> Self {
        let orderly = !script.flag();
        let options = ClientOptions {
            wire: script.choose([Wire::Native, Wire::Native, Wire::Lines]),
            attempts: script.choose([None, Some(1), Some(3)]),
            queue: script.choose([QUEUE, Bound::CONNECTION]),
            seed: script.number(),
            ..ClientOptions::default()
        };
        let how = script.byte() % 6;
        let held =
            if orderly { Load::default() } else { Load { bytes: 9, messages: script.byte().into(), fds: 0 } };
        let id = ConnId::FIRST_ACCEPTED;
        let twins = Twins::new(|| match how {
            0 => Client::adopted(id, Calls::default(), Adopted::Open(held), options.clone()),
            1 => Client::adopted(id, Calls::default(), Adopted::Opening(held), options.clone()),
            _ => Client::new(Address::inherited(3), options.clone()),
        });
        Self {
            twins,
            orderly,
            bound: options.queue,
            attempt: (how == 1).then_some(id),
            open: (how == 0).then(|| Conn::new(id)),
            last: ConnId(0),
            messages: Open::new("message", orderly),
            answers: BTreeSet::new(),
            calls: Open::new("call", orderly),
            requests: Vec::new(),
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let what = script.byte() % 20;
        match what {
            0 => self.command(|| Command::Connect),
            1 if script.byte() > 200 => self.command(|| Command::Disconnect),
            2..=5 => self.send(Sketch::message(script)),
            6 | 7 => self.ask(Sketch::message(script)),
            8 | 9 => self.answer(script),
            10 => self.forget(CallId(script.number() % 16)),
            11 => self.time_out(script),
            12 => {
                // A late one, or one of a connection that never was.
                let id =
                    ConnId(self.last.0.saturating_sub(script.number() % 3) ^ u64::from(script.flag()) << 40);
                let now = self.attempt.or(self.open.as_ref().map(|conn| conn.id));
                if !self.orderly || Some(id) != now {
                    self.report(words::any_report(script, id, self.orderly));
                }
            }
            _ if self.orderly => self.happen(what, script),
            _ => {
                let now = self.attempt.or(self.open.as_ref().map(|conn| conn.id)).unwrap_or(self.last);
                self.report(words::any_report(script, now, false));
            }
        }
    }

    fn command(&mut self, command: impl Fn() -> Command<Coin>) {
        let said = self.twins.tell(|| Input::App(command()));
        self.absorb(said);
    }

    fn report(&mut self, make: impl Fn(&crate::coin::Purse) -> NetEvent<Coin>) {
        let (one, two) = self.twins.make(make);
        let said = self.twins.say((Input::Net(one), Input::Net(two)));
        self.absorb(said);
    }

    fn send(&mut self, sketch: Sketch) {
        let frames = self.twins.make(|purse| sketch.frame(purse));
        if self.twins.one.admit(&frames.0).is_err() {
            return;
        }
        self.messages.begin(SendId(self.twins.one.last().0 + 1));
        let (one, two) = (Command::Send(frames.0.message), Command::Send(frames.1.message));
        let said = self.twins.say((Input::App(one), Input::App(two)));
        self.check_bound();
        self.absorb(said);
    }

    fn ask(&mut self, sketch: Sketch) {
        let id = self.twins.one.upcoming();
        let frames = self.twins.make(|purse| Sketch { kind: Kind::Request(id), ..sketch }.frame(purse));
        if self.twins.one.admit(&frames.0).is_err() {
            return;
        }
        self.calls.begin(id);
        let (one, two) = (Command::Ask(frames.0.message), Command::Ask(frames.1.message));
        let said = self.twins.say((Input::App(one), Input::App(two)));
        self.check_bound();
        self.absorb(said);
    }

    /// What was admitted fits, unless it is alone.
    fn check_bound(&self) {
        let Load { bytes, messages, fds } = self.twins.one.unsent();
        let bound = self.bound;
        assert!(
            !self.orderly
                || messages <= 1
                || bytes <= bound.bytes && messages <= bound.messages && fds <= bound.fds
        );
    }

    fn answer(&mut self, script: &mut Script<'_>) {
        let sketch = Sketch { kind: Kind::Failure(CallId(0)), ..Sketch::message(script) };
        let any = (ConnId(script.number()), CallId(script.number()));
        let (connection, id) = self.requests.pop().unwrap_or(any);
        let answers = self.twins.make(|purse| sketch.frame(purse));
        if self.twins.one.admit(&answers.0).is_err() {
            return;
        }
        let before = self.twins.one.last();
        let answer = |frame: ginnel_proto::Frame<Coin>| {
            Input::App(Command::Answer(connection, id, Answer::Response(frame.message)))
        };
        let said = self.twins.say((answer(answers.0), answer(answers.1)));
        if self.twins.one.last() > before {
            self.answers.insert(self.twins.one.last());
        }
        self.absorb(said);
    }

    fn forget(&mut self, id: CallId) {
        self.calls.forget(id);
        self.command(|| Command::Forget(id));
    }

    fn time_out(&mut self, script: &mut Script<'_>) {
        self.twins.wait(script.number());
        let said = self.twins.time_out(script.flag());
        self.absorb(said);
    }

    /// What an engine reports of the attempt, or of the connection.
    fn happen(&mut self, what: u8, script: &mut Script<'_>) {
        if let Some(id) = self.attempt {
            self.attempt = None;
            if script.byte() >= 64 {
                self.open = Some(Conn::new(id));
                return self.report(|_| NetEvent::Connected(id, None));
            }
            let failure = words::failure(script);
            return self.report(|_| NetEvent::ConnectFailed(id, failure));
        }
        let Some(Conn { id, held, dying }) = &mut self.open else { return };
        let id = *id;
        match what {
            _ if *dying => self.lose(id, script),
            13 | 14 => {
                let sketch = Sketch::frame_of(script);
                self.report(|purse| NetEvent::Received(id, sketch.frame(purse)));
            }
            15 | 16 => {
                let Some((last, messages)) = held.sent(usize::from(script.byte() % 4) + 1) else { return };
                messages.into_iter().for_each(|id| self.messages.finish(id));
                self.report(|_| NetEvent::Sent(id, last));
            }
            17 => {
                let why = words::refusal(script);
                let Some((send, frames)) = held.refuse_last() else { return };
                self.refused(id, send, frames, why);
            }
            18 => {
                if held.room() {
                    self.report(|_| NetEvent::Room(id));
                }
            }
            _ if script.byte() < 128 => {}
            _ => {
                let cut = script.flag();
                *dying = true;
                for (send, frames) in held.recall(cut) {
                    self.refused(id, send, frames, Refused::Gone);
                }
                if script.flag() {
                    self.lose(id, script);
                }
            }
        }
    }

    fn refused(
        &mut self,
        id: ConnId,
        send: SendId,
        frames: super::twins::Twin<ginnel_proto::Frame<Coin>>,
        why: Refused,
    ) {
        let report = |frame| Input::Net(NetEvent::Refused(id, send, frame, why));
        let said = self.twins.say((report(frames.0), report(frames.1)));
        self.absorb(said);
    }

    /// What was given to a link that is lost already comes back, then the loss is told.
    fn lose(&mut self, id: ConnId, script: &mut Script<'_>) {
        let Some(mut conn) = self.open.take() else { return };
        for (send, frames) in conn.held.recall(false) {
            self.refused(id, send, frames, Refused::Gone);
        }
        let loss = words::loss(script);
        self.report(|_| NetEvent::Lost(id, loss));
    }

    fn absorb(&mut self, said: Said<Client<Coin>>) {
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
            (Action::Connect(id, _), _) => {
                assert!(id > self.last && id < ConnId::FIRST_ACCEPTED, "{id:?} was used before");
                self.last = id;
                assert!(!self.orderly || (self.attempt.is_none() && self.open.is_none()), "one at a time");
                self.attempt = Some(id);
            }
            (Action::Send(id, send, one), Action::Send(_, _, two)) if self.orderly => {
                let conn = self.open.as_mut().filter(|conn| conn.id == id).expect("there is this connection");
                conn.held.give(send, (one, two));
            }
            (Action::Send(..), _) => {}
            (Action::Close(id), _) => {
                self.attempt = self.attempt.filter(|&attempt| attempt != id);
                self.open = self.open.take().filter(|conn| conn.id != id);
            }
            other => panic!("a client never says {other:?}"),
        }
    }

    fn told(&mut self, event: Event<Coin>) {
        if let Event::Request(request) = &event {
            self.requests.push((request.connection, request.id));
        }
        match event {
            Event::Answered(id, _) | Event::CallLost(id) => self.calls.finish(id),
            // Also of a call that was forgotten meanwhile: its message is given back all the same.
            Event::CallReturned(id, ..) => self.calls.forget(id),
            Event::Returned(id, ..) if self.answers.remove(&id) => {}
            Event::Returned(id, ..) | Event::Cut(id) => self.messages.finish(id),
            Event::Status(_) | Event::Message(_) | Event::Request(_) | Event::Cancelled(_) => {}
        }
    }

    fn check(&self) {
        let dying = self.open.as_ref().is_some_and(|conn| conn.dying);
        if self.orderly && !dying {
            let alive = self.twins.alive();
            assert_eq!(
                alive,
                self.twins.one.unsent().fds,
                "what waits owns its descriptors, and nothing else does"
            );
        }
    }

    fn end(mut self) {
        if self.orderly {
            self.command(|| Command::Disconnect);
            self.messages.check_none();
            self.calls.check_none();
            assert_eq!(self.twins.one.unsent(), Load::default(), "nothing waits");
            assert_eq!(self.twins.one.first_unsent(), None);
            assert_eq!(self.twins.alive(), 0);
        }
        self.open = None;
        self.twins.end();
    }
}
