//! Where Ginnel does something else on purpose.

use std::io::Read;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ginnel::sp::{Event, Gone, Options, Pull, Rep, Socket};
use ginnel_interop_nng::nng::Socket as Nng;
use ginnel_interop_nng::protocol::{Protocol, greeting};
use ginnel_proto::sp::Pattern;

#[test]
fn who_never_greets_over_a_socketpair_is_closed() -> Result<()> {
    let options = Options::new().greeting_deadline(Some(Duration::from_millis(10)));
    let mut pull = soon(Pull::with(&options)?);
    let (near, mut far) = UnixStream::pair()?;
    pull.adopt(near)?;
    let event = pull.next_event()?;
    ensure!(matches!(event, Event::Rejected(_, Gone::Fault(_))), "{event:?}");
    let mut said = Vec::new();
    far.read_to_end(&mut said)?;
    assert_eq!(said, greeting(Protocol::Pull.id()));
    Ok(())
}

#[test]
fn what_is_no_connected_stream_is_refused_and_comes_back() -> Result<()> {
    let mut pull = Pull::new()?;
    let useless: [OwnedFd; 3] = [
        std::fs::File::open("/dev/zero")?.into(),
        UnixDatagram::pair()?.0.into(),
        TcpListener::bind("127.0.0.1:0")?.into(),
    ];
    for fd in useless {
        let number = fd.as_raw_fd();
        let refused = pull.adopt(fd).err().context("it is of no use")?;
        let back = refused.fd;
        assert_eq!(back.as_raw_fd(), number);
    }
    Ok(())
}

#[test]
fn each_of_several_descriptors_at_once_is_a_pipe() -> Result<()> {
    let mut pull = soon(Pull::new()?);
    let mut senders = Vec::new();
    for _ in 0..20 {
        let (near, far) = UnixStream::pair()?;
        pull.adopt(near)?;
        let push = Nng::open(Protocol::Push, PATIENCE)?;
        push.listen("socket://")?.adopt(far.into())?;
        senders.push(push);
    }
    let mut heard = Vec::new();
    for (number, push) in (0..).zip(&senders) {
        while pull.pipes().len() <= usize::from(number) {
            pull.next_event()?;
        }
        push.send(&[number])?;
    }
    for _ in &senders {
        heard.extend(pull.recv()?);
    }
    heard.sort_unstable();
    assert_eq!(heard, (0..20).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_second_question_of_nng_cancels_its_first() -> Result<()> {
    let mut rep = soon(Rep::new()?);
    let (near, far) = UnixStream::pair()?;
    rep.adopt(near)?;
    let req = Nng::open(Protocol::Req, PATIENCE)?;
    req.listen("socket://")?.adopt(far.into())?;
    req.send(b"first")?;
    let first = rep.recv()?;
    req.send(b"second")?;
    let second = rep.recv()?;
    rep.reply(first, "to the first");
    rep.reply(second, "to the second");
    rep.flush()?;
    assert_eq!(req.recv()?, b"to the second");
    Ok(())
}

fn soon<P: Pattern>(mut socket: Socket<P>) -> Socket<P> {
    socket.set_deadline(Instant::now().checked_add(PATIENCE));
    socket
}

const PATIENCE: Duration = Duration::from_secs(20);
