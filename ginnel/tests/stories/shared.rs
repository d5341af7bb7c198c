// What users do with handles that many share, told once for both drivers. Included by `messages.rs` of each.

driver! { story calls_of_many_find_each_its_own_answer {
    let (left, mut right) = Connection::pair()?;
    let (handle, driver) = left.shared()?;
    let driven = driver!(drive driver);
    let mut callers = Vec::new();
    for caller in 0..8u8 {
        let handle = handle.clone();
        callers.push(driver!(spawn {
            for call in 0..50u8 {
                let answer = driver!(wait handle.call(vec![caller, call])).unwrap();
                assert_eq!(answer.body[..], [caller, call, 7]);
            }
        }));
    }
    drop(handle);
    for _ in 0..8 * 50 {
        let Some(Delivery::Request(request)) = driver!(wait right.next())? else { panic!("a question") };
        let answer = [&request.message.body[..], &[7]].concat();
        driver!(wait right.reply(request, answer))?;
    }
    for caller in callers {
        driver!(join caller);
    }
    // The last handle is gone: the driver says goodbye and ends.
    assert!(driver!(wait right.recv())?.is_none());
    assert!(right.said_goodbye());
    drop(right);
    driver!(join driven)?;
    Ok(())
}}

driver! { story what_was_queued_goes_first_and_what_arrived_comes_first {
    let (mut left, mut right) = Connection::pair()?;
    driver!(wait left.feed("queued before"))?;
    driver!(wait right.feed("one"))?;
    driver!(wait right.send("two"))?;
    // Both are in the inbox then: a call that fails has read them.
    assert_eq!(driver!(wait left.recv())?.unwrap().body, "one");
    let (handle, driver) = left.shared()?;
    let driven = driver!(drive driver);
    assert_eq!(handle.status(), Status::Connected);
    driver!(wait handle.flush())?;
    driver!(wait handle.send("sent after"))?;
    assert_eq!(driver!(wait right.recv())?.unwrap().body, "queued before");
    assert_eq!(driver!(wait right.recv())?.unwrap().body, "sent after");
    assert_eq!(driver!(wait handle.recv())?.unwrap().body, "two");
    drop(right);
    assert!(driver!(wait handle.recv())?.is_none(), "the other side has gone");
    drop(handle);
    driver!(join driven)?;
    Ok(())
}}

driver! { story a_handle_learns_that_nobody_drives {
    let (left, _right) = Connection::pair()?;
    let (handle, driver) = left.shared()?;
    let waiting = {
        let handle = handle.clone();
        driver!(spawn { driver!(wait handle.recv()).unwrap_err() })
    };
    drop(driver);
    let error = driver!(join waiting);
    assert!(matches!(error, Error::Stopped(Reason::NotDriven)), "{error}");
    let failed = driver!(wait handle.call("?")).unwrap_err();
    assert!(matches!(failed.error, Error::Stopped(Reason::NotDriven)), "{failed}");
    let mut changes = handle.subscribe();
    assert!(driver!(wait changes.recv()).is_err());
    Ok(())
}}

driver! { story a_client_comes_back_while_nobody_waits_for_it_and_subscribers_are_told {
    let (_dir, path) = place();
    let (handle, driver) = Client::connect(&path)?.shared();
    let mut changes = handle.subscribe();
    let driven = driver!(drive driver);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let listener = Connection::listen(&path)?;
        // Nobody calls anything on the client.
        let mut connection = driver!(wait listener.accept())?;
        loop {
            match driver!(wait changes.recv())? {
                Status::Connected => break,
                other => seen.push(other),
            }
        }
        driver!(wait handle.send("hello"))?;
        assert_eq!(driver!(wait connection.recv())?.unwrap().body, "hello");
    }
    assert!(seen.iter().any(|status| matches!(status, Status::Reconnecting { .. })), "{seen:?}");
    handle.disconnect();
    let stopped = |status| matches!(status, Status::Disconnected { reason: Reason::Intentional });
    driver!(wait handle.wait_for(stopped, LONG))?;
    drop((handle, changes));
    driver!(join driven)?;
    Ok(())
}}

driver! { story one_waits_for_its_own_message_and_gets_it_back {
    let (_dir, path) = place();
    let options = ClientOptions::new().pause(Duration::from_millis(1), Duration::from_millis(1)).attempts(3);
    let (handle, driver) = Client::connect_with(&path, &options)?.shared();
    let mut senders = Vec::new();
    for sender in 0..4u8 {
        let handle = handle.clone();
        senders.push(driver!(spawn {
            let failed = driver!(wait handle.send(vec![sender])).unwrap_err();
            // It was given up before it was queued, or after.
            assert!(matches!(failed.error, Error::Stopped(Reason::MaxRetriesExceeded { .. })), "{failed}");
            assert_eq!(failed.message.unwrap().body[..], [sender]);
        }));
    }
    let driven = driver!(drive driver);
    for sender in senders {
        driver!(join sender);
    }
    drop(handle);
    driver!(join driven)?;
    Ok(())
}}

driver! { story a_full_inbox_stops_reading_until_somebody_receives {
    let (left, mut right) = Connection::pair()?;
    let (handle, driver) = left.shared()?;
    let driven = driver!(drive driver);
    let flood = driver!(spawn {
        for number in 0..20_000u32 {
            driver!(wait right.feed(number.to_le_bytes().to_vec())).unwrap();
        }
        driver!(wait right.flush()).unwrap();
        right
    });
    for number in 0..20_000u32 {
        assert_eq!(driver!(wait handle.recv())?.unwrap().body[..], number.to_le_bytes());
    }
    drop(driver!(join flood));
    drop(handle);
    driver!(join driven)?;
    Ok(())
}}

driver! { story a_server_is_served_by_many {
    let (_dir, path) = place();
    let (server, driver) = Server::listen(&path)?.shared();
    let driven = driver!(drive driver);
    let mut workers = Vec::new();
    for _ in 0..4 {
        let server = server.clone();
        workers.push(driver!(spawn {
            let mut served = 0;
            loop {
                match driver!(wait server.next()).unwrap() {
                    Happening::Message(_, _) => return served,
                    Happening::Request(request) => {
                        served += 1;
                        let echo = request.message.body.clone();
                        server.reply(request, echo);
                    }
                    _ => {}
                }
            }
        }));
    }
    let mut clients = Vec::new();
    for client in 0..8u8 {
        let path = path.clone();
        clients.push(driver!(spawn {
            let mut connection = driver!(wait Connection::connect(&path)).unwrap();
            for call in 0..50u8 {
                let answer = driver!(wait connection.call(vec![client, call])).unwrap();
                assert_eq!(answer.body[..], [client, call]);
            }
        }));
    }
    for client in clients {
        driver!(join client);
    }
    let mut last = driver!(wait Connection::connect(&path))?;
    for _ in 0..4 {
        driver!(wait last.send("stop"))?;
    }
    let mut served = 0;
    for worker in workers {
        served += driver!(join worker);
    }
    assert_eq!(served, 8 * 50);
    drop(server);
    assert!(driver!(wait last.recv())?.is_none(), "the server says goodbye");
    drop(last);
    driver!(join driven)?;
    assert!(is_free(&path));
    Ok(())
}}

driver! { story a_server_asks_and_broadcasts_by_its_handles {
    let (_dir, path) = place();
    let (server, driver) = Server::listen(&path)?.shared();
    let driven = driver!(drive driver);
    let client = driver!(spawn {
        let mut connection = driver!(wait Connection::connect(&path)).unwrap();
        let told = driver!(wait connection.recv()).unwrap().unwrap().body;
        let Some(Delivery::Request(request)) = driver!(wait connection.next()).unwrap() else { panic!("asked") };
        driver!(wait connection.reply(request, "fine")).unwrap();
        assert!(driver!(wait connection.recv()).unwrap().is_none());
        told
    });
    let Happening::Joined(id) = driver!(wait server.next())? else { panic!("somebody joins") };
    assert_eq!((server.connections(), server.connection_count()), (vec![id], 1));
    assert!(server.broadcast("to all").is_empty());
    assert_eq!(driver!(wait server.call(id, "how are you?"))?.body, "fine");
    assert!(server.disconnect(id) && !server.is_connected(id));
    assert_eq!(driver!(join client), "to all");
    let failed = driver!(wait server.send(id, "late")).unwrap_err();
    assert_eq!(failed.message.unwrap().body, "late");
    drop(server);
    driver!(join driven)?;
    Ok(())
}}

driver! { story handles_close_for_all {
    let (_dir, path) = place();
    let (server, driver) = Server::listen(&path)?.shared();
    let serving = driver!(drive driver);
    let (client, driver) = Client::connect(&path)?.shared();
    let driven = driver!(drive driver);
    driver!(wait client.feed("last"))?;
    let Happening::Joined(id) = driver!(wait server.next())? else { panic!("somebody joins") };
    driver!(wait client.wait_for(|status| status == Status::Connected, LONG))?;
    assert_eq!(client.peer_credentials()?.pid, Some(std::process::id()));
    assert!(client.greeting().is_some());
    driver!(wait client.close(LONG))?;
    assert!(driver!(wait client.recv())?.is_none());
    assert!(client.peer_credentials().is_err());
    assert_eq!(driver!(wait server.recv())?.1.body, "last");
    // Where one direction can be closed alone, closing has waited for the other side's end.
    assert!(!HAS_HALF_CLOSES || !server.is_connected(id));
    while server.is_connected(id) {
        driver!(wait server.next())?;
    }
    let mut other = driver!(wait Connection::connect(&path))?;
    let id = loop {
        if let Happening::Joined(id) = driver!(wait server.next())? {
            break id;
        }
    };
    driver!(wait server.feed(id, "bye"))?;
    let reading = driver!(spawn {
        let bye = driver!(wait other.recv()).unwrap().unwrap().body;
        assert!(driver!(wait other.recv()).unwrap().is_none());
        bye
    });
    driver!(wait server.close(LONG))?;
    assert_eq!(driver!(join reading), "bye");
    assert!(is_free(&path), "it listens no more");
    drop((client, server));
    driver!(join driven)?;
    driver!(join serving)?;
    Ok(())
}}
