//! Packets without a connection.
#![expect(unsafe_code, reason = "a room of JavaScript's is written to")]

use std::os::fd::AsFd;

use ginnel_os::{self as os, Datagram, HandleRef, Wait};
use ginnel_proto::{Address, ToAddress};

use crate::js::{Answer, Call, Env, Failure, Function, Handle, Value};
use crate::received::Beside;
use crate::slot::Slot;
use crate::{fd, socket};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "bind", run: bind },
    Function { name: "connect", run: connect },
    Function { name: "pair", run: pair },
    Function { name: "adopt", run: adopt },
    Function { name: "fd", run: socket::fd::<Held> },
    Function { name: "watch", run: socket::watch::<Held> },
    Function { name: "send", run: send },
    Function { name: "recvMany", run: recv_many },
    Function { name: "takeFds", run: take_fds },
    Function { name: "takeFrom", run: take_from },
    Function { name: "credentials", run: socket::credentials::<Held> },
    Function { name: "detach", run: socket::detach::<Held> },
    Function { name: "leave", run: leave },
    Function { name: "close", run: socket::close::<Held> },
];

struct Held {
    socket: Datagram,
    beside: Beside,
    /// Who sent the packets that came last, in their order.
    from: Vec<Option<Address>>,
}

impl socket::Held for Held {
    fn lent(&self) -> HandleRef<'_> {
        self.socket.as_fd()
    }

    fn given(self) -> os::Handle {
        self.socket.into()
    }
}

fn give(env: Env, socket: Datagram) -> Value {
    Handle::give(env, Slot::of(Held { socket, beside: Beside::default(), from: Vec::new() }))
}

fn held(call: &Call) -> Result<&Slot<Held>, Failure> {
    Slot::at(call, 0)
}

fn address(call: &Call, index: usize) -> Result<Option<Address>, Failure> {
    match call.given(index, Call::text)? {
        Some(text) => Ok(Some(text.as_str().to_address()?)),
        None => Ok(None),
    }
}

/// With no address it can send, and is sent to by nobody.
fn bind(call: &Call) -> Answer {
    let socket = match address(call, 0)? {
        Some(address) => Datagram::bind(&address, call.int(1)?, true)?,
        None => Datagram::unbound(true)?,
    };
    Ok(give(call.env(), socket))
}

fn connect(call: &Call) -> Answer {
    let address = call.text(1)?.as_str().to_address()?;
    let connected = held(call)?.with(|held| held.socket.connect(&address))??;
    Ok(call.env().bool(connected.is_some()))
}

fn pair(call: &Call) -> Answer {
    let env = call.env();
    let (a, b) = Datagram::pair(true)?;
    Ok(env.array([give(env, a), give(env, b)]))
}

fn adopt(call: &Call) -> Answer {
    let adopted = Datagram::adopt(fd::own(call.int(0)?)?).map_err(fd::returned)?;
    Ok(give(call.env(), adopted))
}

fn send(call: &Call) -> Answer {
    let fds = fd::lent(call, 3)?;
    let to = address(call, 2)?;
    let packet = call.bytes(1)?;
    let sent = held(call)?.with(|held| held.socket.send(packet, &fds, to.as_ref(), Wait::Never))??;
    Ok(call.env().bool(sent.is_some()))
}

/// How many came; see [`Beside::fill`].
fn recv_many(call: &Call) -> Answer {
    let largest = call.int(3)?;
    // SAFETY: the caller gives two arrays that share nothing.
    let (room, lengths) = unsafe { (call.room(1)?, call.room(2)?) };
    let count = held(call)?.with(|Held { socket, beside, from }| {
        from.clear();
        beside.fill(room, (lengths, largest), |room| {
            let came = socket.receive_from(room, Wait::Never);
            // A packet that was cut has a sender too, who is not asked for.
            if !matches!(came, Ok(None)) {
                from.push(None);
            }
            Ok(came?.map(|(received, sender)| {
                from.pop();
                from.push(sender);
                Some(received)
            }))
        })
    })??;
    Ok(call.env().int(count))
}

fn take_fds(call: &Call) -> Answer {
    held(call)?.with(|held| held.beside.take_fds(call))?
}

fn take_from(call: &Call) -> Answer {
    let env = call.env();
    let from = held(call)?.with(|held| std::mem::take(&mut held.from))?;
    let texts =
        from.iter().map(|sender| sender.as_ref().map_or_else(|| env.null(), |it| env.text(&it.to_string())));
    Ok(env.array(texts))
}

/// As `close`, but the socket file stays.
fn leave(call: &Call) -> Answer {
    if let Some(held) = held(call)?.take() {
        held.socket.close_and_leave_name();
    }
    Ok(call.env().undefined())
}
