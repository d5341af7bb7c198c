//! Ginnel at an end of an exchange: a socket that belongs to one thread.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use ginnel::sp::{
    Bus, Event, Pair0, Pair1, Pattern, Pub, Pull, Push, Receives, Rep, Replies, Req, Request, Respondent,
    Sends, Socket, Sub, Surveyor,
};
use ginnel_interop_nng::exchange::End;
use ginnel_interop_nng::protocol::Protocol;
use ginnel_proto::sp as proto;

use super::ways::Meets;

/// A socket of this protocol; a subscriber wants what begins so.
pub(crate) fn open(protocol: Protocol, prefix: &'static [u8]) -> Result<Box<dyn Meets>> {
    Ok(match protocol {
        Protocol::Pair0 => Alone::boxed(Pair0::new()?, send, recv),
        Protocol::Pair1 => Alone::boxed(Pair1::new()?, send, recv),
        Protocol::Bus => Alone::boxed(Bus::new()?, send, recv),
        Protocol::Req => Alone::boxed(Req::new()?, keep, request),
        Protocol::Rep => Alone::boxed(Rep::new()?, reply, take),
        Protocol::Surveyor => Alone::boxed(Surveyor::new()?, keep, survey),
        Protocol::Respondent => Alone::boxed(Respondent::new()?, reply, take),
        Protocol::Push => Alone::boxed(Push::new()?, send, deaf),
        Protocol::Pull => Alone::boxed(Pull::new()?, mute, recv),
        Protocol::Pub => Alone::boxed(Pub::new()?, publish, deaf),
        Protocol::Sub => {
            let mut sub = Sub::new()?;
            sub.subscribe(prefix)?;
            Alone::boxed(sub, mute, recv)
        }
    })
}

/// How ends of one kind send and receive.
type Say<P> = fn(&mut Alone<P>, Bytes) -> Result<()>;
type Hear<P> = fn(&mut Alone<P>) -> Result<Bytes>;

struct Alone<P: Pattern> {
    socket: Socket<P>,
    send: Say<P>,
    recv: Hear<P>,
    /// What will be asked when the answer is waited for.
    question: Option<Bytes>,
    /// What was received last and is to be answered.
    request: Option<Request>,
}

impl<P: Pattern> Alone<P> {
    fn boxed(mut socket: Socket<P>, send: Say<P>, recv: Hear<P>) -> Box<dyn Meets> {
        socket.set_deadline(Instant::now().checked_add(PATIENCE));
        Box::new(Self { socket, send, recv, question: None, request: None })
    }
}

impl<P: Pattern> End for Alone<P> {
    fn send(&mut self, body: &[u8]) -> Result<()> {
        (self.send)(self, Bytes::copy_from_slice(body))
    }

    fn recv(&mut self) -> Result<Vec<u8>> {
        Ok((self.recv)(self)?.into())
    }

    fn met(&mut self) -> Result<()> {
        while self.socket.pipes().is_empty() {
            if let Event::Rejected(_, why) = self.socket.next_event()? {
                bail!("somebody did not become a pipe: {why:?}");
            }
        }
        Ok(())
    }

    fn left(&mut self) -> Result<()> {
        // It may have happened while the last message was sent.
        while !matches!(self.socket.next_event()?, Event::Detached(..)) {}
        Ok(())
    }
}

impl<P: Pattern> Meets for Alone<P> {
    fn listen(&mut self, url: &str) -> Result<Option<SocketAddr>> {
        let listener = self.socket.listen(url)?;
        Ok(self.socket.bound_port(listener).ok())
    }

    fn dial(&mut self, url: &str) -> Result<()> {
        self.socket.dial(url)?;
        Ok(())
    }

    fn adopt(&mut self, stream: OwnedFd) -> Result<()> {
        self.socket.adopt(stream)?;
        Ok(())
    }
}

fn send<P: Sends>(end: &mut Alone<P>, body: Bytes) -> Result<()> {
    Ok(end.socket.send(body)?)
}

/// A publisher waits for its subscriber's sign outside of the socket, where nothing moves.
fn publish(end: &mut Alone<proto::Pub>, body: Bytes) -> Result<()> {
    end.socket.send(body)?;
    Ok(end.socket.flush()?)
}

fn recv<P: Receives<Item = Bytes>>(end: &mut Alone<P>) -> Result<Bytes> {
    Ok(end.socket.recv()?)
}

fn mute<P: Pattern>(_end: &mut Alone<P>, _body: Bytes) -> Result<()> {
    bail!("{} does not send", P::END)
}

fn deaf<P: Pattern>(_end: &mut Alone<P>) -> Result<Bytes> {
    bail!("{} does not receive", P::END)
}

fn keep<P: Pattern>(end: &mut Alone<P>, body: Bytes) -> Result<()> {
    end.question = Some(body);
    Ok(())
}

fn request(end: &mut Alone<proto::Req>) -> Result<Bytes> {
    let question = end.question.take().context("nothing was asked")?;
    Ok(end.socket.request(question)?)
}

fn survey(end: &mut Alone<proto::Surveyor>) -> Result<Bytes> {
    let question = end.question.take().context("nothing was asked")?;
    end.socket.survey(question)?.next()?.context("the survey is over without an answer")
}

fn take<P: Replies>(end: &mut Alone<P>) -> Result<Bytes> {
    let request = end.socket.recv()?;
    let body = request.body.clone();
    end.request = Some(request);
    Ok(body)
}

fn reply<P: Replies>(end: &mut Alone<P>, body: Bytes) -> Result<()> {
    end.socket.reply(end.request.take().context("nobody asked")?, body);
    Ok(())
}

/// For everything that one socket does.
const PATIENCE: Duration = Duration::from_secs(60);
