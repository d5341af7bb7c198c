//! Ginnel as the victim of the rules. It is driven by a thread of its own, as nng is by its.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use ginnel::sp::{
    Bus, Event, Handle, Options, Pair0, Pair1, Pattern, Pub, Pull, Push, Receives, Rep, Replies, Req,
    Request, Respondent, Sends, Socket, Sub, Surveyor,
};
use ginnel_interop_nng::protocol::Protocol;
use ginnel_interop_nng::rules::{Place, Rule, Transport, Victim};
use ginnel_proto::sp as proto;

/// A socket as the rule wants it.
pub(crate) fn victim(rule: &Rule, transport: Transport) -> Result<Box<dyn Victim>> {
    let with = &options(rule);
    match rule.victim {
        Protocol::Pair0 => Driven::open(Pair0::with(with)?, transport, (send, recv, mute)),
        Protocol::Pair1 => Driven::open(Pair1::with(with)?, transport, (send, recv, mute)),
        Protocol::Bus => Driven::open(Bus::with(with)?, transport, (send, recv, mute)),
        Protocol::Push => Driven::open(Push::with(with)?, transport, (send, deaf, mute)),
        Protocol::Pub => Driven::open(Pub::with(with)?, transport, (send, deaf, mute)),
        Protocol::Pull => Driven::open(Pull::with(with)?, transport, (mute, recv, mute)),
        Protocol::Sub => {
            let mut sub = Sub::with(with)?;
            sub.subscribe(rule.setup.prefix)?;
            Driven::open(sub, transport, (mute, recv, mute))
        }
        Protocol::Rep => Driven::open(Rep::with(with)?, transport, (mute, take, reply)),
        Protocol::Respondent => Driven::open(Respondent::with(with)?, transport, (mute, take, reply)),
        Protocol::Req => Driven::open(Req::with(with)?, transport, (request, answer, mute)),
        Protocol::Surveyor => Driven::open(Surveyor::with(with)?, transport, (survey, answer, mute)),
    }
}

fn options(rule: &Rule) -> Options {
    let mut options = Options::new().survey_time(PATIENCE);
    if let Some(bytes) = rule.setup.recv_max {
        options = options.largest_message(bytes);
    }
    if let Some(hops) = rule.setup.ttl {
        options = options.hops(hops);
    }
    options
}

/// How ends of one kind send, receive and answer.
type Uses<P> = (Say<P>, Hear<P>, Say<P>);
type Say<P> = fn(&mut Driven<P>, Bytes) -> Result<()>;
type Hear<P> = fn(&mut Driven<P>) -> Result<Bytes>;

struct Driven<P: Pattern> {
    handle: Handle<P>,
    place: Place,
    uses: Uses<P>,
    attached: u64,
    /// What was received last and is to be answered.
    request: Option<Request>,
    /// What comes of the question that was asked last.
    answers: Option<Receiver<Bytes>>,
}

impl<P: Pattern> Driven<P> {
    fn open(socket: Socket<P>, transport: Transport, uses: Uses<P>) -> Result<Box<dyn Victim>> {
        let (mut handle, driver) = socket.shared();
        handle.set_deadline(Instant::now().checked_add(PATIENCE));
        // It ends when the last handle is dropped.
        thread::spawn(|| driver.run());
        let place = Place::open(transport, |url| {
            let listener = handle.listen(url)?;
            Ok(handle.bound_port(listener).ok().map(|address| address.port()))
        })?;
        Ok(Box::new(Self { handle, place, uses, attached: 0, request: None, answers: None }))
    }
}

impl<P: Pattern> Victim for Driven<P> {
    fn connect(&mut self) -> Result<OwnedFd> {
        let connected = self.place.connect(|stream| {
            self.handle.adopt(stream)?;
            Ok(())
        });
        connected.context("connecting to the victim")
    }

    fn attached(&mut self, total: u64) -> Result<()> {
        while self.attached < total {
            if let Event::Attached(_) = self.handle.next_event()? {
                self.attached += 1;
            }
        }
        Ok(())
    }

    fn send(&mut self, body: &[u8]) -> Result<()> {
        self.uses.0(self, Bytes::copy_from_slice(body))
    }

    fn recv(&mut self) -> Result<Vec<u8>> {
        Ok(self.uses.1(self)?.into())
    }

    fn reply(&mut self, body: &[u8]) -> Result<()> {
        self.uses.2(self, Bytes::copy_from_slice(body))
    }
}

fn send<P: Sends>(end: &mut Driven<P>, body: Bytes) -> Result<()> {
    Ok(end.handle.send(body)?)
}

fn recv<P: Receives<Item = Bytes>>(end: &mut Driven<P>) -> Result<Bytes> {
    Ok(end.handle.recv()?)
}

fn mute<P: Pattern>(_end: &mut Driven<P>, _body: Bytes) -> Result<()> {
    bail!("{} does not say this", P::END)
}

fn deaf<P: Pattern>(_end: &mut Driven<P>) -> Result<Bytes> {
    bail!("{} does not receive", P::END)
}

fn take<P: Replies>(end: &mut Driven<P>) -> Result<Bytes> {
    let request = end.handle.recv()?;
    let body = request.body.clone();
    end.request = Some(request);
    Ok(body)
}

fn reply<P: Replies>(end: &mut Driven<P>, body: Bytes) -> Result<()> {
    end.handle.reply(end.request.take().context("nobody asked")?, body);
    Ok(())
}

/// The answer is waited for elsewhere: here the judge goes on.
fn request(end: &mut Driven<proto::Req>, body: Bytes) -> Result<()> {
    let (answers, told) = mpsc::channel();
    let handle = end.handle.clone();
    thread::spawn(move || handle.request(body).map(|answer| answers.send(answer)));
    end.answers = Some(told);
    Ok(())
}

/// One survey follows another, as nng has it.
fn survey(end: &mut Driven<proto::Surveyor>, body: Bytes) -> Result<()> {
    let (answers, told) = mpsc::channel();
    let handle = end.handle.clone();
    thread::spawn(move || {
        let mut survey = handle.survey(body).ok()?;
        while let Ok(Some(answer)) = survey.next() {
            answers.send(answer).ok()?;
        }
        Some(())
    });
    end.answers = Some(told);
    Ok(())
}

fn answer<P: Pattern>(end: &mut Driven<P>) -> Result<Bytes> {
    let answers = end.answers.as_ref().context("nothing was asked")?;
    Ok(answers.recv_timeout(PATIENCE)?)
}

/// How long a wait may last that should end at once.
const PATIENCE: Duration = Duration::from_secs(10);
