//! Packets in order.
#![expect(unsafe_code, reason = "a room of JavaScript's is written to")]

use std::io::IoSlice;

use ginnel_os::{self as os, HandleRef, SeqPacket, Wait};

use crate::js::{Answer, Call, Env, Failure, Function, Handle, Value};
use crate::received::Beside;
use crate::slot::Slot;
use crate::{fd, socket, stream};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "pair", run: pair },
    #[cfg(unix)]
    Function { name: "adopt", run: adopt },
    #[cfg(windows)]
    Function { name: "adopt", run: fd::none },
    Function { name: "made", run: made },
    Function { name: "fd", run: socket::fd::<Held> },
    Function { name: "watch", run: socket::watch::<Held> },
    Function { name: "send", run: send },
    Function { name: "sendMany", run: send_many },
    Function { name: "recvMany", run: recv_many },
    Function { name: "takeFds", run: take_fds },
    Function { name: "shutdown", run: shut },
    Function { name: "credentials", run: socket::credentials::<Held> },
    Function { name: "detach", run: socket::detach::<Held> },
    Function { name: "close", run: socket::close::<Held> },
];

struct Held {
    socket: SeqPacket,
    beside: Beside,
}

impl socket::Held for Held {
    fn lent(&self) -> HandleRef<'_> {
        self.socket.borrowed()
    }

    fn given(self) -> os::Handle {
        self.socket.into_handle()
    }
}

pub(crate) fn give(env: Env, socket: SeqPacket) -> Value {
    Handle::give(env, Slot::of(Held { socket, beside: Beside::default() }))
}

fn held(call: &Call) -> Result<&Slot<Held>, Failure> {
    Slot::at(call, 0)
}

fn pair(call: &Call) -> Answer {
    let env = call.env();
    let (a, b) = SeqPacket::pair(true)?;
    Ok(env.array([give(env, a), give(env, b)]))
}

#[cfg(unix)]
fn adopt(call: &Call) -> Answer {
    let adopted = SeqPacket::adopt(fd::own(call.int(0)?)?).map_err(fd::returned)?;
    Ok(give(call.env(), adopted))
}

/// One that was accepted just now.
fn made(call: &Call) -> Answer {
    Ok(give(call.env(), SeqPacket::from(socket::accepted(call, 0)?)))
}

fn send(call: &Call) -> Answer {
    let fds = fd::lent(call, 2)?;
    let packet = call.bytes(1)?;
    let sent = held(call)?.with(|held| held.socket.send(packet, &fds, Wait::Never))??;
    Ok(call.env().bool(sent.is_some()))
}

/// How many went, from the one with this number on.
fn send_many(call: &Call) -> Answer {
    let packets: Vec<_> = call.chunks(1)?.into_iter().map(IoSlice::new).collect();
    let from: usize = call.int(2)?;
    let packets = packets.get(from..).unwrap_or_default();
    let sent = held(call)?.with(|held| held.socket.send_batch(packets, Wait::Never))??;
    Ok(call.env().number(sent.unwrap_or(0) as f64))
}

/// How many came; see [`Beside::fill`].
fn recv_many(call: &Call) -> Answer {
    let largest = call.int(3)?;
    // SAFETY: the caller gives two arrays that share nothing.
    let (room, lengths) = unsafe { (call.room(1)?, call.room(2)?) };
    let count = held(call)?.with(|Held { socket, beside }| {
        beside.fill(room, (lengths, largest), |room| socket.receive_into(room, Wait::Never))
    })??;
    Ok(call.env().int(count))
}

fn take_fds(call: &Call) -> Answer {
    held(call)?.with(|held| held.beside.take_fds(call))?
}

fn shut(call: &Call) -> Answer {
    let how = stream::direction(call.int(1)?)?;
    held(call)?.with(|held| socket::shut(held.socket.borrowed(), how))??;
    Ok(call.env().undefined())
}
