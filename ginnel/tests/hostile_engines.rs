//! Peers and moments that are meant to hang, starve or confuse clients, servers and their handles, with threads.
#![cfg(target_os = "linux")]

#[path = "hostile/greed.rs"]
mod greed;
mod hostile;
#[path = "hostile/sharing.rs"]
mod sharing;
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

use hostile::Raw;
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
    let mut peer = Raw::connect(&path);
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
    let mut second = Raw::accept(&listener);
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
    let mut second = Raw::accept(&listener);
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
    let mut peer = Raw::silent(&listener);
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
    let mut peer = Raw::connect(&path);
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
    let _deaf = Raw::connect(&path);
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
    let peer = Raw::connect(&path);
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
    let _peer = Raw::accept(&listener);
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
    let mut second = Raw::accept(&listener);
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
    let mut noisy = Raw::connect(&path);
    let Happening::Joined(first) = server.next()? else { panic!("it joins") };
    noisy.says(&frame(MESSAGE, b"x").repeat(100));
    let mut late = Raw::connect(&path);
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

#[test]
fn a_call_whose_connection_ends_before_it_was_written_ends() -> Told {
    let (mut server, (_dir, path)) = listening(ConnectionOptions::new())?;
    let deaf = Raw::connect(&path);
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
fn one_that_takes_its_answers_slowly_and_says_something_is_not_taken_for_hung() -> Told {
    let lively = ConnectionOptions::new().keep_alive(Duration::from_millis(500));
    let (mut server, (_dir, path)) = listening(lively)?;
    let mut peer = Raw::connect(&path);
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
    let peer = Raw::accept(&listener);
    client.wait_for(|status| status == Status::Connected, LONG)?;
    client.feed("x")?;
    client.disconnect();
    drop(client);
    assert_eq!(peer.until_the_end(), [frame(MESSAGE, b"x"), frame(GOODBYE, b"")].concat());
    Ok(())
}
