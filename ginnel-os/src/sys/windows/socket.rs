//! What a descriptor is on Windows: one end of a pipe, or a pipe that listens, or neither yet.
#![expect(unsafe_code, reason = "a pipe is opened by a bare call")]

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::Waker;
use std::time::Instant;

use windows_sys::Win32::Foundation::{ERROR_PIPE_BUSY, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Security::Cryptography::{BCRYPT_USE_SYSTEM_PREFERRED_RNG, BCryptGenRandom};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_OVERLAPPED, OPEN_EXISTING, SECURITY_IDENTIFICATION, SECURITY_SQOS_PRESENT,
};
use windows_sys::Win32::System::Pipes::{
    GetNamedPipeInfo, PIPE_READMODE_MESSAGE, PIPE_TYPE_MESSAGE, SetNamedPipeHandleState,
};

use super::bell::Bell;
use super::listen::{Doors, INSTANCES, Shape};
use super::name::PipeName;
use super::operation::length;
use super::pipe::{Got, Pipe};
use super::security::{self, Access, Peer, Sid, TALK, check};
use crate::SocketError;
use crate::connection::Directions;
use crate::sys::{Direction, SocketKind, Would};

/// One end of a pipe, or a pipe that listens, or neither yet. Dropping it lets a write that is under way come to its end.
#[derive(Debug)]
pub struct Socket(Arc<End>);

#[derive(Debug)]
pub(super) struct End {
    kind: SocketKind,
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
    /// It was connected, and no more is of interest.
    Finished,
}

impl Socket {
    /// One that is not connected yet.
    pub(super) fn new(kind: SocketKind, nonblocking: bool) -> Self {
        Self::with(kind, nonblocking, Arc::default(), Role::Fresh)
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
            Ok(Self::of(kind, nonblocking, pipe.into(), server))
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
        let shape = Shape::new(name.clone(), access, is_packets(self.0.kind)?)?;
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
        match std::mem::replace(&mut *role, Role::Finished) {
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
        let packets = is_packets(self.0.kind)?;
        let Some(handle) = open(name)? else { return Ok(None) };
        let owner = security::owner(handle.as_raw_handle())?;
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
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        Ok(doors.accept()?.map(|pipe| Self::of(self.0.kind, nonblocking, pipe, true)))
    }

    /// Takes what has arrived: part of a stream, or one packet.
    ///
    /// # Errors
    /// `NotConnected`; or the system's.
    pub(super) fn receive(&self, room: &mut [MaybeUninit<u8>]) -> Would<Got> {
        match self.0.pipe()? {
            Some(pipe) => pipe.receive(room),
            None => Ok(Some(Got::END)),
        }
    }

    /// Copies what is to be sent, up to 64 KiB of a stream or a whole packet, and starts to write it. `None`: the last
    /// write is still under way.
    ///
    /// # Errors
    /// `NotConnected`; `BrokenPipe`, also about the write before; or the system's.
    pub(super) fn send(&self, slices: &[IoSlice<'_>]) -> Would<usize> {
        match self.0.pipe()? {
            Some(pipe) => pipe.send(slices),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Nothing more is written, and nothing more is of interest: the pipe is closed as soon as the write that is under
    /// way, if one is, has come to its end. From now on the end is received.
    pub(super) fn finish(&self) {
        self.0.finish();
    }

    /// Who is at the other end.
    ///
    /// # Errors
    /// `NotConnected`; or the system's.
    pub(super) fn peer(&self) -> io::Result<Peer> {
        match &*self.0.role.read().unwrap_or_else(PoisonError::into_inner) {
            Role::Connected { pipe, server } => Peer::of(pipe.bound().raw(), *server),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// The owner and the list of those who are let in, as text.
    #[cfg(test)]
    pub(super) fn description(&self) -> io::Result<String> {
        match &*self.0.role.read().unwrap_or_else(PoisonError::into_inner) {
            Role::Connected { pipe, .. } => security::describe(pipe.bound().raw()),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// What it carries.
    pub(super) fn kind(&self) -> SocketKind {
        self.0.kind
    }

    /// Does it listen?
    pub(super) fn is_listening(&self) -> bool {
        matches!(*self.0.role.read().unwrap_or_else(PoisonError::into_inner), Role::Listens(_))
    }

    /// Is it connected, or was it?
    pub(super) fn is_connected(&self) -> bool {
        self.0.pipe().is_ok()
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

    fn of(kind: SocketKind, nonblocking: bool, pipe: Arc<Pipe>, server: bool) -> Self {
        let bell = Arc::clone(pipe.bell());
        Self::with(kind, nonblocking, bell, Role::Connected { pipe, server })
    }

    fn with(kind: SocketKind, nonblocking: bool, bell: Arc<Bell>, role: Role) -> Self {
        let nonblocking = AtomicBool::new(nonblocking);
        Self(Arc::new(End { kind, nonblocking, bell, role: RwLock::new(role) }))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl End {
    /// What it is ready for, of these. One that is not connected is ready for everything: whoever tries is told.
    pub(super) fn ready(&self, directions: Directions) -> Directions {
        let role = self.role.read().unwrap_or_else(PoisonError::into_inner);
        match &*role {
            Role::Fresh | Role::Named(..) | Role::Finished => directions,
            Role::Listens(doors) => {
                Directions { read: directions.read && doors.is_ready(), ..Directions::default() }
            }
            Role::Connected { pipe, .. } => Directions {
                read: directions.read && pipe.is_readable(),
                write: directions.write && pipe.is_writable(),
            },
        }
    }

    /// `None`: it was connected.
    fn pipe(&self) -> io::Result<Option<Arc<Pipe>>> {
        match &*self.role.read().unwrap_or_else(PoisonError::into_inner) {
            Role::Connected { pipe, .. } => Ok(Some(Arc::clone(pipe))),
            Role::Finished => Ok(None),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn finish(&self) {
        let mut role = self.role.write().unwrap_or_else(PoisonError::into_inner);
        let role = std::mem::replace(&mut *role, Role::Finished);
        if let Role::Connected { pipe, .. } = &role {
            pipe.retire();
        }
        drop(role);
        self.bell.ring(Direction::Read);
        self.bell.ring(Direction::Write);
    }
}

/// Opens the client's end. `None`: all instances are taken. The server may find out who we are, but not act as us.
fn open(name: &PipeName) -> Would<OwnedHandle> {
    // SAFETY: the name ends with a NUL; the handle is not inherited.
    let handle = unsafe {
        CreateFileW(
            name.wide().as_ptr(),
            TALK,
            0,
            ptr::null(),
            OPEN_EXISTING,
            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
            ptr::null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        let error = io::Error::last_os_error();
        let busy = error.raw_os_error() == Some(ERROR_PIPE_BUSY.cast_signed());
        return if busy { Ok(None) } else { Err(error) };
    }
    // SAFETY: it was opened just now and is nobody else's.
    Ok(Some(unsafe { OwnedHandle::from_raw_handle(handle) }))
}

/// A pipe that carries packets is read packet by packet, one that does not is refused, and the other way round.
fn set_mode(handle: &OwnedHandle, packets: bool) -> io::Result<()> {
    let mut flags = 0;
    let none = ptr::null_mut();
    // SAFETY: the handle is open; one number is written.
    check(unsafe { GetNamedPipeInfo(handle.as_raw_handle(), &raw mut flags, none, none, none) })?;
    let found = flags & PIPE_TYPE_MESSAGE != 0;
    if found != packets {
        return Err(SocketError::WrongPipe { packets: found }.into());
    }
    if packets {
        let mode = PIPE_READMODE_MESSAGE;
        let raw = handle.as_raw_handle();
        // SAFETY: the handle is open; one number is read.
        check(unsafe { SetNamedPipeHandleState(raw, &raw const mode, ptr::null(), ptr::null()) })?;
    }
    Ok(())
}

fn is_packets(kind: SocketKind) -> io::Result<bool> {
    match kind {
        SocketKind::Stream => Ok(false),
        SocketKind::SeqPacket => Ok(true),
        SocketKind::Datagram => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Bits that nobody can guess.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bits = [0; N];
    let size = length(&bits);
    // SAFETY: as many bytes are written as there is room for.
    let status =
        unsafe { BCryptGenRandom(ptr::null_mut(), bits.as_mut_ptr(), size, BCRYPT_USE_SYSTEM_PREFERRED_RNG) };
    if status < 0 { Err(io::ErrorKind::Other.into()) } else { Ok(bits) }
}

const NONE: Directions = Directions { read: false, write: false };
