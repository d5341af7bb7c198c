//! SP, against bytes that were captured from nng 2.0.

use super::*;
use crate::sp::SpFault;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn written(wire: Wire, frame: Frame<u32>) -> Vec<u8> {
    let mut link = Link::new(&options(wire));
    link.push(frame).unwrap();
    let mut pipe = Pipe::default();
    pipe.drain(&mut link, usize::MAX);
    pipe.read(usize::MAX).0
}

/// What one end makes of these bytes.
fn read(wire: Wire, bytes: &[u8], most: usize) -> Result<Vec<Bytes>, PeerFault> {
    let mut link: Link<u32> = Link::new(&LinkOptions { message: most, ..options(wire) });
    link.received(bytes, Vec::new());
    let mut bodies = Vec::new();
    while let Some(frame) = link.poll_frame()? {
        bodies.push(frame.message.body);
    }
    Ok(bodies)
}

#[test]
fn greetings_are_those_that_nng_sends() {
    let table = [
        (Protocol::Pair0, "0053500000100000"),
        (Protocol::Pair1, "0053500000110000"),
        (Protocol::Pub, "0053500000200000"),
        (Protocol::Sub, "0053500000210000"),
        (Protocol::Req, "0053500000300000"),
        (Protocol::Rep, "0053500000310000"),
        (Protocol::Push, "0053500000500000"),
        (Protocol::Pull, "0053500000510000"),
        (Protocol::Surveyor, "0053500000620000"),
        (Protocol::Respondent, "0053500000630000"),
        (Protocol::Bus, "0053500000700000"),
    ];
    for (own, greeting) in table {
        for wire in [Wire::Sp(own), Wire::SpIpc(own)] {
            let link: Link<u32> = Link::new(&options(wire));
            assert_eq!(&link.transmit().unwrap().slices()[0][..], bytes(greeting), "{own}");
            assert!(!link.is_greeted());
            let mut peer: Link<u32> = Link::new(&options(Wire::Sp(own.peer())));
            peer.received(&bytes(greeting), Vec::new());
            assert_eq!(peer.poll_frame(), Ok(None));
            assert!(peer.is_greeted(), "{own}");
        }
    }
}

#[test]
fn messages_are_written_as_nng_writes_them() {
    let message = || Frame::from(Message::new("hi"));
    let table = [
        (Wire::Sp(Protocol::Pair0), message(), "00000000000000026869"),
        (Wire::SpIpc(Protocol::Pair0), message(), "0100000000000000026869"),
        (
            Wire::Sp(Protocol::Pair1),
            Frame::new(Kind::Headed(1), Message::new("hi")),
            "0000000000000006000000016869",
        ),
        (
            Wire::Sp(Protocol::Req),
            Frame::new(Kind::Headed(0xb1db_ebc9), Message::new("hi")),
            "0000000000000006b1dbebc96869",
        ),
        (Wire::Sp(Protocol::Bus), Message::new("").into(), "0000000000000000"),
    ];
    for (wire, frame, hex) in table {
        let written = written(wire, frame);
        assert_eq!(written[8..], bytes(hex), "{wire:?}");
    }
}

#[test]
fn a_word_before_a_large_body_costs_no_copy_of_it_and_comes_back_with_it() {
    let body = Bytes::from(vec![7; 100_000]);
    let mut link: Link<u32> = Link::new(&options(Wire::SpIpc(Protocol::Req)));
    link.push(Frame::new(Kind::Headed(0x8000_0001), Message::new(body.clone()))).unwrap();
    let lent = link.transmit().unwrap();
    assert!(lent.slices().iter().any(|slice| slice.as_ptr() == body.as_ptr()));
    let recalled = link.outbound().recall();
    let [(_, frame)] = &recalled[..] else { panic!("one frame comes back") };
    assert_eq!(frame.kind, Kind::Message);
    assert_eq!(frame.message.body[..4], [0x80, 0, 0, 1]);
    assert_eq!(frame.message.body[4..], body[..]);
}

#[test]
fn a_bad_greeting_is_refused_at_its_first_bad_byte() {
    let awaited = Protocol::Pair0;
    let table: [(&[u8], SpFault); 7] = [
        (b"G", SpFault::Greeting),
        (b"\0SX", SpFault::Greeting),
        (b"\0SP\x01", SpFault::Version { theirs: 1 }),
        (b"\0SP\0\0\x11", SpFault::Protocol { theirs: 0x11, awaited }),
        (b"\0SP\0\x10\0", SpFault::Protocol { theirs: 0x1000, awaited }),
        (b"\0SP\0\0\x10\x01", SpFault::Reserved),
        (b"\0SP\0\0\x10\0\x80", SpFault::Reserved),
    ];
    for (greeting, fault) in table {
        let before = &greeting[..greeting.len() - 1];
        assert_eq!(read(Wire::Sp(Protocol::Pair0), before, 100), Ok(vec![]), "{before:?}");
        assert_eq!(read(Wire::Sp(Protocol::Pair0), greeting, 100), Err(PeerFault::Sp(fault)), "{greeting:?}");
    }
}

#[test]
fn lengths_are_judged_before_a_byte_of_the_body_has_come() {
    let greeting = "0053500000100000";
    let table = [
        ("0000000000000064", 100, None),
        ("0000000000000065", 100, Some((0x65, 100))),
        ("0fffffffffffffff", usize::MAX, None),
        ("1000000000000000", usize::MAX, Some((1 << 60, (1 << 60) - 1))),
        ("ffffffffffffffff", usize::MAX, Some((u64::MAX, (1 << 60) - 1))),
    ];
    for (length, most, fault) in table {
        let judged = read(Wire::Sp(Protocol::Pair0), &bytes(&format!("{greeting}{length}")), most);
        let fault = fault.map(|(length, limit)| PeerFault::TooLong { length, limit });
        assert_eq!(judged.err(), fault, "{length}");
    }
}

#[test]
fn over_ipc_each_message_begins_with_a_one() {
    let ipc = Wire::SpIpc(Protocol::Pair0);
    let greeting = "0053500000100000";
    let good = bytes(&format!("{greeting} 01 0000000000000002 6869 01 0000000000000000"));
    assert_eq!(read(ipc, &good, 100), Ok(vec![Bytes::from_static(b"hi"), Bytes::new()]));
    for kind in [0, 2, 255] {
        let bad = [&bytes(greeting)[..], &[kind]].concat();
        assert_eq!(read(ipc, &bad, 100), Err(PeerFault::Sp(SpFault::Kind { kind })));
    }
}
