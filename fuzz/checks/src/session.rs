//! One connection as its owner uses it, with a peer that sends what it likes.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use ginnel_proto::limits::Bound;
use ginnel_proto::{
    Answer, CallId, Delivery, Frame, Kind, Link, LinkOptions, Message, Next, Patience, PeerFault, Session,
    SessionOptions,
};

use crate::coin::{Coin, Purse};
use crate::script::Script;

/// What happens, step by step: the application asks, sends and takes; the peer's frames, or any bytes, arrive in
/// pieces; time passes. Two sessions that are told the same do the same, a fault stays, each question has one answer at
/// most, what is sent keeps the rules of the wire, and queues keep their bounds.
pub fn session(data: &[u8]) {
    let mut script = Script::new(data);
    let mut bench = Bench::new();
    for _ in 0..MOST_STEPS {
        if script.is_over() {
            break;
        }
        bench.step(&mut script);
        bench.check_queue();
    }
    bench.end();
}

/// Enough to fill a queue several times.
const MOST_STEPS: usize = 300;
const QUEUE: Bound = Bound { bytes: 20_000, messages: 8, fds: 6 };
const INBOX: Bound = Bound { bytes: 2000, messages: 5, fds: 6 };

struct Bench {
    one: Session<Coin>,
    two: Session<Coin>,
    purses: [Purse; 2],
    /// Frames what the peer says.
    peer: Link<u32>,
    /// Reads what the peer hears.
    ear: Link<u32>,
    now: Instant,
    fault: Option<PeerFault>,
    asked: BTreeSet<CallId>,
    requests: Vec<CallId>,
    /// Frames that were queued however full it was.
    over: usize,
}

impl Bench {
    fn new() -> Self {
        let options = SessionOptions {
            link: LinkOptions { queue: QUEUE, message: 1000, ..LinkOptions::default() },
            inbox: INBOX,
            patience: Patience { ping: Some(Duration::from_secs(1)), ..Patience::default() },
        };
        Self {
            one: Session::new(&options),
            two: Session::new(&options),
            purses: Default::default(),
            peer: Link::new(&LinkOptions::default()),
            ear: Link::new(&LinkOptions::default()),
            now: Instant::now(),
            fault: None,
            asked: BTreeSet::new(),
            requests: Vec::new(),
            over: 0,
        }
    }

    /// Does the same to both, which must lead to the same.
    fn both<T: PartialEq + Debug>(&mut self, act: impl Fn(&mut Session<Coin>, &Purse) -> T) -> T {
        let one = act(&mut self.one, &self.purses[0]);
        assert_eq!(one, act(&mut self.two, &self.purses[1]), "the same inputs, the same outputs");
        one
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let id = CallId(u64::from(script.byte() >> 5));
        match script.byte() % 24 {
            0..=4 => self.say(id, script),
            5..=7 => self.hear(usize::from(script.byte()) * 4),
            8 => {
                let (count, fds) = (script.byte() % 16, script.byte() % 3);
                let bytes = script.take(count.into());
                self.both(|session, purse| session.line().received(bytes, purse.mint_all(fds.into())));
            }
            9..=11 => self.take_next(),
            12 => self.gather(),
            13 => self.send(script),
            14 => self.ask(script),
            15 => self.take_answer(id),
            16 => {
                self.asked.remove(&id);
                self.both(|session, _| session.forget(id));
            }
            17 | 18 => self.answer(id, script),
            19 => self.wait(script),
            20 | 21 => self.write(script.wide()),
            _ => self.rarely(script),
        }
    }

    /// The peer queues a frame, right or wrong.
    fn say(&mut self, id: CallId, script: &mut Script<'_>) {
        let kinds = [
            Kind::Message,
            Kind::Request(id),
            Kind::Response(id),
            Kind::Failure(id),
            Kind::Cancel(id),
            Kind::Ping,
            Kind::Pong,
            Kind::Control,
        ];
        let kind = script.choose(kinds);
        let (length, fds) = (usize::from(script.byte()) * 2, script.byte() % 3);
        let message = Message::new(vec![b'p'; length]).with_fds(vec![0; fds.into()]);
        // A frame that cannot be is not said.
        let _ = self.peer.outbound().push_over(Frame::new(kind, message));
    }

    /// Some of what the peer has said arrives.
    fn hear(&mut self, most: usize) {
        let Some(transmit) = self.peer.transmit() else { return };
        let mut bytes = transmit.slices().iter().map(|slice| &slice[..]).collect::<Vec<_>>().concat();
        bytes.truncate(most.max(1));
        let fds = transmit.fds().len();
        self.peer.transmitted(bytes.len());
        self.both(|session, purse| session.line().received(&bytes, purse.mint_all(fds)));
    }

    fn take_next(&mut self) {
        let next = self.both(|session, _| session.poll_next());
        match next {
            Ok(Next::Delivery(Delivery::Request(request))) => self.requests.push(request.id),
            Ok(Next::Delivery(_)) => {}
            Ok(Next::Pending | Next::Ended) => assert_eq!(self.fault, None, "a fault stays"),
            Err(fault) => assert_eq!(*self.fault.get_or_insert(fault), fault, "a fault stays"),
        }
    }

    fn gather(&mut self) {
        let gathered = self.both(|session, _| session.gather());
        match gathered {
            Err(ginnel_proto::Gathered::Fault(fault)) => {
                assert_eq!(*self.fault.get_or_insert(fault), fault, "a fault stays");
            }
            Err(ginnel_proto::Gathered::Full(_)) => {}
            Ok(()) => assert_eq!(self.fault, None, "a fault stays"),
        }
    }

    fn send(&mut self, script: &mut Script<'_>) {
        let (length, fds, quick) = (usize::from(script.byte()) * 30, script.byte() % 4, script.flag());
        self.both(|session, purse| {
            let message = Message::new(vec![b's'; length]).with_fds(purse.mint_all(fds.into()));
            if quick && session.quick_push(&message) { Ok(()) } else { session.push(message) }
        })
        .unwrap_or_default();
    }

    fn ask(&mut self, script: &mut Script<'_>) {
        let fds = script.byte() % 4;
        let asked = self.both(|session, purse| {
            session.ask(Message::new("question").with_fds(purse.mint_all(fds.into())))
        });
        if let Ok(id) = asked {
            assert!(self.asked.last().is_none_or(|last| *last < id), "numbers rise");
            self.asked.insert(id);
        }
    }

    fn take_answer(&mut self, id: CallId) {
        if self.both(|session, _| session.take_answer(id)).is_some() {
            assert!(self.asked.remove(&id), "{id:?} was asked, and not answered before");
        }
    }

    fn answer(&mut self, id: CallId, script: &mut Script<'_>) {
        let (id, how, fds) = (self.requests.pop().unwrap_or(id), script.byte(), script.byte() % 4);
        match how % 4 {
            0 => self.both(|session, _| session.refuse(id)),
            1 => {
                self.over += 1;
                self.both(|session, _| session.undeliverable(id));
            }
            _ => {
                let answered = self.both(|session, purse| {
                    let message = Message::new("answer").with_fds(purse.mint_all(fds.into()));
                    session.answer(id, Answer::Response(message))
                });
                if answered.is_err() {
                    self.requests.push(id);
                }
            }
        }
    }

    /// The clock is looked at; what is waited for is still ahead.
    fn wait(&mut self, script: &mut Script<'_>) {
        self.now += Duration::from_millis(script.number() * 50);
        let now = self.now;
        match self.both(|session, _| session.line().look(now)) {
            Ok(deadline) => assert!(deadline.is_none_or(|deadline| deadline > now), "it would spin"),
            Err(fault) => assert!(
                matches!(fault, PeerFault::Silent | PeerFault::Stuck | PeerFault::Unresponsive),
                "{fault}"
            ),
        }
    }

    /// Some of what was queued is written; the peer's reader finds nothing wrong with it.
    fn write(&mut self, most: usize) {
        let written = self.both(|session, _| {
            let transmit = session.line().outbound().transmit()?;
            let mut bytes = transmit.slices().iter().map(|slice| &slice[..]).collect::<Vec<_>>().concat();
            bytes.truncate(most.max(1));
            let fds: Vec<u32> = transmit.fds().iter().map(Coin::number).collect();
            session.line().outbound().transmitted(bytes.len());
            Some((bytes, fds))
        });
        let Some((bytes, fds)) = written else { return };
        self.ear.received(&bytes, fds);
        while self.ear.poll_frame().expect("what is sent keeps the rules").is_some() {}
    }

    fn rarely(&mut self, script: &mut Script<'_>) {
        match script.byte() % 8 {
            0 => self.both(|session, _| session.line().goodbye()),
            1 => self.both(|session, _| session.line().ended()),
            2 => self.both(|session, _| session.line().excuse()),
            3 | 4 => self.both(|session, _| session.settle()),
            5 => {
                let _ = self.peer.push(Frame::empty(Kind::Goodbye));
            }
            _ => {
                self.both(|session, _| session.take_message());
            }
        }
    }

    fn check_queue(&mut self) {
        let queued = self.one.line().outbound().queued();
        // One refusal may be said when there is room for a small frame.
        let most = QUEUE.messages + 1 + self.over;
        assert!(queued.messages <= most, "{} frames in the queue", queued.messages);
        assert!(queued.fds <= QUEUE.fds, "{} descriptors in the queue", queued.fds);
    }

    fn end(self) {
        let Self { one, two, purses, .. } = self;
        let parts = one.into_parts();
        let (mut bytes, mut messages) = (0, 0);
        for delivery in &parts.arrived {
            let message = match delivery {
                Delivery::Message(message) => Some(message),
                Delivery::Request(request) => Some(&request.message),
                Delivery::Cancelled(_) => None,
            };
            messages += 1;
            bytes += message.map_or(0, |message| message.body.len());
        }
        assert!(messages <= INBOX.messages && bytes <= INBOX.bytes + LARGEST, "{bytes} bytes in {messages}");
        drop((parts, two));
        assert!(purses.iter().all(|purse| purse.alive() == 0), "every descriptor is closed");
    }
}

/// A body of the peer's, or one that its bytes say by chance.
const LARGEST: usize = 64 << 10;
