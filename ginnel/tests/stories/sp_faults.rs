// What goes wrong with ends of SP, and how they end: told once for both drivers. Included by `messages.rs` of each,
// within the stories of patterns.

driver! { story a_bad_greeting_is_told_and_everybody_else_is_served {
    let (_dir, mut pull, mut push): (_, Pull, Push) = two(Way::Ipc);
    let (_other, path) = place();
    pull.listen(&ipc(&path))?;
    let sending = driver!(spawn { driver!(wait push.send("first")).unwrap(); push });
    assert_eq!(driver!(wait pull.recv())?, "first");
    assert!(matches!(driver!(wait pull.next_event())?, Event::Attached(_)));
    let table: [(&[u8], SpFault); 4] = [
        (b"GET / HTTP/1.1", SpFault::Greeting),
        (b"\0SP\x01\0\x50\0\0", SpFault::Version { theirs: 1 }),
        (b"\0SP\0\0\x50\0\x01", SpFault::Reserved),
        (b"\0SP\0\0\x20\0\0", SpFault::Protocol { theirs: 0x20, awaited: Protocol::Push }),
    ];
    for (greeting, fault) in table {
        let mut far = bare(&path);
        std::io::Write::write_all(&mut far, greeting)?;
        let told = driver!(wait pull.next_event())?;
        assert!(matches!(told, Event::Rejected(_, Gone::Fault(PeerFault::Sp(why))) if why == fault), "{told:?}");
        // Ours came, and then the end.
        let mut said = Vec::new();
        // A reset, since what it wrote was not read to its end, is an end too.
        let _ = std::io::Read::read_to_end(&mut far, &mut said);
        assert!(said.is_empty() || said == b"\0SP\0\0\x51\0\0", "{said:?}");
    }
    let mut push = driver!(join sending);
    let sending = driver!(spawn { driver!(wait push.send("second")).unwrap(); push });
    assert_eq!(driver!(wait pull.recv())?, "second");
    driver!(join sending);
    Ok(())
}}

driver! { story whoever_never_greets_is_turned_away_in_time {
    let options = Options::new().greeting_deadline(Some(Duration::from_millis(50)));
    let mut rep = Rep::with(&options)?;
    let (_dir, path) = place();
    rep.listen(&ipc(&path))?;
    let _silent = bare(&path);
    let told = driver!(wait rep.next_event())?;
    assert!(matches!(told, Event::Rejected(_, Gone::Fault(PeerFault::Silent))), "{told:?}");
    Ok(())
}}

driver! { story nobody_is_dialled_at_socket_and_bad_urls_say_what_is_wrong {
    let mut req = Req::new()?;
    let error = req.keep_dialing("socket://").expect_err("nobody is there");
    assert!(matches!(&error, Error::Io(error) if error.kind() == std::io::ErrorKind::Unsupported), "{error}");
    for url in ["socket://junk", "socket:", "http://x", "ipc://", "tcp://x", "inproc://"] {
        assert!(matches!(req.keep_dialing(url), Err(Error::Address(_))), "{url}");
        assert!(matches!(req.listen(url), Err(Error::Address(_))), "{url}");
    }
    let (_dir, path) = place();
    let error = driver!(wait req.dial(&ipc(&path))).expect_err("nobody listens there");
    assert!(matches!(&error, Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound), "{error}");
    Ok(())
}}

driver! { story a_dialer_dials_again_and_what_was_asked_is_asked_again {
    let (_dir, path) = place();
    let url = ipc(&path);
    let mut req = Req::with(&Options::new().redial(Duration::from_millis(10)))?;
    req.keep_dialing(&url)?;
    let answering = driver!(spawn {
        let mut first = Rep::new().unwrap();
        first.listen(&url).unwrap();
        let request = driver!(wait first.recv()).unwrap();
        let number = request.trace().words().to_vec();
        drop((request, first));
        let mut second = Rep::new().unwrap();
        second.listen(&url).unwrap();
        let request = driver!(wait second.recv()).unwrap();
        assert_eq!(request.trace().words(), number, "it is the same question");
        second.reply(request, "from the second");
        driver!(wait second.flush()).unwrap();
        second
    });
    assert_eq!(driver!(wait req.request("anybody?"))?, "from the second");
    driver!(join answering);
    Ok(())
}}

driver! { story what_must_not_be_done_twice_fails_when_its_pipe_is_lost {
    let mut req = Req::with(&Options::new().resend_after(None))?;
    let mut rep = Rep::new()?;
    let (_dir, path) = place();
    meet(Way::Ipc, &path, &mut rep, &mut req);
    let dying = driver!(spawn { drop(driver!(wait rep.recv()).unwrap()); });
    let error = driver!(wait req.request("once")).expect_err("nobody answers");
    assert!(matches!(error.error, Error::Stopped(Reason::Gone)), "{error}");
    driver!(join dying);
    Ok(())
}}

driver! { story whoever_waits_at_an_end_that_another_handle_closes_waits_no_longer {
    let (pull, pull_driver) = Pull::new()?.shared();
    let (push, push_driver) = Push::new()?.shared();
    let (req, req_driver) = Req::new()?.shared();
    driver!(drive pull_driver);
    driver!(drive push_driver);
    driver!(drive req_driver);
    let (pulling, pushing, asking, watching) = (pull.clone(), push.clone(), req.clone(), req.clone());
    let waiting = [
        driver!(spawn { driver!(wait pulling.recv()).unwrap_err() }),
        driver!(spawn { driver!(wait pushing.send("x")).unwrap_err().error }),
        driver!(spawn { driver!(wait asking.request("x")).unwrap_err().error }),
        driver!(spawn { driver!(wait watching.next_event()).unwrap_err() }),
    ];
    // What waits for a pipe is not waited for.
    let _ = driver!(wait pull.close(Duration::ZERO));
    let _ = driver!(wait push.close(Duration::ZERO));
    let _ = driver!(wait req.close(Duration::ZERO));
    for waits in waiting {
        let error = driver!(join waits);
        assert!(matches!(error, Error::Stopped(Reason::Intentional)), "{error}");
    }
    Ok(())
}}

driver! { story what_had_arrived_is_received_from_an_end_that_is_closed {
    let (_dir, pull, mut push): (_, Pull, Push) = two(Way::Ipc);
    let (pull, driver) = pull.shared();
    driver!(drive driver);
    for body in ["one", "two", "three"] {
        driver!(wait push.feed(body))?;
    }
    driver!(wait push.flush())?;
    assert_eq!(driver!(wait pull.recv())?, "one");
    // They came in one write, and so in one read.
    let _ = driver!(wait pull.close(Duration::ZERO));
    assert_eq!(driver!(wait pull.recv())?, "two");
    assert_eq!(driver!(wait pull.recv())?, "three");
    let error = driver!(wait pull.recv()).unwrap_err();
    assert!(matches!(error, Error::Stopped(Reason::Intentional)), "{error}");
    Ok(())
}}

driver! { story a_listener_that_is_closed_is_not_mistaken_for_a_later_one {
    let mut pull = Pull::new()?;
    let first = pull.listen("tcp://127.0.0.1:0")?;
    assert!(pull.close_listener(first));
    let second = pull.listen("tcp://127.0.0.1:0")?;
    assert_ne!(first, second);
    assert!(!pull.close_listener(first), "it is closed already");
    assert!(pull.bound_port(second).is_ok());
    Ok(())
}}

driver! { story a_port_where_nobody_listens_is_told_as_the_kernel_tells_it {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("tcp://{}", closed.local_addr()?);
    drop(closed);
    let mut push = Push::new()?;
    let error = driver!(wait push.dial(&url)).expect_err("nobody listens there");
    assert!(matches!(&error, Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused), "{error}");
    Ok(())
}}

#[cfg(unix)]
mod unix {
    use super::*;

    include!("unix/sp.rs");
}
