//! What somebody says who keeps no rules, and what must be noticed of it.

use ginnel_proto::PeerFault;
use ginnel_proto::sp::{Protocol, SpFault};

use super::letter::LIE;
use crate::scene::Scene;

/// Bytes, and what whoever reads all of them must notice, beside what each protocol says of its header.
pub(super) type Words = (Vec<u8>, Option<PeerFault>);

/// Something like a greeting, to this end.
pub(super) fn greeting(scene: &Scene, to: Protocol) -> Words {
    let number = to.peer().number();
    let right = [0, b'S', b'P', 0, (number >> 8) as u8, number as u8, 0, 0];
    let with = |at: usize, byte: u8| {
        let mut bytes = right.to_vec();
        bytes[at] = byte;
        bytes
    };
    let bad = |bytes, fault| (bytes, Some(PeerFault::Sp(fault)));
    let theirs = scene.pick(&Protocol::ALL);
    match scene.index(12) {
        0 => bad(with(0, 1), SpFault::Greeting),
        1 => bad(b"GNL\x01\0\0\0\0".to_vec(), SpFault::Greeting),
        2 => bad(with(3, 1), SpFault::Version { theirs: 1 }),
        3 => bad(with(6 + scene.index(2), 9), SpFault::Reserved),
        4 if theirs != to.peer() => {
            let theirs = theirs.number();
            let fault = SpFault::Protocol { theirs, awaited: to.peer() };
            bad(with(5, theirs as u8), fault)
        }
        _ => (right.to_vec(), None),
    }
}

/// Something like a message. `kinds`: each begins with a 1.
pub(super) fn message(scene: &Scene, to: Protocol, kinds: bool, heard: Option<u32>) -> Words {
    let body = body(scene, to, heard);
    let framed = |kind: u8, length: u64, body: &[u8]| {
        let mut bytes = if kinds { vec![kind] } else { Vec::new() };
        bytes.extend(length.to_be_bytes());
        bytes.extend(body);
        bytes
    };
    let limit = scene.book.borrow().largest() as u64;
    match scene.index(14) {
        0 if kinds => {
            let kind = scene.pick(&[0, 2, 255]);
            (framed(kind, body.len() as u64, &body), Some(PeerFault::Sp(SpFault::Kind { kind })))
        }
        1 | 2 => {
            let length = scene.pick(&[limit + 1, 1 << 60, u64::MAX]);
            (framed(1, length, &body), Some(PeerFault::TooLong { length, limit }))
        }
        _ => (framed(1, body.len() as u64, &body), None),
    }
}

/// A header that fits or does not, and a body that everybody knows to be a lie.
fn body(scene: &Scene, to: Protocol, heard: Option<u32>) -> Vec<u8> {
    let words = match to {
        Protocol::Pair1 => vec![scene.pick(&[0, 1, 8, 9, 0xff, 0x100, 1 << 31])],
        Protocol::Rep | Protocol::Respondent => {
            let mut words: Vec<u32> = (1..=scene.pick(&[0, 0, 1, 7, 8, 15])).collect();
            words.extend(scene.pick(&[Some(1 << 31), Some(u32::MAX), None]));
            words
        }
        Protocol::Req | Protocol::Surveyor => {
            let any = scene.pick(&[1 << 31, u32::MAX, 7]);
            vec![heard.filter(|_| scene.chance(700)).unwrap_or(any)]
        }
        _ => Vec::new(),
    };
    if scene.chance(100) {
        // Too short for a header, where there is one.
        return vec![LIE; scene.index(4)];
    }
    let mut body: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
    body.resize(body.len() + scene.pick(&[0, 1, 4, 60, 5_000, 70_000]), LIE);
    body
}
