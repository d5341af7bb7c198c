use std::collections::VecDeque;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::limits::Bound;
use crate::{CallId, Message};

const WIRES: [Wire; 5] = [Wire::Native, Wire::Raw, Wire::LengthPrefixed, Wire::Lines, Wire::Kyneta];

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
        Wire::LengthPrefixed | Wire::Lines => {
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
fn an_end_inside_a_frame_is_a_fault_wherever_it_is() {
    for wire in [Wire::Native, Wire::LengthPrefixed, Wire::Kyneta, Wire::Lines] {
        let mut near = Link::new(&options(wire));
        near.push(Message::new("hello").into()).unwrap();
        let mut pipe = Pipe::default();
        pipe.drain(&mut near, usize::MAX);
        let (all, _) = pipe.read(usize::MAX);
        for cut in 1..all.len() {
            let mut far: Link<u32> = Link::new(&options(wire));
            far.received(&all[..cut], Vec::new());
            assert_eq!(far.poll_frame(), Ok(None));
            let between = wire == Wire::Native && cut == Greeting::BYTES;
            let from = if wire == Wire::Native && cut >= Greeting::BYTES { Greeting::BYTES } else { 0 };
            let expected =
                if between { Ok(()) } else { Err(PeerFault::CutShort { bytes: (cut - from) as u64 }) };
            assert_eq!(far.end(), expected, "{wire:?} cut at {cut}");
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
fn every_rule_of_the_native_wire_has_its_fault() {
    let limit = limits::MESSAGE as u64;
    let table: Vec<(Vec<u8>, Vec<u32>, PeerFault)> = vec![
        (header(0, 0, 0, 0), vec![], PeerFault::UnknownKind { kind: 0 }),
        (header(0, 10, 0, 0), vec![], PeerFault::UnknownKind { kind: 10 }),
        (header(0, 1, 0, 1), vec![], PeerFault::ReservedBit),
        (header(0, 1, 0, 0x8000), vec![], PeerFault::ReservedBit),
        (header(u32::MAX, 1, 0, 0), vec![], PeerFault::TooLong { length: u32::MAX.into(), limit }),
        (header(limit as u32 + 1, 1, 0, 0), vec![], PeerFault::TooLong { length: limit + 1, limit }),
        (header(limit as u32 + 9, 2, 0, 0), vec![], PeerFault::TooLong { length: limit + 1, limit }),
        (header(7, 2, 0, 0), vec![], PeerFault::Malformed { kind: 2, length: 7, fds: 0 }),
        (header(9, 5, 0, 0), vec![], PeerFault::Malformed { kind: 5, length: 9, fds: 0 }),
        (header(8, 5, 1, 0), vec![], PeerFault::Malformed { kind: 5, length: 8, fds: 1 }),
        (header(1, 6, 0, 0), vec![], PeerFault::Malformed { kind: 6, length: 1, fds: 0 }),
        (header(0, 8, 1, 0), vec![], PeerFault::Malformed { kind: 8, length: 0, fds: 1 }),
        (header(0, 1, 17, 0), vec![], PeerFault::TooManyFds { declared: 17, limit: 16 }),
        (header(0, 1, 1, 0), vec![], PeerFault::WrongFds { declared: 1, came: 0 }),
        (header(0, 1, 1, 0), vec![1, 2], PeerFault::WrongFds { declared: 1, came: 2 }),
        (header(0, 1, 2, 0), vec![1], PeerFault::WrongFds { declared: 2, came: 1 }),
        (header(0, 1, 0, 0), vec![1], PeerFault::UndeclaredFds { came: 1 }),
    ];
    for (frame, fds, fault) in table {
        for cut in 1..=frame.len() {
            let mut far: Link<u32> = Link::new(&options(Wire::Native));
            let mut pipe = Pipe::default();
            pipe.write(&greeting(), &[]);
            pipe.write(&[header(2, 1, 0, 0), b"ok".to_vec()].concat(), &[]);
            pipe.write(&frame, &fds);
            let mut taken = Vec::new();
            let mut found = None;
            for size in [Greeting::BYTES + 10, cut, 1 << 20] {
                let (bytes, fds) = pipe.read(size);
                far.received(&bytes, fds);
                while found.is_none() {
                    match far.poll_frame() {
                        Ok(Some(frame)) => taken.push(frame),
                        Ok(None) => break,
                        Err(fault) => found = Some(fault),
                    }
                }
            }
            assert_eq!(found, Some(fault), "cut at {cut}");
            assert_eq!(far.poll_frame(), Err(fault), "the fault stays");
            assert_eq!(taken[0], Message::new("ok").into(), "what came before is delivered first");
        }
    }
}

#[test]
fn a_foreign_greeting_is_refused_at_its_first_foreign_byte() {
    let table: [(&[u8], PeerFault); 6] = [
        (b"H", PeerFault::ForeignGreeting),
        (b"GE", PeerFault::ForeignGreeting),
        (b"GNX", PeerFault::ForeignGreeting),
        (b"GNL\x02", PeerFault::Version { theirs: 2 }),
        (b"GNL\x00", PeerFault::Version { theirs: 0 }),
        (b"\0SP\0\0\x10\0\0", PeerFault::ForeignGreeting),
    ];
    for (bytes, fault) in table {
        let mut far: Link<u32> = Link::new(&options(Wire::Native));
        far.received(bytes, Vec::new());
        assert_eq!(far.poll_frame(), Err(fault));
    }
}

#[test]
fn a_greeting_is_judged_bit_by_bit() {
    for bit in 0..Greeting::BYTES * 8 {
        let mut bytes = greeting();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut far: Link<u32> = Link::new(&options(Wire::Native));
        far.received(&bytes, Vec::new());
        let judged = far.poll_frame();
        match bit / 8 {
            0..=2 => assert_eq!(judged, Err(PeerFault::ForeignGreeting), "bit {bit}"),
            3 => assert!(matches!(judged, Err(PeerFault::Version { .. })), "bit {bit}"),
            // Offers that nobody knows are passed over.
            4..=5 => assert_eq!(judged, Ok(None), "bit {bit}"),
            6..=7 | 14..=15 => assert_eq!(judged, Err(PeerFault::ReservedBit), "bit {bit}"),
            8..=11 => {
                let large = far
                    .greeting()
                    .is_some_and(|greeting| greeting.message as usize >= limits::GUARANTEED_BODY);
                assert!(large || matches!(judged, Err(PeerFault::TooModest { .. })), "bit {bit}");
            }
            _ => assert!(far.greeting().is_some(), "bit {bit}"),
        }
    }
}

#[test]
fn a_frame_after_the_goodbye_is_a_fault() {
    let mut far: Link<u32> = Link::new(&options(Wire::Native));
    far.received(&[greeting(), header(0, 8, 0, 0), header(0, 1, 0, 0)].concat(), Vec::new());
    assert_eq!(far.poll_frame(), Ok(Some(Frame::empty(Kind::Goodbye))));
    assert_eq!(far.poll_frame(), Err(PeerFault::AfterGoodbye));
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
fn a_wire_without_descriptors_takes_none() {
    for (wire, bytes) in [
        (Wire::Lines, &b"long li"[..]),
        (Wire::LengthPrefixed, b"\0\0\0\x01a\0"),
        (Wire::Kyneta, b"\x02\0\0"),
    ] {
        let mut far: Link<u32> = Link::new(&options(wire));
        far.received(&bytes[..1], Vec::new());
        assert_eq!(far.poll_frame(), Ok(None));
        far.received(&bytes[1..], vec![1, 2]);
        let fault = (0..3).find_map(|_| far.poll_frame().err());
        assert_eq!(fault, Some(PeerFault::UndeclaredFds { came: 2 }), "{wire:?}");
    }
}

#[test]
fn descriptors_on_every_byte_of_a_long_frame_do_not_pile_up() {
    let mut far: Link<u32> = Link::new(&options(Wire::Native));
    far.received(&[greeting(), header(1 << 20, 1, 0, 0)].concat(), Vec::new());
    assert_eq!(far.poll_frame(), Ok(None));
    far.received(b"x", vec![9]);
    assert_eq!(far.poll_frame(), Err(PeerFault::UndeclaredFds { came: 1 }));
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

#[test]
fn a_line_without_an_end_is_bounded() {
    let mut far: Link<u32> = Link::new(&LinkOptions { message: 10, ..options(Wire::Lines) });
    far.received(b"ok\n0123456789\n0123456789", Vec::new());
    assert_eq!(far.poll_frame().unwrap().unwrap().message.body.len(), 2);
    assert_eq!(far.poll_frame().unwrap().unwrap().message.body.len(), 10);
    assert_eq!(far.poll_frame(), Ok(None));
    far.received(b"x", Vec::new());
    assert_eq!(far.poll_frame(), Err(PeerFault::TooLong { length: 11, limit: 10 }));
}

#[test]
fn what_other_wires_cannot_do_is_misuse_and_comes_back() {
    let fds = || Frame::from(Message::new("x").with_fds(vec![1]));
    let call = || Frame::new(Kind::Request(CallId(1)), Message::new("x"));
    let empty = || Frame::from(Message::new(""));
    let table: Vec<(Wire, Frame<u32>, Misuse)> = vec![
        (Wire::Lines, fds(), Misuse::NoFds),
        (Wire::LengthPrefixed, fds(), Misuse::NoFds),
        (Wire::Kyneta, fds(), Misuse::NoFds),
        (Wire::Raw, call(), Misuse::NoCalls),
        (Wire::Kyneta, Frame::empty(Kind::Ping), Misuse::NoCalls),
        (Wire::Raw, empty(), Misuse::Empty),
        (Wire::Kyneta, empty(), Misuse::Empty),
    ];
    for (wire, frame, misuse) in table {
        let mut near = Link::new(&options(wire));
        let rejected = near.push(frame.clone()).unwrap_err();
        assert_eq!((rejected.refusal, rejected.frame), (misuse.into(), frame), "{wire:?}");
    }
}

#[test]
fn a_large_message_waits_for_the_greeting_and_obeys_it() {
    let large = || Frame::from(Message::new(vec![0; limits::GUARANTEED_BODY + 1]));
    let many = || Frame::from(Message::new("x").with_fds((0..17).collect()));
    let mut near: Link<u32> = Link::new(&options(Wire::Native));
    for frame in [large(), many()] {
        assert_eq!(near.push(frame).unwrap_err().refusal, Limit::NotGreeted.into());
    }
    let theirs = Greeting::new(limits::GUARANTEED_BODY, 16, Incarnation::default()).encode();
    near.received(&theirs, Vec::new());
    assert_eq!(near.poll_frame(), Ok(None));
    let length = limits::GUARANTEED_BODY + 1;
    let limit = limits::GUARANTEED_BODY;
    assert_eq!(near.push(large()).unwrap_err().refusal, Limit::Message { length, limit }.into());
    assert_eq!(near.push(many()).unwrap_err().refusal, Limit::Fds { given: 17, limit: 16 }.into());
}

#[test]
fn the_queue_is_bounded_in_bytes_messages_and_descriptors() {
    let small = |queue| LinkOptions { queue, ..options(Wire::Native) };
    let fill = |queue, frame: fn() -> Frame<u32>| {
        let mut near = Link::new(&small(queue));
        (0..100).take_while(|_| near.push(frame()).is_ok()).count()
    };
    let one = || Frame::from(Message::new("12345678"));
    let fd = || Frame::from(Message::new("x").with_fds(vec![1, 2]));
    assert_eq!(fill(Bound { messages: 7, ..Bound::CONNECTION }, one), 7);
    assert_eq!(fill(Bound { fds: 7, ..Bound::CONNECTION }, fd), 3);
    let bytes = fill(Bound { bytes: 200, ..Bound::CONNECTION }, one);
    assert!((5..=12).contains(&bytes), "{bytes}");
}

#[test]
fn a_message_larger_than_the_bound_goes_when_nothing_else_waits() {
    let queue = Bound { bytes: 10, messages: 1, fds: 1 };
    let mut near: Link<u32> = Link::new(&LinkOptions { queue, ..options(Wire::Raw) });
    near.push(Message::new(vec![1; 100]).with_fds(vec![1, 2]).into()).unwrap();
    let refusal = near.push(Message::new("x").into()).unwrap_err().refusal;
    assert_eq!(refusal, Limit::Queue { bytes: 100, messages: 1 }.into());
    let mut pipe = Pipe::default();
    pipe.drain(&mut near, usize::MAX);
    near.push(Message::new("x").into()).unwrap();
}

#[test]
fn a_flood_of_pings_is_answered_by_one_pong() {
    let mut near: Link<u32> = Link::new(&options(Wire::Native));
    for _ in 0..1000 {
        near.push(Frame::empty(Kind::Pong)).unwrap();
    }
    assert_eq!(near.outbound().queued().bytes, Greeting::BYTES + 8);
}

#[test]
fn nothing_is_queued_behind_a_goodbye() {
    let mut near: Link<u32> = Link::new(&options(Wire::Native));
    near.push(Frame::empty(Kind::Goodbye)).unwrap();
    let refusal = near.push(Message::new("late").into()).unwrap_err().refusal;
    assert_eq!(refusal, Misuse::Closing.into());
}

#[test]
fn small_frames_leave_in_one_write_and_large_bodies_uncopied() {
    let mut near: Link<u32> = Link::new(&options(Wire::Native));
    for _ in 0..100 {
        near.push(Message::new("small").into()).unwrap();
    }
    assert_eq!(near.transmit().unwrap().slices().len(), 1);
    let body = Bytes::from(vec![1; limits::COPIED + 1]);
    near.push(Message::new(body.clone()).into()).unwrap();
    let transmit = near.transmit().unwrap();
    assert_eq!(transmit.slices()[1].as_ptr(), body.as_ptr());
}

#[test]
fn a_write_of_many_large_bodies_never_needs_more_slices_than_there_are() {
    let mut near: Link<u32> = Link::new(&options(Wire::Native));
    let mut far = Link::new(&options(Wire::Native));
    for _ in 0..50 {
        near.push(Message::new(vec![1; limits::COPIED + 1]).into()).unwrap();
        near.push(Message::new("between").into()).unwrap();
    }
    let mut pipe = Pipe::default();
    pipe.drain(&mut near, usize::MAX);
    assert_eq!(pipe.feed(&mut far, &[1 << 16]).unwrap().len(), 100);
}

#[test]
fn a_frame_whose_descriptors_are_refused_is_taken_back_alone() {
    for body in [vec![b'b'; 3], vec![b'B'; limits::COPIED + 1]] {
        let mut near: Link<u32> = Link::new(&options(Wire::Native));
        let mut far = Link::new(&options(Wire::Native));
        let refused = Frame::new(Kind::Request(CallId(5)), Message::new(body).with_fds(vec![1, 2]));
        push_all(
            &mut near,
            vec![
                Message::new("before").into(),
                refused.clone(),
                Message::new("after").with_fds(vec![3]).into(),
                Message::new(vec![b'z'; 5000]).into(),
            ],
        );
        assert_eq!(near.outbound().take_back(), None, "it is not next yet");
        let mut pipe = Pipe::default();
        let first: Vec<u8> = near.transmit().unwrap().slices().concat_all();
        pipe.write(&first, &[]);
        near.transmitted(first.len());
        assert_eq!(near.outbound().take_back(), Some(refused));
        assert_eq!(near.outbound().queued().fds, 1);
        pipe.drain(&mut near, usize::MAX);
        let frames = pipe.feed(&mut far, &[1 << 20]).unwrap();
        let bodies: Vec<_> = frames.iter().map(|frame| frame.message.body.len()).collect();
        assert_eq!(bodies, [6, 5, 5000]);
        assert_eq!(frames[1].message.fds, [3]);
    }
}

#[test]
fn what_was_not_begun_can_be_recalled_whole_at_any_cut() {
    for wire in WIRES {
        let frames: Vec<Frame<u32>> = samples(wire)
            .into_iter()
            .filter(|frame| !matches!(frame.kind, Kind::Ping | Kind::Pong | Kind::Goodbye | Kind::Cancel(_)))
            .collect();
        let mut near = Link::new(&options(wire));
        push_all(&mut near, frames.clone());
        let total = near.outbound().pushed();
        for cut in 0..=total {
            let mut near = Link::new(&options(wire));
            let mut ends = Vec::new();
            for frame in frames.clone() {
                near.push(frame).unwrap();
                ends.push(near.outbound().pushed());
            }
            near.push(Frame::empty(Kind::Ping)).err();
            let mut left = cut as usize;
            while left > 0 {
                let bytes: usize = near.transmit().unwrap().slices().iter().map(|slice| slice.len()).sum();
                near.transmitted(bytes.min(left));
                left -= bytes.min(left);
            }
            let start =
                |index: usize| if index == 0 { total - ends_length(&ends, total) } else { ends[index - 1] };
            let first = (0..frames.len()).find(|&index| start(index) >= cut).unwrap_or(frames.len());
            let expected: Vec<_> = ends.iter().copied().zip(frames.clone()).skip(first).collect();
            assert_eq!(near.outbound().recall(), expected, "{wire:?} cut at {cut}");
        }
    }
}

/// Bytes of all frames together: what is before the first is the greeting.
fn ends_length(ends: &[u64], total: u64) -> u64 {
    let greeting = if total > 32 && ends[0] > 32 { 32 } else { 0 };
    total - greeting
}

trait ConcatAll {
    fn concat_all(&self) -> Vec<u8>;
}

impl ConcatAll for [std::io::IoSlice<'_>] {
    fn concat_all(&self) -> Vec<u8> {
        self.iter().flat_map(|slice| slice.to_vec()).collect()
    }
}

#[test]
fn buffers_are_let_go_when_nothing_is_in_them() {
    let mut near: Link<u32> = Link::new(&options(Wire::Native));
    let mut far: Link<u32> = Link::new(&options(Wire::Native));
    for _ in 0..1000 {
        near.push(Message::new(vec![0; 64]).into()).unwrap();
    }
    let mut pipe = Pipe::default();
    pipe.drain(&mut near, usize::MAX);
    pipe.feed(&mut far, &[1 << 16]).unwrap();
    near.outbound().settle();
    far.inbound().settle();
    assert_eq!(near.outbound.held(), 0);
    assert_eq!(far.inbound.held(), 0);
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

mod kyneta_frames;
