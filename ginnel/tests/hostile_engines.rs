//! Peers and moments that are meant to hang, starve or confuse clients, servers and their handles, with threads.

mod hostile;
#[path = "hostile/storm.rs"]
mod storm;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ginnel::*;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use hostile::*;

#[test]
fn reconnecting_cuts_a_pause_short() -> Told {
    let (_dir, path) = place();
    let (client, driver) = in_a_long_pause(&path, ConnectionOptions::new());
    let _server = serving(Server::listen(&path)?);
    driver.sleeps();
    client.reconnect();
    client.wait_for(|status| status == Status::Connected, LONG)?;
    Ok(())
}

#[test]
fn disconnecting_ends_the_wait_of_whoever_receives() -> Told {
    let (_dir, path) = place();
    let (client, _driver) = in_a_long_pause(&path, ConnectionOptions::new());
    let other = client.clone();
    let receiving = asleep(move || other.recv());
    client.disconnect();
    assert!(receiving.ends()?.is_none(), "it was on purpose");
    Ok(())
}

#[test]
fn a_client_that_stopped_and_is_asked_to_connect_again_tries_until_it_does() -> Told {
    let (_dir, path) = place();
    let (client, driver) = driven(Client::connect(&path)?);
    client.disconnect();
    driver.sleeps();
    client.reconnect();
    let _server = serving(Server::listen(&path)?);
    client.wait_for(|status| status == Status::Connected, LONG)?;
    Ok(())
}

#[test]
fn what_was_read_before_the_inbox_was_full_is_received_too() -> Told {
    let (server, (_dir, path)) = listening(small_inbox())?;
    let (server, driver) = server.shared();
    let driving = begin(|| driver.run());
    let mut peer = Peer::connect(&path);
    peer.says(&frame(MESSAGE, b"x").repeat(200));
    while server.connection_count() == 0 {
        thread::yield_now();
    }
    // It reads no more, and the rest is not in the kernel.
    driving.sleeps();
    begin(move || (0..200).try_for_each(|_| server.recv().map(drop))).ends()?;
    Ok(())
}

#[test]
fn an_answer_never_reaches_another_connection() -> Told {
    let (client, mut first, (_dir, listener)) = met()?;
    first.says(&about(REQUEST, 1, b"old"));
    let request = asked(&client);
    // The answer has to wait behind this.
    for _ in 0..10 {
        client.try_feed(vec![0; MUCH / 10])?;
    }
    let other = client.clone();
    let replying = asleep(move || other.reply(request, "the old answer"));
    drop(first);
    let mut second = Peer::accept(&listener);
    second.says(&about(REQUEST, 1, b"new"));
    let request = asked(&client);
    thread::spawn(move || client.reply(request, "the new answer"));
    let (_, answer) = second.waits_for(&[RESPONSE, FAILURE]);
    assert_eq!(&answer[8..], b"the new answer");
    replying.ends()?;
    Ok(())
}

#[test]
fn a_cancellation_concerns_its_own_connection() -> Told {
    let (client, mut first, (_dir, listener)) = met()?;
    first.says(&about(REQUEST, 1, b"old"));
    first.is_heard();
    drop(first);
    let mut second = Peer::accept(&listener);
    second.says(&[about(REQUEST, 1, b"new"), about(CANCEL, 1, b""), frame(MESSAGE, b"end")].concat());
    second.is_heard();
    // Nobody wants the answer to either question.
    let delivery = client.next()?;
    assert!(matches!(&delivery, Some(Delivery::Message(end)) if end.body == "end"), "{delivery:?}");
    Ok(())
}

#[test]
fn an_answer_that_cannot_be_sent_comes_back_and_whoever_asked_is_told() -> Told {
    let (client, mut peer, _place) = met()?;
    peer.says(&about(REQUEST, 1, b"?"));
    let request = asked(&client);
    let answer = Message::new("too many").with_fds((0..17).map(|_| null()).collect());
    let failed = client.reply(request, answer).expect_err("16 are taken");
    assert_eq!(failed.message.expect("nothing of it was sent").fds.len(), 17);
    assert_eq!(peer.hears().0, FAILURE);
    Ok(())
}

#[test]
fn a_reply_to_nobody_does_not_take_what_belongs_to_another_sender() -> Told {
    let (client, mut peer, _place) = met()?;
    if !peer.refuses_fds()? {
        return Ok(());
    }
    peer.says(&about(REQUEST, 1, b"?"));
    let request = asked(&client);
    peer.says(&about(CANCEL, 1, b""));
    assert!(matches!(client.next()?, Some(Delivery::Cancelled(_))));
    client.try_feed(vec![0; MUCH])?;
    let other = client.clone();
    let sending = asleep(move || other.send(with("mine", &null())));
    // Nothing is read, so that this would not come back if it waited for the other.
    let other = client.clone();
    begin(move || other.reply(request, "late")).ends()?;
    peer.reads_on();
    let failed = sending.ends().expect_err("descriptors are refused");
    assert_eq!(failed.message.expect("nothing of it was sent").body, "mine");
    Ok(())
}

#[test]
fn after_one_that_is_refused_others_are_sent() -> Told {
    let (_dir, path) = place();
    let listener = listen(&path)?;
    let (client, _driver) = driven(Client::connect(&path)?);
    let mut peer = Peer::silent(&listener);
    let refuses_fds = peer.refuses_fds()?;
    peer.says(&greeting(64 << 10));
    client.wait_for(|status| status == Status::Connected, LONG)?;
    let refused = [Message::new(vec![0; 70_000]), with(vec![0; 64 << 10], &null())];
    for message in refused.into_iter().take(1 + usize::from(refuses_fds)) {
        let failed = client.send(message).expect_err("it is too large, or has descriptors");
        assert!(failed.message.is_some(), "{failed}");
        client.send("small")?;
        assert_eq!(peer.hears(), (MESSAGE, b"small".to_vec()));
    }
    Ok(())
}

#[test]
fn one_that_takes_no_answers_and_goes_has_left() -> Told {
    let (mut server, (_dir, path)) = listening(ConnectionOptions::new())?;
    let mut peer = Peer::connect(&path);
    peer.says(&questions(40, b"?"));
    answers(&mut server, 40, || vec![0; 64 << 10].into());
    drop(peer);
    left(&mut server);
    Ok(())
}

#[test]
fn whoever_asks_is_told_when_the_inbox_is_full() -> Told {
    let (client, mut peer, _place) = met()?;
    let asking = begin(move || client.call("?"));
    assert_eq!(peer.hears().0, REQUEST);
    asking.sleeps();
    peer.says(&[frame(MESSAGE, b"x").repeat(2000), about(RESPONSE, 1, b"!")].concat());
    let failed = asking.ends().expect_err("nobody receives");
    assert!(matches!(failed.error, Error::Limit(Limit::Inbox { .. })), "{failed}");
    Ok(())
}

#[test]
fn closing_says_goodbye_to_all_but_those_who_do_not_read() -> Told {
    let (mut server, (_dir, path)) = listening(ConnectionOptions::new())?;
    let _deaf = Peer::connect(&path);
    let deaf = joined(&mut server);
    let mut good = Connection::connect(&path)?;
    joined(&mut server);
    server.try_feed(deaf, vec![0; MUCH])?;
    let reading = begin(move || (good.recv(), good.said_goodbye()));
    let error = server.close(Duration::from_millis(100)).expect_err("one does not read");
    assert!(error.is_timeout(), "{error}");
    let (received, said_goodbye) = reading.ends();
    assert!(received?.is_none() && said_goodbye);
    Ok(())
}

#[test]
fn one_that_never_greets_does_not_hold_up_closing() -> Told {
    let (mut server, (_dir, path)) = listening(ConnectionOptions::new().greeting_deadline(None))?;
    let _silent = UnixStream::connect(&path)?;
    // It was let in before this one.
    let peer = Peer::connect(&path);
    joined(&mut server);
    drop(peer);
    server.close(LONG)?;
    Ok(())
}

#[test]
fn closed_in_order_means_that_the_other_side_has_ended() -> Told {
    let (_dir, path) = place();
    let listener = listen(&path)?;
    let mut client = Client::connect(&path)?;
    let _peer = Peer::accept(&listener);
    client.wait_for(|status| status == Status::Connected, LONG)?;
    // Longer than a connection that was closed by itself may linger.
    let error = client.close(Duration::from_millis(1200)).expect_err("the other side has not ended");
    assert!(error.is_timeout(), "{error}");
    Ok(())
}

#[test]
fn closing_with_a_full_inbox_ends_in_order_for_those_who_filled_it() -> Told {
    let (mut server, (_dir, path)) = listening(small_inbox())?;
    let mut noisy = Connection::connect(&path)?;
    let id = joined(&mut server);
    for _ in 0..3000 {
        noisy.feed("noise")?;
    }
    noisy.flush()?;
    server.call(id, "?").expect_err("the inbox is full");
    let reading = begin(move || {
        while noisy.next()?.is_some() {}
        Ok::<_, Error>(noisy.said_goodbye())
    });
    server.close(LONG)?;
    assert!(reading.ends()?, "it was told");
    Ok(())
}

#[test]
fn refused_descriptors_of_answers_are_closed() -> Told {
    let (mut server, (_dir, path)) = listening(ConnectionOptions::new())?;
    let mut peer = Peer::connect(&path);
    if !peer.refuses_fds()? {
        return Ok(());
    }
    let (given, mut end) = given()?;
    peer.says(&questions(500, b"?"));
    answers(&mut server, 500, || with("x", &given));
    let _server = serving(server);
    for _ in 0..500 {
        assert_eq!(peer.waits_for(&[RESPONSE, FAILURE]).0, FAILURE);
    }
    drop(given);
    assert_eq!(end.read(&mut [0])?, 0, "every copy is closed");
    Ok(())
}

#[test]
fn what_waited_for_one_that_left_is_let_go() -> Told {
    let (mut server, (_dir, path)) = listening(ConnectionOptions::new())?;
    let (given, mut end) = given()?;
    let deaf = Peer::connect(&path);
    let id = joined(&mut server);
    for _ in 0..3 {
        server.try_feed(id, with(vec![0; MUCH / 3], &given))?;
    }
    drop(deaf);
    left(&mut server);
    drop(given);
    assert_eq!(end.read(&mut [0])?, 0, "every copy is closed");
    Ok(())
}

#[test]
fn few_descriptors_wait_for_one_that_takes_no_answers() -> Told {
    let (mut server, (_dir, path)) = listening(ConnectionOptions::new())?;
    let mut peer = Peer::connect(&path);
    peer.says(&questions(1000, b"?"));
    let fd = null();
    answers(&mut server, 1000, || with("x", &fd));
    let _server = serving(server);
    let kept = (0..1000).filter(|_| peer.waits_for(&[RESPONSE, FAILURE]).0 == RESPONSE).count();
    // 256 in the queue, and what the kernel took.
    assert!((256..800).contains(&kept), "{kept} waited");
    Ok(())
}

#[test]
fn what_was_not_begun_goes_over_the_next_connection() -> Told {
    let (client, mut first, (_dir, listener)) = met()?;
    for number in 0..900u32 {
        client.try_feed([&number.to_le_bytes()[..], &[0; 1000]].concat())?;
    }
    // It ends in the middle of it all, and reads what was written.
    first.hears();
    first.stream.shutdown(Shutdown::Write)?;
    let bytes = first.until_the_end();
    let frames = bytes.chunks(frame(MESSAGE, &[0; 1004]).len());
    // One may have been begun: it is not sent again.
    let next = 1 + frames.len() as u32;
    for (number, frame) in (1u32..).zip(frames) {
        assert!(frame[8..].iter().zip(number.to_le_bytes()).all(|(there, sent)| *there == sent));
    }
    let mut second = Peer::accept(&listener);
    for number in next..900 {
        assert_eq!(second.hears().1[..4], number.to_le_bytes());
    }
    Ok(())
}

#[test]
fn whoever_greets_while_the_inbox_is_full_is_not_taken_for_silent() -> Told {
    let hasty = small_inbox().greeting_deadline(Some(Duration::from_millis(50)));
    let (server, (_dir, path)) = listening(hasty)?;
    let server = serving(server);
    let mut noisy = Peer::connect(&path);
    let Happening::Joined(first) = server.next()? else { panic!("it joins") };
    noisy.says(&frame(MESSAGE, b"x").repeat(100));
    let mut late = Peer::connect(&path);
    late.is_greeted();
    // Nobody looks at its greeting for longer than it may take.
    late.stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let error = late.stream.read(&mut [0]).expect_err("it is still connected");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    loop {
        match server.next()? {
            Happening::Joined(id) => break assert_ne!(id, first),
            Happening::Message(id, _) => assert_eq!(id, first),
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

#[test]
fn a_call_that_is_given_up_makes_room_for_whoever_waits() -> Told {
    let (_dir, path) = place();
    let queue = Bound { messages: 2, ..Bound::CONNECTION };
    let (client, _driver) = in_a_long_pause(&path, ConnectionOptions::new().queue(queue));
    let calls = [0, 1].map(|_| {
        let mut client = client.clone();
        client.set_deadline(in_millis(300));
        asleep(move || client.call("?"))
    });
    let feeding = asleep(move || client.feed("me"));
    for call in calls {
        assert!(call.ends().is_err_and(|failed| failed.error.is_timeout()));
    }
    feeding.ends()?;
    Ok(())
}

/// A connection that stands, and one at the other end who reads nothing.
fn with_deaf_peer() -> Told<(Connection, Peer)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut peer = Peer::over(theirs);
    peer.says(&[greeting(16 << 20), frame(MESSAGE, b"hello")].concat());
    let mut connection = Connection::over(OwnedFd::from(ours).into(), &ConnectionOptions::new());
    assert!(connection.recv()?.is_some());
    Ok((connection, peer))
}

#[test]
fn a_pong_that_waits_when_a_connection_is_shared_holds_up_nothing() -> Told {
    let (mut connection, _peer) = with_deaf_peer()?;
    let mut fit = 0;
    connection.set_deadline(in_millis(50));
    while connection.send(vec![0; 8000]).is_ok() {
        fit += 1;
    }
    // As many fill the link of another exactly, so that nothing but the pong waits.
    let (mut connection, mut peer) = with_deaf_peer()?;
    for _ in 0..fit {
        connection.send(vec![0; 8000])?;
    }
    peer.says(&frame(PING, b""));
    connection.set_deadline(in_millis(50));
    assert!(connection.recv().is_err_and(|error| error.is_timeout()), "nothing was sent");
    let handle = shared(connection)?;
    peer.reads_on();
    handle.send("x")?;
    Ok(())
}

#[test]
fn descriptors_refused_of_what_a_shared_connection_held_are_told_once() -> Told {
    let (connection, peer) = with_deaf_peer()?;
    refused_once(connection, peer)?;
    // The same before its greeting was read.
    let (ours, theirs) = UnixStream::pair()?;
    let mut peer = Peer::over(theirs);
    peer.says(&greeting(16 << 20));
    let connection = Connection::over(OwnedFd::from(ours).into(), &ConnectionOptions::new());
    refused_once(connection, peer)
}

fn refused_once(mut connection: Connection, mut peer: Peer) -> Told {
    if !peer.refuses_fds()? {
        return Ok(());
    }
    connection.try_feed(with("refused", &null()))?;
    for _ in 0..15 {
        connection.try_feed(vec![0; MUCH / 15])?;
    }
    let handle = shared(connection)?;
    let failed = handle.flush().expect_err("descriptors are refused");
    assert_eq!(failed.message.expect("nothing of it was sent").body, "refused");
    // The rest is not sent because one came back.
    let flushing = asleep(move || handle.flush());
    assert!(!flushing.has_ended(), "nobody has read it");
    for _ in 0..15 {
        assert_eq!(peer.hears().1.len(), MUCH / 15);
    }
    flushing.ends()?;
    Ok(())
}

#[test]
fn a_call_whose_connection_ends_before_it_was_written_ends() -> Told {
    let (mut server, (_dir, path)) = listening(ConnectionOptions::new())?;
    let deaf = Peer::connect(&path);
    let id = joined(&mut server);
    // Little waits in the link, so that the question does too.
    loop {
        server.try_feed(id, vec![0; 8000])?;
        server.set_deadline(in_millis(20));
        if server.flush(id).is_err() {
            break;
        }
    }
    let server = serving(server);
    let asking = asleep(move || server.call(id, "?"));
    drop(deaf);
    let failed = asking.ends().expect_err("nobody answers");
    assert!(matches!(failed.error, Error::Stopped(_)), "{failed}");
    Ok(())
}

#[test]
fn whoever_waits_for_a_status_may_use_the_handle_to_judge_it() -> Told {
    let (_dir, path) = place();
    let (client, _driver) = driven(Client::connect(&path)?);
    begin(move || client.wait_for(|_| client.status() != Status::Connected, LONG)).ends()?;
    Ok(())
}

#[test]
fn a_large_message_waits_for_the_greeting() -> Told {
    let (_dir, path) = place();
    let listener = listen(&path)?;
    let handle = shared(Connection::connect(&path)?)?;
    let mut peer = Peer::silent(&listener);
    let other = handle.clone();
    let sending = asleep(move || other.send(vec![0; 100_000]));
    peer.says(&greeting(16 << 20));
    assert_eq!(peer.hears().1.len(), 100_000);
    sending.ends()?;
    handle.send("small")?;
    assert_eq!(peer.hears(), (MESSAGE, b"small".to_vec()));
    Ok(())
}

#[test]
fn a_few_that_take_no_answers_do_not_cost_others_theirs() -> Told {
    let (mut server, (_dir, path)) = listening(ConnectionOptions::new())?;
    let mut greedy: Vec<Peer> = (0..5).map(|_| Peer::connect(&path)).collect();
    // Together more than all queues may hold.
    let large = bytes::Bytes::from(vec![0; 64 << 10]);
    for peer in &mut greedy {
        peer.says(&questions(300, b"?"));
        answers(&mut server, 300, || large.clone().into());
    }
    let client = shared(Connection::connect(&path)?)?;
    let calls: Vec<_> =
        (0..8).map(|_| client.clone()).map(|client| begin(move || client.call("?"))).collect();
    let mut requests = Vec::new();
    while requests.len() < 8 {
        if let Happening::Request(request) = server.next()? {
            requests.push(request);
        }
    }
    // They wait for each other, too.
    for request in requests {
        server.reply(request, vec![0; 100]);
    }
    let _server = serving(server);
    for call in calls {
        assert_eq!(call.ends()?.body.len(), 100);
    }
    Ok(())
}

#[test]
fn one_that_takes_its_answers_slowly_and_says_something_is_not_taken_for_hung() -> Told {
    let lively = ConnectionOptions::new().keep_alive(Duration::from_millis(500));
    let (mut server, (_dir, path)) = listening(lively)?;
    let mut peer = Peer::connect(&path);
    peer.says(&questions(60, b"?"));
    let (over, is_over) = mpsc::channel::<()>();
    let talking = thread::spawn(move || {
        let pace = Duration::from_millis(10);
        while is_over.recv_timeout(pace) == Err(RecvTimeoutError::Timeout) {
            peer.says(&frame(PONG, b""));
        }
    });
    answers(&mut server, 60, || vec![0; 64 << 10].into());
    // Longer than it may be silent.
    server.set_deadline(in_millis(1300));
    let happened = server.next();
    assert!(happened.as_ref().is_err_and(Error::is_timeout), "{happened:?}");
    drop(over);
    talking.join().expect("it was heard");
    Ok(())
}

#[test]
fn disconnecting_writes_what_was_handed_to_the_connection() -> Told {
    let (_dir, path) = place();
    let listener = listen(&path)?;
    let mut client = Client::connect(&path)?;
    let peer = Peer::accept(&listener);
    client.wait_for(|status| status == Status::Connected, LONG)?;
    client.feed("x")?;
    client.disconnect();
    drop(client);
    assert_eq!(peer.until_the_end(), [frame(MESSAGE, b"x"), frame(GOODBYE, b"")].concat());
    Ok(())
}

#[test]
fn refusals_do_not_pile_up_for_one_that_asks_and_does_not_read() -> Told {
    let (client, mut peer, _place) = met()?;
    client.wait_for(|status| status == Status::Connected, LONG)?;
    // Whoever only receives refuses each question.
    let receiver = client.clone();
    thread::spawn(move || receiver.recv());
    let asking = begin(move || {
        // It may be cut in the middle.
        let _ = peer.stream.write_all(&questions(100_000, b""));
        peer
    });
    client.wait_for(|status| status != Status::Connected, LONG).expect("it asks too much");
    drop(asking.ends());
    Ok(())
}

#[test]
fn silent_ones_do_not_close_the_door() -> Told {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    let (server, (_dir, path)) = listening(ConnectionOptions::new().greeting_deadline(None))?;
    let server = serving(server);
    let _silent: Vec<_> = (0..1024).map(|_| UnixStream::connect(&path)).collect::<Result<_, _>>()?;
    let mut good = Peer::connect(&path);
    good.is_heard();
    assert!(matches!(server.next()?, Happening::Joined(_)));
    Ok(())
}
