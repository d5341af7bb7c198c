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
        while bytes < 200 * 3000 + 2_000_000 {
            bytes += driver!(wait from_right.recv())?.expect("all of it comes back").body.len();
        }
        assert_eq!(bytes, 200 * 3000 + 2_000_000);
        Told::Ok(())
    });
    for _ in 0..200 {
        driver!(wait to_right.feed(vec![0; 3000]))?;
    }
    // Larger than everybody takes: it waits for the greeting that the other half reads.
    driver!(wait to_right.send(vec![0; 2_000_000]))?;
    driver!(join receiving)?;
    drop(to_right);
    driver!(join echo)
}}

driver! { story a_half_that_waits_for_a_greeting_is_told_when_none_will_come {
    let (connection, peer) = driver!(wait with_bare_peer(&ConnectionOptions::new()));
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
    let (connection, mut peer) = driver!(wait with_bare_peer(&ConnectionOptions::new().wire(Wire::Lines)));
    let (mut sender, _receiver) = connection.split();
    for _ in 0..3000 {
        driver!(wait sender.feed("a line"))?;
    }
    driver!(wait sender.flush())?;
    assert_eq!(there(&mut peer).len(), 3000 * 7);
    Ok(())
}}
