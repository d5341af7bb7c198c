//! A socket that listens: one connection is under way to be taken, and the system queues the others.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use windows_sys::Win32::Foundation::ERROR_OPERATION_ABORTED;
#[cfg(test)]
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Networking::WinSock::{
    IPPROTO_IPV6, IPV6_V6ONLY, SO_EXCLUSIVEADDRUSE, SO_UPDATE_ACCEPT_CONTEXT, SOL_SOCKET, WSAECONNRESET,
};

use super::super::bell::Bell;
use super::super::operation::{Bound, Held, Operation, Outcome, Owner, Start, UnderWay, Way};
use super::super::pipe::error;
use super::{Tcp, calls};
use crate::sys::{Direction, Would};

/// A socket that listens. Dropping it ends that before it returns.
#[derive(Debug)]
pub(in crate::sys::windows) struct Gate {
    bound: Arc<Bound>,
    is_v4: bool,
    stands: Arc<Stands>,
}

#[derive(Debug)]
struct Stands {
    bell: Arc<Bell>,
    next: Mutex<Next>,
    /// What was under way when it was closed is over.
    over: Condvar,
}

/// The next connection.
#[derive(Debug)]
enum Next {
    /// Nobody has asked yet.
    Unasked,
    /// Nobody has come; the socket is the one that whoever comes will have.
    Awaited(UnderWay, TcpStream),
    Come(TcpStream),
    /// It cannot be taken: a number of winerror.h.
    Failed(u32),
    /// It listens no more. `under_way`: what was begun is not over.
    Closed {
        under_way: bool,
    },
}

/// One that is taken, and the handle that this is done on.
struct Taking {
    bound: Arc<Bound>,
    stands: Arc<Stands>,
}

impl Gate {
    /// Listens at this port, which is nobody else's meanwhile. `SO_EXCLUSIVEADDRUSE`
    pub(in crate::sys::windows) fn new(port: SocketAddr, backlog: u32, bell: Arc<Bell>) -> io::Result<Self> {
        let socket = calls::socket(port.is_ipv4())?;
        calls::set(&socket, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1)?;
        if port.is_ipv6() {
            // As elsewhere, where who listens for all takes those of the older kind too.
            calls::set(&socket, IPPROTO_IPV6, IPV6_V6ONLY, 0)?;
        }
        calls::bind(&socket, port)?;
        calls::listen(&socket, backlog)?;
        let skip = calls::is_plain(&socket);
        let bound = Arc::new(Bound::new(Held::Tcp(socket), skip)?);
        let stands = Stands { bell, next: Mutex::new(Next::Unasked), over: Condvar::new() };
        Ok(Self { bound, is_v4: port.is_ipv4(), stands: Arc::new(stands) })
    }

    #[cfg(test)]
    pub(in crate::sys::windows) fn raw(&self) -> HANDLE {
        self.bound.raw()
    }

    pub(in crate::sys::windows) fn port(&self) -> io::Result<SocketAddr> {
        self.socket()?.local_addr()
    }

    /// Has somebody come, or is there an error to be told? If not, it will be.
    pub(in crate::sys::windows) fn is_ready(&self) -> bool {
        let mut next = self.stands.next();
        self.ask(&mut next);
        !matches!(*next, Next::Awaited(..))
    }

    /// Takes whoever has come.
    pub(in crate::sys::windows) fn accept(&self) -> Would<Arc<Tcp>> {
        let mut next = self.stands.next();
        self.ask(&mut next);
        let socket = match std::mem::replace(&mut *next, Next::Unasked) {
            Next::Come(socket) => socket,
            Next::Failed(code) => return Err(error(code)),
            other => {
                *next = other;
                return Ok(None);
            }
        };
        drop(next);
        // Whoever has gone again belongs nowhere.
        calls::belong(&socket, SO_UPDATE_ACCEPT_CONTEXT, self.socket()?).map_err(|_| error(GONE))?;
        Ok(Some(Tcp::connected(socket)?))
    }

    /// Starts to take the next connection, if nobody has.
    fn ask(&self, next: &mut Next) {
        // Whoever has gone before he was taken is nobody; but not for ever in one go.
        for _ in 0..TRIES {
            let Next::Unasked = *next else { return };
            *next = self.begin().unwrap_or_else(|error| {
                Next::Failed(error.raw_os_error().map_or(ERROR_OPERATION_ABORTED, i32::cast_unsigned))
            });
        }
        if let Next::Unasked = *next {
            *next = Next::Failed(WSAECONNRESET.cast_unsigned());
        }
    }

    fn begin(&self) -> io::Result<Next> {
        let socket = calls::socket(self.is_v4)?;
        let operation = Operation::new(Way::Meet, vec![0; calls::NAMES]);
        let taking = Taking { bound: Arc::clone(&self.bound), stands: Arc::clone(&self.stands) };
        Ok(match self.bound.admit(operation, Arc::new(taking), &socket) {
            Start::UnderWay(under_way) => Next::Awaited(under_way, socket),
            Start::Over(_, Outcome { code: 0, .. }) => Next::Come(socket),
            Start::Over(_, Outcome { code: GONE, .. }) => Next::Unasked,
            Start::Over(_, Outcome { code, .. }) => Next::Failed(code),
        })
    }

    fn socket(&self) -> io::Result<&TcpStream> {
        self.bound.tcp().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let mut next = self.stands.next();
        let under_way = match &*next {
            Next::Awaited(under_way, _) => {
                self.bound.cancel(under_way);
                true
            }
            _ => false,
        };
        // The socket that somebody would have had lives until then.
        let _unused = std::mem::replace(&mut *next, Next::Closed { under_way });
        // Whoever wants the port next shall find it free.
        while let Next::Closed { under_way: true } = *next {
            next = self.stands.over.wait(next).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Stands {
    fn next(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owner for Taking {
    fn completed(self: Arc<Self>, operation: Box<Operation>, outcome: Outcome) {
        drop(operation);
        let Some(Self { bound, stands }) = Arc::into_inner(self) else { return };
        // It is closed by whoever holds it last, who shall not be this one if somebody waits for that.
        drop(bound);
        let mut next = stands.next();
        match std::mem::replace(&mut *next, Next::Unasked) {
            Next::Awaited(_, socket) if outcome.code == 0 => *next = Next::Come(socket),
            // Whoever came has gone again. What ails the system itself is told by the next call.
            Next::Awaited(..) => {}
            Next::Closed { .. } => *next = Next::Closed { under_way: false },
            other => *next = other,
        }
        drop(next);
        stands.over.notify_all();
        stands.bell.ring(Direction::Read);
    }
}

/// Whoever came has gone again.
const GONE: u32 = WSAECONNRESET.cast_unsigned();

/// Those who have gone already that are passed over at once.
const TRIES: usize = 64;
