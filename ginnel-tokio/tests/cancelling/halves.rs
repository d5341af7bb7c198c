//! The halves of a connection.

use super::*;

#[test]
fn halves_send_whole_or_not_at_all() {
    for what in ["feed", "flush", "send"] {
        at_every_await(3, async |polls| {
            let (mut connection, mut peer) = Peer::new(&three()).await;
            let queued = fill(&mut connection).await;
            let (mut sender, mut receiver) = connection.split();
            let sent = {
                let sending = async {
                    match what {
                        "feed" => sender.feed(numbered(queued)).await,
                        "flush" => sender.flush().await,
                        _ => sender.send(numbered(queued)).await,
                    }
                };
                up_to(polls, sending, || peer.hear(30_000)).await
            };
            sent.iter().for_each(|sent| assert!(sent.is_ok(), "{sent:?}"));
            assert!(up_to(polls.min(3), receiver.recv(), || {}).await.is_none(), "nothing was said");
            through(sender.send(numbered(LAST)), || peer.hear(30_000)).await.expect("the peer is there");
            peer.hear_all();
            let (rest, times) = without(peer.frames(), &message(queued));
            assert!(
                rest == (0..queued).chain([LAST]).map(message).collect::<Vec<_>>(),
                "after {polls} polls"
            );
            let least = usize::from(sent.is_some() && what != "flush");
            let most = usize::from(what != "flush" && (what != "feed" || sent.is_some()));
            assert!((least..=most).contains(&times), "{what}: {times} times after {polls} polls");
            sent.is_some()
        });
    }
}

#[test]
fn a_half_that_receives_takes_a_message_or_leaves_it() {
    at_every_await(3, async |polls| {
        let (connection, mut peer) = Peer::new(&three()).await;
        let (_sender, mut receiver) = connection.split();
        let mut between = in_pieces(&mut peer);
        let first = up_to(polls, receiver.recv(), &mut between).await;
        let done = first.is_some();
        let mut messages: Vec<_> =
            first.map(|first| first.expect("no fault").expect("no end")).into_iter().collect();
        while messages.len() < 3 {
            let received = through(receiver.recv(), &mut between).await;
            messages.push(received.expect("no fault").expect("no end"));
        }
        assert_eq!(messages.iter().map(text).collect::<Vec<_>>(), THREE, "after {polls} polls");
        done
    });
}

#[test]
fn a_half_that_waits_for_a_greeting_sends_whole_or_not_at_all() {
    at_every_await(2, async |polls| {
        let (ours, theirs) = Stream::pair().expect("two sockets");
        let (mut sender, mut receiver) = Connection::from(ours).split();
        let mut other = Connection::from(theirs);
        let mut polled = 0;
        let sent = {
            let mut sending = pin!(sender.send(numbered(1)));
            let mut sent = None;
            while polled < polls && sent.is_none() {
                polled += 1;
                let step = poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx))).await;
                if let Poll::Ready(done) = step {
                    sent = Some(done);
                }
                if polled == 2 {
                    // The other half reads the greeting.
                    assert!(up_to(2, receiver.recv(), || {}).await.is_none());
                }
                turn().await;
            }
            sent
        };
        assert!(up_to(2, receiver.recv(), || {}).await.is_none());
        let mut numbers = Vec::new();
        {
            let mut last = pin!(sender.send(numbered(LAST)));
            let mut done = false;
            while numbers.last() != Some(&LAST) {
                if !done {
                    done = poll_fn(|cx| Poll::Ready(last.as_mut().poll(cx).is_ready())).await;
                }
                turn().await;
                if let Some(received) = up_to(2, other.recv(), || {}).await {
                    let message = received.expect("no fault").expect("no end");
                    assert_eq!((message.body.len(), message.fds.len()), (LARGE, 1));
                    numbers.push(u32::from_le_bytes(message.body[..4].try_into().expect("four bytes")));
                }
            }
        }
        assert!(
            numbers == [1, LAST] || (sent.is_none() && numbers == [LAST]),
            "{numbers:?} after {polls} polls"
        );
        sent.is_some()
    });
}
