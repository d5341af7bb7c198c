// What users do with messages, told once for both drivers. Included by `messages.rs` of each, which brings the types
// into scope and says what `driver!` means there. What only Unix has stands in `unix/`.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::time::Duration;

type Told = Result<(), Box<dyn std::error::Error + Send + Sync>>;

const LONG: Duration = Duration::from_secs(60);

// A connection, and the bare peer at its other end.
driver! { fn with_bare_peer(options: &ConnectionOptions) -> (Connection, Bare) {
    let (_dir, path) = place();
    let listener = Stream::listen(&path).expect("a listener");
    let peer = bare(&path);
    let stream = driver!(wait listener.accept()).expect("it is connected");
    (Connection::over(stream, options), peer)
}}

fn greeting() -> Vec<u8> {
    let mut bytes = b"GNL\x01\0\0\0\0".to_vec();
    bytes.extend((16u32 << 20).to_le_bytes());
    bytes.extend([16, 0, 0, 0]);
    bytes.extend([7; 16]);
    bytes
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], &[1, 0, 0, 0], body].concat()
}

driver! { story messages_arrive_whole_and_in_order {
    let (mut left, mut right) = Connection::pair()?;
    for number in 0..100u8 {
        driver!(wait left.feed(vec![number; number.into()]))?;
    }
    driver!(wait left.flush())?;
    for number in 0..100u8 {
        assert_eq!(driver!(wait right.recv())?.expect("all of them came").body, vec![number; number.into()]);
    }
    drop(left);
    assert!(driver!(wait right.recv())?.is_none());
    Ok(())
}}

driver! { story a_message_goes_through_a_listener {
    let (_dir, path) = place();
    let listener = Connection::listen(&path)?;
    let client = driver!(spawn {
        let mut connection = driver!(wait Connection::connect(&path))?;
        driver!(wait connection.send("ping"))?;
        let answer = driver!(wait connection.recv())?.expect("an answer");
        assert_eq!(&answer.body[..], b"pong");
        driver!(wait connection.close(LONG))?;
        Told::Ok(())
    });
    let mut connection = driver!(wait listener.accept())?;
    assert_eq!(&driver!(wait connection.recv())?.expect("a question").body[..], b"ping");
    driver!(wait connection.send("pong"))?;
    assert!(driver!(wait connection.recv())?.is_none());
    assert!(connection.said_goodbye());
    drop(connection);
    driver!(join client)
}}

driver! { story what_is_fed_is_queued_and_what_is_sent_is_with_the_kernel {
    let (mut connection, mut peer) = driver!(wait with_bare_peer(&ConnectionOptions::new()));
    assert_eq!(there(&mut peer).len(), 32, "the greeting goes at once");
    driver!(wait connection.feed("one"))?;
    driver!(wait connection.feed("two"))?;
    assert_eq!(there(&mut peer), b"", "fed is not sent");
    driver!(wait connection.send("three"))?;
    drop(connection);
    let expected = [frame(b"one"), frame(b"two"), frame(b"three")].concat();
    assert_eq!(there(&mut peer), expected, "sent survives the sender, and so does what was fed before");
    Ok(())
}}

driver! { story a_full_queue_gives_the_message_back {
    let queue = Bound { bytes: 1 << 20, messages: 3, fds: 64 };
    let (mut connection, mut peer) = driver!(wait with_bare_peer(&ConnectionOptions::new().queue(queue)));
    for _ in 0..3 {
        connection.try_feed("x")?;
    }
    let refused = connection.try_feed("the fourth").expect_err("three fit");
    assert!(matches!(refused.error, Error::Limit(Limit::Queue { messages: 3, .. })), "{refused}");
    assert_eq!(&refused.message.expect("it comes back").body[..], b"the fourth");
    driver!(wait connection.flush())?;
    connection.try_feed("now it fits")?;
    there(&mut peer);
    Ok(())
}}

driver! { story a_peer_that_never_reads_costs_the_budget_and_no_more {
    let (mut connection, _peer) = driver!(wait with_bare_peer(&ConnectionOptions::new()));
    let mut taken = 0;
    for _ in 0..10 {
        // What the kernel takes goes to the kernel; what it does not take stays within the bound.
        while connection.try_feed(vec![0; 8 << 10]).is_ok() {
            taken += 1;
        }
        let flushing = driver!(within 20 connection.flush());
        assert!(flushing.is_none_or(|flushed: Result<(), SendError>| flushed.is_err()), "nobody reads");
    }
    assert!(taken < 300, "{taken} messages of 8 KiB were taken");
    Ok(())
}}

driver! { story two_who_flood_each_other_do_not_stand_still {
    let (mut left, mut right) = Connection::pair()?;
    let other = driver!(spawn {
        for _ in 0..500 {
            driver!(wait right.send(vec![1; 2000]))?;
        }
        for _ in 0..500 {
            assert_eq!(driver!(wait right.recv())?.expect("a message").body.len(), 2000);
        }
        Told::Ok(())
    });
    for _ in 0..500 {
        driver!(wait left.send(vec![2; 2000]))?;
    }
    for _ in 0..500 {
        assert_eq!(driver!(wait left.recv())?.expect("a message").body.len(), 2000);
    }
    driver!(join other)
}}

driver! { story a_sender_whose_inbox_is_full_is_told_and_goes_on {
    let inbox = Bound { bytes: 1 << 20, messages: 2, fds: 64 };
    let (mut connection, mut peer) = driver!(wait with_bare_peer(&ConnectionOptions::new().inbox(inbox)));
    peer.write_all(&[greeting(), frame(b"1"), frame(b"2"), frame(b"3")].concat())?;
    while connection.try_feed(vec![0; 60_000]).is_ok() {}
    let failed = driver!(wait connection.flush()).expect_err("nobody reads, and three messages came");
    assert!(matches!(failed.error, Error::Limit(Limit::Inbox { messages: 2, .. })), "{failed}");
    for number in [b"1", b"2", b"3"] {
        assert_eq!(&driver!(wait connection.recv())?.expect("kept").body[..], number);
    }
    let reader = std::thread::spawn(move || io::copy(&mut peer, &mut io::sink()));
    driver!(wait connection.flush())?;
    drop(connection);
    reader.join().expect("the reader did not panic")?;
    Ok(())
}}

driver! { story a_question_gets_its_answer_and_what_came_between_is_kept {
    let (mut client, mut server) = Connection::pair()?;
    let serving = driver!(spawn {
        let Some(Delivery::Request(request)) = driver!(wait server.next())? else { panic!("a request came") };
        assert_eq!(&request.message.body[..], b"read this");
        driver!(wait server.send("a message between"))?;
        driver!(wait server.reply(request, "here"))?;
        let Some(Delivery::Request(request)) = driver!(wait server.next())? else { panic!("a request came") };
        driver!(wait server.fail(request, "no such thing"))?;
        assert!(driver!(wait server.next())?.is_none());
        Told::Ok(())
    });
    assert_eq!(&driver!(wait client.call("read this"))?.body[..], b"here");
    let failed = driver!(wait client.call("something else")).expect_err("it said no");
    assert!(matches!(&failed.error, Error::Failure(why) if &why[..] == b"no such thing"), "{failed}");
    assert_eq!(&driver!(wait client.recv())?.expect("kept").body[..], b"a message between");
    drop(client);
    driver!(join serving)
}}

driver! { story whoever_only_receives_refuses_questions_so_that_nobody_waits {
    let (mut client, mut server) = Connection::pair()?;
    let serving = driver!(spawn {
        assert_eq!(&driver!(wait server.recv())?.expect("a message").body[..], b"after");
        Told::Ok(())
    });
    let failed = driver!(wait client.call("anybody?")).expect_err("nobody serves");
    assert!(matches!(failed.error, Error::Failure(_)), "{failed}");
    driver!(wait client.send("after"))?;
    driver!(join serving)
}}

driver! { story a_question_whose_connection_ends_is_told {
    let (mut client, server) = Connection::pair()?;
    let gone = driver!(spawn {
        let mut server = server;
        let _ = driver!(wait server.next())?;
        Told::Ok(())
    });
    let failed = driver!(wait client.call("are you there?")).expect_err("it went");
    let stopped = matches!(failed.error, Error::Stopped(Reason::Closed));
    let broken = matches!(&failed.error, Error::Io(error) if error.kind() == ErrorKind::ConnectionReset);
    assert!(stopped || broken, "{failed}");
    driver!(join gone)
}}

driver! { story an_answer_nobody_waits_for_is_cancelled_over_there {
    let (mut client, mut server) = Connection::pair()?;
    let none = driver!(within 20 client.call("slow"));
    assert!(none.is_none_or(|answer: Result<Message, SendError>| answer.is_err()));
    driver!(unbound client);
    let Some(Delivery::Request(request)) = driver!(wait server.next())? else { panic!("a request came") };
    let Some(Delivery::Cancelled(id)) = driver!(wait server.next())? else { panic!("a cancellation came") };
    assert_eq!(id, request.id);
    driver!(wait server.reply(request, "too late"))?;
    driver!(wait server.send("next"))?;
    assert_eq!(&driver!(wait client.recv())?.expect("the late answer was dropped").body[..], b"next");
    Ok(())
}}

driver! { story calls_on_other_wires_are_misuse_and_give_the_question_back {
    let (mut connection, _peer) = driver!(wait with_bare_peer(&ConnectionOptions::new().wire(Wire::Lines)));
    let failed = driver!(wait connection.call("?")).expect_err("lines have no calls");
    assert!(matches!(failed.error, Error::Misuse(Misuse::NoCalls)), "{failed}");
    assert_eq!(&failed.message.expect("it comes back").body[..], b"?");
    Ok(())
}}

driver! { story large_messages_wait_for_the_greeting_and_arrive_whole {
    let (mut left, mut right) = Connection::pair()?;
    let body: Vec<u8> = (0..3_000_000u32).map(|byte| (byte % 251) as u8).collect();
    let expected = body.clone();
    let other = driver!(spawn {
        let message = driver!(wait right.recv())?.expect("it came");
        assert_eq!(message.body, expected);
        driver!(wait right.send(message))?;
        Told::Ok(())
    });
    driver!(wait left.send(body))?;
    assert_eq!(driver!(wait left.recv())?.expect("it came back").body.len(), 3_000_000);
    driver!(join other)
}}

driver! { story a_message_over_the_peers_limit_is_refused_here_and_comes_back {
    let (mut left, mut right) = {
        let (a, b) = Stream::pair()?;
        (Connection::from(a), Connection::over(b, &ConnectionOptions::new().largest_message(100_000)))
    };
    driver!(wait right.send("so that the greeting is read"))?;
    driver!(wait left.recv())?;
    let failed = driver!(wait left.send(vec![0; 100_001])).expect_err("one byte too many");
    assert!(matches!(failed.error, Error::Limit(Limit::Message { length: 100_001, limit: 100_000 })), "{failed}");
    assert_eq!(failed.message.expect("it comes back").body.len(), 100_001);
    driver!(wait left.send("still fine"))?;
    assert_eq!(&driver!(wait right.recv())?.expect("still fine").body[..], b"still fine");
    Ok(())
}}

driver! { story every_wire_carries_messages_both_ways {
    for wire in [Wire::Native, Wire::LengthPrefixed, Wire::Lines, Wire::Kyneta] {
        let options = ConnectionOptions::new().wire(wire);
        let (a, b) = Stream::pair()?;
        let (mut left, mut right) = (Connection::over(a, &options), Connection::over(b, &options));
        for body in [&b"one"[..], b"two", &[b'x'; 5000]] {
            driver!(wait left.send(body.to_vec()))?;
            let message = driver!(wait right.recv())?.expect("it came");
            assert_eq!(message.body, body);
            driver!(wait right.send(message))?;
            assert_eq!(driver!(wait left.recv())?.expect("it came back").body, body);
        }
        drop(left);
        assert!(driver!(wait right.recv())?.is_none());
    }
    Ok(())
}}

driver! { story raw_chunks_come_as_they_are {
    let options = ConnectionOptions::new().wire(Wire::Raw);
    let (mut connection, mut peer) = driver!(wait with_bare_peer(&options));
    assert_eq!(there(&mut peer), b"", "no greeting");
    peer.write_all(b"anything")?;
    assert_eq!(&driver!(wait connection.recv())?.expect("a chunk").body[..], b"anything");
    driver!(wait connection.send("x"))?;
    assert_eq!(there(&mut peer), b"x");
    drop(peer);
    assert!(driver!(wait connection.recv())?.is_none());
    Ok(())
}}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{Seek, SeekFrom};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    include!("unix/messages.rs");
}
