//! How a connection begins and ends.

use super::*;

#[test]
fn close_that_is_dropped_closes_at_once() {
    at_every_await(4, async |polls| {
        let (mut connection, mut peer) = Peer::new(&three()).await;
        let queued = fill(&mut connection).await;
        let mut heard = 0;
        let closed = up_to(polls, connection.close(LONG), || {
            peer.hear(30_000);
            heard += 1;
            if heard == 60 {
                // A goodbye of its own, which ends the wait.
                peer.say(vec![0, 0, 0, 0, GOODBYE, 0, 0, 0], 0);
            }
        });
        let closed = closed.await;
        peer.hear_all();
        peer.hear_all();
        assert!(peer.ended, "after {polls} polls");
        let (mut frames, _) = peer.seen();
        let goodbye = frames.pop_if(|frame| frame.kind == GOODBYE);
        assert!(frames == (0..frames.len() as u32).map(message).collect::<Vec<_>>(), "in order");
        assert!(
            goodbye.is_none() || frames.len() == queued as usize,
            "nothing was left out before the goodbye"
        );
        closed.iter().for_each(|closed| assert!(closed.is_ok() && goodbye.is_some(), "{closed:?}"));
        closed.is_some()
    });
}

#[test]
fn connect_that_is_dropped_leaves_no_connection() {
    for options in [None, Some(ConnectionOptions::new())] {
        at_every_await(1, async |polls| {
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join("s");
            let listener = Listener::<Connection>::builder().backlog(0).listen(&path).expect("a listener");
            let _first = Connection::connect(&path).await.expect("there is room for one");
            let mut connected = None;
            {
                let mut connect = pin!(async {
                    match &options {
                        None => Connection::connect(&path).await,
                        Some(options) => Connection::connect_with(&path, options).await,
                    }
                });
                for poll in 0..polls {
                    let step = poll_fn(|cx| Poll::Ready(connect.as_mut().poll(cx))).await;
                    if let Poll::Ready(made) = step {
                        connected = Some(made.expect("somebody listens"));
                        break;
                    }
                    if poll == 3 {
                        listener.accept().await.expect("the first");
                    }
                    // Whatever pauses goes on.
                    tokio::time::advance(Duration::from_millis(60)).await;
                }
            }
            if polls <= 3 {
                listener.accept().await.expect("the first");
            }
            let second = up_to(5, listener.accept(), || {}).await;
            assert_eq!(second.is_some(), connected.is_some(), "after {polls} polls");
            connected.is_some()
        });
    }
}
