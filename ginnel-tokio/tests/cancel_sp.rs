//! Drops async functions of SP's ends after each number of polls, and shows that messages are whole and once or not there
//! at all, that questions find their own answers, and that no descriptor is lost.
#![cfg(unix)]

mod cancelling;

use ginnel_tokio::sp::{Pair0, Pull, Push, Rep, Req, Socket, Surveyor, pattern};

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use cancelling::{at_every_await, turn, up_to};

/// More than one write takes.
const LARGE: usize = 1 << 20;

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u64).to_be_bytes()[..], body].concat()
}

/// An end with one pipe, over which the other side greets as this.
fn adopted<P: ginnel_tokio::sp::Pattern>(end: u8) -> (Socket<P>, UnixStream) {
    let (near, mut far) = UnixStream::pair().expect("a pair");
    far.write_all(&[0, b'S', b'P', 0, 0, end, 0, 0]).expect("it fits");
    far.set_nonblocking(true).expect("a socket");
    let mut end = Socket::new().expect("an end");
    end.adopt(near).expect("a stream");
    (end, far)
}

/// Takes what is there.
fn take(far: &mut UnixStream, taken: &mut Vec<u8>) {
    let mut chunk = vec![0; 256 << 10];
    while let Ok(bytes @ 1..) = far.read(&mut chunk) {
        taken.extend_from_slice(&chunk[..bytes]);
    }
}

/// The bodies behind a greeting.
fn bodies(mut taken: &[u8]) -> Vec<&[u8]> {
    taken = &taken[8..];
    let mut bodies = Vec::new();
    while let Some((length, rest)) = taken.split_first_chunk() {
        let (body, rest) = rest.split_at(u64::from_be_bytes(*length) as usize);
        bodies.push(body);
        taken = rest;
    }
    bodies
}

#[test]
fn what_is_received() {
    at_every_await(1, async |polls| {
        let (mut pull, mut far): (Pull, _) = adopted(0x50);
        let mut coming = [&b"1"[..], b"2", b"3"].into_iter();
        let first = up_to(polls, pull.recv(), || {
            if let Some(body) = coming.next() {
                far.write_all(&framed(body)).expect("it fits");
            }
        });
        let first = first.await.map(|body| body.expect("it is whole"));
        let done = first.is_some();
        let mut heard: Vec<_> = first.into_iter().collect();
        coming.for_each(|body| far.write_all(&framed(body)).expect("it fits"));
        while heard.len() < 3 {
            heard.push(pull.recv().await.expect("it comes"));
        }
        assert_eq!(heard, ["1", "2", "3"], "dropped after {polls} polls");
        done
    });
}

#[test]
fn what_is_sent() {
    at_every_await(1, async |polls| {
        let (mut pair, mut far): (Pair0, _) = adopted(0x10);
        let mut taken = Vec::new();
        let done = up_to(polls, pair.send(vec![7; LARGE]), || {}).await.is_some();
        let end = async {
            pair.send("end").await.expect("it is attached");
            pair.flush().await.expect("somebody reads");
        };
        assert!(up_to(1000, end, || take(&mut far, &mut taken)).await.is_some());
        take(&mut far, &mut taken);
        let sent = bodies(&taken);
        let large = sent.iter().filter(|body| body.len() == LARGE).count();
        assert_eq!((sent.len(), sent.last()), (large + 1, Some(&&b"end"[..])), "it is whole, or not there");
        assert!(large == 1 || !done, "what was sent is there");
        done
    });
}

#[test]
fn what_is_flushed() {
    at_every_await(2, async |polls| {
        let (mut push, mut far): (Push, _) = adopted(0x51);
        push.feed(vec![7; LARGE]).await.expect("it is attached");
        let mut taken = Vec::new();
        let done = up_to(polls, push.flush(), || take(&mut far, &mut taken)).await.is_some();
        assert!(up_to(1000, push.flush(), || take(&mut far, &mut taken)).await.is_some());
        take(&mut far, &mut taken);
        assert_eq!(bodies(&taken).iter().map(|body| body.len()).collect::<Vec<_>>(), [LARGE]);
        done
    });
}

/// Whoever is asked answers everything with itself, in a task.
fn echo() -> (Req, tokio::task::JoinHandle<()>) {
    let (near, far) = UnixStream::pair().expect("a pair");
    let (mut req, mut rep) = (Req::new().expect("an end"), Rep::new().expect("an end"));
    req.adopt(near).expect("a stream");
    rep.adopt(far).expect("a stream");
    let echoing = tokio::spawn(async move {
        while let Ok(request) = rep.recv().await {
            let body = request.body.clone();
            rep.reply(request, body);
        }
    });
    (req, echoing)
}

#[test]
fn what_is_asked() {
    at_every_await(2, async |polls| {
        let (mut req, echoing) = echo();
        let first = up_to(polls, req.request("first"), || {}).await;
        let done = first.is_some_and(|answer| answer.expect("it is answered") == "first");
        assert_eq!(req.request("second").await.expect("it is answered"), "second", "not the answer before");
        echoing.abort();
        let _ = echoing.await;
        done
    });
}

#[test]
fn what_a_handle_asks() {
    at_every_await(1, async |polls| {
        let (req, echoing) = echo();
        let (req, driver) = req.shared();
        let driving = tokio::spawn(driver);
        let first = up_to(polls, req.request("first"), || {}).await;
        let done = first.is_some_and(|answer| answer.expect("it is answered") == "first");
        assert_eq!(req.request("second").await.expect("it is answered"), "second", "not the answer before");
        for task in [echoing, tokio::spawn(async { drop(driving.await) })] {
            task.abort();
            let _ = task.await;
        }
        drop(req);
        turn().await;
        done
    });
}

#[test]
fn whoever_is_dialled() {
    at_every_await(1, async |polls| {
        let dir = tempfile::tempdir().expect("a directory");
        let url = format!("ipc://{}/s", dir.path().display());
        let (mut rep, mut req) = (Rep::new().expect("an end"), Req::new().expect("an end"));
        rep.listen(&url).expect("a free name");
        let serving = tokio::spawn(async move { drop(rep.recv().await) });
        let done = up_to(polls, req.dial(&url), || {}).await.is_some();
        assert!(done || req.pipes().is_empty(), "nobody is dialled any more");
        serving.abort();
        let _ = serving.await;
        done
    });
}

#[test]
fn what_a_survey_hears() {
    at_every_await(1, async |polls| {
        let (mut surveyor, mut far): (Surveyor, _) = adopted(0x63);
        surveyor.next_event().await.expect("it is attached");
        let mut survey = surveyor.survey("q").await.expect("there is room");
        let mut taken = Vec::new();
        take(&mut far, &mut taken);
        let id = taken[16..20].to_vec();
        let mut coming = [b"1", b"2"].into_iter();
        let first = up_to(polls, survey.next(), || {
            if let Some(answer) = coming.next() {
                far.write_all(&framed(&[&id[..], answer].concat())).expect("it fits");
            }
        });
        let first = first.await.map(|answer| answer.expect("a poller").expect("it is open"));
        let done = first.is_some();
        let mut heard: Vec<_> = first.into_iter().collect();
        for answer in coming {
            far.write_all(&framed(&[&id[..], answer].concat())).expect("it fits");
        }
        while heard.len() < 2 {
            heard.push(survey.next().await.expect("a poller").expect("it is open"));
        }
        assert_eq!(heard, ["1", "2"], "dropped after {polls} polls");
        done
    });
}

#[test]
fn the_end_of_an_end() {
    at_every_await(1, async |polls| {
        let (near, mut far) = UnixStream::pair().expect("a pair");
        let mut push = Socket::<pattern::Push>::new().expect("an end");
        push.adopt(near).expect("a stream");
        far.set_nonblocking(true).expect("a socket");
        far.write_all(b"\0SP\0\0\x51\0\0").expect("it fits");
        push.send("x").await.expect("it is attached");
        let mut taken = Vec::new();
        let mut far = Some(far);
        let done = up_to(polls, push.close(Duration::from_secs(3600)), || {
            if let Some(mut other) = far.take() {
                take(&mut other, &mut taken);
            }
        });
        done.await.is_some()
    });
}
