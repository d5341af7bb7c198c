//! The first 32 bytes of the native wire.

use ginnel_proto::link::{Greeting, Limit, Refusal};
use ginnel_proto::{Frame, Link, LinkOptions, Message, PeerFault, limits};

use crate::script::Script;

/// What came of these bytes.
type Judged = Result<Option<Greeting>, PeerFault>;

fn judge<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Judged, Link<u32>) {
    let mut link = Link::new(&LinkOptions::default());
    for piece in pieces {
        link.received(piece, Vec::new());
        if let Err(fault) = link.poll_frame() {
            return (Err(fault), link);
        }
    }
    (Ok(link.greeting().copied()), link)
}

/// Any bytes as a greeting: whatever is accepted keeps what it promises, also when it drips. A first byte begins the
/// valid greeting from which the others differ by being added to it.
pub fn greeting(data: &[u8]) {
    let mut script = Script::new(data);
    let mut bytes = [0; Greeting::BYTES];
    if script.flag() {
        bytes[..4].copy_from_slice(b"GNL\x01");
        bytes[10] = 1;
    }
    for byte in &mut bytes {
        *byte = byte.wrapping_add(script.byte());
    }

    let (judged, mut link) = judge([&bytes[..]].into_iter());
    assert_eq!(judge(bytes.chunks(1)).0, judged, "a drip says the same");
    let greeting = match judged {
        Err(fault) => return assert_eq!(link.poll_frame(), Err(fault), "a fault stays"),
        Ok(greeting) => greeting.expect("it is whole"),
    };

    assert_eq!(bytes[..4], *b"GNL\x01");
    assert_eq!(bytes[6..8], [0, 0], "no demand is known");
    assert_eq!(bytes[16..], greeting.incarnation.0);
    assert!(greeting.message as usize >= limits::GUARANTEED_BODY);
    assert!((limits::GUARANTEED_FDS..=limits::MAX_FDS).contains(&greeting.fds.into()));
    holds(&mut link, &greeting);
}

/// What they said they take can be sent, and no more.
fn holds(link: &mut Link<u32>, greeting: &Greeting) {
    let limit = usize::from(greeting.fds);
    let with = |count| Frame::from(Message::empty().with_fds(vec![0; count]));
    assert!(link.push(with(limit)).is_ok(), "{limit} descriptors are taken");
    let given = limit + 1;
    let refused = link.push(with(given)).map_err(|rejected| rejected.refusal);
    assert_eq!(refused, Err(Refusal::Limit(Limit::Fds { given, limit })));

    let limit = greeting.message as usize;
    if limit < LARGE {
        let body = vec![0; limit + 1];
        let refused = link.push(Message::new(body).into()).map_err(|rejected| rejected.refusal);
        assert_eq!(refused, Err(Refusal::Limit(Limit::Message { length: limit + 1, limit })));
    }
}

/// Bodies above this take long to make.
const LARGE: usize = 100_000;
