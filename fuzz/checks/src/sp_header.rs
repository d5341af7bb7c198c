//! What stands before a body of SP.

use std::time::Instant;

use bytes::Bytes;
use ginnel_proto::machine::{Action, ConnId, Input, Machine, NetEvent, Output};
use ginnel_proto::sp::{
    Command, Options, Pair1, Pattern, Receives, Rep, Replies, Req, Socket, SpFault, Surveyor, Trace,
};
use ginnel_proto::{Frame, Kind, Message};

use crate::script::Script;

/// A limit of hops, then a message. A trace is its words up to the first with the topmost bit, or too long, or not
/// whole; what is left is the rest; an answer goes back behind the same words. Ends that take one word take it, and a
/// count of hops is within its bounds.
pub fn sp_header(data: &[u8]) {
    let mut script = Script::new(data);
    let ttl = script.byte();
    let whole = Bytes::copy_from_slice(script.rest());
    let mut rest = whole.clone();
    let taken = Trace::take(&mut rest, ttl);
    assert_eq!(taken.map(|trace| trace.map(|trace| trace.words().to_vec())), plainly(&whole, ttl));
    if let Ok(Some(trace)) = taken {
        assert_eq!(rest, whole[4 * trace.words().len()..]);
    }
    goes_back(ttl, &whole);
    one_word::<Req>(&whole);
    one_word::<Surveyor>(&whole);
    hops(ttl, &whole);
}

/// The same, written as plainly as can be.
fn plainly(whole: &[u8], ttl: u8) -> Result<Option<Vec<u32>>, SpFault> {
    let words: Vec<u32> =
        whole.chunks_exact(4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]])).collect();
    let most = usize::from(ttl).min(15);
    match words.iter().position(|word| word >> 31 == 1) {
        Some(last) if last < most => Ok(Some(words[..=last].to_vec())),
        _ if words.len() >= most => Ok(None),
        _ => Err(SpFault::ShortHeader { bytes: whole.len() }),
    }
}

/// An end with one pipe, to which this was said; was it closed for that?
fn told<P: Pattern>(options: &Options, whole: &Bytes) -> (Socket<P, u32>, bool) {
    let now = Instant::now();
    let mut socket = Socket::new(options);
    socket.handle(Input::Net(NetEvent::Accepted(ConnId(1), None)), now).for_each(drop);
    let received = NetEvent::Received(ConnId(1), Message::new(whole.clone()).into());
    let closed =
        socket.handle(Input::Net(received), now).any(|it| it == Output::Net(Action::Close(ConnId(1))));
    assert_eq!(socket.pipes().is_empty(), closed);
    (socket, closed)
}

fn goes_back(ttl: u8, whole: &Bytes) {
    let (mut rep, closed) = told::<Rep>(&Options { ttl, ..Options::default() }, whole);
    let words = plainly(whole, ttl.clamp(1, 15));
    assert_eq!(closed, words.is_err());
    assert_eq!(rep.dropped().hops, u64::from(words == Ok(None)));
    let Some(request) = rep.pattern_mut().receive() else { return assert!(!matches!(words, Ok(Some(_)))) };
    assert_eq!(Ok(Some(request.trace().words().to_vec())), words);
    let way = whole[..whole.len() - request.body.len()].to_vec();
    let now = Instant::now();
    let reply = Command::Pattern(Rep::reply(request, Bytes::from_static(b"answer")));
    let said: Vec<_> = rep.handle(Input::App(reply), now).collect();
    let [Output::Net(Action::Send(ConnId(1), _, frame))] = &said[..] else { panic!("{said:?}") };
    assert_eq!(bytes(frame), [&way[..], b"answer"].concat());
}

/// As a frame goes over the wire.
fn bytes(frame: &Frame<u32>) -> Vec<u8> {
    let word = match frame.kind {
        Kind::Headed(word) => word.to_be_bytes().to_vec(),
        _ => Vec::new(),
    };
    [&word[..], &frame.message.body].concat()
}

/// Nothing was asked, so nothing is wanted.
fn one_word<P: Pattern>(whole: &Bytes) {
    let (end, closed) = told::<P>(&Options::default(), whole);
    assert_eq!(closed, whole.len() < 4);
    assert_eq!(end.dropped().unwanted, u64::from(!closed));
}

fn hops(ttl: u8, whole: &Bytes) {
    let (mut pair, closed) = told::<Pair1>(&Options { ttl, ..Options::default() }, whole);
    let count = whole.first_chunk().map(|word| u32::from_be_bytes(*word));
    assert_eq!(closed, count.is_none_or(|count| count > 0xff));
    let far = count.is_some_and(|count| count <= 0xff && count > u32::from(ttl.clamp(1, 15)));
    assert_eq!(pair.dropped().hops, u64::from(far));
    let body = pair.pattern_mut().receive();
    assert_eq!(body, (!closed && !far).then(|| whole.slice(4..)));
}
