//! What a descriptor is on Windows: one end of a pipe, or a pipe that listens, or neither yet; or TCP.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::task::Waker;
use std::time::Instant;

#[cfg(test)]
use windows_sys::Win32::Foundation::HANDLE;

use super::bell::Bell;
use super::dial::{open, set_mode};
use super::listen::{Doors, INSTANCES, Shape};
use super::name::PipeName;
use super::pipe::{Got, Pipe};
use super::security::{self, Access, Peer, Sid, random};
use super::tcp::{Gate, PATIENCE, Tcp};
use crate::SocketError;
use crate::connection::Directions;
use crate::sys::{Direction, SocketKind, Would};

/// One end of a pipe, or a pipe that listens, or neither yet; or the same of TCP. Dropping it lets a write that is under way come to its end.
#[derive(Debug)]
pub struct Socket(Arc<End>);

#[derive(Debug)]
pub(super) struct End {
    /// What it carries; `None`: it is of TCP.
    kind: Option<SocketKind>,
    nonblocking: AtomicBool,
    pub(super) bell: Arc<Bell>,
    role: RwLock<Role>,
}

#[derive(Debug)]
enum Role {
    /// Not connected.
    Fresh,
    /// It has a name, and nobody is let in.
    Named(Arc<Doors>, OwnedHandle),
    Listens(Arc<Doors>),
    Connected {
        pipe: Arc<Pipe>,
        server: bool,
    },
    /// It was connected, and no more is of interest. The pipe lives while a write is under way.
    Finished(Weak<Pipe>),
    Tcp(Arc<Tcp>),
    TcpListens(Arc<Gate>),
}

/// What bytes come and go through.
#[derive(Debug)]
enum Way {
    Pipe(Arc<Pipe>),
    Tcp(Arc<Tcp>),
}

impl Socket {
    /// One that is not connected yet.
    pub(super) fn new(kind: SocketKind, nonblocking: bool) -> Self {
        Self::with(Some(kind), nonblocking, Arc::default(), Role::Fresh)
    }

    /// One of TCP that connects: what fails later is told by whoever reads.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn connect_tcp(port: SocketAddr) -> io::Result<Self> {
        Ok(Self::of_tcp(Tcp::connect(port)?, true))
    }

    /// One of TCP that listens, at a port of the system's choice if it is 0.
    ///
    /// # Errors
    /// `AddrInUse`; or the system's.
    pub(super) fn listen_tcp(port: SocketAddr, backlog: u32) -> io::Result<Self> {
        let bell = Arc::default();
        let gate = Gate::new(port, backlog, Arc::clone(&bell))?;
        Ok(Self::with(None, true, bell, Role::TcpListens(Arc::new(gate))))
    }

    /// The port that one of TCP has on this side.
    ///
    /// # Errors
    /// `Unsupported` if it is not of TCP; or the system's.
    pub(super) fn tcp_port(&self) -> io::Result<SocketAddr> {
        match &*self.0.role.read().unwrap_or_else(PoisonError::into_inner) {
            Role::Tcp(tcp) => tcp.port(),
            Role::TcpListens(gate) => gate.port(),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Two ends of a pipe whose name nobody can guess.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn pair(kind: SocketKind, nonblocking: bool) -> io::Result<(Self, Self)> {
        let name = PipeName::private(u128::from_ne_bytes(random()?));
        let packets = is_packets(kind)?;
        let server = Shape::new(name.clone(), &Access::Owner, packets)?.instance(true)?;
        let client = open(&name)?.ok_or(io::ErrorKind::NotFound)?;
        set_mode(&client, packets)?;
        let join = |handle, server| -> io::Result<Self> {
            let pipe = Pipe::new(handle, packets, Arc::default())?;
            Ok(Self::of(Some(kind), nonblocking, pipe.into(), server))
        };
        Ok((join(server, true)?, join(client, false)?))
    }

    /// Makes the pipe of this name, which there must not be. Nobody is let in yet.
    ///
    /// # Errors
    /// `AddrInUse`; `InvalidInput` if it is not fresh; or the system's.
    pub(super) fn bind(&self, name: &PipeName, access: &Access) -> io::Result<()> {
        let mut role = self.0.role.write().unwrap_or_else(PoisonError::into_inner);
        let Role::Fresh = *role else { return Err(io::ErrorKind::InvalidInput.into()) };
        let shape = Shape::new(name.clone(), access, self.0.kind.map_or(Ok(false), is_packets)?)?;
        let (doors, first) = Doors::new(shape, Arc::clone(&self.0.bell))?;
        *role = Role::Named(Arc::new(doors), first);
        Ok(())
    }

    /// Lets in whoever comes.
    ///
    /// # Errors
    /// `InvalidInput` if it has no name; or the system's.
    pub(super) fn listen(&self, backlog: u32) -> io::Result<()> {
        let instances = usize::try_from(backlog).unwrap_or(INSTANCES).clamp(1, INSTANCES);
        let mut role = self.0.role.write().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *role, Role::Finished(Weak::new())) {
            Role::Named(doors, first) => {
                doors.open(first, instances)?;
                *role = Role::Listens(doors);
                Ok(())
            }
            other => {
                *role = other;
                Err(io::ErrorKind::InvalidInput.into())
            }
        }
    }

    /// Connects. `None`: all instances are taken, so try again with a pause. `CreateFile`
    ///
    /// # Errors
    /// `NotFound` if nobody listens; [`SocketError::WrongPipe`], [`SocketError::ForeignPipe`]; `InvalidInput` if it is
    /// not fresh; or the system's.
    pub(super) fn connect(&self, name: &PipeName) -> Would<()> {
        let mut role = self.0.role.write().unwrap_or_else(PoisonError::into_inner);
        let Role::Fresh = *role else { return Err(io::ErrorKind::InvalidInput.into()) };
        let packets = self.0.kind.map_or(Ok(false), is_packets)?;
        let Some(handle) = open(name)? else { return Ok(None) };
        let owner = security::owner(handle.as_raw_handle())?.ok_or(SocketError::ForeignPipe)?;
        if !owner.is_trusted() && owner != Sid::ours()? {
            return Err(SocketError::ForeignPipe.into());
        }
        set_mode(&handle, packets)?;
        let pipe = Arc::new(Pipe::new(handle, packets, Arc::clone(&self.0.bell))?);
        *role = Role::Connected { pipe, server: false };
        Ok(Some(()))
    }

    /// Takes a client that has come.
    ///
    /// # Errors
    /// `InvalidInput` if it does not listen; or the system's.
    pub(super) fn accept(&self, nonblocking: bool) -> Would<Self> {
        let doors = match &*self.0.role.read().unwrap_or_else(PoisonError::into_inner) {
            Role::Listens(doors) => Arc::clone(doors),
            Role::TcpListens(gate) => {
                return Ok(gate.accept()?.map(|tcp| Self::of_tcp(tcp, nonblocking)));
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        Ok(doors.accept()?.map(|pipe| Self::of(self.0.kind, nonblocking, pipe, true)))
    }

    /// Takes what has arrived: part of a stream, or one packet.
    ///
    /// # Errors
    /// `NotConnected`; or the system's.
    pub(super) fn receive(&self, room: &mut [MaybeUninit<u8>]) -> Would<Got> {
        match self.0.way()? {
            Some(Way::Pipe(pipe)) => pipe.receive(room),
            Some(Way::Tcp(tcp)) => tcp.receive(room),
            None if self.0.ready(Directions::READ) == NONE => Ok(None),
            None => Ok(Some(Got::END)),
        }
    }

    /// Copies what is to be sent, up to 64 KiB of a stream or a whole packet, and starts to write it. `None`: the last
    /// write is still under way.
    ///
    /// # Errors
    /// `NotConnected`; `BrokenPipe`, also about the write before; or the system's.
    pub(super) fn send(&self, slices: &[IoSlice<'_>]) -> Would<usize> {
        match self.0.way()? {
            Some(Way::Pipe(pipe)) => pipe.send(slices),
            Some(Way::Tcp(tcp)) => tcp.send(slices),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Is no write under way?
    pub(super) fn is_settled(&self) -> bool {
        self.0.role.read().unwrap_or_else(PoisonError::into_inner).is_settled()
    }

    /// Nothing more is written, and nothing more is of interest: the pipe is closed as soon as the write that is under
    /// way, if one is, has come to its end. From then on the end is received: whoever waits for it may end the process,
    /// which would cut the write. Of TCP only what is written ends.
    pub(super) fn finish(&self) {
        let tcp = match &*self.0.role.read().unwrap_or_else(PoisonError::into_inner) {
            Role::Tcp(tcp) => Some(Arc::clone(tcp)),
            _ => None,
        };
        match tcp {
            Some(tcp) => tcp.finish(),
            None => self.0.close(),
        }
    }

    /// Who is at the other end.
    ///
    /// # Errors
    /// `NotConnected`; or the system's.
    pub(super) fn peer(&self) -> io::Result<Peer> {
        match &*self.0.role.read().unwrap_or_else(PoisonError::into_inner) {
            Role::Connected { pipe, server } => Peer::of(pipe.bound().raw(), *server),
            Role::Tcp(_) => Err(io::ErrorKind::Unsupported.into()),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// What the system knows it by.
    #[cfg(test)]
    pub(super) fn raw(&self) -> HANDLE {
        match &*self.0.role.read().unwrap_or_else(PoisonError::into_inner) {
            Role::Connected { pipe, .. } => pipe.bound().raw(),
            Role::Tcp(tcp) => tcp.raw(),
            Role::TcpListens(gate) => gate.raw(),
            Role::Named(_, first) => first.as_raw_handle(),
            _ => unreachable!("it has no handle of its own"),
        }
    }

    /// What it carries; `None`: it is of TCP.
    pub(super) fn kind(&self) -> Option<SocketKind> {
        self.0.kind
    }

    /// Does it listen?
    pub(super) fn is_listening(&self) -> bool {
        matches!(
            *self.0.role.read().unwrap_or_else(PoisonError::into_inner),
            Role::Listens(_) | Role::TcpListens(_)
        )
    }

    /// Is it connected, or was it?
    pub(super) fn is_connected(&self) -> bool {
        match self.0.way() {
            Ok(Some(Way::Tcp(tcp))) => tcp.is_connected(),
            way => way.is_ok(),
        }
    }

    /// Calls never wait, whatever they are asked for.
    pub(super) fn set_nonblocking(&self) {
        self.0.nonblocking.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_nonblocking(&self) -> bool {
        self.0.nonblocking.load(Ordering::Relaxed)
    }

    /// Waits until it is ready in one of the directions; says in which. `None`: the deadline has passed.
    pub fn wait(&self, directions: Directions, deadline: Option<Instant>) -> Option<Directions> {
        self.0.bell.wait(deadline, || Some(self.0.ready(directions)).filter(|ready| *ready != NONE))
    }

    /// Is it ready? If not, the waker is woken when it may be.
    pub fn poll_ready(&self, direction: Direction, waker: &Waker) -> bool {
        self.0.bell.wake_at_change(direction, waker);
        let directions = match direction {
            Direction::Read => Directions::READ,
            Direction::Write => Directions::WRITE,
        };
        self.0.ready(directions) != NONE
    }

    pub(super) fn end(&self) -> Arc<End> {
        Arc::clone(&self.0)
    }

    fn of_tcp(tcp: Arc<Tcp>, nonblocking: bool) -> Self {
        Self::with(None, nonblocking, Arc::clone(tcp.bell()), Role::Tcp(tcp))
    }

    fn of(kind: Option<SocketKind>, nonblocking: bool, pipe: Arc<Pipe>, server: bool) -> Self {
        let bell = Arc::clone(pipe.bell());
        Self::with(kind, nonblocking, bell, Role::Connected { pipe, server })
    }

    fn with(kind: Option<SocketKind>, nonblocking: bool, bell: Arc<Bell>, role: Role) -> Self {
        let nonblocking = AtomicBool::new(nonblocking);
        Self(Arc::new(End { kind, nonblocking, bell, role: RwLock::new(role) }))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Role {
    fn is_settled(&self) -> bool {
        match self {
            Self::Connected { pipe, .. } => pipe.is_writable(),
            Self::Finished(pipe) => pipe.upgrade().is_none_or(|pipe| pipe.is_writable()),
            _ => true,
        }
    }
}

impl End {
    /// What it is ready for, of these. One that is not connected is ready for everything: whoever tries is told.
    pub(super) fn ready(&self, directions: Directions) -> Directions {
        let role = self.role.read().unwrap_or_else(PoisonError::into_inner);
        match &*role {
            Role::Fresh | Role::Named(..) => directions,
            Role::Finished(_) => Directions { read: directions.read && role.is_settled(), ..directions },
            Role::Listens(doors) => {
                Directions { read: directions.read && doors.is_ready(), ..Directions::default() }
            }
            Role::Connected { pipe, .. } => Directions {
                read: directions.read && pipe.is_readable(),
                write: directions.write && pipe.is_writable(),
            },
            Role::Tcp(tcp) => Directions {
                read: directions.read && tcp.is_readable(),
                write: directions.write && tcp.is_writable(),
            },
            Role::TcpListens(gate) => {
                Directions { read: directions.read && gate.is_ready(), ..Directions::default() }
            }
        }
    }

    /// `None`: it was connected.
    fn way(&self) -> io::Result<Option<Way>> {
        match &*self.role.read().unwrap_or_else(PoisonError::into_inner) {
            Role::Connected { pipe, .. } => Ok(Some(Way::Pipe(Arc::clone(pipe)))),
            Role::Tcp(tcp) => Ok(Some(Way::Tcp(Arc::clone(tcp)))),
            Role::Finished(_) => Ok(None),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn close(&self) {
        let mut role = self.role.write().unwrap_or_else(PoisonError::into_inner);
        let rest = match &*role {
            Role::Connected { pipe, .. } => {
                pipe.retire();
                Arc::downgrade(pipe)
            }
            Role::Tcp(tcp) => {
                tcp.close(PATIENCE);
                Weak::new()
            }
            Role::Finished(rest) => rest.clone(),
            _ => Weak::new(),
        };
        let before = std::mem::replace(&mut *role, Role::Finished(rest));
        // Whoever hears the bell looks at the role, and a poller does so with its own lock held.
        drop(role);
        drop(before);
        self.bell.ring(Direction::Read);
        self.bell.ring(Direction::Write);
    }
}

fn is_packets(kind: SocketKind) -> io::Result<bool> {
    match kind {
        SocketKind::Stream => Ok(false),
        SocketKind::SeqPacket => Ok(true),
        SocketKind::Datagram => Err(io::ErrorKind::Unsupported.into()),
    }
}

const NONE: Directions = Directions { read: false, write: false };
