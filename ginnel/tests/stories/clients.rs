// What users do with a client whose server comes and goes, told once for both drivers. Included by `messages.rs` of
// each.

driver! { story calls_go_on_over_servers_that_come_and_go {
    let (_dir, path) = place();
    let mut client = Client::connect(&path)?;
    for round in 0..20u8 {
        // Answers three requests with their own bytes; then it goes without a word.
        let listener = Connection::listen(&path)?;
        let server = driver!(spawn {
            let mut connection = driver!(wait listener.accept()).unwrap();
            for _ in 0..3 {
                let Some(Delivery::Request(mut request)) = driver!(wait connection.next()).unwrap() else {
                    panic!("a request")
                };
                let echo = std::mem::replace(&mut request.message, Message::empty());
                driver!(wait connection.reply(request, echo)).unwrap();
            }
        });
        for call in 0..3u8 {
            // A server that goes is noticed by the call after its last answer, which may find the old connection.
            let answer = loop {
                match driver!(wait client.call(vec![round, call])) {
                    Ok(answer) => break answer,
                    Err(failed) => {
                        assert!(matches!(failed.error, Error::Stopped(Reason::Closed)), "{failed}");
                    }
                }
            };
            assert_eq!(answer.body[..], [round, call]);
        }
        driver!(join server);
    }
    Ok(())
}}

driver! { story what_waits_for_a_server_arrives_once_and_in_order {
    let (_dir, path) = place();
    let mut client = Client::connect(&path)?;
    for number in 0..500u32 {
        driver!(wait client.feed(number.to_le_bytes().to_vec()))?;
    }
    let listener = Connection::listen(&path)?;
    let server = driver!(spawn {
        let mut connection = driver!(wait listener.accept()).unwrap();
        let mut bodies = Vec::new();
        for _ in 0..500 {
            bodies.push(driver!(wait connection.recv()).unwrap().unwrap().body);
        }
        bodies
    });
    driver!(wait client.flush())?;
    let expected: Vec<_> = (0..500u32).map(|number| number.to_le_bytes().to_vec()).collect();
    assert_eq!(driver!(join server), expected);
    Ok(())
}}

driver! { story the_queue_of_a_client_that_is_down_is_bounded {
    let (_dir, path) = place();
    let mut client = Client::connect(&path)?;
    for _ in 0..1024 {
        driver!(wait client.feed("x"))?;
    }
    let failed = client.try_feed("one too many").unwrap_err();
    assert!(matches!(failed.error, Error::Limit(Limit::Queue { messages: 1024, .. })), "{failed}");
    assert_eq!(failed.message.unwrap().body, "one too many");
    let fed = driver!(within 30 client.feed("one too many"));
    assert!(fed.is_none_or(|fed| fed.unwrap_err().error.is_timeout()), "there is no room for it");
    Ok(())
}}

driver! { story status_is_told_and_can_be_waited_for {
    let (_dir, path) = place();
    let mut client = Client::connect(&path)?;
    assert_eq!(driver!(wait client.changed())?, Status::Connecting { attempt: 1 });
    assert!(matches!(driver!(wait client.changed())?, Status::Reconnecting { attempt: 1, .. }));
    let soon = Duration::from_millis(20);
    let error = driver!(wait client.wait_for(|status| status == Status::Connected, soon)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let listener = Connection::listen(&path)?;
    let server = driver!(spawn {
        [driver!(wait listener.accept()).unwrap(), driver!(wait listener.accept()).unwrap()]
    });
    driver!(wait client.wait_for(|status| status == Status::Connected, LONG))?;
    client.disconnect();
    assert_eq!(client.status(), Status::Disconnected { reason: Reason::Intentional });
    assert!(driver!(wait client.recv())?.is_none(), "it was ended on purpose");
    client.reconnect();
    driver!(wait client.wait_for(|status| status == Status::Connected, LONG))?;
    drop(driver!(join server));
    Ok(())
}}

driver! { story a_client_that_may_try_twice_stops_and_gives_its_messages_back {
    let (_dir, path) = place();
    let options = ClientOptions::new().pause(Duration::from_millis(1), Duration::from_millis(1)).attempts(2);
    let mut client = Client::connect_with(&path, &options)?;
    driver!(wait client.feed("kept"))?;
    let failed = driver!(wait client.flush()).unwrap_err();
    assert_eq!(failed.message.unwrap().body, "kept");
    let error = driver!(wait client.recv()).unwrap_err();
    assert!(matches!(error, Error::Stopped(Reason::MaxRetriesExceeded { attempts: 2 })), "{error}");
    Ok(())
}}

driver! { story an_answer_or_a_question_that_the_server_does_not_take_comes_back {
    let (_dir, path) = place();
    let small = ConnectionOptions::new().largest_message(64 << 10);
    let mut server = Server::listen_with(&path, &ServerOptions::new().connection(small))?;
    let client = driver!(spawn {
        let mut client = Client::connect(&path).unwrap();
        let failed = driver!(wait client.call(vec![0; 100_000])).unwrap_err();
        let Some(Delivery::Request(request)) = driver!(wait client.next()).unwrap() else { panic!("a question") };
        let replied = driver!(wait client.reply(request, vec![0; 200_000])).unwrap_err();
        driver!(wait client.flush()).unwrap();
        // The failure in place of the answer is on its way: it must be read before the end.
        driver!(wait client.close(LONG)).unwrap();
        (failed, replied)
    });
    let Happening::Joined(id) = driver!(wait server.next())? else { panic!("somebody joins") };
    let failed = driver!(wait server.call(id, "give me much")).unwrap_err();
    let Error::Failure(why) = failed.error else { panic!("{failed}") };
    assert_eq!(why, "the answer cannot be sent: the body has 200000 bytes, the other side takes 65536");
    while !matches!(driver!(wait server.next())?, Happening::Left(..)) {}
    let (failed, replied) = driver!(join client);
    assert!(matches!(failed.error, Error::Limit(Limit::Message { length: 100_000, .. })), "{failed}");
    assert_eq!(failed.message.unwrap().body.len(), 100_000);
    assert!(matches!(replied.error, Error::Limit(Limit::Message { length: 200_000, .. })), "{replied}");
    Ok(())
}}

driver! { story closing_a_client_sends_what_is_queued_and_a_goodbye {
    let (_dir, path) = place();
    let mut client = Client::connect(&path)?;
    driver!(wait client.feed("last"))?;
    let listener = Connection::listen(&path)?;
    let server = driver!(spawn {
        let mut connection = driver!(wait listener.accept()).unwrap();
        let last = driver!(wait connection.recv()).unwrap().unwrap();
        assert!(driver!(wait connection.recv()).unwrap().is_none());
        (last.body, connection.said_goodbye())
    });
    driver!(wait client.close(LONG))?;
    assert_eq!(driver!(join server), ("last".into(), true));
    Ok(())
}}
