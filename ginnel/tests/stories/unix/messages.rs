// Descriptors that travel with messages, and what else of messages only Unix has. Included by `messages.rs` on Unix.

/// An unnamed file with this text.
fn file(text: &str) -> OwnedFd {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("room for the text");
    file.into()
}

fn text_of(fd: OwnedFd) -> String {
    let mut file = File::from(fd);
    file.seek(SeekFrom::Start(0)).expect("it is a file");
    io::read_to_string(file).expect("it is text")
}

driver! { fn joined(server: &mut Server) -> ConnId {
    match driver!(wait server.next()).expect("a server") {
        Happening::Joined(id) => id,
        other => panic!("{other:?}"),
    }
}}

driver! { story messages_arrive_whole_in_order_with_their_descriptors {
    let (mut left, mut right) = Connection::pair()?;
    for number in 0..100u8 {
        let fds = (0..number % 3).map(|fd| file(&format!("{number}.{fd}"))).collect();
        driver!(wait left.feed(Message::new(vec![number; number.into()]).with_fds(fds)))?;
    }
    driver!(wait left.flush())?;
    for number in 0..100u8 {
        let message = driver!(wait right.recv())?.expect("all of them came");
        assert_eq!(message.body, vec![number; number.into()]);
        let texts: Vec<_> = message.fds.into_iter().map(text_of).collect();
        let expected: Vec<_> = (0..number % 3).map(|fd| format!("{number}.{fd}")).collect();
        assert_eq!(texts, expected);
    }
    drop(left);
    assert!(driver!(wait right.recv())?.is_none());
    Ok(())
}}

driver! { story a_question_gets_its_answer_with_a_file_both_ways {
    let (mut client, mut server) = Connection::pair()?;
    let serving = driver!(spawn {
        let Some(Delivery::Request(request)) = driver!(wait server.next())? else { panic!("a request came") };
        assert_eq!(&request.message.body[..], b"read this");
        let mut message = Message::new("here");
        message.fds.push(file("the answer"));
        assert_eq!(request.message.fds.len(), 1);
        driver!(wait server.send("a message between"))?;
        driver!(wait server.reply(request, message))?;
        let Some(Delivery::Request(request)) = driver!(wait server.next())? else { panic!("a request came") };
        driver!(wait server.fail(request, "no such thing"))?;
        assert!(driver!(wait server.next())?.is_none());
        Told::Ok(())
    });
    let answer = driver!(wait client.call(Message::new("read this").with_fds(vec![file("question")])))?;
    assert_eq!(&answer.body[..], b"here");
    assert_eq!(text_of(answer.fds.into_iter().next().expect("a file")), "the answer");
    let failed = driver!(wait client.call("something else")).expect_err("it said no");
    assert!(matches!(&failed.error, Error::Failure(why) if &why[..] == b"no such thing"), "{failed}");
    assert_eq!(&driver!(wait client.recv())?.expect("kept").body[..], b"a message between");
    drop(client);
    driver!(join serving)
}}

driver! { story refused_descriptors_cost_their_message_and_not_the_connection {
    let (mut left, mut right) = Connection::pair()?;
    if !right.refuse_fds()? {
        return Ok(());
    }
    driver!(wait left.feed("before"))?;
    driver!(wait left.feed(Message::new("with a file").with_fds(vec![file("x")])))?;
    driver!(wait left.feed("after"))?;
    let failed = driver!(wait left.flush()).expect_err("descriptors are refused");
    let message = failed.message.expect("it comes back");
    assert_eq!((&message.body[..], message.fds.len()), (&b"with a file"[..], 1));
    assert!(matches!(&failed.error, Error::Io(error) if error.kind() == ErrorKind::PermissionDenied));
    driver!(wait left.flush())?;
    for text in [&b"before"[..], b"after"] {
        assert_eq!(&driver!(wait right.recv())?.expect("it came").body[..], text);
    }
    Ok(())
}}

driver! { story a_large_message_arrives_with_its_descriptor {
    let (mut left, mut right) = Connection::pair()?;
    let body: Vec<u8> = (0..3_000_000u32).map(|byte| (byte % 251) as u8).collect();
    let expected = body.clone();
    let other = driver!(spawn {
        let message = driver!(wait right.recv())?.expect("it came");
        assert_eq!(message.body, expected);
        assert_eq!(message.fds.len(), 1);
        driver!(wait right.send(message))?;
        Told::Ok(())
    });
    driver!(wait left.send(Message::new(body).with_fds(vec![file("beside")])))?;
    let echo = driver!(wait left.recv())?.expect("it came back");
    assert_eq!(text_of(echo.fds.into_iter().next().expect("with its file")), "beside");
    driver!(join other)
}}

driver! { story raw_chunks_carry_descriptors {
    let options = ConnectionOptions::new().wire(Wire::Raw);
    let (mut connection, mut peer) = driver!(wait with_bare_peer(&options));
    assert_eq!(there(&mut peer), b"", "no greeting");
    peer.write_all(b"anything")?;
    assert_eq!(&driver!(wait connection.recv())?.expect("a chunk").body[..], b"anything");
    driver!(wait connection.send(Message::new("x").with_fds(vec![file("raw")])))?;
    assert_eq!(there(&mut peer), b"x");
    drop(peer);
    assert!(driver!(wait connection.recv())?.is_none());
    Ok(())
}}

driver! { story descriptors_travel_over_the_next_connection_and_none_is_left {
    let (_dir, path) = place();
    let mut client = Client::connect(&path)?;
    let (left, mut right) = UnixStream::pair()?;
    driver!(wait client.feed(Message::new("take it").with_fds(vec![left.into()])))?;
    let listener = Connection::listen(&path)?;
    let server = driver!(spawn {
        let mut connection = driver!(wait listener.accept()).unwrap();
        driver!(wait connection.recv()).unwrap().unwrap()
    });
    driver!(wait client.flush())?;
    assert_eq!(driver!(join server).fds.len(), 1);
    // Every copy is closed, so the other end reads the end.
    assert_eq!(right.read(&mut [0])?, 0);
    Ok(())
}}

driver! { story an_answer_of_a_server_carries_a_descriptor {
    let (_dir, path) = place();
    let mut server = Server::listen(&path)?;
    let client = driver!(spawn {
        let mut connection = driver!(wait Connection::connect(&path)).unwrap();
        let answer = driver!(wait connection.call("and you?")).unwrap();
        let Some(Delivery::Request(request)) = driver!(wait connection.next()).unwrap() else {
            panic!("asked back")
        };
        driver!(wait connection.reply(request, "fine")).unwrap();
        (answer.body, answer.fds.len())
    });
    let id = driver!(wait joined(&mut server));
    let Happening::Request(request) = driver!(wait server.next()).unwrap() else { panic!("a request") };
    let file = File::open("/dev/null").unwrap();
    server.reply(request, Message::new("well").with_fds(vec![file.into()]));
    assert_eq!(driver!(wait server.call(id, "how are you?")).unwrap().body, "fine");
    assert_eq!(driver!(join client), ("well".into(), 1));
    Ok(())
}}

driver! { story a_name_that_somebody_removed_is_published_again_and_nobody_is_lost {
    let (_dir, path) = place();
    let mut server = Server::listen(&path)?;
    let mut early = driver!(wait Connection::connect(&path)).unwrap();
    let early_id = driver!(wait joined(&mut server));
    let mut waiting = driver!(wait Connection::connect(&path)).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(!server.is_published().unwrap());
    server.republish().unwrap();
    assert!(server.is_published().unwrap());
    let mut late = driver!(wait Connection::connect(&path)).unwrap();
    for connection in [&mut early, &mut waiting, &mut late] {
        driver!(wait connection.send("hello")).unwrap();
    }
    let mut from = Vec::new();
    for _ in 0..3 {
        from.push(driver!(wait server.recv()).unwrap().0);
    }
    assert!(from.contains(&early_id) && server.connection_count() == 3, "{from:?}");
    Ok(())
}}

driver! { story everything_is_closed_with_the_server {
    let (_dir, path) = place();
    let mut server = Server::listen(&path)?;
    let (left, mut right) = UnixStream::pair().unwrap();
    let mut connection = driver!(wait Connection::connect(&path)).unwrap();
    driver!(wait joined(&mut server));
    driver!(wait connection.send(Message::new("take it").with_fds(vec![left.into()]))).unwrap();
    while !matches!(driver!(wait server.next()).unwrap(), Happening::Message(..)) {}
    drop((server, connection));
    assert_eq!(right.read(&mut [0]).unwrap(), 0, "every copy is closed");
    Ok(())
}}

driver! { story a_half_that_is_dropped_ends_its_direction_alone {
    let (left, right) = Connection::pair()?;
    let (mut to_right, mut from_right) = left.split();
    let (mut to_left, mut from_left) = right.split();
    let echo = driver!(spawn {
        while let Some(message) = driver!(wait from_left.recv())? {
            driver!(wait to_left.send(message))?;
        }
        Told::Ok(())
    });
    let receiving = driver!(spawn {
        let mut bytes = 0;
        while let Some(message) = driver!(wait from_right.recv())? {
            bytes += message.body.len();
        }
        assert_eq!(bytes, 200 * 3000 + 2_000_000);
        Told::Ok(())
    });
    for _ in 0..200 {
        driver!(wait to_right.feed(vec![0; 3000]))?;
    }
    // Larger than everybody takes: it waits for the greeting that the other half reads.
    driver!(wait to_right.send(vec![0; 2_000_000]))?;
    drop(to_right);
    driver!(join echo)?;
    driver!(join receiving)
}}

driver! { story a_refused_descriptor_costs_no_other_message {
    let (mut left, mut right) = Connection::pair()?;
    if !right.refuse_fds()? {
        return Ok(());
    }
    driver!(wait left.feed(Message::new("refused").with_fds(vec![file("x")])))?;
    // The receiver's side of things tries to write, and the queue fills: neither may swallow the refusal.
    driver!(wait right.send("hello"))?;
    driver!(wait left.recv())?;
    for _ in 0..1023 {
        driver!(wait left.feed("behind"))?;
    }
    let failed = driver!(wait left.feed("one too many")).expect_err("the queue cannot be emptied");
    assert_eq!(&failed.message.expect("it comes back").body[..], b"one too many");
    let failed = driver!(wait left.flush()).expect_err("descriptors are refused");
    assert_eq!(&failed.message.expect("it comes back").body[..], b"refused");
    driver!(wait left.flush())?;
    for _ in 0..1023 {
        assert_eq!(&driver!(wait right.recv())?.expect("it came").body[..], b"behind");
    }
    Ok(())
}}

driver! { story closing_does_not_wait_for_ever_for_a_peer_that_stays {
    let (connection, _peer) = driver!(wait with_bare_peer(&ConnectionOptions::new()));
    let error = driver!(wait connection.close(Duration::from_millis(20))).expect_err("the peer stays");
    assert!(error.is_timeout(), "{error}");
    Ok(())
}}

driver! { story a_graceful_close_resets_nobody_even_in_a_flood {
    let (mut left, mut right) = Connection::pair()?;
    let other = driver!(spawn {
        // It floods without reading, and then wants everything that was sent to it.
        for _ in 0..1000 {
            driver!(wait right.feed(vec![1; 1000]))?;
        }
        driver!(wait right.flush())?;
        let mut count = 0;
        while driver!(wait right.recv())?.is_some() {
            count += 1;
        }
        assert_eq!(count, 700);
        assert!(right.said_goodbye());
        Told::Ok(())
    });
    for _ in 0..700 {
        driver!(wait left.feed(vec![2; 1000]))?;
    }
    driver!(wait left.close(LONG))?;
    driver!(join other)
}}
