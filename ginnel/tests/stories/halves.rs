// What users do with the halves of a connection, told once for both drivers. Included by `messages.rs` of each.

driver! { story halves_send_and_receive_at_the_same_time {
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

driver! { story a_half_that_waits_for_a_greeting_is_told_when_none_will_come {
    let (connection, peer) = with_bare_peer(&ConnectionOptions::new());
    let (mut sender, mut receiver) = connection.split();
    drop(peer);
    let receiving = driver!(spawn {
        assert!(driver!(wait receiver.recv()).is_ok_and(|end| end.is_none()));
        Told::Ok(())
    });
    driver!(join receiving)?;
    let failed = driver!(wait sender.send(vec![0; 100_000])).expect_err("nobody is there");
    assert_eq!(failed.message.expect("it comes back").body.len(), 100_000);
    Ok(())
}}

driver! { story a_half_that_fills_its_queue_waits_for_room_and_for_nothing_else {
    let (connection, mut peer) = with_bare_peer(&ConnectionOptions::new().wire(Wire::Lines));
    let (mut sender, _receiver) = connection.split();
    for _ in 0..3000 {
        driver!(wait sender.feed("a line"))?;
    }
    driver!(wait sender.flush())?;
    assert_eq!(there(&mut peer).len(), 3000 * 7);
    Ok(())
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
