//! One end of Ginnel with several of nng, and ends that go away and come back. nng is in this process: it has threads of
//! its own, and Ginnel gets one.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ginnel::sp::{Bus, Event, Handle, Options, Pattern, Pub, Push, Rep, Req, Surveyor};
use ginnel_interop_nng::nng::Socket as Nng;
use ginnel_interop_nng::protocol::Protocol;
use tempfile::TempDir;

#[test]
fn a_publisher_is_heard_by_every_subscriber() -> Result<()> {
    let (publisher, subs) = Hub::of(Pub::new()?)?.with(Protocol::Sub, 3, |sub| Ok(sub.subscribe(b"a")?))?;
    for body in ["b1", "a1", "a2"] {
        publisher.handle.send(body)?;
    }
    for sub in &subs {
        assert_eq!([sub.recv()?, sub.recv()?], [b"a1", b"a2"]);
    }
    Ok(())
}

#[test]
fn a_survey_is_answered_by_every_respondent_and_then_over() -> Result<()> {
    let options = Options::new().survey_time(Duration::from_millis(1500));
    let (surveyor, respondents) =
        Hub::of(Surveyor::with(&options)?)?.with(Protocol::Respondent, 3, |_| Ok(()))?;
    let mut survey = surveyor.handle.survey("who?")?;
    for (number, respondent) in respondents.iter().enumerate() {
        ensure!(respondent.recv()? == b"who?");
        respondent.send(&[number as u8])?;
    }
    let mut answers = Vec::new();
    while let Some(answer) = survey.next()? {
        answers.push(answer.to_vec());
    }
    answers.sort();
    assert_eq!(answers, [[0], [1], [2]]);
    Ok(())
}

#[test]
fn work_is_given_to_one_each_and_to_all_in_turn() -> Result<()> {
    let (push, pulls) = Hub::of(Push::new()?)?.with(Protocol::Pull, 3, |_| Ok(()))?;
    for number in 0..9_u8 {
        push.handle.send(vec![number])?;
    }
    let mut work = Vec::new();
    for pull in &pulls {
        // Each has room for all, so each gets its third.
        work.extend([pull.recv()?, pull.recv()?, pull.recv()?].concat());
    }
    work.sort_unstable();
    assert_eq!(work, (0..9).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_bus_is_heard_by_neighbours_and_passes_nothing_on() -> Result<()> {
    let (bus, neighbours) = Hub::of(Bus::new()?)?.with(Protocol::Bus, 2, |_| Ok(()))?;
    neighbours[0].send(b"from a neighbour")?;
    assert_eq!(bus.handle.recv()?, "from a neighbour");
    bus.handle.send("from the middle")?;
    for neighbour in &neighbours {
        assert_eq!(neighbour.recv()?, b"from the middle");
    }
    Ok(())
}

#[test]
fn requests_of_several_are_answered_in_any_order() -> Result<()> {
    let (rep, reqs) = Hub::of(Rep::new()?)?.with(Protocol::Req, 3, |_| Ok(()))?;
    let mut in_hand = Vec::new();
    for (number, req) in reqs.iter().enumerate() {
        req.send(&[number as u8])?;
        in_hand.push(rep.handle.recv()?);
    }
    while let Some(request) = in_hand.pop() {
        let body = request.body.clone();
        rep.handle.reply(request, body);
    }
    for (number, req) in reqs.iter().enumerate() {
        assert_eq!(req.recv()?, [number as u8]);
    }
    Ok(())
}

#[test]
fn a_request_is_asked_again_when_the_one_who_was_asked_leaves() -> Result<()> {
    let (req, mut reps) = Hub::of(Req::new()?)?.with(Protocol::Rep, 2, |_| Ok(()))?;
    thread::scope(|threads| {
        let asking = threads.spawn(|| req.handle.request("q"));
        let asked = reps.remove(0);
        // Who was attached first has the first turn.
        ensure!(asked.recv()? == b"q");
        drop(asked);
        ensure!(reps[0].recv()? == b"q");
        reps[0].send(b"a")?;
        ensure!(asking.join().expect("it does not panic")? == "a");
        Ok(())
    })
}

#[test]
fn a_request_of_nng_comes_again_when_ginnel_closes_its_pipe() -> Result<()> {
    let (rep, reqs) = Hub::of(Rep::new()?)?.with(Protocol::Req, 1, |_| Ok(()))?;
    reqs[0].send(b"q")?;
    let request = rep.handle.recv()?;
    ensure!(rep.handle.close_pipe(request.pipe()), "it is there");
    drop(request);
    let again = rep.handle.recv().context("nng dials again after a second")?;
    assert_eq!(again.body, "q");
    rep.handle.reply(again, "a");
    assert_eq!(reqs[0].recv()?, b"a");
    Ok(())
}

/// An end of Ginnel that listens and is driven.
struct Hub<P: Pattern> {
    handle: Handle<P>,
    url: String,
    _dir: TempDir,
}

impl<P: Pattern> Hub<P> {
    fn of(socket: ginnel::sp::Socket<P>) -> Result<Self> {
        let dir = TempDir::new()?;
        let url = format!("ipc://{}", dir.path().join("hub").display());
        let (mut handle, driver) = socket.shared();
        handle.set_deadline(Instant::now().checked_add(PATIENCE));
        handle.listen(&url)?;
        // It ends when the last handle is dropped.
        thread::spawn(|| driver.run());
        Ok(Self { handle, url, _dir: dir })
    }

    /// With so many ends of nng, attached one after the other.
    fn with(
        self,
        protocol: Protocol,
        count: usize,
        set_up: fn(&Nng) -> Result<()>,
    ) -> Result<(Self, Vec<Nng>)> {
        let mut others = Vec::new();
        for _ in 0..count {
            let other = Nng::open(protocol, PATIENCE)?;
            set_up(&other)?;
            other.dial(&self.url)?;
            let event = self.handle.next_event()?;
            ensure!(matches!(event, Event::Attached(_)), "{event:?}");
            others.push(other);
        }
        Ok((self, others))
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
