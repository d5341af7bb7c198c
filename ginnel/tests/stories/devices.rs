// What users do with devices, told once for both drivers. Included by `messages.rs` of each.

use sp::{
    Device, Event, Forwards, Options, Pair1, Pattern, Pub, Pull, Push, RawPair1, RawRep, RawReq, RawRespondent,
    RawSurveyor, Rep, Req, Respondent, Socket, Sub, Surveyor,
};

#[cfg(unix)]
fn join<P: Pattern, Q: Pattern>(one: &mut Socket<P>, other: &mut Socket<Q>) {
    let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair");
    one.adopt(near).expect("a stream");
    other.adopt(far).expect("a stream");
}

// No socket can be handed in.
#[cfg(windows)]
fn join<P: Pattern, Q: Pattern>(one: &mut Socket<P>, other: &mut Socket<Q>) {
    let (_dir, path) = place();
    one.listen(&ipc(&path)).expect("a listener");
    other.keep_dialing(&ipc(&path)).expect("a dialer");
}

// It runs until the test is over.
fn run<P: Forwards>(front: Socket<P>, back: Socket<P::With>) {
    driver!(spawn {
        let mut device = Device::new(front, back);
        let _ = driver!(within 20000 device.run());
    });
}

driver! { story questions_and_answers_pass_through_devices {
    let (mut req, mut rep) = (Req::new()?, Rep::new()?);
    let (mut near_front, mut near_back, mut far_front, mut far_back) =
        (RawRep::new()?, RawReq::new()?, RawRep::new()?, RawReq::new()?);
    join(&mut req, &mut near_front);
    join(&mut near_back, &mut far_front);
    join(&mut far_back, &mut rep);
    run(near_front, near_back);
    run(far_front, far_back);
    let answering = driver!(spawn {
        for _ in 0..100 {
            let request = driver!(wait rep.recv()).unwrap();
            assert_eq!(request.trace().words().len(), 3, "two devices, and the number");
            let answer = request.body.to_ascii_uppercase();
            rep.reply(request, answer);
        }
        driver!(wait rep.flush()).unwrap();
    });
    for number in 0..100 {
        assert_eq!(driver!(wait req.request(format!("ask {number}")))?, format!("ASK {number}"));
    }
    driver!(join answering);
    Ok(())
}}

driver! { story a_survey_reaches_everybody_behind_a_device {
    let mut surveyor = Surveyor::with(&Options::new().survey_time(Duration::from_secs(10)))?;
    let (mut front, mut back) = (RawRespondent::new()?, RawSurveyor::new()?);
    join(&mut surveyor, &mut front);
    let mut answering = Vec::new();
    for number in 0..3 {
        let mut respondent = Respondent::new()?;
        join(&mut back, &mut respondent);
        answering.push(driver!(spawn {
            let request = driver!(wait respondent.recv()).unwrap();
            respondent.reply(request, format!("{number}"));
            driver!(wait respondent.flush()).unwrap();
            respondent
        }));
    }
    // A survey reaches whoever is attached by then.
    for _ in 0..3 {
        assert!(matches!(driver!(wait back.next_event())?, Event::Attached(_)));
    }
    run(front, back);
    assert!(matches!(driver!(wait surveyor.next_event())?, Event::Attached(_)));
    let mut heard = Vec::new();
    let mut survey = driver!(wait surveyor.survey("who?"))?;
    while heard.len() < 3 {
        heard.extend(driver!(wait survey.next())?);
    }
    heard.sort();
    assert_eq!(heard, ["0", "1", "2"]);
    for answers in answering {
        driver!(join answers);
    }
    Ok(())
}}

driver! { story work_and_news_pass_through_devices {
    let (mut push, mut inlet, mut outlet, mut pull) = (Push::new()?, Pull::new()?, Push::new()?, Pull::new()?);
    join(&mut push, &mut inlet);
    join(&mut outlet, &mut pull);
    run(inlet, outlet);
    let (mut publisher, mut hears, mut tells, mut sub) = (Pub::new()?, Sub::new()?, Pub::new()?, Sub::new()?);
    hears.subscribe("")?;
    sub.subscribe("b")?;
    join(&mut publisher, &mut hears);
    join(&mut tells, &mut sub);
    let working = driver!(spawn {
        for number in 0..1000_u32 {
            assert_eq!(driver!(wait pull.recv()).unwrap()[..], number.to_be_bytes());
        }
    });
    for number in 0..1000_u32 {
        driver!(wait push.feed(number.to_be_bytes().to_vec()))?;
    }
    driver!(wait push.flush())?;
    driver!(join working);
    let hearing = driver!(spawn { driver!(wait sub.recv()).unwrap() });
    assert!(matches!(driver!(wait tells.next_event())?, Event::Attached(_)));
    run(hears, tells);
    assert!(matches!(driver!(wait publisher.next_event())?, Event::Attached(_)));
    driver!(wait publisher.send("a"))?;
    driver!(wait publisher.send("b"))?;
    assert_eq!(driver!(join hearing), "b");
    Ok(())
}}

driver! { story a_pair_across_devices_counts_the_hops_and_a_long_way_is_too_long {
    // One device more than the limit of whoever receives.
    for (devices, arrives) in [(1, true), (2, true), (3, false)] {
        let mut near = Pair1::new()?;
        let mut far = Pair1::with(&Options::new().hops(3))?;
        let mut last = RawPair1::new()?;
        join(&mut near, &mut last);
        for _ in 1..devices {
            let (mut back, mut next) = (RawPair1::new()?, RawPair1::new()?);
            join(&mut back, &mut next);
            run(last, back);
            last = next;
        }
        let mut back = RawPair1::new()?;
        join(&mut back, &mut far);
        run(last, back);
        let sending = driver!(spawn { driver!(wait near.send("x")).unwrap(); driver!(wait near.flush()).unwrap(); near });
        if arrives {
            assert_eq!(driver!(wait far.recv())?, "x", "{devices} devices");
        } else {
            assert!(matches!(driver!(wait far.next_event())?, Event::Attached(_)));
            assert!(driver!(within 300 far.recv()).is_none_or(|late| late.is_err()), "{devices} devices");
            assert_eq!(far.dropped().hops, 1);
        }
        driver!(join sending);
    }
    Ok(())
}}

driver! { story a_ring_of_devices_stops_what_goes_round {
    let mut req = Req::new()?;
    // A question that comes round for the first time has three pipes before its number.
    let mut first = RawRep::with(&Options::new().hops(3))?;
    let [mut second, mut third] = [RawRep::new()?, RawRep::new()?];
    let [mut to_second, mut to_third, mut to_first] = [RawReq::new()?, RawReq::new()?, RawReq::new()?];
    join(&mut req, &mut first);
    join(&mut to_second, &mut second);
    join(&mut to_third, &mut third);
    join(&mut to_first, &mut first);
    run(second, to_third);
    run(third, to_first);
    let asking = driver!(spawn { driver!(within 1000 req.request("round and round")).is_none_or(|late| late.is_err()) });
    let mut device = Device::new(first, to_second);
    for _ in 0..500 {
        let _ = driver!(within 20 device.run());
        if device.ends().0.dropped().hops > 0 {
            break;
        }
    }
    assert_eq!(device.ends().0.dropped().hops, 1);
    assert!(driver!(join asking), "nobody answers");
    Ok(())
}}
