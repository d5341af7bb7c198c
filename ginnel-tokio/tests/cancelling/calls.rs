//! Questions and answers of a connection.

use super::*;

#[test]
fn a_call_that_nobody_waits_for_is_cancelled_over_there_or_was_never_asked() {
    at_every_await(4, async |polls| {
        let (mut connection, mut peer) = Peer::new(&three()).await;
        let queued = fill(&mut connection).await;
        let mut asked = false;
        let between = |peer: &mut Peer, asked: &mut bool| {
            peer.hear(30_000);
            if !*asked && peer.bytes.len() > 32 && peer.seen().0.iter().any(|frame| frame.kind == REQUEST) {
                *asked = true;
                peer.to_say = call(RESPONSE, 1, b"the answer");
            }
            peer.say_some(7, 0);
        };
        let question = Message::new("?").with_fds(vec![null()]);
        let answered = up_to(polls, connection.call(question), || between(&mut peer, &mut asked)).await;
        answered.iter().for_each(|answer| {
            assert_eq!(&answer.as_ref().expect("it was answered").body[..], b"the answer");
        });
        // The answer to the first question comes all the same; the second has its own.
        through(connection.flush(), || between(&mut peer, &mut asked)).await.expect("the peer is there");
        peer.hear_all();
        between(&mut peer, &mut asked);
        peer.say_some(usize::MAX, 0);
        let frames = peer.frames();
        let ids: Vec<_> = frames[queued as usize..].iter().map(|frame| (frame.kind, frame.id)).collect();
        match ids[..] {
            [] => assert!(answered.is_none(), "it was answered"),
            [(REQUEST, 1)] => assert!(answered.is_some(), "the other side was not told, after {polls} polls"),
            [(REQUEST, 1), (CANCEL, 1)] => assert!(answered.is_none(), "it was answered"),
            _ => panic!("{ids:?} after {polls} polls"),
        }
        // A number that the other side has seen is not used again.
        let least = if ids.is_empty() { 1 } else { 2 };
        let mut replied = false;
        let second = through(connection.call("and now?"), || {
            peer.hear(30_000);
            let question = peer
                .seen()
                .0
                .into_iter()
                .rev()
                .find(|frame| frame.kind == REQUEST && frame.body == b"and now?");
            if let Some(question) = question.filter(|_| !replied) {
                replied = true;
                assert!(question.id >= least, "number {}", question.id);
                peer.say(call(RESPONSE, question.id, b"another"), 0);
            }
        });
        assert_eq!(&second.await.expect("it was answered").body[..], b"another");
        answered.is_some()
    });
}

#[test]
fn replies_are_sent_whole_or_not_at_all() {
    for kind in [RESPONSE, FAILURE] {
        at_every_await(3, async |polls| {
            let (mut connection, mut peer) = Peer::new(&three()).await;
            peer.say(call(REQUEST, 5, b"?"), 0);
            let Ok(Some(Delivery::Request(request))) = through(connection.next(), || {}).await else {
                panic!("a request came")
            };
            let queued = fill(&mut connection).await;
            let answer = numbered(77);
            let replied = if kind == RESPONSE {
                up_to(polls, connection.reply(request, answer), || peer.hear(30_000)).await
            } else {
                up_to(polls, connection.fail(request, answer), || peer.hear(30_000)).await
            };
            replied.iter().for_each(|replied| assert!(replied.is_ok(), "{replied:?}"));
            let frames = finish(&mut connection, &mut peer, LAST).await;
            let answer = Seen { kind, id: 5, body: 77u32.to_le_bytes().repeat(LARGE / 4) };
            let (rest, times) = without(frames, &answer);
            assert!(
                rest == (0..queued).chain([LAST]).map(message).collect::<Vec<_>>(),
                "after {polls} polls"
            );
            assert!(times == 1 || (times == 0 && replied.is_none()), "{times} times after {polls} polls");
            replied.is_some()
        });
    }
}
