use std::collections::{BTreeSet, VecDeque};

use bytes::{BufMut, Bytes, BytesMut};
use ginnel_proto::election::Step;
use ginnel_proto::limits::Bound;
use ginnel_proto::machine::{Action, ConnId, Crowd, Failure, Input, NetEvent, Output};
use ginnel_proto::peer::{Command, Event, Hello, Peer, PeerOptions};
use ginnel_proto::server::{self, Command as Ask};
use ginnel_proto::{Address, Answer, CallId, Frame, Kind, Message, PeerFault};

use super::twins::{Said, Twins};
use super::words::{self, Sketch};
use crate::coin::{Coin, Purse};
use crate::contest::likely;
use crate::script::Script;

/// Settings, then what happens, step by step: any command, any report, answers to what was ordered often enough that it
/// follows and leads. The five laws hold, and a connection that it closed or lost is given nothing.
pub fn peer(data: &[u8]) {
    let mut script = Script::new(data);
    let mut bench = Bench::new(&mut script);
    for _ in 0..MOST_STEPS {
        if script.is_over() {
            break;
        }
        bench.step(&mut script);
    }
    bench.twins.end();
}

const MOST_STEPS: usize = 300;
/// Nobody is there, or they do not answer, or something else is wrong.
const FAILURES: [Failure; 7] = [
    Failure::Errno(libc::ENOENT),
    Failure::Errno(libc::ECONNREFUSED),
    Failure::Errno(libc::EACCES),
    Failure::Busy,
    Failure::Closed,
    Failure::Errno(libc::EMFILE),
    Failure::Fault(PeerFault::Silent),
];
const QUEUE: Bound = Bound { bytes: 20_000, messages: 8, fds: 6 };

struct Bench {
    twins: Twins<Peer<Coin>>,
    /// Steps that were ordered and not answered.
    steps: VecDeque<Step>,
    /// The newest connection that it wanted.
    wanted: ConnId,
    used: BTreeSet<ConnId>,
    requests: Vec<(ConnId, CallId)>,
}

impl Bench {
    fn new(script: &mut Script<'_>) -> Self {
        let mut options = PeerOptions::new(Address::inherited(3), Hello::new("name").expect("it is short"));
        options.standby = !script.flag();
        options.client.queue = script.choose([QUEUE, Bound::CONNECTION]);
        options.client.seed = script.number();
        options.server.queue = options.client.queue;
        let twins = Twins::new(|| Peer::new(options.clone()));
        Self { twins, steps: VecDeque::new(), wanted: ConnId(0), used: BTreeSet::new(), requests: Vec::new() }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let what = script.byte() % 24;
        let id = self.someone(script);
        match what {
            0 => self.command(|| Command::Join),
            1 if script.byte() > 200 => self.command(|| Command::Leave),
            2 if script.byte() > 200 => self.command(|| Command::Many(Ask::Stop)),
            3 | 4 => self.send(id, Sketch::message(script)),
            5 => self.ask(id, Sketch::message(script)),
            6 => self.answer(id, script),
            7 => {
                let call = CallId(script.number() % 8);
                self.command(|| Command::Many(Ask::Forget(id, call)));
            }
            8 => {
                let body = Bytes::from(vec![0; usize::from(script.byte()) * 20]);
                self.command(|| Command::Many(Ask::Broadcast(body.clone())));
            }
            9 => self.command(|| Command::Many(Ask::Disconnect(id))),
            10 => {
                let said = self.twins.time_out(script.flag());
                self.absorb(said);
            }
            11 => self.report(|_| NetEvent::Disturbed),
            12 => self.report(words::any_report(script, id, false)),
            13 => {
                let newcomer = ConnId(ConnId::FIRST_ACCEPTED.0 + 1 + script.number() % 3);
                self.report(|_| NetEvent::Accepted(newcomer, None));
                self.hear(newcomer, hello(script));
            }
            14 | 15 => self.hear(id, word(script)),
            16 | 17 => {
                let wanted = self.wanted;
                if script.flag() {
                    self.report(|_| NetEvent::Connected(wanted, None));
                    self.hear(wanted, hello(script));
                } else {
                    let failure = script.choose(FAILURES);
                    self.report(|_| NetEvent::ConnectFailed(wanted, failure));
                }
            }
            _ if !self.steps.is_empty() || script.byte() > 240 => {
                let step = self.steps.pop_front().unwrap_or(Step::Own);
                let seen = likely(script, step);
                self.report(|_| NetEvent::Elected(seen));
            }
            _ => {}
        }
    }

    /// Whoever listens, the newest that was wanted, or one that may have come in.
    fn someone(&self, script: &mut Script<'_>) -> ConnId {
        match script.byte() % 6 {
            0 => ConnId::LISTENER,
            1 | 2 => self.wanted,
            number => ConnId(ConnId::FIRST_ACCEPTED.0 + u64::from(number) - 2),
        }
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

    /// A control frame comes, with a descriptor if it is to have one.
    fn hear(&mut self, id: ConnId, (body, fds): (Bytes, usize)) {
        let frame = |purse: &Purse| {
            Frame::new(Kind::Control, Message::new(body.clone()).with_fds(purse.mint_all(fds)))
        };
        self.report(|purse| NetEvent::Received(id, frame(purse)));
    }

    fn send(&mut self, id: ConnId, sketch: Sketch) {
        let frames = self.twins.make(|purse| sketch.frame(purse));
        if let Some(Ok(())) | None = self.twins.one.admit(id, &frames.0) {
            let send = |frame: Frame<Coin>| Input::App(Command::Many(Ask::Send(id, frame.message)));
            let said = self.twins.say((send(frames.0), send(frames.1)));
            self.absorb(said);
        }
    }

    fn ask(&mut self, id: ConnId, sketch: Sketch) {
        let Some(call) = self.twins.one.upcoming(id) else { return };
        let frames = self.twins.make(|purse| Sketch { kind: Kind::Request(call), ..sketch }.frame(purse));
        if let Some(Ok(())) = self.twins.one.admit(id, &frames.0) {
            let ask = |frame: Frame<Coin>| Input::App(Command::Many(Ask::Ask(id, frame.message)));
            let said = self.twins.say((ask(frames.0), ask(frames.1)));
            self.absorb(said);
        }
    }

    fn answer(&mut self, id: ConnId, script: &mut Script<'_>) {
        let sketch = Sketch::message(script);
        let (id, call) = self.requests.pop().unwrap_or((id, CallId(script.number() % 8)));
        let answers = self.twins.make(|purse| sketch.make(purse));
        let answer = |message| Input::App(Command::Many(Ask::Answer(id, call, Answer::Response(message))));
        let said = self.twins.say((answer(answers.0), answer(answers.1)));
        self.absorb(said);
    }

    fn absorb(&mut self, said: Said<Peer<Coin>>) {
        for (one, _) in said {
            match one {
                Output::Net(Action::Connect(id, _) | Action::Probe(id)) => {
                    assert!(self.used.insert(id), "{id:?} is used twice");
                    assert!(id > ConnId::LISTENER && id < ConnId::FIRST_ACCEPTED);
                    self.wanted = id;
                }
                Output::Net(Action::Elect(step)) => self.steps.push_back(step),
                Output::Net(action @ Action::Listen(_)) => panic!("a peer never says {action:?}"),
                Output::App(Event::Many(server::Event::Request(request))) => {
                    self.requests.push((request.connection, request.id));
                }
                _ => {}
            }
        }
    }
}

/// Who somebody is, and how many descriptors come with that.
fn hello(script: &mut Script<'_>) -> (Bytes, usize) {
    let mut body = BytesMut::new();
    body.put_slice(&[1, script.byte() & 1]);
    body.put_u64_le(script.number());
    body.put_u8(1);
    body.put_slice(b"n");
    (body.freeze(), 0)
}

/// A word between peers, or something like one.
fn word(script: &mut Script<'_>) -> (Bytes, usize) {
    match script.byte() % 5 {
        0 | 1 => {
            let mut body = BytesMut::new();
            body.put_u8(2);
            body.put_u64_le(1);
            body.put_u64_le(script.number() % 4);
            (body.freeze(), script.choose([1, 1, 1, 0, 2]))
        }
        2 => (Bytes::from_static(&[3]), 0),
        3 => hello(script),
        _ => {
            let length = usize::from(script.byte() % 32);
            (Bytes::copy_from_slice(script.take(length)), usize::from(script.byte() % 3))
        }
    }
}
