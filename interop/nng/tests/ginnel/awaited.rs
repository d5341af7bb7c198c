//! Ginnel for tokio at an end of an exchange. The exchange waits for one thing at a time, so each wait is a future that
//! is run to its end.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use ginnel_interop_nng::exchange::End;
use ginnel_interop_nng::protocol::Protocol;
use ginnel_proto::sp as proto;
use ginnel_tokio::sp::{
    Bus, Event, Pair0, Pair1, Pattern, Pub, Pull, Push, Receives, Rep, Replies, Req, Request, Respondent,
    Sends, Socket, Sub, Surveyor,
};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::ways::Meets;

/// A socket of this protocol; a subscriber wants what begins so.
pub(crate) fn open(protocol: Protocol, prefix: &'static [u8]) -> Result<Box<dyn Meets>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let opened: Later = match protocol {
        Protocol::Pair0 => Awaited::later(Pair0::new()?, send, recv),
        Protocol::Pair1 => Awaited::later(Pair1::new()?, send, recv),
        Protocol::Bus => Awaited::later(Bus::new()?, send, recv),
        Protocol::Req => Awaited::later(Req::new()?, keep, request),
        Protocol::Rep => Awaited::later(Rep::new()?, reply, take),
        Protocol::Surveyor => Awaited::later(Surveyor::new()?, keep, survey),
        Protocol::Respondent => Awaited::later(Respondent::new()?, reply, take),
        Protocol::Push => Awaited::later(Push::new()?, send, deaf),
        Protocol::Pull => Awaited::later(Pull::new()?, mute, recv),
        Protocol::Pub => Awaited::later(Pub::new()?, publish, deaf),
        Protocol::Sub => {
            let mut sub = Sub::new()?;
            sub.subscribe(prefix)?;
            Awaited::later(sub, mute, recv)
        }
    };
    drop(entered);
    Ok(opened(runtime))
}

/// How ends of one kind send and receive.
type Say<P> = fn(&mut Awaited<P>, Bytes) -> Result<()>;
type Hear<P> = fn(&mut Awaited<P>) -> Result<Bytes>;

struct Awaited<P: Pattern> {
    /// It ends before its runtime.
    socket: Socket<P>,
    waits: Waits,
    send: Say<P>,
    recv: Hear<P>,
    /// What will be asked when the answer is waited for.
    question: Option<Bytes>,
    /// What was received last and is to be answered.
    request: Option<Request>,
}

/// What can be built of a socket once its runtime is free to be moved.
type Later = Box<dyn FnOnce(Runtime) -> Box<dyn Meets>>;

impl<P: Pattern> Awaited<P> {
    fn later(socket: Socket<P>, send: Say<P>, recv: Hear<P>) -> Later {
        Box::new(move |runtime| {
            Box::new(Self { socket, waits: Waits(runtime), send, recv, question: None, request: None })
        })
    }
}

struct Waits(Runtime);

impl Waits {
    fn for_one<T, E: Into<anyhow::Error>>(&self, future: impl Future<Output = Result<T, E>>) -> Result<T> {
        self.0.block_on(async { timeout(PATIENCE, future).await?.map_err(Into::into) })
    }
}

impl<P: Pattern> End for Awaited<P> {
    fn send(&mut self, body: &[u8]) -> Result<()> {
        (self.send)(self, Bytes::copy_from_slice(body))
    }

    fn recv(&mut self) -> Result<Vec<u8>> {
        Ok((self.recv)(self)?.into())
    }

    fn met(&mut self) -> Result<()> {
        while self.socket.pipes().is_empty() {
            if let Event::Rejected(_, why) = self.waits.for_one(self.socket.next_event())? {
                bail!("somebody did not become a pipe: {why:?}");
            }
        }
        Ok(())
    }

    fn left(&mut self) -> Result<()> {
        // It may have happened while the last message was sent.
        while !matches!(self.waits.for_one(self.socket.next_event())?, Event::Detached(..)) {}
        Ok(())
    }
}

impl<P: Pattern> Meets for Awaited<P> {
    fn listen(&mut self, url: &str) -> Result<Option<SocketAddr>> {
        let listener = self.socket.listen(url)?;
        Ok(self.socket.bound_port(listener).ok())
    }

    fn dial(&mut self, url: &str) -> Result<()> {
        self.waits.for_one(self.socket.dial(url))?;
        Ok(())
    }

    fn adopt(&mut self, stream: OwnedFd) -> Result<()> {
        self.socket.adopt(stream)?;
        Ok(())
    }
}

fn send<P: Sends>(end: &mut Awaited<P>, body: Bytes) -> Result<()> {
    end.waits.for_one(end.socket.send(body))
}

/// A publisher waits for its subscriber's sign outside of the socket, where nothing moves.
fn publish(end: &mut Awaited<proto::Pub>, body: Bytes) -> Result<()> {
    end.waits.for_one(end.socket.send(body))?;
    end.waits.for_one(end.socket.flush())
}

fn recv<P: Receives<Item = Bytes>>(end: &mut Awaited<P>) -> Result<Bytes> {
    end.waits.for_one(end.socket.recv())
}

fn mute<P: Pattern>(_end: &mut Awaited<P>, _body: Bytes) -> Result<()> {
    bail!("{} does not send", P::END)
}

fn deaf<P: Pattern>(_end: &mut Awaited<P>) -> Result<Bytes> {
    bail!("{} does not receive", P::END)
}

fn keep<P: Pattern>(end: &mut Awaited<P>, body: Bytes) -> Result<()> {
    end.question = Some(body);
    Ok(())
}

fn request(end: &mut Awaited<proto::Req>) -> Result<Bytes> {
    let question = end.question.take().context("nothing was asked")?;
    end.waits.for_one(end.socket.request(question))
}

fn survey(end: &mut Awaited<proto::Surveyor>) -> Result<Bytes> {
    let question = end.question.take().context("nothing was asked")?;
    let answer = end.waits.for_one(async { anyhow::Ok(end.socket.survey(question).await?.next().await?) });
    answer?.context("the survey is over without an answer")
}

fn take<P: Replies>(end: &mut Awaited<P>) -> Result<Bytes> {
    let request = end.waits.for_one(end.socket.recv())?;
    let body = request.body.clone();
    end.request = Some(request);
    Ok(body)
}

fn reply<P: Replies>(end: &mut Awaited<P>, body: Bytes) -> Result<()> {
    end.socket.reply(end.request.take().context("nobody asked")?, body);
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(60);
