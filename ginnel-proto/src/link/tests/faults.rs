//! Every rule of the wires has its fault.

use super::*;

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
fn descriptors_inside_a_body_are_refused_before_it_is_given_out_however_it_is_cut() {
    for wire in [Wire::LengthPrefixed, Wire::Kyneta, Wire::Native] {
        for length in [8, limits::GUARANTEED_BODY - 1] {
            let mut near: Link<u32> = Link::new(&options(wire));
            near.push(Message::new(vec![b'x'; length]).into()).unwrap();
            let mut pipe = Pipe::default();
            pipe.drain(&mut near, usize::MAX);
            let (bytes, _) = pipe.read(usize::MAX);
            for begun in [0, bytes.len() - length, bytes.len() - 4] {
                let mut far: Link<u32> = Link::new(&options(wire));
                far.received(&bytes[..begun], Vec::new());
                assert_eq!(far.poll_frame(), Ok(None), "{wire:?}");
                far.received(&bytes[begun..], vec![7]);
                let fault = Err(PeerFault::UndeclaredFds { came: 1 });
                assert_eq!(far.poll_frame(), fault, "{wire:?}, {begun} of {length} bytes were there");
            }
        }
    }
    let mut far: Link<u32> = Link::new(&options(Wire::Native));
    far.received(&[greeting(), header(4, 1, 1, 0)].concat(), vec![1]);
    far.received(b"body", vec![2]);
    let fault = Err(PeerFault::UndeclaredFds { came: 1 });
    assert_eq!(far.poll_frame(), fault, "also in a frame that has some of its own");
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
fn a_line_without_an_end_is_bounded() {
    let mut far: Link<u32> = Link::new(&LinkOptions { message: 10, ..options(Wire::Lines) });
    far.received(b"ok\n0123456789\n0123456789", Vec::new());
    assert_eq!(far.poll_frame().unwrap().unwrap().message.body.len(), 2);
    assert_eq!(far.poll_frame().unwrap().unwrap().message.body.len(), 10);
    assert_eq!(far.poll_frame(), Ok(None));
    far.received(b"x", Vec::new());
    assert_eq!(far.poll_frame(), Err(PeerFault::TooLong { length: 11, limit: 10 }));
}
