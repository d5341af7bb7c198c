//! TCP, for the ends of SP.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, bind, connect as reach, sockopt};

use super::{Kernel, Sockets, tcp_socket};

pub(super) fn is_connected_stream(fd: BorrowedFd<'_>) -> io::Result<bool> {
    if sockopt::socket_type(fd)? != SocketType::STREAM || Kernel.is_listening(fd)? {
        return Ok(false);
    }
    match rustix::net::getpeername(fd) {
        Ok(_) => Ok(true),
        Err(Errno::NOTCONN) => Ok(false),
        // What macOS says when both directions are over.
        Err(Errno::INVAL) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn connect(port: SocketAddr) -> io::Result<OwnedFd> {
    let fd = socket(port)?;
    match reach(&fd, &port) {
        // What comes of it is told to whoever reads.
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(fd),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn listen(port: SocketAddr, backlog: u32) -> io::Result<OwnedFd> {
    let fd = socket(port)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    bind(&fd, &port)?;
    rustix::net::listen(&fd, i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(fd)
}

/// A TCP socket that is bound and does not listen, to a port that other sockets may be bound to too; non-blocking and
/// close-on-exec. `SO_REUSEPORT`
///
/// # Errors
/// The kernel's, see bind(2).
pub fn share_port(port: SocketAddr) -> io::Result<OwnedFd> {
    let family = if port.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let fd = tcp_socket(family)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    sockopt::set_socket_reuseport(&fd, true)?;
    bind(&fd, &port)?;
    Ok(fd)
}

pub(super) fn port(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    Ok(SocketAddr::try_from(rustix::net::getsockname(fd)?)?)
}

fn socket(port: SocketAddr) -> io::Result<OwnedFd> {
    let family = if port.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let fd = tcp_socket(family)?;
    // Those who are accepted inherit it from whoever listens.
    sockopt::set_tcp_nodelay(&fd, true)?;
    Ok(fd)
}
