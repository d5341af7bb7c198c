//! The table.

use Part::*;
use Protocol::*;

use super::Outcome::{Answered, Closed, Delivered, Dropped};
use super::{Part, Rule, Transport};
use crate::protocol::Protocol;

/// Every rule there is.
pub fn rules() -> impl Iterator<Item = Rule> {
    [GREETINGS, LENGTHS, PLAIN, HOPS, QUESTIONS].into_iter().flatten().copied().chain(backtraces())
}

/// What is sent first.
const GREETINGS: &[Rule] = &[
    Rule::greeted(Pair0, "the first byte is not zero", *b"\x01SP\0\0\x10\0\0"),
    Rule::greeted(Pair0, "the second byte is no S", *b"\0sP\0\0\x10\0\0"),
    Rule::greeted(Pair0, "the third byte is no P", *b"\0Sp\0\0\x10\0\0"),
    Rule::greeted(Pair0, "version 1", *b"\0SP\x01\0\x10\0\0"),
    Rule::greeted(Pair0, "the first reserved byte is set", *b"\0SP\0\0\x10\x01\0"),
    Rule::greeted(Pair0, "the second reserved byte is set", *b"\0SP\0\0\x10\0\x01"),
    Rule::greeted(Pair0, "a question in HTTP", *b"GET / HT"),
    Rule::greeted(Pair0, "the number's bytes in the other order", *b"\0SP\0\x10\0\0\0"),
    Rule::cut(Pair0, "ends without a word", 0),
    Rule::cut(Pair0, "ends in the middle of the greeting", 5),
    Rule::stranger(Pair0, "a peer of number 0", 0),
    Rule::stranger(Pair0, "a peer of number 65535", 0xffff),
    Rule::stranger(Pair0, "a pair1", Pair1.id()),
    Rule::stranger(Pair1, "a pair0", Pair0.id()),
    Rule::stranger(Req, "another req", Req.id()),
    Rule::stranger(Req, "a respondent", Respondent.id()),
    Rule::stranger(Rep, "another rep", Rep.id()),
    Rule::stranger(Pub, "another pub", Pub.id()),
    Rule::stranger(Sub, "another sub", Sub.id()),
    Rule::stranger(Push, "another push", Push.id()),
    Rule::stranger(Pull, "another pull", Pull.id()),
    Rule::stranger(Surveyor, "another surveyor", Surveyor.id()),
    Rule::stranger(Respondent, "another respondent", Respondent.id()),
    Rule::stranger(Bus, "a pair0", Pair0.id()),
    Rule::new(Pair0, "a second peer", &[Length(2), Bytes(b"hi")], Closed).in_company(),
    Rule::new(Pair1, "a second peer", &[Length(6), Bytes(b"\0\0\0\x01hi")], Closed).in_company(),
    Rule::new(Bus, "a second peer", &[Length(2), Bytes(b"hi")], Delivered(&[b"hi"])).in_company(),
];

/// What stands before a message.
const LENGTHS: &[Rule] = &[
    Rule::new(Pull, "as long as is allowed", &[Length(16), Bytes(&[b'x'; 16])], Delivered(&[&[b'x'; 16]]))
        .recv_max(16),
    Rule::new(Pull, "a byte too long", &[Length(17), Bytes(&[b'x'; 17])], Closed).recv_max(16),
    Rule::new(Pull, "a byte too long, of which none comes", &[Length(17)], Closed).recv_max(16),
    Rule::new(Pull, "a byte too long, while another is there", &[Length(17)], Closed)
        .recv_max(16)
        .in_company(),
    Rule::new(Pull, "a byte more than is allowed unless told otherwise", &[Length((1 << 30) + 1)], Closed),
    Rule::new(Pull, "a length with bit 60, without a limit", &[Length(1 << 60)], Closed).recv_max(0),
    Rule::new(Pull, "a length with bit 63, without a limit", &[Length(1 << 63)], Closed).recv_max(0),
    Rule::new(Pull, "the greatest length, without a limit", &[Length(u64::MAX)], Closed).recv_max(0),
    Rule::new(Pull, "any length, without a limit", &[Length(2), Bytes(b"hi")], Delivered(&[b"hi"]))
        .recv_max(0),
    Rule::new(Pull, "ends in a length", &[Bytes(&[0, 0]), End], Closed).only(Transport::Socket),
    Rule::new(Pull, "ends in a body", &[Length(2), Bytes(b"h"), End], Closed),
    Rule::new(Pull, "a type byte of 0", &[TypedLength(0, 2), Bytes(b"hi")], Closed).only(Transport::Ipc),
    Rule::new(Pull, "a type byte of 2", &[TypedLength(2, 2), Bytes(b"hi")], Closed).only(Transport::Ipc),
    Rule::new(Pull, "a type byte of 255", &[TypedLength(255, 2), Bytes(b"hi")], Closed).only(Transport::Ipc),
    Rule::new(
        Rep,
        "as long as is allowed, the id counted",
        &[Length(16), Bytes(b"\x80\0\0\x2aabcdefghijkl")],
        Answered(b"abcdefghijkl", b"\x80\0\0\x2a"),
    )
    .recv_max(16),
    Rule::new(Rep, "a byte too long", &[Length(17), Bytes(b"\x80\0\0\x2aabcdefghijklm")], Closed)
        .recv_max(16),
    Rule::new(Pair1, "a byte too long", &[Length(17), Bytes(b"\0\0\0\x01abcdefghijklm")], Closed)
        .recv_max(16),
    Rule::new(Req, "an answer a byte too long", &[Length(17), Id(0), Bytes(b"abcdefghijklm")], Closed)
        .recv_max(16),
    Rule::new(Push, "a byte too long", &[Length(17), Bytes(&[b'x'; 17])], Closed).recv_max(16),
];

/// Protocols whose messages are bodies and nothing else.
const PLAIN: &[Rule] = &[
    Rule::new(Pair0, "a message", &[Length(2), Bytes(b"hi")], Delivered(&[b"hi"])),
    Rule::new(Pair0, "an empty message", &[Length(0)], Delivered(&[b""])),
    Rule::new(
        Pair0,
        "messages in a row",
        &[Length(1), Bytes(b"a"), Length(0), Length(1), Bytes(b"b")],
        Delivered(&[b"a", b"", b"b"]),
    ),
    Rule::new(Pull, "an empty message", &[Length(0)], Delivered(&[b""])),
    Rule::new(Bus, "an empty message", &[Length(0)], Delivered(&[b""])),
    Rule::new(Sub, "a message that is wanted", &[Length(2), Bytes(b"ab")], Delivered(&[b"ab"])).prefix(b"a"),
    Rule::new(Sub, "a message that is only the prefix", &[Length(1), Bytes(b"a")], Delivered(&[b"a"]))
        .prefix(b"a"),
    Rule::new(Sub, "a message that nobody wants", &[Length(2), Bytes(b"ba")], Dropped).prefix(b"a"),
    Rule::new(Sub, "a message shorter than the prefix", &[Length(1), Bytes(b"a")], Dropped).prefix(b"ab"),
    Rule::new(Sub, "an empty message, if all are wanted", &[Length(0)], Delivered(&[b""])),
    Rule::new(Sub, "an empty message, if some are wanted", &[Length(0)], Dropped).prefix(b"a"),
    Rule::new(Pub, "a message", &[Length(2), Bytes(b"hi")], Closed),
    Rule::new(Pub, "an empty message", &[Length(0)], Closed),
    Rule::new(Push, "a message", &[Length(2), Bytes(b"hi")], Dropped),
    Rule::new(Push, "an empty message", &[Length(0)], Dropped),
];

/// pair1 counts the devices that a message has passed.
const HOPS: &[Rule] = &[
    Rule::new(Pair1, "hop count 0", &[Length(6), Bytes(b"\0\0\0\0hi")], Delivered(&[b"hi"])),
    Rule::new(Pair1, "hop count 1", &[Length(6), Bytes(b"\0\0\0\x01hi")], Delivered(&[b"hi"])),
    Rule::new(Pair1, "hop count 8", &[Length(6), Bytes(b"\0\0\0\x08hi")], Delivered(&[b"hi"])),
    Rule::new(Pair1, "hop count 9", &[Length(6), Bytes(b"\0\0\0\x09hi")], Dropped),
    Rule::new(Pair1, "hop count 255", &[Length(6), Bytes(b"\0\0\0\xffhi")], Dropped),
    Rule::new(Pair1, "hop count 256", &[Length(6), Bytes(b"\0\0\x01\0hi")], Closed),
    Rule::new(Pair1, "hop count 0x80000001", &[Length(6), Bytes(b"\x80\0\0\x01hi")], Closed),
    Rule::new(Pair1, "as many hops as are allowed", &[Length(4), Bytes(b"\0\0\0\x03")], Delivered(&[b""]))
        .ttl(3),
    Rule::new(Pair1, "a hop too many", &[Length(4), Bytes(b"\0\0\0\x04")], Dropped).ttl(3),
    Rule::new(Pair1, "a hop count and no body", &[Length(4), Bytes(b"\0\0\0\x01")], Delivered(&[b""])),
    Rule::new(Pair1, "3 bytes", &[Length(3), Bytes(b"\0\0\x01")], Closed),
    Rule::new(Pair1, "an empty message", &[Length(0)], Closed),
];

/// What may come back to a question.
const QUESTIONS: &[Rule] = &[
    Rule::new(Req, "the answer", &[Length(6), Id(0), Bytes(b"yo")], Delivered(&[b"yo"])),
    Rule::new(Req, "an empty answer", &[Length(4), Id(0)], Delivered(&[b""])),
    Rule::new(Req, "another id", &[Length(6), Id(1), Bytes(b"yo")], Dropped),
    Rule::new(Req, "the id without its high bit", &[Length(6), Id(1 << 31), Bytes(b"yo")], Dropped),
    Rule::new(
        Req,
        "the id behind another word",
        &[Length(10), Bytes(b"\0\0\0\x07"), Id(0), Bytes(b"yo")],
        Dropped,
    ),
    Rule::new(
        Req,
        "a second answer",
        &[Length(5), Id(0), Bytes(b"a"), Length(5), Id(0), Bytes(b"b")],
        Delivered(&[b"a"]),
    ),
    Rule::new(Req, "3 bytes", &[Length(3), Bytes(b"\x80\0\0")], Closed),
    Rule::new(Req, "an empty message", &[Length(0)], Closed),
    Rule::new(Surveyor, "the answer", &[Length(6), Id(0), Bytes(b"yo")], Delivered(&[b"yo"])),
    Rule::new(Surveyor, "an empty answer", &[Length(4), Id(0)], Delivered(&[b""])),
    Rule::new(Surveyor, "another id", &[Length(6), Id(1), Bytes(b"yo")], Dropped),
    Rule::new(Surveyor, "the id without its high bit", &[Length(6), Id(1 << 31), Bytes(b"yo")], Dropped),
    Rule::new(
        Surveyor,
        "a second answer",
        &[Length(5), Id(0), Bytes(b"a"), Length(5), Id(0), Bytes(b"b")],
        Delivered(&[b"a", b"b"]),
    ),
    Rule::new(Surveyor, "3 bytes", &[Length(3), Bytes(b"\x80\0\0")], Closed),
    Rule::new(Surveyor, "an empty message", &[Length(0)], Closed),
];

/// What stands before a question: the way back, word by word. It is the same for both who answer.
fn backtraces() -> impl Iterator<Item = Rule> {
    let of = |victim| BACKTRACES.iter().map(move |rule| Rule { victim, ..*rule });
    of(Rep).chain(of(Respondent))
}

const BACKTRACES: &[Rule] = &[
    Rule::new(Rep, "a question", &[Length(5), Bytes(b"\x80\0\0\x2aq")], Answered(b"q", b"\x80\0\0\x2a")),
    Rule::new(Rep, "an empty question", &[Length(4), Bytes(b"\x80\0\0\x2a")], Answered(b"", b"\x80\0\0\x2a")),
    Rule::new(
        Rep,
        "a question through a device",
        &[Length(9), Bytes(b"\0\0\0\x07\x80\0\0\x2aq")],
        Answered(b"q", b"\0\0\0\x07\x80\0\0\x2a"),
    ),
    Rule::new(
        Rep,
        "a backtrace of 8 words",
        &[Length(33), Bytes(WAY.seven), Bytes(b"\x80\0\0\x2aq")],
        Answered(b"q", WAY.seven_and_id),
    ),
    Rule::new(
        Rep,
        "a backtrace of 9 words",
        &[Length(37), Bytes(WAY.seven), Bytes(b"\0\0\0\x08\x80\0\0\x2aq")],
        Dropped,
    ),
    Rule::new(
        Rep,
        "as many words as are allowed",
        &[Length(9), Bytes(b"\0\0\0\x07\x80\0\0\x2aq")],
        Answered(b"q", b"\0\0\0\x07\x80\0\0\x2a"),
    )
    .ttl(2),
    Rule::new(Rep, "a word too many", &[Length(13), Bytes(b"\0\0\0\x07\0\0\0\x08\x80\0\0\x2aq")], Dropped)
        .ttl(2),
    Rule::new(Rep, "a word without a high bit, and no more", &[Length(4), Bytes(b"\0\0\0\x07")], Closed),
    Rule::new(
        Rep,
        "a word without a high bit, and 3 bytes",
        &[Length(7), Bytes(b"\0\0\0\x07\x80\0\0")],
        Closed,
    ),
    Rule::new(Rep, "7 words without a high bit, and no more", &[Length(28), Bytes(WAY.seven)], Closed),
    Rule::new(
        Rep,
        "8 words without a high bit, and no more",
        &[Length(32), Bytes(WAY.seven), Bytes(b"\0\0\0\x08")],
        Dropped,
    ),
    Rule::new(Rep, "3 bytes", &[Length(3), Bytes(b"\x80\0\0")], Closed),
    Rule::new(Rep, "an empty message", &[Length(0)], Closed),
];

/// Long backtraces.
struct Way {
    seven: &'static [u8],
    seven_and_id: &'static [u8],
}

const WAY: Way = Way {
    seven: b"\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05\0\0\0\x06\0\0\0\x07",
    seven_and_id: b"\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05\0\0\0\x06\0\0\0\x07\x80\0\0\x2a",
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_told_apart() {
        let mut names = HashSet::new();
        for rule in rules() {
            assert!(names.insert(rule.to_string()), "{rule}");
        }
    }

    #[test]
    fn lengths_are_those_of_what_follows() {
        for rule in rules().filter(|rule| rule.setup.only.is_none()) {
            let mut told = 0;
            for part in rule.parts {
                match part {
                    // What is refused for its length need not come.
                    Length(length) => told = *length,
                    Bytes(bytes) => told -= bytes.len() as u64,
                    Id(_) => told -= 4,
                    TypedLength(..) | End => {}
                }
            }
            let cut_short = matches!(rule.parts.last(), Some(End | Length(1..)));
            assert!(told == 0 || cut_short, "{rule}");
        }
    }
}
