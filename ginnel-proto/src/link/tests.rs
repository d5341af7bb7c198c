use std::collections::VecDeque;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{CallId, Message};

const WIRES: [Wire; 7] = [
    Wire::Native,
    Wire::Raw,
    Wire::LengthPrefixed,
    Wire::Lines,
    Wire::Kyneta,
    Wire::Sp(Protocol::Pair0),
    Wire::SpIpc(Protocol::Bus),
];

fn options(wire: Wire) -> LinkOptions {
    LinkOptions { wire, incarnation: Incarnation([7; 16]), ..LinkOptions::default() }
}

/// A stream socket as Linux has it: descriptors lie at the first byte of one write, a read takes them with that byte
/// and goes no further than that write.
#[derive(Default)]
struct Pipe {
    writes: VecDeque<(VecDeque<u8>, Vec<u32>)>,
}

impl Pipe {
    fn write(&mut self, bytes: &[u8], fds: &[u32]) {
        self.writes.push_back((bytes.iter().copied().collect(), fds.to_vec()));
    }

    /// Everything that the link has to say, at most `most` bytes a call.
    fn drain(&mut self, link: &mut Link<u32>, most: usize) {
        while let Some(transmit) = link.transmit() {
            let bytes: Vec<u8> =
                transmit.slices().iter().flat_map(|slice| slice.to_vec()).take(most).collect();
            self.write(&bytes, transmit.fds());
            link.transmitted(bytes.len());
        }
    }

    fn read(&mut self, most: usize) -> (Vec<u8>, Vec<u32>) {
        let mut bytes = Vec::new();
        while let Some((write, fds)) = self.writes.front_mut() {
            let taken = std::mem::take(fds);
            bytes.extend(write.drain(..write.len().min(most - bytes.len())));
            if write.is_empty() {
                self.writes.pop_front();
            }
            if bytes.len() == most || !taken.is_empty() {
                return (bytes, taken);
            }
        }
        (bytes, Vec::new())
    }

    /// Feeds everything to the link in reads of these sizes, the last one repeated.
    fn feed(&mut self, link: &mut Link<u32>, sizes: &[usize]) -> Result<Vec<Frame<u32>>, PeerFault> {
        let mut sizes = sizes.iter().copied();
        let mut size = 1;
        let mut frames = Vec::new();
        loop {
            size = sizes.next().unwrap_or(size);
            let (bytes, fds) = self.read(size);
            if bytes.is_empty() {
                return Ok(frames);
            }
            link.received(&bytes, fds);
            while let Some(frame) = link.poll_frame()? {
                frames.push(frame);
            }
        }
    }
}

/// Frames that exercise what the wire can do.
fn samples(wire: Wire) -> Vec<Frame<u32>> {
    let message = |body: &'static [u8]| Frame::from(Message::new(Bytes::from_static(body)));
    let large = |len: usize| Frame::from(Message::new(vec![b'x'; len]));
    match wire {
        Wire::Native => vec![
            message(b"one"),
            message(b""),
            Frame::new(Kind::Request(CallId(1)), Message::new("ask").with_fds(vec![3, 4])),
            Frame::new(Kind::Response(CallId(u64::MAX)), Message::new("")),
            Frame::new(Kind::Failure(CallId(2)), Message::new("no")),
            Frame::empty(Kind::Cancel(CallId(9))),
            Message::new("").with_fds(vec![5]).into(),
            Message::new(vec![b'y'; limits::COPIED + 1]).with_fds(vec![6]).into(),
            Frame::empty(Kind::Ping),
            Frame::empty(Kind::Pong),
            Frame::new(Kind::Control, Message::new("hello")),
            Frame::empty(Kind::Goodbye),
        ],
        Wire::LengthPrefixed | Wire::Lines | Wire::Sp(_) | Wire::SpIpc(_) => {
            vec![message(b"one"), message(b""), large(5000), message(b"two")]
        }
        Wire::Kyneta => vec![message(b"one"), large(5000), message(b"two")],
        Wire::Raw => vec![message(b"one")],
    }
}

fn push_all(link: &mut Link<u32>, frames: Vec<Frame<u32>>) {
    for frame in frames {
        link.push(frame).unwrap();
    }
}

#[test]
fn every_cut_of_every_wire_yields_the_same_frames() {
    for wire in WIRES {
        let mut near = Link::new(&options(wire));
        push_all(&mut near, samples(wire));
        let total = near.outbound().pushed() as usize;
        for cut in (1..=total).filter(|&cut| cut < 200 || cut > total - 200 || cut % 97 == 0) {
            let mut near = Link::new(&options(wire));
            let mut far = Link::new(&options(wire));
            push_all(&mut near, samples(wire));
            let mut pipe = Pipe::default();
            pipe.drain(&mut near, usize::MAX);
            let frames = pipe.feed(&mut far, &[cut, 1 << 20]).unwrap();
            if wire == Wire::Raw {
                let bodies: Vec<u8> = frames.iter().flat_map(|frame| frame.message.body.to_vec()).collect();
                assert_eq!(bodies, b"one", "cut at {cut}");
            } else {
                assert_eq!(frames, samples(wire), "{wire:?} cut at {cut}");
            }
            assert_eq!(far.end(), Ok(()));
        }
    }
}

#[test]
fn bytes_that_come_and_go_one_by_one_are_the_same_frames() {
    for wire in WIRES {
        let mut near = Link::new(&options(wire));
        let mut far = Link::new(&options(wire));
        push_all(&mut near, samples(wire));
        let mut pipe = Pipe::default();
        pipe.drain(&mut near, 1);
        let frames = pipe.feed(&mut far, &[1]).unwrap();
        if wire != Wire::Raw {
            assert_eq!(frames, samples(wire), "{wire:?}");
        }
    }
}

#[test]
fn a_large_body_is_read_in_place_and_grows_with_what_arrived() {
    let mut far: Link<u32> = Link::new(&options(Wire::LengthPrefixed));
    far.received(&(16u32 << 20).to_be_bytes(), Vec::new());
    assert_eq!(far.poll_frame(), Ok(None));
    let mut left = 16 << 20;
    while left > 0 {
        let room = far.room();
        let before = room.buffer.len();
        assert!(
            room.buffer.capacity() <= 2 * before + 2 * limits::READ,
            "{} for {before}",
            room.buffer.capacity()
        );
        let now = room.most.min(100_000).min(left);
        room.buffer.resize(before + now, b'z');
        far.arrived(now, Vec::new());
        left -= now;
        assert_eq!(far.poll_frame().unwrap().is_some(), left == 0);
    }
    assert_eq!(far.end(), Ok(()));
}

/// A native frame's header by hand.
fn header(length: u32, kind: u8, fds: u8, reserved: u16) -> Vec<u8> {
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend([kind, fds]);
    bytes.extend(reserved.to_le_bytes());
    bytes
}

fn greeting() -> Vec<u8> {
    Greeting::new(limits::MESSAGE, 16, Incarnation::default()).encode().to_vec()
}

#[test]
fn descriptors_belong_to_the_frame_whose_first_byte_they_came_with() {
    let mut far: Link<u32> = Link::new(&options(Wire::Native));
    far.received(&[greeting(), header(0, 1, 1, 0)].concat(), vec![1]);
    far.received(&[header(0, 1, 0, 0), header(0, 1, 2, 0)].concat(), vec![2, 3]);
    let fds: Vec<_> =
        std::iter::from_fn(|| far.poll_frame().unwrap()).map(|frame| frame.message.fds).collect();
    assert_eq!(fds, [vec![1], vec![], vec![2, 3]]);
}

#[test]
fn procwires_frames_are_what_it_writes() {
    let body = br#"{"jsonrpc":"2.0","method":"ping","params":[1]}"#;
    let written = |wire| {
        let mut near = Link::new(&options(wire));
        near.push(Message::new(&body[..]).into()).unwrap();
        let mut pipe = Pipe::default();
        pipe.drain(&mut near, usize::MAX);
        pipe.read(usize::MAX).0
    };
    assert_eq!(written(Wire::LengthPrefixed), [&[0, 0, 0, 0x2e][..], body].concat());
    assert_eq!(written(Wire::Lines), [&body[..], b"\n"].concat());
}

#[test]
fn a_line_may_bring_its_line_feed_and_hold_no_other() {
    let mut near: Link<u32> = Link::new(&options(Wire::Lines));
    near.push(Message::new("one\n").into()).unwrap();
    let inside = near.push(Message::new("two\nthree").into()).unwrap_err();
    assert_eq!(inside.refusal, Misuse::LineFeed.into());
    assert_eq!(&inside.into_message().body[..], b"two\nthree");
    let mut pipe = Pipe::default();
    pipe.drain(&mut near, usize::MAX);
    assert_eq!(pipe.read(100).0, b"one\n");
}

trait ConcatAll {
    fn concat_all(&self) -> Vec<u8>;
}

impl ConcatAll for [std::io::IoSlice<'_>] {
    fn concat_all(&self) -> Vec<u8> {
        self.iter().flat_map(|slice| slice.to_vec()).collect()
    }
}

proptest! {
    #[test]
    fn any_frames_in_any_writes_and_reads_arrive_whole_in_order_with_their_descriptors(
        bodies in prop::collection::vec((0usize..6000, 0usize..4), 1..20),
        writes in prop::collection::vec(1usize..9000, 1..6),
        reads in prop::collection::vec(1usize..9000, 1..6),
    ) {
        let mut near = Link::new(&options(Wire::Native));
        let mut far = Link::new(&options(Wire::Native));
        let mut number = 0;
        let frames: Vec<Frame<u32>> = bodies.iter().map(|&(length, fds)| {
            let fds = (0..fds).map(|_| { number += 1; number }).collect();
            Message::new(vec![length as u8; length]).with_fds(fds).into()
        }).collect();
        push_all(&mut near, frames.clone());
        let mut pipe = Pipe::default();
        let mut turn = writes.iter().cycle();
        while let Some(transmit) = near.transmit() {
            let bytes = transmit.slices().concat_all();
            let bytes = &bytes[..bytes.len().min(*turn.next().unwrap())];
            pipe.write(bytes, transmit.fds());
            near.transmitted(bytes.len());
        }
        let mut sizes = reads;
        sizes.extend([1 << 16]);
        prop_assert_eq!(pipe.feed(&mut far, &sizes).unwrap(), frames);
    }

    #[test]
    fn random_bytes_and_descriptors_are_survived(
        wire in 0usize..WIRES.len(),
        greet in any::<bool>(),
        chunks in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..60), 0usize..3), 0..30),
    ) {
        let mut far: Link<u32> = Link::new(&LinkOptions { message: 200, ..options(WIRES[wire]) });
        if greet {
            far.received(&greeting(), Vec::new());
        }
        for (bytes, fds) in chunks {
            if bytes.is_empty() { continue }
            far.received(&bytes, (0..fds as u32).collect());
            while let Ok(Some(_)) = far.poll_frame() {}
        }
        let _ = far.end();
    }
}

mod faults;
mod kyneta_frames;
mod queue;
mod sp;
