// What users do with a server and its clients, told once for both drivers. Included by `messages.rs` of each.

use std::thread;

driver! { fn joined(server: &mut Server) -> ConnId {
    match driver!(wait server.next()).expect("a server") {
        Happening::Joined(id) => id,
        other => panic!("{other:?}"),
    }
}}

driver! { story each_that_joins_leaves_once_and_is_told_apart {
    let (_dir, path) = place();
    let mut server = Server::listen(&path)?;
    let (mut one, mut two) = (driver!(wait Connection::connect(&path)).unwrap(), driver!(wait Connection::connect(&path)).unwrap());
    let ids = [driver!(wait joined(&mut server)), driver!(wait joined(&mut server))];
    assert_eq!(server.connections(), ids);
    assert_eq!(server.connection_count(), 2);
    assert_eq!(server.peer_credentials(ids[0]).unwrap().pid, Some(std::process::id()));
    assert!(server.greeting(ids[1]).is_some());
    driver!(wait one.send("from one")).unwrap();
    let (from, message) = driver!(wait server.recv()).unwrap();
    assert_eq!((from, &message.body[..]), (ids[0], &b"from one"[..]));
    driver!(wait server.send(ids[1], "to two")).unwrap();
    assert_eq!(driver!(wait two.recv()).unwrap().unwrap().body, "to two");
    assert!(server.disconnect(ids[0]) && !server.disconnect(ids[0]));
    assert!(!server.is_connected(ids[0]) && server.is_connected(ids[1]));
    let left = driver!(wait server.next()).unwrap();
    assert!(matches!(left, Happening::Left(id, Reason::Intentional) if id == ids[0]), "{left:?}");
    drop(two);
    let left = driver!(wait server.next()).unwrap();
    assert!(matches!(left, Happening::Left(id, Reason::Closed) if id == ids[1]), "{left:?}");
    assert_eq!(server.connection_count(), 0);
    assert!(driver!(wait one.recv()).unwrap().is_none(), "taking leave is an end in order");
    assert!(one.said_goodbye());
    let failed = driver!(wait server.send(ids[1], "too late")).unwrap_err();
    assert!(matches!(failed.error, Error::Stopped(Reason::Gone)), "{failed}");
    assert_eq!(failed.message.unwrap().body, "too late");
    Ok(())
}}

driver! { story questions_go_both_ways {
    let (_dir, path) = place();
    let mut server = Server::listen(&path)?;
    let client = driver!(spawn {
        let mut connection = driver!(wait Connection::connect(&path)).unwrap();
        let answer = driver!(wait connection.call("and you?")).unwrap();
        let Some(Delivery::Request(request)) = driver!(wait connection.next()).unwrap() else {
            panic!("asked back")
        };
        driver!(wait connection.reply(request, "fine")).unwrap();
        answer.body
    });
    let id = driver!(wait joined(&mut server));
    let Happening::Request(request) = driver!(wait server.next()).unwrap() else { panic!("a request") };
    server.reply(request, "well");
    assert_eq!(driver!(wait server.call(id, "how are you?")).unwrap().body, "fine");
    assert_eq!(driver!(join client), "well");
    Ok(())
}}

driver! { story a_client_notices_nothing_but_a_pause_when_its_server_is_replaced {
    let (_dir, path) = place();
    let mut client = Client::connect(&path).unwrap();
    for round in 0..10u8 {
        let mut server = Server::listen(&path)?;
        let serving = driver!(spawn {
            loop {
                if let Happening::Message(_, message) = driver!(wait server.next()).unwrap() {
                    return message.body;
                }
            }
        });
        driver!(wait client.send(vec![round])).unwrap();
        assert_eq!(driver!(join serving)[..], [round]);
        driver!(wait client.wait_for(|status| !matches!(status, Status::Connected), LONG)).unwrap();
    }
    Ok(())
}}

driver! { story a_broadcast_reaches_everybody_and_passes_by_who_does_not_read {
    let (_dir, path) = place();
    let queue = Bound { messages: 4, ..Bound::CONNECTION };
    let options = ServerOptions::new().connection(ConnectionOptions::new().queue(queue));
    let mut server = Server::listen_with(&path, &options)?;
    let deaf = bare(&path);
    (&deaf).write_all(&greeting()).unwrap();
    let deaf_id = driver!(wait joined(&mut server));
    let reader = {
        let path = path.clone();
        driver!(spawn {
            let mut connection = driver!(wait Connection::connect(&path)).unwrap();
            let mut sizes = Vec::new();
            while let Some(message) = driver!(wait connection.recv()).unwrap() {
                sizes.push(message.body.len());
            }
            sizes
        })
    };
    let reader_id = driver!(wait joined(&mut server));
    let mut missed = Vec::new();
    for _ in 0..100 {
        missed.extend(server.broadcast(vec![7; 100_000]));
        driver!(wait server.flush(reader_id)).unwrap();
    }
    assert!(missed.len() > 80 && missed.iter().all(|id| *id == deaf_id), "{missed:?}");
    server.disconnect(reader_id);
    drop(server);
    assert_eq!(driver!(join reader), [100_000; 100]);
    drop(deaf);
    Ok(())
}}

driver! { story one_that_floods_does_not_starve_another {
    let (_dir, path) = place();
    let mut server = Server::listen(&path)?;
    let mut quiet = driver!(wait Connection::connect(&path)).unwrap();
    let quiet_id = driver!(wait joined(&mut server));
    let flood = {
        let path = path.clone();
        thread::spawn(move || {
            let mut peer = bare(&path);
            peer.write_all(&greeting()).unwrap();
            peer.write_all(&[0, 0, 0, 0, 1, 0, 0, 0].repeat(100_000)).unwrap();
            peer
        })
    };
    let flooder_id = driver!(wait joined(&mut server));
    // It floods already when the other speaks.
    for _ in 0..5000 {
        assert_eq!(driver!(wait server.recv()).unwrap().0, flooder_id);
    }
    driver!(wait quiet.send("hear me")).unwrap();
    let mut between = 0;
    while driver!(wait server.recv()).unwrap().0 != quiet_id {
        between += 1;
    }
    // The inbox, and one turn's share.
    assert!(between <= 1024 + 128 + LATE, "{between} frames came first");
    for _ in 0..100_000 - 5000 - between {
        assert_eq!(driver!(wait server.recv()).unwrap().0, flooder_id);
    }
    drop((quiet, flood.join().unwrap()));
    Ok(())
}}

driver! { story whoever_breaks_a_rule_is_cut_and_the_others_are_served {
    let (_dir, path) = place();
    let mut server = Server::listen(&path)?;
    let mut good = driver!(wait Connection::connect(&path)).unwrap();
    let good_id = driver!(wait joined(&mut server));
    let mut bad = bare(&path);
    bad.write_all(&greeting()).unwrap();
    bad.write_all(&[2, 0, 0, 0, 1, 0, 0, 0, b'o', b'k', 0, 0, 0, 0, 99, 0, 0, 0]).unwrap();
    let bad_id = driver!(wait joined(&mut server));
    assert!(matches!(driver!(wait server.next()).unwrap(), Happening::Message(id, _) if id == bad_id));
    let left = driver!(wait server.next()).unwrap();
    assert!(
        matches!(left, Happening::Left(id, Reason::Fault(PeerFault::UnknownKind { .. })) if id == bad_id),
        "{left:?}"
    );
    // Who does not even greet is never told of.
    bare(&path).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    driver!(wait good.send("still here")).unwrap();
    assert!(matches!(driver!(wait server.next()).unwrap(), Happening::Message(id, _) if id == good_id));
    Ok(())
}}

driver! { story answers_that_nobody_reads_cost_no_more_than_their_bound {
    let (_dir, path) = place();
    let options = ServerOptions::new().answers(3 << 20);
    let mut server = Server::listen_with(&path, &options)?;
    let mut greedy = bare(&path);
    let ask = |call: u64| [&[8, 0, 0, 0, 2, 0, 0, 0][..], &call.to_le_bytes()].concat();
    greedy.write_all(&[greeting(), (1..=60).flat_map(ask).collect()].concat()).unwrap();
    let mut good = driver!(wait Connection::connect(&path)).unwrap();
    let mut answered = 0;
    while answered < 60 {
        if let Happening::Request(request) = driver!(wait server.next()).unwrap() {
            server.reply(request, vec![0; 1 << 20]);
            answered += 1;
        }
    }
    greedy.write_all(&ask(61)).unwrap();
    // Everybody else is still served.
    let asking = driver!(spawn { driver!(wait good.call("?")).unwrap().body });
    loop {
        if let Happening::Request(request) = driver!(wait server.next()).unwrap() {
            let is_good = request.message.body == "?";
            server.reply(request, "!");
            if is_good {
                break;
            }
        }
    }
    let reading = thread::spawn(move || {
        let mut rest = Vec::new();
        greedy.read_to_end(&mut rest).unwrap();
        rest
    });
    driver!(wait server.close(LONG)).unwrap();
    assert_eq!(driver!(join asking), "!");
    let rest = reading.join().unwrap();
    assert!(rest.len() < 6 << 20, "{} bytes were kept", rest.len());
    let told = rest.windows(25).filter(|window| *window == b"the answer cannot be sent").count();
    assert!(told > 50, "{told} were told");
    Ok(())
}}

driver! { story closing_sends_what_is_queued_and_removes_the_name {
    let (_dir, path) = place();
    let mut server = Server::listen(&path)?;
    let mut connection = driver!(wait Connection::connect(&path)).unwrap();
    let id = driver!(wait joined(&mut server));
    server.try_feed(id, "last").unwrap();
    let reading = driver!(spawn {
        let last = driver!(wait connection.recv()).unwrap().unwrap().body;
        assert!(driver!(wait connection.recv()).unwrap().is_none());
        last
    });
    driver!(wait server.close(LONG)).unwrap();
    assert_eq!(driver!(join reading), "last");
    assert!(is_free(&path));
    Ok(())
}}

driver! { story the_inbox_is_bounded_while_something_else_is_waited_for {
    let (_dir, path) = place();
    let inbox = Bound { messages: 8, ..Bound::CONNECTION };
    let options = ServerOptions::new().connection(ConnectionOptions::new().inbox(inbox));
    let mut server = Server::listen_with(&path, &options)?;
    let mut noisy = driver!(wait Connection::connect(&path)).unwrap();
    let id = driver!(wait joined(&mut server));
    for _ in 0..200 {
        driver!(wait noisy.feed("noise")).unwrap();
    }
    driver!(wait noisy.flush()).unwrap();
    let failed = driver!(wait server.call(id, "?")).unwrap_err();
    assert!(matches!(failed.error, Error::Limit(Limit::Inbox { .. })), "{failed}");
    for _ in 0..200 {
        assert_eq!(driver!(wait server.recv()).unwrap().1.body, "noise");
    }
    Ok(())
}}

driver! { story other_wires_are_served_too {
    let (_dir, path) = place();
    let lines = ConnectionOptions::new().wire(Wire::Lines);
    let mut server = Server::listen_with(&path, &ServerOptions::new().connection(lines))?;
    let mut peer = bare(&path);
    let id = driver!(wait joined(&mut server));
    peer.write_all(b"one\ntwo\n").unwrap();
    assert_eq!(driver!(wait server.recv()).unwrap().1.body, "one");
    assert_eq!(driver!(wait server.recv()).unwrap().1.body, "two");
    driver!(wait server.send(id, "three")).unwrap();
    let mut line = [0; 6];
    peer.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"three\n");
    assert!(matches!(driver!(wait server.call(id, "?")).unwrap_err().error, Error::Misuse(_)));
    Ok(())
}}
