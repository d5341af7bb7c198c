//! Peers that take more than their share.

use super::*;

#[test]
fn refused_descriptors_of_answers_are_closed() -> Told {
    let (mut server, (_dir, path)) = listening(ConnectionOptions::new())?;
    let mut peer = Raw::connect(&path);
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
    let deaf = Raw::connect(&path);
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
    let mut peer = Raw::connect(&path);
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
fn a_few_that_take_no_answers_do_not_cost_others_theirs() -> Told {
    let (mut server, (_dir, path)) = listening(ConnectionOptions::new())?;
    let mut greedy: Vec<Raw> = (0..5).map(|_| Raw::connect(&path)).collect();
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
    let mut good = Raw::connect(&path);
    good.is_heard();
    assert!(matches!(server.next()?, Happening::Joined(_)));
    Ok(())
}
