// What users do with peers, told once for both drivers. Included by `messages.rs` of each.

use std::path::{Path, PathBuf};

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s");
    (dir, path)
}

fn called(name: &str) -> PeerOptions {
    PeerOptions::new().name(name).expect("a short name")
}

/// The names in the directory of the path.
fn names(path: &Path) -> Vec<String> {
    let files = std::fs::read_dir(path.parent().expect("a directory")).expect("a directory");
    let mut names: Vec<_> =
        files.map(|file| file.expect("a file").file_name().into_string().expect("a text")).collect();
    names.sort();
    names
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
driver! { fn another(listener: &mut Peer, path: &Path, options: PeerOptions) -> (Peer, ConnId) {
    let path = path.to_owned();
    let joining = driver!(spawn { driver!(wait Peer::join_with(&path, &options)).expect("somebody listens") });
    let neighbour = driver!(wait joined(listener));
    let peer = driver!(join joining);
    assert_eq!((peer.role(), listener.role()), (Role::Connector, Role::Listener));
    (peer, neighbour.id)
}}

// A listener and one who is connected to it.
driver! { fn two(path: &Path) -> (Peer, Peer, ConnId) {
    let mut listener = driver!(wait Peer::join(path)).expect("nobody listens");
    let (connector, id) = driver!(wait another(&mut listener, path, PeerOptions::new()));
    (listener, connector, id)
}}

// A listener and two who are connected to it; the first of them is to take over.
driver! { fn three(path: &Path, last: PeerOptions) -> [Peer; 3] {
    let (mut listener, heir, id) = driver!(wait two(path));
    let (last, _) = driver!(wait another(&mut listener, path, last));
    assert_eq!(listener.standby(), Some(id));
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
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    for seen in [&first_seen, &second_seen] {
        assert_eq!((seen.pid, seen.uid, seen.gid), (Some(std::process::id()), Some(uid), Some(gid)));
    }
    assert_eq!((second.role(), second.listener()), (Role::Connector, Some(first_seen.id)));
    assert_eq!((second.connections(), first.connections()), (vec![first_seen.id], vec![second_seen.id]));
    assert_eq!(second.epoch(), first.epoch());
    assert!(first.is_connected(second_seen.id) && second.is_connected(LISTENER));
    assert_eq!(first.peer_credentials(second_seen.id)?.pid, Some(std::process::id()));
    assert!(first.greeting(second_seen.id).is_some() && second.greeting(first_seen.id).is_some());
    assert_eq!(names(&path), ["s", "s.lock"]);
    Ok(())
}}

driver! { story messages_and_questions_go_both_ways {
    let (_dir, path) = place();
    let (mut listener, mut connector, id) = driver!(wait two(&path));
    let listener_id = connector.listener().expect("it is connected");
    let far = driver!(spawn {
        let null = File::open("/dev/null").unwrap();
        driver!(wait connector.send(LISTENER, Message::new("to whoever").with_fds(vec![null.into()]))).unwrap();
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
    assert_eq!((from, &message.body[..], message.fds.len()), (id, &b"to whoever"[..], 1));
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

driver! { story what_was_queued_for_a_listener_that_dies_comes_back_to_the_next {
    let (_dir, path) = place();
    let (listener, mut connector, _) = driver!(wait two(&path));
    let mut queued = 0;
    while connector.try_feed(LISTENER, vec![0; 100_000]).is_ok() {
        queued += 1;
    }
    drop(listener);
    driver!(wait told(&mut connector, Role::Listener));
    for _ in 0..queued {
        let failed = driver!(wait connector.flush(LISTENER)).unwrap_err();
        assert!(matches!(failed.error, Error::Misuse(Misuse::Oneself)), "{failed}");
        assert_eq!(failed.message.expect("nothing of it was sent").body.len(), 100_000);
    }
    let none = driver!(wait connector.flush(LISTENER)).unwrap_err();
    assert!(none.message.is_none(), "{none}");
    Ok(())
}}

driver! { story a_question_whose_listener_ends_has_an_error_for_an_answer {
    let (_dir, path) = place();
    let (mut listener, mut connector, id) = driver!(wait two(&path));
    let to_this = connector.listener().expect("it is connected");
    let asking = driver!(spawn {
        let failed = driver!(wait connector.call(to_this, "?")).unwrap_err();
        assert!(matches!(failed.error, Error::Stopped(Reason::Gone)), "{failed}");
        driver!(wait told(&mut connector, Role::Listener));
        connector
    });
    let question = driver!(wait asked(&mut listener));
    assert_eq!(question.connection, id);
    drop(listener);
    let mut listener = driver!(join asking);
    let (mut connector, _) = driver!(wait another(&mut listener, &path, PeerOptions::new()));
    let asking = driver!(spawn {
        let failed = driver!(wait connector.call(LISTENER, "?")).unwrap_err();
        assert!(matches!(failed.error, Error::Stopped(Reason::Gone)), "{failed}");
        connector
    });
    let _unanswered = driver!(wait asked(&mut listener));
    drop(listener);
    driver!(join asking);
    Ok(())
}}

driver! { story whoever_asked_a_connector_that_ends_has_an_error_for_an_answer {
    let (_dir, path) = place();
    let (mut listener, mut connector, id) = driver!(wait two(&path));
    let answering = driver!(spawn { drop(driver!(wait asked(&mut connector))) });
    let failed = driver!(wait listener.call(id, "?")).unwrap_err();
    assert!(matches!(failed.error, Error::Stopped(Reason::Gone)), "{failed}");
    driver!(join answering);
    Ok(())
}}

driver! { story a_connector_takes_over_when_the_listener_is_dropped_and_each_time_the_count_rises {
    let (_dir, path) = place();
    let (mut listener, mut connector, _) = driver!(wait two(&path));
    for _ in 0..20 {
        let before = listener.epoch();
        let old = connector.listener();
        drop(listener);
        assert_eq!(Some(driver!(wait left(&mut connector)).0), old);
        driver!(wait told(&mut connector, Role::Listener));
        assert!(connector.epoch() > before, "{} after {before}", connector.epoch());
        listener = connector;
        (connector, _) = driver!(wait another(&mut listener, &path, PeerOptions::new()));
        assert_eq!(connector.epoch(), listener.epoch());
    }
    drop(connector);
    driver!(wait left(&mut listener));
    drop(listener);
    assert_eq!(names(&path), ["s.lock"], "the lock file stays");
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
    use std::os::unix::fs::MetadataExt as _;
    assert_eq!(std::fs::metadata(&path)?.ino(), socket.ino(), "it is the same socket");
    assert!(connector.epoch() > before);
    driver!(wait connector.dispose(LONG))?;
    assert_eq!(names(&path), ["s.lock"], "nobody is left");
    Ok(())
}}

driver! { story what_was_queued_for_neighbours_is_sent_before_they_are_left {
    let (_dir, path) = place();
    let [mut listener, heir, last] = driver!(wait three(&path, PeerOptions::new()));
    let mut followers = Vec::new();
    for peer in [heir, last] {
        let mut peer = peer;
        followers.push(driver!(spawn {
            let (_, message) = driver!(wait peer.recv()).unwrap();
            assert_eq!(message.body.len(), 900_000);
            assert_eq!(driver!(wait peer.recv()).unwrap().1.body, "last");
            driver!(wait left(&mut peer));
            peer
        }));
    }
    assert!(listener.feed_all(vec![0; 900_000]).is_empty() && listener.feed_all("last").is_empty());
    driver!(wait listener.dispose(LONG))?;
    for follower in followers {
        driver!(join follower);
    }
    Ok(())
}}

driver! { story of_three_one_takes_over_and_the_other_follows_it {
    let (_dir, path) = place();
    let (mut listener, mut one, _) = driver!(wait two(&path));
    let (mut other, _) = driver!(wait another(&mut listener, &path, PeerOptions::new()));
    for _ in 0..5 {
        drop(listener);
        let (say, verdicts) = std::sync::mpsc::channel();
        let mut settling = Vec::new();
        for peer in [one, other] {
            let (mut peer, say) = (peer, say.clone());
            settling.push(driver!(spawn {
                driver!(wait told(&mut peer, Role::Negotiating));
                while peer.role() == Role::Negotiating {
                    driver!(wait peer.next()).unwrap();
                }
                say.send(peer.role()).expect("somebody asks");
                if peer.role() == Role::Listener {
                    driver!(wait joined(&mut peer));
                }
                peer
            }));
        }
        let mut peers = Vec::new();
        for settled in settling {
            peers.push(driver!(join settled));
        }
        let mut roles: Vec<_> = verdicts.try_iter().map(|role| format!("{role:?}")).collect();
        roles.sort();
        assert_eq!(roles, ["Connector", "Listener"]);
        peers.sort_by_key(|peer| peer.role() == Role::Connector);
        let connector = peers.pop().expect("two");
        listener = peers.pop().expect("two");
        assert_eq!(connector.epoch(), listener.epoch());
        (one, _) = driver!(wait another(&mut listener, &path, PeerOptions::new()));
        other = connector;
    }
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
    assert_eq!(names(&path), ["s.lock"], "the name is gone with the listener");
    let mut listener = one;
    driver!(wait told(&mut listener, Role::Listener));
    // This one gives none either.
    let (mut connector, _) = driver!(wait another(&mut listener, &path, PeerOptions::new()));
    assert_eq!(listener.standby(), None);
    driver!(wait listener.dispose(Duration::ZERO)).err();
    assert_eq!(names(&path), ["s.lock"]);
    driver!(wait told(&mut connector, Role::Listener));
    assert_eq!(names(&path), ["s", "s.lock"]);
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
    assert_eq!(names(&path), ["s", "s.lock"]);
    Ok(())
}}

driver! { story handles_share_a_peer_and_one_of_them_disposes_of_it {
    let (_dir, path) = place();
    let (first, driver) = driver!(wait Peer::join_with(&path, &called("first")))?.shared();
    let first_driven = driver!(drive driver);
    let (second, driver) = driver!(wait Peer::join_with(&path, &called("second")))?.shared();
    let second_driven = driver!(drive driver);
    let mut callers = Vec::new();
    for caller in 0..4u8 {
        let second = second.clone();
        callers.push(driver!(spawn {
            for call in 0..20u8 {
                let answer = driver!(wait second.call(LISTENER, vec![caller, call])).unwrap();
                assert_eq!(answer.body[..], [caller, call, 7]);
            }
        }));
    }
    let mut answered = 0;
    while answered < 4 * 20 {
        if let PeerEvent::Request(request) = driver!(wait first.next())? {
            let answer = [&request.message.body[..], &[7]].concat();
            first.reply(request, answer);
            answered += 1;
        }
    }
    for caller in callers {
        driver!(join caller);
    }
    assert_eq!((first.role(), second.role()), (Role::Listener, Role::Connector));
    let taking_over = {
        let second = second.clone();
        driver!(spawn {
            while second.role() != Role::Listener {
                driver!(wait second.next()).unwrap();
            }
        })
    };
    let before = first.epoch();
    let disposer = first.clone();
    driver!(wait disposer.dispose(LONG))?;
    driver!(join taking_over);
    assert!(second.epoch() > before && second.listener().is_none() && second.standby().is_none());
    assert!(first.connections().is_empty());
    drop((first, disposer));
    driver!(join first_driven)?;
    assert_eq!(names(&path), ["s", "s.lock"]);
    drop(second);
    driver!(join second_driven)?;
    assert_eq!(names(&path), ["s.lock"]);
    Ok(())
}}

driver! { story whoever_shares_a_peer_that_is_disposed_of_waits_for_no_listener {
    let (_dir, path) = place();
    let (peer, driver) = driver!(wait Peer::join(&path))?.shared();
    let driven = driver!(drive driver);
    driver!(wait peer.clone().dispose(LONG))?;
    assert!(!peer.is_connected(LISTENER));
    for failed in [
        driver!(wait peer.send(LISTENER, "too late")).unwrap_err(),
        driver!(wait peer.call(LISTENER, "too late")).unwrap_err(),
        peer.try_feed(LISTENER, "too late").unwrap_err(),
    ] {
        assert!(matches!(failed.error, Error::Stopped(Reason::Gone)), "{failed}");
        assert_eq!(failed.message.expect("nothing was sent").body, "too late");
    }
    drop(peer);
    driver!(join driven)?;
    Ok(())
}}

driver! { story what_still_waits_for_a_listener_when_a_peer_is_disposed_of_comes_back {
    let (_dir, path) = place();
    let [listener, mut heir, mut last] = driver!(wait three(&path, PeerOptions::new()));
    drop(listener);
    // From then on the heir does not move: nobody greets.
    driver!(wait told(&mut heir, Role::Listener));
    driver!(wait told(&mut last, Role::Negotiating));
    last.try_feed(LISTENER, "for whoever comes")?;
    let (last, driver) = last.shared();
    let driven = driver!(drive driver);
    let sending = {
        let last = last.clone();
        driver!(spawn { driver!(wait last.send(LISTENER, "too")).unwrap_err() })
    };
    let asking = {
        let last = last.clone();
        driver!(spawn { driver!(wait last.call(LISTENER, "?")).unwrap_err() })
    };
    driver!(wait last.dispose(LONG))?;
    for failed in [driver!(join sending), driver!(join asking)] {
        assert!(matches!(failed.error, Error::Stopped(Reason::Gone)), "{failed}");
    }
    drop((last, heir));
    driver!(join driven)?;
    Ok(())
}}

driver! { story a_plain_connection_at_the_path_of_peers_is_told_nothing_and_ends_with_its_first_message {
    let (_dir, path) = place();
    let (mut listener, connector, id) = driver!(wait two(&path));
    let stranger = driver!(spawn {
        let mut stranger = driver!(wait Connection::connect(&path)).unwrap();
        // It may have been closed before all of it is written.
        let _ = driver!(wait stranger.send("is this a server?"));
        assert!(!matches!(driver!(wait stranger.recv()), Ok(Some(_))));
        driver!(wait connector_sends(connector))
    });
    // Nobody has joined in between, and nothing of the stranger's was heard.
    loop {
        match driver!(wait listener.next())? {
            PeerEvent::Message(from, message) => {
                assert_eq!((from, &message.body[..]), (id, &b"next"[..]));
                break;
            }
            PeerEvent::Role(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(listener.connections(), [id]);
    driver!(join stranger);
    Ok(())
}}

driver! { fn connector_sends(connector: Peer) -> Peer {
    let mut connector = connector;
    driver!(wait connector.send(LISTENER, "next")).expect("it is connected");
    connector
}}

driver! { story a_peer_at_the_path_of_a_server_is_told_that_no_peer_is_there {
    let (_dir, path) = place();
    let mut server = Server::listen(&path)?;
    let before = names(&path);
    let joining = {
        let path = path.clone();
        let patience = ConnectionOptions::new().greeting_deadline(Some(std::time::Duration::from_millis(300)));
        let options = PeerOptions::new().connection(patience);
        driver!(spawn { driver!(wait Peer::join_with(&path, &options)).map(drop).unwrap_err() })
    };
    let id = loop {
        if let Happening::Joined(id) = driver!(wait server.next())? {
            break id;
        }
    };
    let gone = driver!(wait server.next())?;
    assert!(matches!(gone, Happening::Left(it, _) if it == id), "{gone:?}");
    let failed = driver!(join joining);
    assert!(matches!(failed, Error::Peer(PeerFault::NotAPeer)), "{failed:?}");
    assert!(server.is_published()?, "it is where it was");
    assert_eq!(names(&path), before);
    Ok(())
}}
