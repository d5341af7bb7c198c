// What users do with the ends of SP, told once for both drivers. Included by `messages.rs` of each.

use std::os::unix::net::UnixStream;
use std::path::Path;

use bytes::Bytes;
use sp::{
    Bus, Event, Gone, Options, Pair0, Pair1, Pattern, Protocol, Pub, Pull, Push, Rep, Req, Respondent, Socket, SpFault,
    Sub, Surveyor,
};

// How two ends meet.
#[derive(Clone, Copy, Debug)]
enum Way {
    Ipc,
    Abstract,
    Tcp,
    Inproc,
    Adopted,
}

const WAYS: [Way; 5] = [Way::Ipc, Way::Abstract, Way::Tcp, Way::Inproc, Way::Adopted];

// Lets one end meet another; both take part once something is awaited of them.
fn meet<P: Pattern, Q: Pattern>(way: Way, dir: &Path, one: &mut Socket<P>, other: &mut Socket<Q>) {
    // No two tests have the same directory.
    let name = dir.file_name().expect("a name").to_str().expect("a text");
    let url = match way {
        Way::Ipc => format!("ipc://{}/s", dir.display()),
        Way::Abstract => format!("abstract://{name}"),
        Way::Inproc => format!("inproc://{name}"),
        Way::Tcp => {
            let listener = one.listen("tcp://127.0.0.1:0").expect("a port");
            let port = one.bound_port(listener).expect("its number");
            other.keep_dialing(&format!("tcp://{port}")).expect("a dialer");
            return;
        }
        Way::Adopted => {
            one.listen("socket://").expect("it is there always");
            let (near, far) = UnixStream::pair().expect("a pair");
            one.adopt(near).expect("a stream");
            other.adopt(far).expect("a stream");
            return;
        }
    };
    one.listen(&url).expect("a listener");
    other.keep_dialing(&url).expect("a dialer");
}

fn two<P: Pattern, Q: Pattern>(way: Way) -> (tempfile::TempDir, Socket<P>, Socket<Q>) {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut one, mut other) = (Socket::new().expect("an end"), Socket::new().expect("an end"));
    meet(way, dir.path(), &mut one, &mut other);
    (dir, one, other)
}

driver! { story requests_are_answered {
    for way in WAYS {
        let (_dir, mut rep, mut req): (_, Rep, Req) = two(way);
        let answering = driver!(spawn {
            for _ in 0..100 {
                let request = driver!(wait rep.recv()).unwrap();
                let answer = request.body.to_ascii_uppercase();
                rep.reply(request, answer);
            }
            driver!(wait rep.flush()).unwrap();
        });
        for number in 0..100 {
            let answer = driver!(wait req.request(format!("ask {number}")))?;
            assert_eq!(answer, format!("ASK {number}"), "{way:?}");
        }
        driver!(join answering);
    }
    Ok(())
}}

driver! { story a_pipeline_carries_everything_in_order {
    for way in WAYS {
        let (_dir, mut pull, mut push): (_, Pull, Push) = two(way);
        let working = driver!(spawn {
            for number in 0..5_000_u32 {
                let body = driver!(wait pull.recv()).unwrap();
                assert_eq!(body[..4], number.to_be_bytes(), "{way:?}");
                assert_eq!(body.len(), 4 + number as usize % 9_000, "{way:?}");
            }
        });
        for number in 0..5_000_u32 {
            let mut body = number.to_be_bytes().to_vec();
            body.resize(4 + number as usize % 9_000, 0);
            driver!(wait push.feed(body))?;
        }
        driver!(wait push.flush())?;
        driver!(join working);
    }
    Ok(())
}}

driver! { story pairs_talk_both_ways {
    for way in WAYS {
        let (_dir, mut one, mut other): (_, Pair1, Pair1) = two(way);
        let echoing = driver!(spawn {
            for _ in 0..100 {
                let body = driver!(wait one.recv()).unwrap();
                driver!(wait one.send(body)).unwrap();
            }
        });
        for number in 0..100 {
            driver!(wait other.send(format!("{number}")))?;
            assert_eq!(driver!(wait other.recv())?, format!("{number}"), "{way:?}");
        }
        driver!(join echoing);
    }
    let (_dir, mut one, mut other): (_, Pair0, Pair0) = two(Way::Ipc);
    let sending = driver!(spawn { driver!(wait one.send("zero")).unwrap(); one });
    assert_eq!(driver!(wait other.recv())?, "zero");
    driver!(join sending);
    Ok(())
}}

driver! { story whoever_has_subscribed_hears_what_begins_so {
    for way in WAYS {
        let (_dir, mut publisher, mut sub): (_, Pub, Sub) = two(way);
        sub.subscribe("a")?;
        let hearing = driver!(spawn {
            let heard = [driver!(wait sub.recv()).unwrap(), driver!(wait sub.recv()).unwrap()];
            assert!(sub.unsubscribe("a") && !sub.unsubscribe("a"));
            heard
        });
        assert!(matches!(driver!(wait publisher.next_event())?, Event::Attached(_)));
        for body in ["b1", "a1", "", "a2", "c"] {
            driver!(wait publisher.send(body))?;
        }
        assert_eq!(driver!(join hearing), ["a1", "a2"], "{way:?}");
    }
    Ok(())
}}

driver! { story a_survey_is_answered_by_all_and_ends {
    for way in WAYS {
        let dir = tempfile::tempdir()?;
        let options = Options::new().survey_time(Duration::from_millis(300));
        let mut surveyor = Surveyor::with(&options)?;
        let mut respondent = Respondent::new()?;
        meet(way, dir.path(), &mut surveyor, &mut respondent);
        let answering = driver!(spawn {
            let request = driver!(wait respondent.recv()).unwrap();
            respondent.reply(request, "here");
            driver!(wait respondent.flush()).unwrap();
            respondent
        });
        assert!(matches!(driver!(wait surveyor.next_event())?, Event::Attached(_)));
        let mut survey = driver!(wait surveyor.survey("who is there?"))?;
        assert_eq!(driver!(wait survey.next())?, Some(Bytes::from_static(b"here")), "{way:?}");
        assert_eq!(driver!(wait survey.next())?, None, "{way:?}");
        driver!(join answering);
    }
    Ok(())
}}

driver! { story a_bus_is_heard_by_neighbours {
    for way in WAYS {
        let (_dir, mut one, mut other): (_, Bus, Bus) = two(way);
        let answering = driver!(spawn {
            assert_eq!(driver!(wait one.recv()).unwrap(), "ping", "{way:?}");
            driver!(wait one.send("pong")).unwrap();
            one
        });
        assert!(matches!(driver!(wait other.next_event())?, Event::Attached(_)));
        driver!(wait other.send("ping"))?;
        assert_eq!(driver!(wait other.recv())?, "pong", "{way:?}");
        driver!(join answering);
    }
    Ok(())
}}

driver! { story many_requests_are_open_at_the_same_time_over_one_end {
    let (_dir, rep, req): (_, Rep, Req) = two(Way::Ipc);
    let (rep, rep_driver) = rep.shared();
    let (req, req_driver) = req.shared();
    driver!(drive rep_driver);
    driver!(drive req_driver);
    let answering = driver!(spawn {
        // Nobody is answered before all have asked, and the last first.
        let mut in_hand = Vec::new();
        for _ in 0..50 {
            in_hand.push(driver!(wait rep.recv()).unwrap());
        }
        while let Some(request) = in_hand.pop() {
            let body = request.body.clone();
            rep.reply(request, body);
        }
        driver!(wait rep.flush()).unwrap();
    });
    let mut asking = Vec::new();
    for number in 0..50 {
        let req = req.clone();
        asking.push(driver!(spawn {
            assert_eq!(driver!(wait req.request(format!("{number}"))).unwrap(), format!("{number}"));
        }));
    }
    for asks in asking {
        driver!(join asks);
    }
    driver!(join answering);
    Ok(())
}}

driver! { story a_pipe_tells_who_is_at_the_other_end {
    for way in WAYS {
        let (_dir, mut pull, mut push): (_, Pull, Push) = two(way);
        let sending = driver!(spawn { driver!(wait push.send("x")).unwrap(); push });
        let Event::Attached(pipe) = driver!(wait pull.next_event())? else { panic!("a pipe comes first") };
        let handed_in = pull.listen("socket://")?;
        assert!(pull.listener_of(pipe).is_some() && pull.dialer_of(pipe).is_none());
        assert_eq!(pull.listener_of(pipe) == Some(handed_in), matches!(way, Way::Adopted), "{way:?}");
        let credentials = pull.peer_credentials(pipe);
        match way {
            Way::Tcp => assert_eq!(credentials.unwrap_err().kind(), std::io::ErrorKind::Unsupported),
            _ => {
                let credentials = credentials?;
                assert_eq!(credentials.pid, Some(std::process::id()));
                assert_eq!(credentials.uid, rustix::process::geteuid().as_raw());
                assert_eq!(credentials.gid, rustix::process::getegid().as_raw());
            }
        }
        driver!(join sending);
    }
    Ok(())
}}

driver! { story what_is_no_connected_stream_is_not_adopted_and_comes_back {
    let mut pull = Pull::new()?;
    let null = std::fs::File::open("/dev/null")?;
    let (packets, _other) = rustix::net::socketpair(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::SEQPACKET,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )?;
    let dir = tempfile::tempdir()?;
    let listener = std::os::unix::net::UnixListener::bind(dir.path().join("s"))?;
    let lonely = rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::STREAM, None)?;
    let (pipe, _end) = rustix::pipe::pipe()?;
    for fd in [null.into(), packets, listener.into(), lonely, pipe] as [std::os::fd::OwnedFd; 5] {
        let number = std::os::fd::AsRawFd::as_raw_fd(&fd);
        let refused = pull.adopt(fd).expect_err("it is no connected stream");
        assert_eq!(refused.error.kind(), std::io::ErrorKind::InvalidInput, "{refused}");
        assert_eq!(std::os::fd::AsRawFd::as_raw_fd(&refused.fd), number, "it is the caller's");
    }
    assert!(pull.pipes().is_empty());
    Ok(())
}}

driver! { story a_bad_greeting_is_told_and_everybody_else_is_served {
    let (_dir, mut pull, mut push): (_, Pull, Push) = two(Way::Adopted);
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
        let (near, mut far) = UnixStream::pair()?;
        std::io::Write::write_all(&mut far, greeting)?;
        let id = pull.adopt(near)?;
        let told = driver!(wait pull.next_event())?;
        assert_eq!(told, Event::Rejected(id, Gone::Fault(PeerFault::Sp(fault))));
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
    let (near, _silent) = UnixStream::pair()?;
    let id = rep.adopt(near)?;
    let told = driver!(wait rep.next_event())?;
    assert_eq!(told, Event::Rejected(id, Gone::Fault(PeerFault::Silent)));
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
    let dir = tempfile::tempdir()?;
    let url = format!("ipc://{}/nobody", dir.path().display());
    let error = driver!(wait req.dial(&url)).expect_err("nobody listens there");
    assert!(matches!(&error, Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound), "{error}");
    Ok(())
}}

driver! { story a_dialer_dials_again_and_what_was_asked_is_asked_again {
    let dir = tempfile::tempdir()?;
    let url = format!("ipc://{}/s", dir.path().display());
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
    let (near, far) = UnixStream::pair()?;
    req.adopt(near)?;
    rep.adopt(far)?;
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
    let (_dir, pull, mut push): (_, Pull, Push) = two(Way::Adopted);
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
