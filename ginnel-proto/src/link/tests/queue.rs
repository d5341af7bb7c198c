//! What is queued: refused, bounded, written, taken back and let go.

use super::*;
use crate::limits::Bound;

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
                |index: usize| if index == 0 { wire.greeting_bytes() as u64 } else { ends[index - 1] };
            let first = (0..frames.len()).find(|&index| start(index) >= cut).unwrap_or(frames.len());
            let expected: Vec<_> = ends.iter().copied().zip(frames.clone()).skip(first).collect();
            assert_eq!(near.outbound().recall(), expected, "{wire:?} cut at {cut}");
        }
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
