//! A pipe that listens: several instances always wait for a client, so there is no moment in which one finds none.
#![expect(unsafe_code, reason = "an instance of a pipe is made by a bare call")]

use std::collections::VecDeque;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_NO_DATA, ERROR_PIPE_BUSY, ERROR_PIPE_CONNECTED, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX,
};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, PIPE_READMODE_BYTE, PIPE_READMODE_MESSAGE, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE,
    PIPE_TYPE_MESSAGE, PIPE_UNLIMITED_INSTANCES, PIPE_WAIT,
};

use super::bell::Bell;
use super::dial::{open, set_mode};
use super::name::PipeName;
use super::operation::{Operation, Outcome, Owner, Start, UnderWay, Way};
use super::pipe::{Pipe, error};
use super::security::{self, Access, Descriptor, Sid};
use crate::SocketError;
use crate::sys::{Direction, Would};

/// A pipe that listens. Dropping it ends that before it returns.
#[derive(Debug)]
pub(super) struct Doors {
    lobby: Arc<Lobby>,
}

#[derive(Debug)]
struct Lobby {
    shape: Shape,
    bell: Arc<Bell>,
    guests: Mutex<Guests>,
    /// An instance has ceased to wait.
    left: Condvar,
}

/// How each instance is made.
#[derive(Debug)]
pub(super) struct Shape {
    name: PipeName,
    descriptor: Descriptor,
    packets: bool,
}

#[derive(Debug)]
struct Guests {
    /// Instances that wait for a client.
    waiting: Vec<(Arc<Pipe>, UnderWay)>,
    /// Instances that have one, the oldest first.
    met: VecDeque<Arc<Pipe>>,
    /// Instances that have failed, or could not be made.
    missing: usize,
    /// It listens no more.
    closed: bool,
}

/// An instance that waits for a client.
struct Meeting {
    pipe: Arc<Pipe>,
    lobby: Arc<Lobby>,
}

impl Shape {
    pub(super) fn new(name: PipeName, access: &Access, packets: bool) -> io::Result<Self> {
        Ok(Self { name, descriptor: Descriptor::new(access)?, packets })
    }

    /// Makes an instance. The first fails if there is any other. `CreateNamedPipe`
    pub(super) fn instance(&self, first: bool) -> io::Result<OwnedHandle> {
        let first = if first { FILE_FLAG_FIRST_PIPE_INSTANCE } else { 0 };
        let form = match self.packets {
            true => PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE,
            false => PIPE_TYPE_BYTE | PIPE_READMODE_BYTE,
        };
        let attributes = self.descriptor.attributes();
        // SAFETY: the name ends with a NUL; the attributes point to a descriptor that lives across the call.
        let handle = unsafe {
            CreateNamedPipeW(
                self.name.wide().as_ptr(),
                PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | first,
                form | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
                PIPE_UNLIMITED_INSTANCES,
                ROOM,
                ROOM,
                0,
                &raw const attributes,
            )
        };
        if handle == INVALID_HANDLE_VALUE {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was made just now and is nobody else's.
        Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
    }
}

impl Shape {
    /// An instance of a pipe that nobody serves any more: it stays for as long as a client of the one who has gone holds
    /// its end, and so do its list and its kind. `AddrInUse`: somebody serves it, or it is another's.
    fn left_behind(&self) -> io::Result<OwnedHandle> {
        let in_use = || SocketError::AddressInUse.into();
        match open(&self.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => return Err(in_use()),
        }
        let instance = self.instance(false).map_err(|_| in_use())?;
        let is_ours = security::owner(instance.as_raw_handle())? == Some(Sid::ours()?);
        if is_ours && set_mode(&instance, self.packets).is_ok() { Ok(instance) } else { Err(in_use()) }
    }
}

impl Doors {
    /// Makes the first instance, so that the name is ours; nobody who connects is taken yet.
    pub(super) fn new(shape: Shape, bell: Arc<Bell>) -> io::Result<(Self, OwnedHandle)> {
        let first =
            shape.instance(true).or_else(|error| match error.raw_os_error().map(i32::cast_unsigned) {
                // The name is taken, or it is and its owner lets nobody else in, which looks the same.
                Some(ERROR_ACCESS_DENIED | ERROR_PIPE_BUSY) => shape.left_behind(),
                _ => Err(error),
            })?;
        let guests = Guests { waiting: Vec::new(), met: VecDeque::new(), missing: 0, closed: false };
        let lobby = Lobby { shape, bell, guests: Mutex::new(guests), left: Condvar::new() };
        Ok((Self { lobby: Arc::new(lobby) }, first))
    }

    /// Lets in whoever comes, with so many instances at once.
    pub(super) fn open(&self, first: OwnedHandle, instances: usize) -> io::Result<()> {
        self.lobby.wait_with(first)?;
        (1..instances).try_for_each(|_| self.lobby.wait_with(self.lobby.shape.instance(false)?))
    }

    /// Does a client wait to be taken, or is there no instance left that waits for one?
    pub(super) fn is_ready(&self) -> bool {
        let guests = self.lobby.guests();
        !guests.met.is_empty() || guests.waiting.is_empty()
    }

    /// Takes the instance that has met its client first, after another one waits in its place.
    pub(super) fn accept(&self) -> Would<Arc<Pipe>> {
        let mut guests = self.lobby.guests();
        // Taken at once, so that of several who accept each replaces his own.
        let met = guests.met.pop_front();
        if met.is_none() && !guests.waiting.is_empty() {
            return Ok(None);
        }
        let missing = std::mem::take(&mut guests.missing) + usize::from(met.is_some());
        drop(guests);
        let mut failed = None;
        let mut made = 0;
        while made < missing && failed.is_none() {
            match self.lobby.shape.instance(false).and_then(|handle| self.lobby.wait_with(handle)) {
                Ok(()) => made += 1,
                Err(error) => failed = Some(error),
            }
        }
        let mut guests = self.lobby.guests();
        // Whoever accepts next tries again to make what is missing.
        guests.missing += missing - made;
        match (met, failed) {
            (Some(pipe), _) => Ok(Some(pipe)),
            (None, Some(error)) if guests.waiting.is_empty() && guests.met.is_empty() => Err(error),
            // Whoever has come meanwhile is told of.
            (None, _) => Ok(None),
        }
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        let mut guests = self.lobby.guests();
        guests.closed = true;
        guests.met.clear();
        for (pipe, under_way) in &guests.waiting {
            pipe.bound().cancel(under_way);
        }
        // Whoever wants the name next shall find it free.
        while !guests.waiting.is_empty() {
            guests = self.lobby.left.wait(guests).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Lobby {
    /// Waits for a client with this instance.
    fn wait_with(self: &Arc<Self>, handle: OwnedHandle) -> io::Result<()> {
        let pipe = Arc::new(Pipe::new(handle, self.shape.packets, Arc::default())?);
        let mut guests = self.guests();
        let owner = Arc::new(Meeting { pipe: Arc::clone(&pipe), lobby: Arc::clone(self) });
        match pipe.bound().meet(Operation::new(Way::Meet, Vec::new()), owner) {
            Start::UnderWay(under_way) => guests.waiting.push((pipe, under_way)),
            Start::Over(_, Outcome { code, .. }) if has_met(code) => {
                guests.met.push_back(pipe);
                drop(guests);
                self.bell.ring(Direction::Read);
            }
            Start::Over(_, Outcome { code, .. }) => return Err(error(code)),
        }
        Ok(())
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owner for Meeting {
    fn completed(self: Arc<Self>, operation: Box<Operation>, outcome: Outcome) {
        drop(operation);
        let Some(Self { pipe, lobby }) = Arc::into_inner(self) else { return };
        let mut guests = lobby.guests();
        guests.waiting.retain(|(waiting, _)| !Arc::ptr_eq(waiting, &pipe));
        if guests.closed {
            // The handle is closed before anybody is told.
            drop(pipe);
            drop(guests);
            lobby.left.notify_all();
            return;
        }
        if has_met(outcome.code) {
            guests.met.push_back(pipe);
        } else {
            guests.missing += 1;
        }
        drop(guests);
        lobby.bell.ring(Direction::Read);
    }
}

/// A client is there, or was: what it wrote before it left is read.
const fn has_met(code: u32) -> bool {
    matches!(code, 0 | ERROR_PIPE_CONNECTED | ERROR_NO_DATA)
}

/// Instances that wait for a client.
pub(super) const INSTANCES: usize = 8;

/// Bytes that may wait to be read, in each direction.
const ROOM: u32 = 64 * 1024;
