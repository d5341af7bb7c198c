use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use ginnel_proto::machine::SendId;
use ginnel_proto::sp::{Answered, Push, Rep, Req};

use super::*;
use crate::shared::{Seat, Shared, Turn};

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn woken(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn whoever_flushes_is_woken_by_another_who_has_written_everything() {
    let (near, mut far) = UnixStream::pair().unwrap();
    far.set_nonblocking(true).unwrap();
    far.write_all(b"\0SP\0\0\x51\0\0").unwrap();
    let shared = Shared::new(Socket::<Push>::new(&Options::new()).unwrap());
    shared.with(|os| os.adopt(near.into())).unwrap();
    let (drives, waits) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let (driver, waiter) = (Waker::from(Arc::clone(&drives)), Waker::from(Arc::clone(&waits)));
    let settle = || while shared.turn(true, &driver).unwrap() == Turn::Active {};
    settle();
    let feed = |bytes: usize| shared.with(|os| os.feed(&mut Some(Bytes::from(vec![0; bytes])))).is_some();
    // Until the kernel is full; what is left in the link leaves a little credit.
    while shared.with(|os| os.flushed()).is_some() {
        assert!(feed(30_000));
        settle();
    }
    let mut seat = Seat::new(&shared, Awaited::Sent(ConnId(0), SendId(0)));
    let polled = seat.poll(&Context::from_waker(&waiter), |os| Ok::<_, crate::Error>(os.flushed()));
    assert!(polled.is_pending());
    settle();
    // It reads everything, and before the driver knows, somebody else sends as much as the pipe takes.
    let before = drives.woken();
    let mut buffer = vec![0; 1 << 20];
    while far.read(&mut buffer).is_ok() {}
    assert!(feed(70_000));
    assert!(shared.with(|os| os.flushed()).is_some());
    assert_ne!(
        (drives.woken() - before, waits.woken()),
        (0, 0),
        "nobody is woken, and nothing is left to do"
    );
}

#[test]
fn a_question_that_was_answered_in_time_is_not_asked_again() {
    let (near, mut far) = UnixStream::pair().unwrap();
    far.write_all(b"\0SP\0\0\x31\0\0").unwrap();
    let options = Options::new().resend_after(Some(Duration::from_millis(20)));
    let mut req = Socket::<Req>::new(&options).unwrap();
    req.adopt(near.into()).unwrap();
    while req.event().is_none() {
        req.turn(true).unwrap();
    }
    let id = req.ask(&mut Some(Bytes::from_static(b"q"))).unwrap();
    req.flush();
    let (mut greeting, mut question) = ([0; 8], [0; 13]);
    far.read_exact(&mut greeting).unwrap();
    far.read_exact(&mut question).unwrap();
    far.write_all(&question).unwrap();
    // It is time to ask again before anybody looks.
    thread::sleep(Duration::from_millis(40));
    req.turn(true).unwrap();
    assert_eq!(req.answered(id), Some(Answered::Answer(Bytes::from_static(b"q"))));
    far.set_nonblocking(true).unwrap();
    assert!(far.read(&mut question).is_err(), "it was asked again");
}

#[test]
fn of_many_questions_those_are_ripe_of_which_something_has_come() {
    let (near, far) = UnixStream::pair().unwrap();
    let mut req = Socket::<Req>::new(&Options::new()).unwrap();
    let mut rep = Socket::<Rep>::new(&Options::new()).unwrap();
    req.adopt(near.into()).unwrap();
    rep.adopt(far.into()).unwrap();
    let turn = |req: &mut Socket<Req>, rep: &mut Socket<Rep>| {
        for _ in 0..100 {
            req.turn(true).unwrap();
            rep.turn(true).unwrap();
        }
    };
    let [_, second] = ["first", "second"].map(|text| req.ask(&mut Some(Bytes::from(text))).unwrap());
    turn(&mut req, &mut rep);
    let requests: Vec<_> = std::iter::from_fn(|| rep.received()).collect();
    assert_eq!(requests.len(), 2);
    for request in requests.into_iter().filter(|request| request.body == "second") {
        rep.reply(request, Bytes::from("answer"));
    }
    assert!(req.ripe().is_empty());
    turn(&mut req, &mut rep);
    assert_eq!(req.ripe(), [second]);
    assert_eq!(req.answered(second), Some(Answered::Answer(Bytes::from("answer"))));
    assert!(req.ripe().is_empty(), "it has been taken");
}
