// What becomes of peers, and of what is under way between them, when one of them ends: told once for both drivers.
// Included by `messages.rs` of each, within the stories of peers.

driver! { story what_was_queued_for_a_listener_that_dies_comes_back_to_the_next {
    let (_dir, path) = place();
    let (listener, mut connector, _) = driver!(wait two(&path));
    let mut queued = 0;
    while connector.try_feed(LISTENER, vec![0; 100_000]).is_ok() {
        queued += 1;
    }
    drop(listener);
    driver!(wait told(&mut connector, Role::Listener));
    let mut back = 0;
    for _ in 0..=queued {
        let failed = driver!(wait connector.flush(LISTENER)).unwrap_err();
        let Some(message) = failed.message else {
            // The last, or one that was begun.
            assert!(matches!(failed.error, Error::Stopped(Reason::Gone)), "{}", failed.error);
            continue;
        };
        assert!(matches!(failed.error, Error::Misuse(Misuse::Oneself)), "{}", failed.error);
        assert_eq!(message.body.len(), 100_000);
        back += 1;
    }
    assert!(back <= queued && back + UNSEEN >= queued, "{back} of {queued} came back");
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
    assert!(is_free(&path), "nothing is left but what a lock is on");
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
    assert!(is_owned(&path));
    drop(second);
    driver!(join second_driven)?;
    assert!(is_free(&path));
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
    assert!(is_owned(&path));
    Ok(())
}}
