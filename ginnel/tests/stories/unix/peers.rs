// Peers with descriptors: sent to others, and of the socket that a standby holds. Included by `peers.rs` on Unix.

use std::os::unix::fs::MetadataExt as _;

driver! { story a_descriptor_goes_to_whoever_listens {
    let (_dir, path) = place();
    let (mut listener, mut connector, id) = driver!(wait two(&path));
    let far = driver!(spawn {
        let null = File::open("/dev/null").unwrap();
        driver!(wait connector.send(LISTENER, Message::new("take it").with_fds(vec![null.into()]))).unwrap();
        connector
    });
    let (from, message) = driver!(wait listener.recv())?;
    assert_eq!((from, &message.body[..], message.fds.len()), (id, &b"take it"[..], 1));
    driver!(join far);
    Ok(())
}}

driver! { story descriptors_wait_for_whoever_listens_and_go_to_the_next_once_and_in_order {
    let (_dir, path) = place();
    let [listener, mut heir, mut last] = driver!(wait three(&path, PeerOptions::new()));
    drop(listener);
    driver!(wait told(&mut heir, Role::Listener));
    // It does not move yet, so that nobody greets the other.
    driver!(wait told(&mut last, Role::Negotiating));
    assert!(last.is_connected(LISTENER) && last.listener().is_none());
    for number in 0..50u8 {
        let null = File::open("/dev/null")?;
        last.try_feed(LISTENER, Message::new(vec![number]).with_fds(vec![null.into()]))?;
    }
    let serving = driver!(spawn {
        for number in 0..50u8 {
            let (_, message) = driver!(wait heir.recv()).unwrap();
            assert_eq!((&message.body[..], message.fds.len()), (&[number][..], 1));
        }
        let question = driver!(wait asked(&mut heir));
        heir.reply(question, "the next");
        heir
    });
    driver!(wait last.flush(LISTENER))?;
    assert_eq!(driver!(wait last.call(LISTENER, "who are you?"))?.body, "the next");
    driver!(join serving);
    Ok(())
}}

driver! { story a_listener_that_is_disposed_of_leaves_its_path_to_the_standby {
    let (_dir, path) = place();
    let (listener, mut connector, id) = driver!(wait two(&path));
    assert_eq!(listener.standby(), Some(id));
    let socket = std::fs::metadata(&path)?;
    let before = listener.epoch();
    let following = driver!(spawn {
        let (_, reason) = driver!(wait left(&mut connector));
        driver!(wait told(&mut connector, Role::Listener));
        (connector, reason)
    });
    driver!(wait listener.dispose(LONG))?;
    let (connector, reason) = driver!(join following);
    assert!(matches!(reason, Reason::Closed), "{reason:?}");
    assert_eq!(std::fs::metadata(&path)?.ino(), socket.ino(), "it is the same socket");
    assert!(connector.epoch() > before);
    driver!(wait connector.dispose(LONG))?;
    assert!(is_free(&path), "nobody is left");
    Ok(())
}}

driver! { story who_wants_no_duplicate_gets_none_and_who_gives_none_has_no_standby {
    let (_dir, path) = place();
    let without = || PeerOptions::new().standby(false);
    let mut listener = driver!(wait Peer::join(&path))?;
    let (one, _) = driver!(wait another(&mut listener, &path, without()));
    assert_eq!(listener.standby(), None);
    let (two, id) = driver!(wait another(&mut listener, &path, PeerOptions::new()));
    assert_eq!(listener.standby(), Some(id));
    drop(two);
    driver!(wait left(&mut listener));
    assert_eq!(listener.standby(), None);
    drop(listener);
    assert!(is_free(&path), "the name is gone with the listener");
    let mut listener = one;
    driver!(wait told(&mut listener, Role::Listener));
    // This one gives none either.
    let (mut connector, _) = driver!(wait another(&mut listener, &path, PeerOptions::new()));
    assert_eq!(listener.standby(), None);
    driver!(wait listener.dispose(Duration::ZERO)).err();
    assert!(is_free(&path));
    driver!(wait told(&mut connector, Role::Listener));
    assert!(is_owned(&path));
    Ok(())
}}

driver! { story the_next_is_asked_when_the_standby_leaves {
    let (_dir, path) = place();
    let [mut listener, heir, mut last] = driver!(wait three(&path, PeerOptions::new()));
    let next = listener.connections()[1];
    drop(heir);
    driver!(wait left(&mut listener));
    assert_eq!(listener.standby(), Some(next));
    drop(listener);
    driver!(wait told(&mut last, Role::Listener));
    assert!(is_owned(&path));
    Ok(())
}}

driver! { story what_waits_for_the_listener_comes_back_to_the_one_who_becomes_it {
    let (_dir, path) = place();
    let [listener, heir, mut last] = driver!(wait three(&path, PeerOptions::new()));
    drop(listener);
    // The heir has the socket and does not move: nobody greets, nobody refuses, and byte 0 is free.
    driver!(wait told(&mut last, Role::Negotiating));
    last.try_feed(LISTENER, "one")?;
    last.try_feed(LISTENER, "two")?;
    let mut back = vec![driver!(wait last.send(LISTENER, "three")).unwrap_err()];
    assert_eq!(last.role(), Role::Listener);
    while back.len() < 3 {
        back.push(driver!(wait last.flush(LISTENER)).unwrap_err());
    }
    for (failed, body) in back.into_iter().zip(["one", "two", "three"]) {
        assert!(matches!(failed.error, Error::Misuse(Misuse::Oneself)), "{failed}");
        assert_eq!(failed.message.expect("nothing was sent").body, body);
    }
    drop(heir);
    Ok(())
}}
