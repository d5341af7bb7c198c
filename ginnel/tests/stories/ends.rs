// How connections end, told once for both drivers. Included by `messages.rs` of each.

driver! { story a_graceful_close_sends_everything_and_says_goodbye {
    let (mut left, mut right) = Connection::pair()?;
    let other = driver!(spawn {
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

driver! { story gone_without_a_goodbye_is_told_apart {
    let (mut connection, mut peer) = driver!(wait with_bare_peer(&ConnectionOptions::new()));
    peer.write_all(&[greeting(), frame(b"last words")].concat())?;
    drop(peer);
    assert!(driver!(wait connection.recv())?.is_some());
    assert!(driver!(wait connection.recv())?.is_none());
    assert!(!connection.said_goodbye());
    Ok(())
}}

driver! { story bad_input_is_named_after_everything_that_came_before {
    let header = |kind: u8, reserved: u8| vec![0, 0, 0, 0, kind, 0, reserved, 0];
    let table = [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), 0, PeerFault::ForeignGreeting),
        (b"GNL\x02".to_vec(), 0, PeerFault::Version { theirs: 2 }),
        ([greeting(), frame(b"ok"), header(1, 1)].concat(), 1, PeerFault::ReservedBit),
        ([greeting(), frame(b"ok"), header(77, 0)].concat(), 1, PeerFault::UnknownKind { kind: 77 }),
        (
            [greeting(), frame(b"ok"), u32::MAX.to_le_bytes().to_vec(), vec![1, 0, 0, 0]].concat(),
            1,
            PeerFault::TooLong { length: u32::MAX.into(), limit: 16 << 20 },
        ),
        ([greeting(), frame(b"ok"), vec![0, 0, 0, 0, 1, 1, 0, 0]].concat(), 1, PeerFault::WrongFds { declared: 1, came: 0 }),
        ([greeting(), frame(b"ok"), vec![9]].concat(), 1, PeerFault::CutShort { bytes: 1 }),
    ];
    for (bytes, before, fault) in table {
        let (mut connection, mut peer) = driver!(wait with_bare_peer(&ConnectionOptions::new()));
        peer.write_all(&bytes)?;
        drop(peer);
        for _ in 0..before {
            assert_eq!(&driver!(wait connection.recv())?.expect("it came before").body[..], b"ok");
        }
        for _ in 0..2 {
            let error = driver!(wait connection.recv()).expect_err("bad input");
            assert!(matches!(error, Error::Peer(found) if found == fault), "{error} is not {fault}");
        }
    }
    Ok(())
}}

driver! { story a_peer_that_does_not_greet_is_cut {
    let options = ConnectionOptions::new().greeting_deadline(Some(Duration::from_millis(20)));
    let (mut connection, _peer) = driver!(wait with_bare_peer(&options));
    let error = driver!(wait connection.recv()).expect_err("it is silent");
    assert!(matches!(error, Error::Peer(PeerFault::Silent)), "{error}");
    Ok(())
}}

driver! { story a_frame_that_does_not_go_on_is_cut {
    let options = ConnectionOptions::new().progress_deadline(Some(Duration::from_millis(20)));
    let (mut connection, mut peer) = driver!(wait with_bare_peer(&options));
    peer.write_all(&[greeting(), frame(b"whole"), vec![5, 0]].concat())?;
    assert!(driver!(wait connection.recv())?.is_some());
    let error = driver!(wait connection.recv()).expect_err("it stopped inside a frame");
    assert!(matches!(error, Error::Peer(PeerFault::Stuck)), "{error}");
    Ok(())
}}

driver! { story a_hung_peer_is_found_by_ping_and_a_live_one_is_not {
    let lively = ConnectionOptions::new().keep_alive(Duration::from_millis(30));
    let (mut connection, mut peer) = driver!(wait with_bare_peer(&lively));
    peer.write_all(&greeting())?;
    let error = driver!(wait connection.recv()).expect_err("it hangs");
    assert!(matches!(error, Error::Peer(PeerFault::Unresponsive)), "{error}");
    assert_eq!(there(&mut peer)[32..], [0, 0, 0, 0, 6, 0, 0, 0], "it was pinged once");
    let (left, mut right) = Stream::pair().map(|(a, b)| (Connection::over(a, &lively), Connection::from(b)))?;
    let other = driver!(spawn {
        let mut left = left;
        // Several pings pass before the message.
        assert!(driver!(within 200 left.recv()).is_none_or(|early| early.is_err_and(|error| error.is_timeout())));
        driver!(unbound left);
        driver!(wait left.send("now"))?;
        Told::Ok(())
    });
    assert_eq!(&driver!(wait right.recv())?.expect("a message").body[..], b"now");
    driver!(join other)
}}
