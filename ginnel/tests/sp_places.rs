//! Ends of SP at each kind of place, on every system: sockets of the system's own, TCP, and within a process.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ginnel::Error;
use ginnel::sp::{Event, Options, Pub, Pull, Push, Rep, Req, Sub};

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(60);

fn later() -> Option<Instant> {
    Instant::now().checked_add(PATIENCE)
}

/// A name that no other test has.
fn name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("ginnel-sp-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(windows)]
fn ipc() -> String {
    format!("ipc://{}", name())
}

#[cfg(unix)]
fn ipc() -> String {
    format!("ipc://{}", std::env::temp_dir().join(name()).display())
}

/// One URL of each kind. The port of TCP is of the system's choice.
fn urls() -> [String; 3] {
    [ipc(), format!("inproc://{}", name()), "tcp://127.0.0.1:0".into()]
}

/// What to dial, once somebody listens there.
macro_rules! listen {
    ($end:ident, $url:expr) => {{
        let listener = $end.listen($url)?;
        match $url.strip_prefix("tcp://") {
            Some(_) => format!("tcp://{}", $end.bound_port(listener)?),
            None => $url.clone(),
        }
    }};
}

#[test]
fn questions_are_answered() -> Result<(), Error> {
    for url in &urls() {
        let mut rep = Rep::new()?;
        let url = listen!(rep, url);
        rep.set_deadline(later());
        let answering = thread::spawn(move || {
            for _ in 0..100 {
                let request = rep.recv().expect("a question");
                let body = request.body.clone();
                rep.reply(request, body);
            }
            rep.close(PATIENCE).expect("closed");
        });
        let mut req = Req::new()?;
        req.set_deadline(later());
        req.dial(&url)?;
        for number in 0..100_usize {
            let question = vec![number as u8; number * number * 3];
            assert!(req.request(question.clone()).expect("an answer") == question, "{url}");
        }
        drop(req);
        answering.join().expect("no panic");
    }
    Ok(())
}

#[test]
fn everything_that_is_pushed_is_pulled_in_its_order() -> Result<(), Error> {
    for url in &urls() {
        let mut pull = Pull::new()?;
        let url = listen!(pull, url);
        pull.set_deadline(later());
        let pulling = thread::spawn(move || {
            (0..2000_u32).all(|number| {
                let body = pull.recv().expect("a message");
                body[..4] == number.to_be_bytes() && body.len() == 4 + number as usize % 4000
            })
        });
        let mut push = Push::new()?;
        push.set_deadline(later());
        push.dial(&url)?;
        for number in 0..2000_u32 {
            let mut body = number.to_be_bytes().to_vec();
            body.resize(4 + number as usize % 4000, 7);
            push.send(body).expect("sent");
        }
        push.close(PATIENCE)?;
        assert!(pulling.join().expect("no panic"), "{url}");
    }
    Ok(())
}

#[test]
fn a_message_of_many_megabytes_arrives_whole() -> Result<(), Error> {
    for url in &urls() {
        let options = Options::new().largest_message(32 << 20);
        let mut pull = Pull::with(&options)?;
        let url = listen!(pull, url);
        pull.set_deadline(later());
        let pulling = thread::spawn(move || pull.recv().expect("a message"));
        let mut push = Push::with(&options)?;
        push.set_deadline(later());
        push.dial(&url)?;
        let body: Vec<u8> = (0..20_usize << 20).map(|at| (at.wrapping_mul(31) ^ (at >> 8)) as u8).collect();
        push.send(body.clone()).expect("sent");
        push.close(PATIENCE)?;
        assert!(pulling.join().expect("no panic") == body, "{url}");
    }
    Ok(())
}

#[test]
fn every_subscriber_gets_what_he_wants() -> Result<(), Error> {
    for url in &urls() {
        let mut publisher = Pub::new()?;
        let url = listen!(publisher, url);
        publisher.set_deadline(later());
        let subscribing: Vec<_> = ["a", "b"]
            .map(|topic| {
                let url = url.clone();
                thread::spawn(move || {
                    let mut sub = Sub::new().expect("an end");
                    sub.set_deadline(later());
                    sub.subscribe(topic).expect("subscribed");
                    sub.dial(&url).expect("dialled");
                    for number in 0..50 {
                        assert_eq!(sub.recv().expect("a message"), format!("{topic}{number}"));
                    }
                })
            })
            .into();
        for _ in &subscribing {
            while !matches!(publisher.next_event()?, Event::Attached(_)) {}
        }
        for number in 0..50 {
            for topic in ["a", "b", "c"] {
                publisher.send(format!("{topic}{number}")).expect("sent");
            }
        }
        publisher.flush()?;
        for subscriber in subscribing {
            subscriber.join().expect("no panic");
        }
    }
    Ok(())
}

#[test]
fn who_dials_before_anybody_listens_gets_through() -> Result<(), Error> {
    for url in [ipc(), format!("inproc://{}", name())] {
        let mut push = Push::new()?;
        push.set_deadline(later());
        push.keep_dialing(&url)?;
        let mut pull = Pull::new()?;
        pull.set_deadline(later());
        pull.listen(&url)?;
        let pushing = thread::spawn(move || {
            push.send("at last").expect("sent");
            push.close(PATIENCE).expect("closed");
        });
        assert_eq!(pull.recv()?, "at last", "{url}");
        drop(pull);
        pushing.join().expect("no panic");
    }
    Ok(())
}
