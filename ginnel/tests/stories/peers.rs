// What users do with peers, told once for both drivers. Included by `messages.rs` of each.

fn called(name: &str) -> PeerOptions {
    PeerOptions::new().name(name).expect("a short name")
}

driver! { fn joined(peer: &mut Peer) -> Neighbour {
    loop {
        if let PeerEvent::Joined(neighbour) = driver!(wait peer.next()).expect("it takes part") {
            return neighbour;
        }
    }
}}

driver! { fn left(peer: &mut Peer) -> (ConnId, Reason) {
    loop {
        if let PeerEvent::Left(id, reason) = driver!(wait peer.next()).expect("it takes part") {
            return (id, reason);
        }
    }
}}

// What is told later has not happened yet.
driver! { fn told(peer: &mut Peer, role: Role) -> () {
    while !matches!(driver!(wait peer.next()).expect("it takes part"), PeerEvent::Role(told) if told == role) {}
}}

driver! { fn asked(peer: &mut Peer) -> Request {
    loop {
        if let PeerEvent::Request(request) = driver!(wait peer.next()).expect("it takes part") {
            return request;
        }
    }
}}

// One more who takes part, and who that is to the listener.
driver! { fn another(listener: &mut Peer, path: &Place, options: PeerOptions) -> (Peer, ConnId) {
    let path = path.to_owned();
    let joining = driver!(spawn { driver!(wait Peer::join_with(&path, &options)).expect("somebody listens") });
    let neighbour = driver!(wait joined(listener));
    let peer = driver!(join joining);
    assert_eq!((peer.role(), listener.role()), (Role::Connector, Role::Listener));
    (peer, neighbour.id)
}}

// A listener and one who is connected to it.
driver! { fn two(path: &Place) -> (Peer, Peer, ConnId) {
    let mut listener = driver!(wait Peer::join(path)).expect("nobody listens");
    let (connector, id) = driver!(wait another(&mut listener, path, PeerOptions::new()));
    (listener, connector, id)
}}

// A listener and two who are connected to it. Where there are standbys the first of them is one; where there are none,
// whoever moves first takes over.
driver! { fn three(path: &Place, last: PeerOptions) -> [Peer; 3] {
    let (mut listener, heir, id) = driver!(wait two(path));
    let (last, _) = driver!(wait another(&mut listener, path, last));
    assert_eq!(listener.standby(), HAS_STANDBYS.then_some(id));
    [listener, heir, last]
}}

driver! { story the_first_listens_the_next_connects_and_each_is_told_who_the_other_is {
    let (_dir, path) = place();
    let mut first = driver!(wait Peer::join_with(&path, &called("first").data("one")?))?;
    assert_eq!((first.role(), first.listener(), first.connection_count()), (Role::Listener, None, 0));
    assert!(first.epoch() > 0);
    let joining = {
        let (path, options) = (path.clone(), called("second").data("two")?);
        driver!(spawn {
            let mut second = driver!(wait Peer::join_with(&path, &options)).unwrap();
            let neighbour = driver!(wait joined(&mut second));
            (second, neighbour)
        })
    };
    let second_seen = driver!(wait joined(&mut first));
    let (second, first_seen) = driver!(join joining);
    assert_eq!((second_seen.name(), &second_seen.data()[..]), ("second", &b"two"[..]));
    assert_eq!((first_seen.name(), &first_seen.data()[..]), ("first", &b"one"[..]));
    assert!(is_neighbour_here(&first_seen) && is_neighbour_here(&second_seen), "{first_seen:?} {second_seen:?}");
    assert_eq!((second.role(), second.listener()), (Role::Connector, Some(first_seen.id)));
    assert_eq!((second.connections(), first.connections()), (vec![first_seen.id], vec![second_seen.id]));
    assert_eq!(second.epoch(), first.epoch());
    assert!(first.is_connected(second_seen.id) && second.is_connected(LISTENER));
    assert_eq!(first.peer_credentials(second_seen.id)?.pid, Some(std::process::id()));
    assert!(first.greeting(second_seen.id).is_some() && second.greeting(first_seen.id).is_some());
    assert!(is_owned(&path));
    Ok(())
}}

driver! { story messages_and_questions_go_both_ways {
    let (_dir, path) = place();
    let (mut listener, mut connector, id) = driver!(wait two(&path));
    let listener_id = connector.listener().expect("it is connected");
    let far = driver!(spawn {
        driver!(wait connector.send(LISTENER, "to whoever")).unwrap();
        driver!(wait connector.send(listener_id, "to this one")).unwrap();
        assert_eq!(driver!(wait connector.call(LISTENER, "how are you?")).unwrap().body, "well");
        let failed = driver!(wait connector.call(listener_id, "and else?")).unwrap_err();
        assert!(matches!(&failed.error, Error::Failure(why) if why == "nothing"), "{failed}");
        let question = driver!(wait asked(&mut connector));
        assert_eq!((question.connection, &question.message.body[..]), (listener_id, &b"and you?"[..]));
        connector.reply(question, "fine");
        let (from, message) = driver!(wait connector.recv()).unwrap();
        assert_eq!((from, &message.body[..]), (listener_id, &b"bye"[..]));
        connector
    });
    let (from, message) = driver!(wait listener.recv())?;
    assert_eq!((from, &message.body[..]), (id, &b"to whoever"[..]));
    assert_eq!(driver!(wait listener.recv())?.1.body, "to this one");
    let question = driver!(wait asked(&mut listener));
    assert_eq!((question.connection, &question.message.body[..]), (id, &b"how are you?"[..]));
    listener.reply(question, "well");
    let question = driver!(wait asked(&mut listener));
    listener.fail(question, "nothing");
    assert_eq!(driver!(wait listener.call(id, "and you?"))?.body, "fine");
    driver!(wait listener.send(id, "bye"))?;
    driver!(join far);
    Ok(())
}}

driver! { story a_broadcast_reaches_direct_neighbours_and_nobody_else {
    let (_dir, path) = place();
    let [mut listener, mut one, mut two] = driver!(wait three(&path, PeerOptions::new()));
    assert!(listener.broadcast("to both").is_empty());
    for peer in [&mut one, &mut two] {
        assert_eq!(driver!(wait peer.recv())?.1.body, "to both");
    }
    assert!(one.broadcast("to the listener").is_empty());
    driver!(wait one.flush(LISTENER))?;
    assert_eq!(driver!(wait listener.recv())?.1.body, "to the listener");
    // It was not passed on: what comes next over there is this.
    assert!(listener.broadcast("again").is_empty());
    assert_eq!(driver!(wait two.recv())?.1.body, "again");
    Ok(())
}}

driver! { story what_the_listener_sends_to_the_listener_comes_back_as_its_mistake {
    let (_dir, path) = place();
    let mut peer = driver!(wait Peer::join(&path))?;
    let oneself = |failed: SendError| {
        assert!(matches!(failed.error, Error::Misuse(Misuse::Oneself)), "{failed}");
        assert_eq!(failed.message.expect("nothing was sent").body, "me");
    };
    oneself(driver!(wait peer.send(LISTENER, "me")).unwrap_err());
    oneself(driver!(wait peer.feed(LISTENER, "me")).unwrap_err());
    oneself(peer.try_feed(LISTENER, "me").unwrap_err());
    oneself(driver!(wait peer.call(LISTENER, "me")).unwrap_err());
    assert!(!peer.is_connected(LISTENER) && peer.broadcast("nobody").is_empty());
    Ok(())
}}

driver! { story what_is_for_one_who_is_gone_comes_back {
    let (_dir, path) = place();
    let [mut listener, heir, last] = driver!(wait three(&path, PeerOptions::new()));
    let id = listener.connections()[0];
    drop(heir);
    assert_eq!(driver!(wait left(&mut listener)).0, id);
    let is_back = |failed: SendError| {
        assert!(matches!(failed.error, Error::Stopped(Reason::Gone)), "{failed}");
        assert_eq!(failed.message.expect("nothing was sent").body, "to that one");
    };
    is_back(driver!(wait listener.send(id, "to that one")).unwrap_err());
    is_back(driver!(wait listener.call(id, "to that one")).unwrap_err());
    is_back(listener.try_feed(id, "to that one").unwrap_err());
    assert!(!listener.is_connected(id) && !listener.disconnect(id));
    // The same for a listener.
    let mut peer = last;
    let old = peer.listener().expect("it is connected");
    drop(listener);
    driver!(wait told(&mut peer, Role::Listener));
    is_back(driver!(wait peer.send(old, "to that one")).unwrap_err());
    is_back(driver!(wait peer.call(old, "to that one")).unwrap_err());
    Ok(())
}}

driver! { story a_connector_takes_no_leave_of_its_listener_and_is_told_of_its_end_once {
    let (_dir, path) = place();
    let (mut listener, mut connector, id) = driver!(wait two(&path));
    let to = connector.listener().expect("it is connected");
    assert!(!connector.disconnect(to) && !connector.disconnect(LISTENER));
    assert!(connector.is_connected(to));
    driver!(wait connector.send(to, "still here"))?;
    let (from, message) = driver!(wait listener.recv())?;
    assert_eq!(from, id);
    assert_eq!(message.body, "still here");
    drop(listener);
    let (gone, reason) = driver!(wait left(&mut connector));
    assert_eq!(gone, to);
    assert!(!matches!(reason, Reason::Intentional), "{reason}");
    Ok(())
}}

driver! { story what_waits_for_one_listener_does_not_go_to_the_next {
    let (_dir, path) = place();
    let [listener, mut heir, mut last] = driver!(wait three(&path, PeerOptions::new()));
    let old = last.listener().expect("it is connected");
    // Nobody reads it, so that the rest waits here.
    let mut queued = 0_u32;
    while last.try_feed(old, vec![0; 100_000]).is_ok() {
        queued += 1;
    }
    drop(listener);
    driver!(wait told(&mut heir, Role::Listener));
    let serving = driver!(spawn {
        let (_, message) = driver!(wait heir.recv()).unwrap();
        (heir, message)
    });
    let mut back = 0;
    loop {
        match driver!(wait last.flush(old)) {
            Ok(()) => panic!("nobody has read it"),
            Err(failed) if failed.message.is_none() => {
                assert!(matches!(failed.error, Error::Stopped(Reason::Gone)), "{failed}");
                break;
            }
            Err(failed) => {
                assert!(matches!(failed.error, Error::Stopped(Reason::Gone)), "{failed}");
                assert_eq!(failed.message.expect("it is whole").body.len(), 100_000);
                back += 1;
            }
        }
    }
    assert!(queued > 1 && back <= queued, "{back} of {queued} came back");
    driver!(wait last.send(LISTENER, "to the next"))?;
    let (_heir, message) = driver!(join serving);
    assert_eq!(message.body, "to the next", "nothing of the rest came before");
    Ok(())
}}

driver! { story what_is_for_whoever_listens_waits_and_goes_to_the_next_once_and_in_order {
    let (_dir, path) = place();
    let [listener, mut heir, mut last] = driver!(wait three(&path, PeerOptions::new()));
    drop(listener);
    driver!(wait told(&mut heir, Role::Listener));
    // It does not move yet, so that nobody greets the other.
    driver!(wait told(&mut last, Role::Negotiating));
    assert!(last.is_connected(LISTENER) && last.listener().is_none());
    for number in 0..50u8 {
        last.try_feed(LISTENER, vec![number])?;
    }
    let serving = driver!(spawn {
        for number in 0..50u8 {
            let (_, message) = driver!(wait heir.recv()).unwrap();
            assert_eq!(message.body[..], [number]);
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

driver! { story so_much_waits_for_whoever_listens_and_no_more {
    let (_dir, path) = place();
    let queue = Bound { messages: 4, ..Bound::CONNECTION };
    let bounded = PeerOptions::new().connection(ConnectionOptions::new().queue(queue));
    let [listener, mut heir, mut last] = driver!(wait three(&path, bounded));
    drop(listener);
    driver!(wait told(&mut heir, Role::Listener));
    driver!(wait told(&mut last, Role::Negotiating));
    for number in 0..4u8 {
        last.try_feed(LISTENER, vec![number])?;
    }
    let failed = last.try_feed(LISTENER, "one more").unwrap_err();
    assert!(matches!(failed.error, Error::Limit(Limit::Queue { messages: 4, .. })), "{failed}");
    let serving = driver!(spawn {
        let mut bodies = Vec::new();
        for _ in 0..5 {
            bodies.push(driver!(wait heir.recv()).unwrap().1.body);
        }
        (heir, bodies)
    });
    // There is room again as soon as somebody listens.
    driver!(wait last.send(LISTENER, failed.message.expect("it came back")))?;
    let (_heir, bodies) = driver!(join serving);
    assert_eq!(bodies.concat(), b"\0\x01\x02\x03one more");
    Ok(())
}}

#[cfg(unix)]
mod unix {
    use std::fs::File;

    use super::*;

    include!("unix/peers.rs");
}
