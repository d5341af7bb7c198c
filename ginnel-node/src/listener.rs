//! Names that others connect to.

use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};

use ginnel_os::{AcceptPause, Knock, Listener, ListenerOptions, Policy};
use ginnel_proto::ToAddress;

use crate::connecting::kind;
use crate::fd;
use crate::js::{Answer, Call, Failure, Fault, Function, Handle};
use crate::slot::Slot;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "open", run: open },
    Function { name: "adopt", run: adopt },
    Function { name: "fd", run: number },
    Function { name: "accept", run: accept },
    Function { name: "detach", run: detach },
    Function { name: "close", run: close },
    Function { name: "reuseport", run: reuseport },
];

struct Held {
    listener: Listener,
    pause: AcceptPause,
}

fn held(call: &Call) -> Result<&Slot<Held>, Failure> {
    Slot::at(call, 0)
}

/// Arguments from `first` on: mode, backlog, owner, group, who is allowed. Each may be left out.
pub(crate) fn options(call: &Call, first: usize) -> Result<ListenerOptions, Failure> {
    let mut options = ListenerOptions::default();
    options.nonblocking = true;
    let numbers = call.given(first, Call::ints)?.unwrap_or_default();
    let given = |index: usize| numbers.get(index).and_then(|&number| u32::try_from(number).ok());
    options.mode = given(0).unwrap_or(options.mode);
    options.backlog = given(1).unwrap_or(options.backlog);
    options.owner = (given(2), given(3));
    options.allow = policy(call, first + 1)?;
    Ok(options)
}

pub(crate) fn policy(call: &Call, index: usize) -> Result<Option<Policy>, Failure> {
    let Some(text) = call.given(index, Call::text)? else { return Ok(None) };
    let wrong = |error: ginnel_os::PolicyError| {
        Failure::new(Fault::Type, "ERR_GINNEL_POLICY", error.to_string())
    };
    text.parse().map(Some).map_err(wrong)
}

fn open(call: &Call) -> Answer {
    let address = call.text(1)?.as_str().to_address()?;
    let listener = Listener::open(kind(call.int(0)?)?, &address, options(call, 2)?)?;
    Ok(Handle::give(call.env(), Slot::of(Held { listener, pause: AcceptPause::new() })))
}

fn adopt(call: &Call) -> Answer {
    let kind = kind(call.int(0)?)?;
    let fd = fd::own(call.int(1)?)?;
    let listener = Listener::adopt(kind, fd, options(call, 2)?).map_err(fd::returned)?;
    Ok(Handle::give(call.env(), Slot::of(Held { listener, pause: AcceptPause::new() })))
}

fn number(call: &Call) -> Answer {
    let number = held(call)?.with(|held| held.listener.as_fd().as_raw_fd());
    Ok(call.env().int(number.unwrap_or(-1)))
}

/// The descriptor of a connection; -1: not yet; less: pause for so many milliseconds, which begin at -2.
fn accept(call: &Call) -> Answer {
    let came = held(call)?.with(|held| -> Result<i32, Failure> {
        loop {
            match held.listener.accept() {
                Ok(Some(Knock::Allowed(fd))) => {
                    held.pause = AcceptPause::new();
                    return Ok(fd.into_raw_fd());
                }
                Ok(Some(Knock::Denied)) => {}
                Ok(None) => return Ok(-1),
                Err(error) => {
                    let length = held.pause.after(error)?.as_millis();
                    return Ok(-2 - i32::try_from(length).unwrap_or(i32::MAX / 2));
                }
            }
        }
    })??;
    Ok(call.env().int(came))
}

/// Gives up the name and gives away the socket that listens.
fn detach(call: &Call) -> Answer {
    let taken = held(call)?.take().ok_or_else(Failure::closed)?;
    Ok(call.env().int(taken.listener.into_fd().into_raw_fd()))
}

fn close(call: &Call) -> Answer {
    drop(held(call)?.take());
    Ok(call.env().undefined())
}

/// A TCP socket that is bound and does not listen, to a port that other sockets may be bound to too.
fn reuseport(call: &Call) -> Answer {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};
    let port: u16 = call.int(0)?;
    let Ok(host) = call.text(1)?.parse::<std::net::IpAddr>() else {
        return Err(Failure::new(Fault::Type, "ERR_GINNEL_ADDRESS", "invalid host"));
    };
    let family = if host.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket: OwnedFd = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    bind(&socket, &std::net::SocketAddr::new(host, port))?;
    Ok(call.env().int(socket.into_raw_fd()))
}
