//! Sockets that listen, of whatever family, whose connections are descriptors to hand on; and what else is asked of sockets
//! as such.

use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};

use ginnel_os::sys::{Kernel, Sockets, share_port};
use ginnel_os::{self as os, AcceptPause, HandleRef};
use rustix::net::{self, sockopt};

use crate::fd;
use crate::js::{Answer, Call, Failure, Fault, Function, Handle};
use crate::listener::told;
use crate::slot::Slot;
use crate::socket;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "adopt", run: adopt },
    Function { name: "fd", run: socket::fd::<Held> },
    Function { name: "watch", run: socket::watch::<Held> },
    Function { name: "accept", run: accept },
    Function { name: "detach", run: socket::detach::<Held> },
    Function { name: "close", run: socket::close::<Held> },
    Function { name: "reuseport", run: reuseport },
    Function { name: "peerName", run: peer_name },
    Function { name: "bufferSize", run: buffer_size },
    Function { name: "setBufferSize", run: set_buffer_size },
];

struct Held {
    fd: OwnedFd,
    pause: AcceptPause,
}

impl socket::Held for Held {
    fn lent(&self) -> HandleRef<'_> {
        self.fd.as_fd()
    }

    fn given(self) -> os::Handle {
        self.fd
    }
}

fn held(call: &Call) -> Result<&Slot<Held>, Failure> {
    Slot::at(call, 0)
}

/// Takes over a socket that listens, or is bound and listens from now on.
fn adopt(call: &Call) -> Answer {
    let number = call.int(0)?;
    let backlog = call.int(1)?;
    let listens = Kernel::default().is_listening(fd::borrow(number)?)?;
    if !listens {
        net::listen(fd::borrow(number)?, backlog)?;
    }
    let fd = fd::own(number)?;
    Ok(Handle::give(call.env(), Slot::of(Held { fd, pause: AcceptPause::new() })))
}

/// As a listener's. The socket itself may be in blocking mode, so it is asked first whether anybody is there. If another
/// process takes that one in between, accept(2) waits for the next all the same: the package's documentation says so.
fn accept(call: &Call) -> Answer {
    held(call)?.with(|Held { fd, pause }| told(call.env(), accept_now(fd.as_fd()), pause))?
}

fn accept_now(fd: BorrowedFd<'_>) -> std::io::Result<Option<OwnedFd>> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    if !rustix::fs::fcntl_getfl(fd)?.contains(rustix::fs::OFlags::NONBLOCK) {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        match poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], Some(&now)) {
            Ok(0) | Err(Errno::INTR) => return Ok(None),
            told => told?,
        };
    }
    match Kernel::default().accept(fd, true) {
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => Ok(None),
        came => came,
    }
}

/// A TCP socket that is bound and does not listen, to a port that other sockets may be bound to too.
fn reuseport(call: &Call) -> Answer {
    let port: u16 = call.int(0)?;
    let Ok(host) = call.text(1)?.parse::<std::net::IpAddr>() else {
        return Err(Failure::new(Fault::Type, "ERR_GINNEL_ADDRESS", "invalid host"));
    };
    let socket = share_port(std::net::SocketAddr::new(host, port))?;
    Ok(call.env().int(socket.into_raw_fd()))
}

/// The name of whoever is at the other end, `null` if it has none.
fn peer_name(call: &Call) -> Answer {
    let name = net::getpeername(fd::borrow(call.int(0)?)?)?;
    let path = name.and_then(|name| net::SocketAddrUnix::try_from(name).ok());
    let text = path.as_ref().and_then(|name| name.path()).map(|path| path.to_string_lossy().into_owned());
    Ok(text.map_or_else(|| call.env().null(), |text| call.env().text(&text)))
}

/// Bytes that the kernel keeps for a socket: of what arrives, or of what is sent.
fn buffer_size(call: &Call) -> Answer {
    let fd = fd::borrow(call.int(0)?)?;
    let size = match call.bool(1)? {
        true => sockopt::socket_recv_buffer_size(fd)?,
        false => sockopt::socket_send_buffer_size(fd)?,
    };
    Ok(call.env().number(size as f64))
}

fn set_buffer_size(call: &Call) -> Answer {
    let fd = fd::borrow(call.int(0)?)?;
    let size = call.int(2)?;
    match call.bool(1)? {
        true => sockopt::set_socket_recv_buffer_size(fd, size)?,
        false => sockopt::set_socket_send_buffer_size(fd, size)?,
    }
    Ok(call.env().undefined())
}
