// What users do with the ends of SP, told once for both drivers. Included by `messages.rs` of each.

use bytes::Bytes;
use sp::{
    Bus, Event, Gone, Options, Pair0, Pair1, Pattern, Protocol, Pub, Pull, Push, Rep, Req, Respondent, Socket, SpFault,
    Sub, Surveyor,
};

// How two ends meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Ipc,
    Tcp,
    Inproc,
    #[cfg(unix)]
    Abstract,
    #[cfg(unix)]
    Adopted,
}

#[cfg(unix)]
const WAYS: &[Way] = &[Way::Ipc, Way::Tcp, Way::Inproc, Way::Abstract, Way::Adopted];
#[cfg(windows)]
const WAYS: &[Way] = &[Way::Ipc, Way::Tcp, Way::Inproc];

// Lets one end meet another; both take part once something is awaited of them. No two tests have the same place.
fn meet<P: Pattern, Q: Pattern>(way: Way, path: &Place, one: &mut Socket<P>, other: &mut Socket<Q>) {
    match way {
        Way::Ipc => meet_at(&ipc(path), one, other),
        Way::Inproc => meet_at(&ipc(path).replace("ipc://", "inproc://"), one, other),
        Way::Tcp => {
            let listener = one.listen("tcp://127.0.0.1:0").expect("a port");
            let port = one.bound_port(listener).expect("its number");
            other.keep_dialing(&format!("tcp://{port}")).expect("a dialer");
        }
        #[cfg(unix)]
        Way::Abstract => {
            let name = ipc(path).replace("ipc://", "").replace('/', "-");
            meet_at(&format!("abstract://{name}"), one, other);
        }
        #[cfg(unix)]
        Way::Adopted => {
            one.listen("socket://").expect("it is there always");
            let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair");
            one.adopt(near).expect("a stream");
            other.adopt(far).expect("a stream");
        }
    }
}

fn meet_at<P: Pattern, Q: Pattern>(url: &str, one: &mut Socket<P>, other: &mut Socket<Q>) {
    one.listen(url).expect("a listener");
    other.keep_dialing(url).expect("a dialer");
}

fn two<P: Pattern, Q: Pattern>(way: Way) -> (impl Sized + Send, Socket<P>, Socket<Q>) {
    let (guard, path) = place();
    let (mut one, mut other) = (Socket::new().expect("an end"), Socket::new().expect("an end"));
    meet(way, &path, &mut one, &mut other);
    (guard, one, other)
}

driver! { story requests_are_answered {
    for &way in WAYS {
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
    for &way in WAYS {
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
    for &way in WAYS {
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
    for &way in WAYS {
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
    for &way in WAYS {
        let (_dir, path) = place();
        let options = Options::new().survey_time(Duration::from_millis(300));
        let mut surveyor = Surveyor::with(&options)?;
        let mut respondent = Respondent::new()?;
        meet(way, &path, &mut surveyor, &mut respondent);
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
    for &way in WAYS {
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
    for &way in WAYS {
        let (_dir, mut pull, mut push): (_, Pull, Push) = two(way);
        let sending = driver!(spawn { driver!(wait push.send("x")).unwrap(); push });
        let Event::Attached(pipe) = driver!(wait pull.next_event())? else { panic!("a pipe comes first") };
        let handed_in = pull.listen("socket://")?;
        assert!(pull.listener_of(pipe).is_some() && pull.dialer_of(pipe).is_none());
        assert_eq!(pull.listener_of(pipe) == Some(handed_in), format!("{way:?}") == "Adopted", "{way:?}");
        let credentials = pull.peer_credentials(pipe);
        match way {
            Way::Tcp => assert_eq!(credentials.unwrap_err().kind(), std::io::ErrorKind::Unsupported),
            _ => assert!(is_this_process(&credentials?), "{way:?}"),
        }
        driver!(join sending);
    }
    Ok(())
}}
