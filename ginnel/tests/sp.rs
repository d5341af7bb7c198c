//! The ends of SP among themselves, over each transport.

use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use ginnel::sp::{
    Bus, Event, Options, Pattern, Pub, Pull, Push, Rep, Req, Respondent, Socket, Sub, Surveyor,
};
use tempfile::TempDir;

/// How two ends meet.
#[derive(Clone, Copy, Debug)]
enum Way {
    Ipc,
    Abstract,
    Tcp,
    Inproc,
    Adopted,
}

const WAYS: [Way; 5] = [Way::Ipc, Way::Abstract, Way::Tcp, Way::Inproc, Way::Adopted];

fn soon() -> Option<Instant> {
    Instant::now().checked_add(Duration::from_secs(20))
}

fn end<P: Pattern>() -> Socket<P> {
    let mut end = Socket::new().expect("an end");
    end.set_deadline(soon());
    end
}

/// Lets one end meet another. A listener takes somebody in only while it is used, so nobody waits here.
fn meet<P: Pattern, Q: Pattern>(way: Way, dir: &TempDir, one: &mut Socket<P>, other: &mut Socket<Q>) {
    let name = format!("{}-{}", P::END, dir.path().display()).replace('/', "-");
    let url = match way {
        Way::Ipc => format!("ipc://{}/s", dir.path().display()),
        Way::Abstract => format!("abstract://{}", &name[name.len().saturating_sub(90)..]),
        Way::Inproc => format!("inproc://{}", &name[name.len().saturating_sub(50)..]),
        Way::Tcp => {
            let listener = one.listen("tcp://127.0.0.1:0").expect("a port");
            let port = one.bound_port(listener).expect("its number");
            other.keep_dialing(&format!("tcp://{port}")).expect("a dialer");
            return;
        }
        Way::Adopted => {
            let (near, far) = UnixStream::pair().expect("a pair");
            one.adopt(near).expect("a stream");
            other.adopt(far).expect("a stream");
            return;
        }
    };
    one.listen(&url).expect("a listener");
    other.keep_dialing(&url).expect("a dialer");
}

fn attached<P: Pattern>(end: &mut Socket<P>) {
    let event = end.next_event().expect("an event");
    assert!(matches!(event, Event::Attached(_)), "{event:?}");
}

#[test]
fn requests_are_answered() {
    for way in WAYS {
        let dir = TempDir::new().unwrap();
        let (mut rep, mut req): (Rep, Req) = (end(), end());
        meet(way, &dir, &mut rep, &mut req);
        thread::scope(|threads| {
            threads.spawn(|| {
                for _ in 0..100 {
                    let request = rep.recv().unwrap();
                    let answer = request.body.to_ascii_uppercase();
                    rep.reply(request, answer);
                }
                rep.flush().unwrap();
            });
            for number in 0..100 {
                let answer = req.request(format!("ask {number}")).unwrap();
                assert_eq!(answer, format!("ASK {number}"), "{way:?}");
            }
        });
    }
}

#[test]
fn a_pipeline_carries_everything_in_order() {
    for way in WAYS {
        let dir = TempDir::new().unwrap();
        let (mut pull, mut push): (Pull, Push) = (end(), end());
        meet(way, &dir, &mut pull, &mut push);
        thread::scope(|threads| {
            threads.spawn(|| {
                for number in 0..10_000_u32 {
                    assert_eq!(pull.recv().unwrap()[..4], number.to_be_bytes(), "{way:?}");
                }
            });
            for number in 0..10_000_u32 {
                let mut body = number.to_be_bytes().to_vec();
                body.resize(4 + number as usize % 300, 0);
                push.feed(body).unwrap();
            }
            push.flush().unwrap();
        });
    }
}

#[test]
fn pairs_talk_both_ways() {
    fn talk<P: ginnel::sp::Sends + ginnel::sp::Receives<Item = bytes::Bytes>>(way: Way) {
        let dir = TempDir::new().unwrap();
        let (mut one, mut other): (Socket<P>, Socket<P>) = (end(), end());
        meet(way, &dir, &mut one, &mut other);
        thread::scope(|threads| {
            threads.spawn(|| {
                for _ in 0..1000 {
                    let body = one.recv().unwrap();
                    one.send(body).unwrap();
                }
            });
            for number in 0..1000 {
                let body = format!("{number}");
                other.send(body.clone()).unwrap();
                assert_eq!(other.recv().unwrap(), body, "{way:?}");
            }
        });
    }
    for way in WAYS {
        talk::<ginnel_proto::sp::Pair0>(way);
        talk::<ginnel_proto::sp::Pair1>(way);
    }
}

#[test]
fn who_has_subscribed_hears_what_begins_so() {
    for way in WAYS {
        let dir = TempDir::new().unwrap();
        let (mut publisher, mut sub): (Pub, Sub) = (end(), end());
        sub.subscribe("a").unwrap();
        meet(way, &dir, &mut publisher, &mut sub);
        thread::scope(|threads| {
            let sub = threads.spawn(|| {
                attached(&mut sub);
                let heard = [sub.recv().unwrap(), sub.recv().unwrap()];
                assert_eq!(heard, ["a1", "a2"], "{way:?}");
            });
            attached(&mut publisher);
            for body in ["b1", "a1", "", "a2", "c"] {
                publisher.send(body).unwrap();
            }
            sub.join().unwrap();
        });
    }
}

#[test]
fn a_survey_is_answered_by_all_and_ends() {
    for way in WAYS {
        let dir = TempDir::new().unwrap();
        let options = Options::new().survey_time(Duration::from_millis(300));
        let mut surveyor = Surveyor::with(&options).unwrap();
        surveyor.set_deadline(soon());
        let mut respondent: Respondent = end();
        meet(way, &dir, &mut surveyor, &mut respondent);
        thread::scope(|threads| {
            threads.spawn(|| {
                let request = respondent.recv().unwrap();
                respondent.reply(request, "here");
                respondent.flush().unwrap();
            });
            attached(&mut surveyor);
            let mut survey = surveyor.survey("who is there?").unwrap();
            assert_eq!(survey.next().unwrap().unwrap(), "here", "{way:?}");
            assert_eq!(survey.next().unwrap(), None, "{way:?}");
        });
    }
}

#[test]
fn a_bus_is_heard_by_neighbours() {
    for way in WAYS {
        let dir = TempDir::new().unwrap();
        let (mut one, mut other): (Bus, Bus) = (end(), end());
        meet(way, &dir, &mut one, &mut other);
        thread::scope(|threads| {
            threads.spawn(|| {
                attached(&mut one);
                assert_eq!(one.recv().unwrap(), "ping", "{way:?}");
                one.send("pong").unwrap();
            });
            attached(&mut other);
            other.send("ping").unwrap();
            assert_eq!(other.recv().unwrap(), "pong", "{way:?}");
        });
    }
}

#[test]
fn many_requests_are_open_at_the_same_time_over_one_end() {
    let dir = TempDir::new().unwrap();
    let (mut rep, mut req): (Rep, Req) = (end(), end());
    meet(Way::Ipc, &dir, &mut rep, &mut req);
    let (rep, rep_driver) = rep.shared();
    let (req, req_driver) = req.shared();
    thread::scope(|threads| {
        threads.spawn(|| rep_driver.run().unwrap());
        threads.spawn(|| req_driver.run().unwrap());
        threads.spawn(move || {
            // Nobody is answered before all have asked, and the last first.
            let mut in_hand: Vec<_> = (0..50).map(|_| rep.recv().unwrap()).collect();
            while let Some(request) = in_hand.pop() {
                let body = request.body.clone();
                rep.reply(request, body);
            }
            rep.flush().unwrap();
        });
        let asking: Vec<_> = (0..50)
            .map(|number| {
                let req = req.clone();
                threads
                    .spawn(move || assert_eq!(req.request(format!("{number}")).unwrap(), format!("{number}")))
            })
            .collect();
        asking.into_iter().for_each(|asks| asks.join().unwrap());
        drop(req);
    });
}
