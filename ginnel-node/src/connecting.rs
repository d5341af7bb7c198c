//! Sockets on their way to an address.

use ginnel_os::{self as os, Connecting, SeqPacket, SocketKind, Stream};
use ginnel_proto::ToAddress;

use crate::js::{Answer, Call, Failure, Fault, Function, Handle};
use crate::slot::Slot;
use crate::{seqpacket, socket, stream};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "open", run: open },
    Function { name: "attempt", run: attempt },
    Function { name: "pause", run: pause },
    Function { name: "finish", run: finish },
    Function { name: "close", run: socket::close::<Held> },
];

struct Held {
    kind: SocketKind,
    connecting: Connecting,
}

/// What JavaScript calls the kinds.
pub(crate) fn kind(number: i32) -> Result<SocketKind, Failure> {
    match number {
        0 => Ok(SocketKind::Stream),
        1 => Ok(SocketKind::SeqPacket),
        _ => Err(Failure::new(Fault::Range, "ERR_OUT_OF_RANGE", "there is no such kind of socket")),
    }
}

fn held(call: &Call) -> Result<&Slot<Held>, Failure> {
    Slot::at(call, 0)
}

fn open(call: &Call) -> Answer {
    let kind = kind(call.int(0)?)?;
    let address = call.text(1)?.as_str().to_address()?;
    let connecting = Connecting::new(kind, &address, true)?;
    Ok(Handle::give(call.env(), Slot::of(Held { kind, connecting })))
}

fn attempt(call: &Call) -> Answer {
    let connected = held(call)?.with(|held| held.connecting.attempt())??;
    Ok(call.env().bool(connected.is_some()))
}

/// Milliseconds before the next attempt.
fn pause(call: &Call) -> Answer {
    let pause = held(call)?.with(|held| held.connecting.pause())?;
    Ok(call.env().number(pause.as_secs_f64() * 1000.0))
}

/// The socket that it has become.
fn finish(call: &Call) -> Answer {
    let Held { kind, connecting } = held(call)?.take().ok_or_else(Failure::closed)?;
    let inherited = connecting.is_inherited();
    let fd = connecting.into_fd();
    Ok(match kind {
        SocketKind::Stream if inherited => stream::give(call.env(), inherited_stream(fd)?),
        SocketKind::Stream => stream::give(call.env(), Stream::made(fd)),
        _ => seqpacket::give(call.env(), SeqPacket::from(fd)),
    })
}

#[cfg(unix)]
fn inherited_stream(fd: os::Handle) -> Result<Stream, Failure> {
    Ok(Stream::adopt(fd)?)
}

/// No pipe is inherited.
#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "as where descriptors are inherited")]
fn inherited_stream(pipe: os::Handle) -> Result<Stream, Failure> {
    Ok(Stream::made(pipe))
}
