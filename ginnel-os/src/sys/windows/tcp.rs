//! TCP, for the ends of SP: what is there is taken and given without waiting, and operations only tell when to try again.
//!
//! A connection that waits to read holds no buffer: the system is asked to read nothing, which is over once there is
//! something. One that waits to write does so with up to [`MOST`] bytes of its own.

pub(super) mod calls;
mod gate;

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[cfg(test)]
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Networking::WinSock::{
    SO_LINGER, SO_UPDATE_CONNECT_CONTEXT, SOL_SOCKET, WSA_OPERATION_ABORTED, WSAENOTCONN,
};

use super::bell::Bell;
use super::later::later;
use super::operation::{Bound, Held, Operation, Outcome, Owner, Start, UnderWay, Way};
use super::pipe::{Got, error};
use crate::sys::{Direction, Would};
use calls::ConnectEx;

pub(super) use gate::Gate;

/// A connection, or what will be one.
#[derive(Debug)]
pub(super) struct Tcp {
    bound: Bound,
    bell: Arc<Bell>,
    read: Mutex<Reading>,
    write: Mutex<Writing>,
}

#[derive(Debug)]
enum Reading {
    /// It is not connected yet.
    Connecting(UnderWay),
    /// Nobody has asked yet, or since something was taken.
    Unasked,
    /// There was nothing.
    Waits(UnderWay),
    /// There is something: bytes, the end, or an error. Whoever tries is told.
    Ready,
    /// It never was connected, or we are done: a number of winerror.h.
    Over(u32),
}

#[derive(Debug)]
enum Writing {
    Connecting,
    /// There may be room: whoever tries is told.
    Maybe,
    /// `last`: nothing more will be written.
    UnderWay {
        operation: UnderWay,
        last: bool,
    },
    /// Nothing more is written.
    Finished,
    /// What was under way has failed: a number of winerror.h.
    Failed(u32),
}

impl Tcp {
    /// Starts to connect. What fails later is told by whoever reads.
    pub(super) fn connect(port: SocketAddr) -> io::Result<Arc<Self>> {
        let socket = calls::socket(port.is_ipv4())?;
        let any = if port.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        // `ConnectEx` takes none that has no port.
        calls::bind(&socket, SocketAddr::new(any, 0))?;
        let call = ConnectEx::of(&socket)?;
        let tcp = Arc::new(Self::new(socket, Writing::Connecting)?);
        let mut read = tcp.reading();
        let owner = Arc::clone(&tcp);
        match tcp.bound.reach(Operation::new(Way::Reach, Vec::new()), owner, (call, port)) {
            Start::UnderWay(under_way) => *read = Reading::Connecting(under_way),
            Start::Over(operation, Outcome { code: 0, .. }) => {
                drop(read);
                tcp.reached(&operation);
                return Ok(tcp);
            }
            Start::Over(_, Outcome { code, .. }) => return Err(error(code)),
        }
        drop(read);
        Ok(tcp)
    }

    /// Takes in one that is connected.
    fn connected(socket: TcpStream) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self::new(socket, Writing::Maybe)?))
    }

    fn new(socket: TcpStream, write: Writing) -> io::Result<Self> {
        let skip = calls::is_plain(&socket);
        let bound = Bound::new(Held::Tcp(socket), skip)?;
        Ok(Self { bound, bell: Arc::default(), read: Mutex::new(Reading::Unasked), write: Mutex::new(write) })
    }

    pub(super) const fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    #[cfg(test)]
    pub(super) fn raw(&self) -> HANDLE {
        self.bound.raw()
    }

    pub(super) fn port(&self) -> io::Result<SocketAddr> {
        self.socket()?.local_addr()
    }

    /// Is it connected, or was it?
    pub(super) fn is_connected(&self) -> bool {
        !matches!(*self.writing(), Writing::Connecting)
            && self.socket().is_ok_and(|tcp| tcp.peer_addr().is_ok())
    }

    /// Is there something to read, or an error to be told? If not, its coming will be.
    pub(super) fn is_readable(self: &Arc<Self>) -> bool {
        let mut read = self.reading();
        if matches!(*read, Reading::Unasked) {
            self.look(&mut read);
        }
        !matches!(*read, Reading::Waits(_) | Reading::Connecting(_))
    }

    pub(super) fn is_writable(&self) -> bool {
        !matches!(*self.writing(), Writing::UnderWay { .. } | Writing::Connecting)
    }

    /// Takes what has arrived.
    pub(super) fn receive(self: &Arc<Self>, room: &mut [MaybeUninit<u8>]) -> Would<Got> {
        let mut read = self.reading();
        match *read {
            Reading::Connecting(_) | Reading::Waits(_) => return Ok(None),
            Reading::Over(code) => return Err(error(code)),
            Reading::Unasked | Reading::Ready => {}
        }
        let got = calls::receive(self.socket()?, room)?;
        *read = Reading::Unasked;
        match got {
            Some(0) if !room.is_empty() => Ok(Some(Got::END)),
            Some(bytes) => Ok(Some(Got::bytes(bytes))),
            None => {
                self.look(&mut read);
                // What came meanwhile is taken the next time, which somebody has to say.
                let came = matches!(*read, Reading::Ready);
                drop(read);
                if came {
                    self.bell.ring(Direction::Read);
                }
                Ok(None)
            }
        }
    }

    /// Sends some of it, or copies it and starts to: up to [`MOST`] bytes.
    pub(super) fn send(self: &Arc<Self>, slices: &[IoSlice<'_>]) -> Would<usize> {
        let mut write = self.writing();
        match *write {
            Writing::Connecting | Writing::UnderWay { .. } => return Ok(None),
            Writing::Finished => return Err(io::ErrorKind::BrokenPipe.into()),
            Writing::Failed(code) => return Err(error(code)),
            Writing::Maybe => {}
        }
        if slices.iter().all(|slice| slice.is_empty()) {
            return Ok(Some(0));
        }
        if let Some(sent) = calls::send(self.socket()?, slices, MOST)? {
            return Ok(Some(sent));
        }
        let mut buffer = Vec::new();
        for slice in slices {
            let left = MOST - buffer.len();
            buffer.extend_from_slice(&slice[..slice.len().min(left)]);
        }
        let size = buffer.len();
        match self.bound.push(Operation::new(Way::Write, buffer), Arc::clone(self) as _) {
            Start::UnderWay(operation) => *write = Writing::UnderWay { operation, last: false },
            Start::Over(_, Outcome { code: 0, .. }) => {}
            Start::Over(_, Outcome { code, .. }) => return Err(error(code)),
        }
        Ok(Some(size))
    }

    /// Nothing more is written: the other side is told, behind what is under way. `shutdown`
    pub(super) fn finish(&self) {
        let mut write = self.writing();
        match &mut *write {
            Writing::UnderWay { last, .. } => *last = true,
            Writing::Maybe => self.end(&mut write),
            Writing::Connecting => {
                drop(write);
                self.retire();
            }
            Writing::Finished | Writing::Failed(_) => {}
        }
    }

    /// Nobody is interested any more. A write that is under way goes on, for [`PATIENCE`] at most.
    pub(super) fn close(self: &Arc<Self>, patience: Duration) {
        self.retire();
        if let Writing::UnderWay { .. } = *self.writing() {
            let rest = Arc::downgrade(self);
            let give_up = move || rest.upgrade().into_iter().for_each(|tcp| tcp.give_up());
            if later(patience, Box::new(give_up)).is_err() {
                self.give_up();
            }
        }
    }

    /// Reads no more, and reaches for nobody. A write that is under way is left alone; the socket is closed behind it.
    fn retire(&self) {
        let mut read = self.reading();
        if let Reading::Waits(under_way) | Reading::Connecting(under_way) = &*read {
            self.bound.cancel(under_way);
        }
        *read = Reading::Over(WSAENOTCONN.cast_unsigned());
    }

    /// The other side does not read. It is told that this was not all: it sees a reset, no end.
    fn give_up(&self) {
        if let Writing::UnderWay { operation, .. } = &*self.writing() {
            if let Ok(socket) = self.socket() {
                // If it fails, the other side sees an end.
                let _ = calls::set(socket, SOL_SOCKET, SO_LINGER, AT_ONCE);
            }
            self.bound.cancel(operation);
        }
    }

    fn end(&self, write: &mut Writing) {
        *write = Writing::Finished;
        if let Ok(socket) = self.socket() {
            // It fails if the other side has gone already, and then there is nobody to tell.
            let _ = socket.shutdown(Shutdown::Write);
        }
    }

    /// Asks to be told when there is something.
    fn look(self: &Arc<Self>, read: &mut Reading) {
        match self.bound.look(Operation::new(Way::Read, Vec::new()), Arc::clone(self) as _) {
            Start::UnderWay(under_way) => *read = Reading::Waits(under_way),
            // An error too: whoever tries is told.
            Start::Over(..) => *read = Reading::Ready,
        }
    }

    /// It is connected, or will never be.
    fn reached(&self, operation: &Operation) {
        let connected = self.socket().and_then(|socket| match calls::outcome(socket, operation) {
            0 => calls::set(socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, 0),
            code => Err(error(code)),
        });
        let unknown = WSA_OPERATION_ABORTED.cast_unsigned();
        let code = connected.err().map(|error| error.raw_os_error().map_or(unknown, i32::cast_unsigned));
        *self.writing() = code.map_or(Writing::Maybe, Writing::Failed);
        let mut read = self.reading();
        if !matches!(*read, Reading::Over(_)) {
            *read = code.map_or(Reading::Unasked, Reading::Over);
        }
        drop(read);
        self.bell.ring(Direction::Write);
        self.bell.ring(Direction::Read);
    }

    fn socket(&self) -> io::Result<&TcpStream> {
        self.bound.tcp().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.write.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owner for Tcp {
    fn completed(self: Arc<Self>, operation: Box<Operation>, outcome: Outcome) {
        match operation.way {
            Way::Reach => self.reached(&operation),
            Way::Write => {
                let code = match outcome.code {
                    0 => 0,
                    _ => self.socket().map_or(outcome.code, |socket| calls::outcome(socket, &operation)),
                };
                let mut write = self.writing();
                match (&*write, code) {
                    (Writing::UnderWay { last: true, .. }, 0) => self.end(&mut write),
                    (_, 0) => *write = Writing::Maybe,
                    (_, code) => *write = Writing::Failed(code),
                }
                drop(write);
                self.bell.ring(Direction::Write);
            }
            Way::Read | Way::Meet => {
                let mut read = self.reading();
                if matches!(*read, Reading::Waits(_)) {
                    // An error too: whoever tries is told.
                    *read = Reading::Ready;
                }
                drop(read);
                self.bell.ring(Direction::Read);
            }
        }
    }
}

/// Bytes that one call sends, and that a write under way holds: the system would take any number.
const MOST: usize = 64 * 1024;

/// How long a write may go on when the socket is closed: somebody far away could hold one for ever otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What `SO_LINGER` is told, two numbers of 16 bits: linger, for no time.
const AT_ONCE: i32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn what_nobody_reads_is_given_up_and_the_other_side_knows() -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let tcp = Tcp::connect(listener.local_addr()?)?;
        let (mut peer, _) = listener.accept()?;
        while !tcp.is_writable() {
            thread::yield_now();
        }
        let mut sent = 0;
        while let Some(more) = tcp.send(&[IoSlice::new(&[7; MOST])])? {
            sent += more;
        }
        tcp.close(Duration::ZERO);
        let rest = Arc::downgrade(&tcp);
        drop(tcp);
        while rest.strong_count() > 0 {
            thread::yield_now();
        }
        let mut all = Vec::new();
        // Under wine reading ends, and only writing tells.
        let reset = peer.read_to_end(&mut all).and_then(|_| peer.write(b"x"));
        assert!(all.len() < sent && reset.is_err());
        Ok(())
    }
}
