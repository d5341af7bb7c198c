//! Frames from one link to another, over a pipe that takes and gives as much as it likes.

use std::collections::VecDeque;

use ginnel_proto::limits::Bound;
use ginnel_proto::{CallId, Frame, Kind, Link, LinkOptions, Message, Wire};

use crate::coin::{Coin, Purse};
use crate::script::Script;

/// Both ends, and what is under way between them.
struct Pipe {
    wire: Wire,
    near: Link<Coin>,
    /// The other end has descriptors of its own, by the same numbers.
    far: Link<u32>,
    purse: Purse,
    /// What was accepted and has not come out of the other end.
    expected: VecDeque<Expected>,
    /// As Linux has it: descriptors lie at the first byte of a write; a read takes them with it and ends with that
    /// write.
    writes: VecDeque<(Vec<u8>, Vec<u32>)>,
    raw_in: Vec<u8>,
    raw_out: Vec<u8>,
}

/// A frame as it was accepted; its descriptors by their numbers.
#[derive(PartialEq, Eq, Debug)]
struct Expected {
    kind: Kind,
    body: Vec<u8>,
    fds: Vec<u32>,
}

impl Expected {
    fn new<F>(frame: &Frame<F>, number: fn(&F) -> u32) -> Self {
        let Frame { kind, message } = frame;
        Self { kind: *kind, body: message.body.to_vec(), fds: message.fds.iter().map(number).collect() }
    }

    fn of(frame: &Frame<Coin>) -> Self {
        Self::new(frame, Coin::number)
    }
}

/// A wire, a queue and whether the connection is lost in the end; then what is done: frames are queued, and written and
/// read in pieces. What was accepted arrives, in order, as it was, with its descriptors; what did not go is given back.
pub fn frames(data: &[u8]) {
    let mut script = Script::new(data);
    let wire = script.choose([
        Wire::Native,
        Wire::Raw,
        Wire::LengthPrefixed,
        Wire::Lines,
        Wire::Kyneta,
        Wire::Native,
    ]);
    let queue = script.choose([Bound::CONNECTION, Bound { bytes: 20_000, messages: 5, fds: 4 }]);
    let options = LinkOptions { wire, queue, fds: MOST_FDS, ..LinkOptions::default() };
    let lost = script.flag();
    let mut pipe = Pipe {
        wire,
        near: Link::new(&options),
        far: Link::new(&options),
        purse: Purse::default(),
        expected: VecDeque::new(),
        writes: VecDeque::new(),
        raw_in: Vec::new(),
        raw_out: Vec::new(),
    };
    for _ in 0..MOST_STEPS {
        if script.is_over() {
            break;
        }
        pipe.step(&mut script);
        let queued = pipe.near.outbound().queued();
        assert!(queued.messages <= queue.messages + 1, "{} frames in the queue", queued.messages);
        assert!(queued.fds <= queue.fds + MOST_FDS, "{} descriptors", queued.fds);
    }
    pipe.end(lost);
}

/// Enough to fill a queue and to empty it.
const MOST_STEPS: usize = 200;
/// Of one frame; the native wire takes one less before it is greeted.
const MOST_FDS: usize = 17;

impl Pipe {
    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 8 {
            0..=2 => self.push(script),
            3 => {
                let body = vec![b'q'; usize::from(script.byte()) * 20];
                if self.near.outbound().quick_push(&body) {
                    self.expected.push_back(Expected { kind: Kind::Message, body, fds: Vec::new() });
                }
            }
            4 => self.write(script.wide()),
            5 => self.write(script.number() as usize),
            6 => {
                self.read(script.wide());
            }
            _ => self.take_back(),
        }
    }

    fn push(&mut self, script: &mut Script<'_>) {
        let kind = self.kind(script);
        let length = usize::from(script.byte()) * script.choose([1, 0, 16, 255]);
        let count = usize::from(script.byte()).saturating_sub(200) % (MOST_FDS + 1);
        let fds = self.purse.mint_all(count);
        let frame = Frame::new(kind, Message::new(vec![script.byte(); length]).with_fds(fds));
        let mut expected = Expected::of(&frame);
        let before = self.near.outbound().pushed();
        let pushed = if script.byte() == 255 && self.near.outbound().has_room() {
            self.near.outbound().push_over(frame)
        } else {
            self.near.push(frame)
        };
        let queued = self.near.outbound().pushed() > before;
        if let Err(rejected) = pushed {
            assert!(!queued, "what is refused is not queued");
            return assert_eq!(Expected::of(&rejected.frame), expected, "a refused frame comes back whole");
        }
        assert!(queued || kind == Kind::Pong, "one pong answers many pings, and nothing else is dropped");
        if self.wire == Wire::Lines && expected.body.last() == Some(&b'\n') {
            expected.body.pop();
        }
        if self.wire == Wire::Raw {
            self.raw_in.extend(&expected.body);
        } else if queued {
            self.expected.push_back(expected);
        }
    }

    fn kind(&self, script: &mut Script<'_>) -> Kind {
        let id = CallId(script.number());
        let kinds = [
            Kind::Request(id),
            Kind::Response(id),
            Kind::Failure(id),
            Kind::Cancel(id),
            Kind::Ping,
            Kind::Pong,
            Kind::Control,
            Kind::Goodbye,
        ];
        // Elsewhere there are messages only; a few others are refused.
        let at = usize::from(script.byte());
        let known = if self.wire == Wire::Native { 128 } else { 16 };
        if at >= known { Kind::Message } else { kinds[at % kinds.len()] }
    }

    /// The kernel takes so many bytes, and the descriptors with the first.
    fn write(&mut self, most: usize) {
        let Some(transmit) = self.near.transmit() else { return };
        let numbers: Vec<u32> = transmit.fds().iter().map(Coin::number).collect();
        let slices = transmit.slices();
        let all = slices.iter().map(|slice| slice.len()).sum::<usize>();
        assert!(all > 0 && slices.iter().all(|slice| !slice.is_empty()), "there is something to write");
        let count = most.clamp(1, all);
        let mut bytes = slices.iter().map(|slice| &slice[..]).collect::<Vec<_>>().concat();
        bytes.truncate(count);
        self.writes.push_back((bytes, numbers));
        self.near.transmitted(count);
    }

    /// One reading call that brings so many bytes at most; `false`: there are none.
    fn read(&mut self, most: usize) -> bool {
        let (mut bytes, mut fds) = (Vec::new(), Vec::new());
        while let Some((write, beside)) = self.writes.front_mut()
            && bytes.len() < most
            && fds.is_empty()
        {
            fds = std::mem::take(beside);
            let rest = write.split_off(write.len().min(most - bytes.len()));
            bytes.append(write);
            *write = rest;
            if write.is_empty() {
                self.writes.pop_front();
            }
        }
        if bytes.is_empty() {
            return false;
        }
        self.far.received(&bytes, fds);
        while let Some(frame) = self.far.poll_frame().expect("we keep the rules of our own wires") {
            self.arrived(&frame);
        }
        if let Some(greeting) = self.far.greeting().copied() {
            // Theirs is the same as ours.
            self.near.outbound().greeted(greeting);
        }
        true
    }

    fn read_all(&mut self) {
        while self.read(usize::MAX) {}
    }

    fn arrived(&mut self, frame: &Frame<u32>) {
        if self.wire == Wire::Raw {
            return self.raw_out.extend(&frame.message.body);
        }
        let expected = self.expected.pop_front();
        assert_eq!(
            Some(Expected::new(frame, |&number| number)),
            expected,
            "what arrives is what was queued next"
        );
    }

    /// Their system refuses descriptors: the frame that carries them comes back, and the rest goes on.
    fn take_back(&mut self) {
        self.read_all();
        let Some(frame) = self.near.outbound().take_back() else { return };
        let frame = Expected::of(&frame);
        assert!(!frame.fds.is_empty());
        if self.wire == Wire::Raw {
            // What stands before it is written.
            let at = self.raw_out.len();
            let taken: Vec<u8> = self.raw_in.drain(at..at + frame.body.len()).collect();
            return assert_eq!(taken, frame.body);
        }
        let before = self.expected.iter().position(|expected| *expected == frame);
        assert_eq!(before, Some(0), "nothing else is next");
        self.expected.pop_front();
    }

    /// All is written and read; or the connection is lost, and what was not begun comes back.
    fn end(mut self, lost: bool) {
        self.read_all();
        if lost {
            self.recall();
        } else {
            while self.near.transmit().is_some() {
                self.write(usize::MAX);
            }
            self.read_all();
            assert_eq!(self.expected, [], "all of it arrives");
            assert_eq!(self.raw_in, self.raw_out);
            assert_eq!(self.far.unfinished(), None);
        }
        drop(self.near);
        assert_eq!(self.purse.alive(), 0, "every descriptor is closed");
    }

    fn recall(&mut self) {
        let recalled = self.near.outbound().recall();
        assert!(recalled.is_sorted_by_key(|(end, _)| *end));
        if self.wire == Wire::Raw {
            let bodies: Vec<u8> =
                recalled.iter().flat_map(|(_, frame)| frame.message.body.to_vec()).collect();
            return assert!(self.raw_in.ends_with(&bodies));
        }
        // Pings and their like are not given back.
        let small = |kind| matches!(kind, Kind::Ping | Kind::Pong | Kind::Goodbye | Kind::Cancel(_));
        self.expected.retain(|expected| !small(expected.kind));
        let cut = self.expected.len().checked_sub(recalled.len());
        assert!(cut.is_some_and(|cut| cut <= 1), "one frame can be cut, not more");
        for (frame, expected) in recalled.iter().rev().zip(self.expected.iter().rev()) {
            assert_eq!(Expected::of(&frame.1), *expected, "what comes back is what was queued");
        }
    }
}
