//! Overlapped operations: who owns their memory while the system works on it, and how the system says that it is done.
//!
//! Every handle is bound to the system's own thread pool (`CreateThreadpoolIo`), not to an event: what a thread has
//! started on a handle without a port is cancelled when that thread ends (`ExitThread`), a write in the middle too.
#![expect(unsafe_code, reason = "the system reads and writes memory after the call has returned")]

use std::ffi::c_void;
use std::fmt;
use std::io;
use std::net::TcpStream;
use std::os::windows::io::{AsRawHandle, AsRawSocket, OwnedHandle};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use windows_sys::Win32::Foundation::{ERROR_IO_PENDING, ERROR_MORE_DATA, GetLastError, HANDLE};
use windows_sys::Win32::Storage::FileSystem::{ReadFile, SetFileCompletionNotificationModes, WriteFile};
use windows_sys::Win32::System::IO::{CancelIoEx, OVERLAPPED};
use windows_sys::Win32::System::Pipes::ConnectNamedPipe;
use windows_sys::Win32::System::Threading::{
    CancelThreadpoolIo, CloseThreadpoolIo, CreateThreadpoolIo, PTP_CALLBACK_INSTANCE, PTP_IO,
    StartThreadpoolIo,
};
use windows_sys::Win32::System::WindowsProgramming::FILE_SKIP_COMPLETION_PORT_ON_SUCCESS;

/// One operation and its memory. It belongs to whoever has the box; from the start of the operation to its completion
/// that is the system.
#[repr(C)]
pub(super) struct Operation {
    // First: the system knows the whole by the address of this.
    overlapped: OVERLAPPED,
    /// What is read or written.
    pub(super) buffer: Vec<u8>,
    pub(super) way: Way,
    owner: Option<Arc<dyn Owner>>,
}

// SAFETY: it has no memory but its own. The pointers in `overlapped` are the system's, which looks at them in no
// particular thread.
unsafe impl Send for Operation {}

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Read,
    Write,
    /// A server's end waits for a client.
    Meet,
    /// A client of TCP reaches for its server.
    Reach,
}

/// Who is told of a completion. It lives until then, and with it its handle.
pub(super) trait Owner: Send + Sync {
    /// The system has let go. Called in a thread of the system's pool; it must not wait.
    fn completed(self: Arc<Self>, operation: Box<Operation>, outcome: Outcome);
}

/// How an operation ended: a number of winerror.h, 0 for success, and how many bytes went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    pub(super) code: u32,
    pub(super) bytes: usize,
}

/// What became of a start.
#[derive(Debug)]
pub(super) enum Start {
    /// The owner will be told.
    UnderWay(UnderWay),
    /// It is over already, and nobody will be told.
    Over(Box<Operation>, Outcome),
}

/// Names an operation that is under way, to cancel it. Never looked behind.
#[derive(Debug)]
pub(super) struct UnderWay(NonNull<Operation>);

// SAFETY: it is an address; nothing is read or written through it.
unsafe impl Send for UnderWay {}

impl Operation {
    pub(super) fn new(way: Way, buffer: Vec<u8>) -> Box<Self> {
        Box::new(Self { overlapped: OVERLAPPED::default(), buffer, way, owner: None })
    }

    /// What the system has written about it.
    pub(super) const fn overlapped(&self) -> *const OVERLAPPED {
        &raw const self.overlapped
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("way", &self.way).finish_non_exhaustive()
    }
}

/// What operations are made on. Each kind is closed in its own way.
#[derive(Debug)]
pub(super) enum Held {
    Pipe(OwnedHandle),
    /// Of any role: one that listens is held as such too.
    Tcp(TcpStream),
}

impl Held {
    fn raw(&self) -> HANDLE {
        match self {
            Self::Pipe(handle) => handle.as_raw_handle(),
            // The numbers of sockets are those of handles.
            Self::Tcp(socket) => ptr::without_provenance_mut(socket.as_raw_socket() as usize),
        }
    }
}

/// A handle that was opened for overlapped operations, and the pool that tells of them.
#[derive(Debug)]
pub(super) struct Bound {
    /// `None` only while it is dropped.
    held: Option<Held>,
    pool: PTP_IO,
    /// What succeeds at once is told by the call alone.
    skips: bool,
}

impl Bound {
    /// Binds a handle. `skip`: what succeeds at once shall not be told again by the pool. Not where messages are read:
    /// whether "more data" counts as success there is written nowhere.
    pub(super) fn new(held: Held, skip: bool) -> io::Result<Self> {
        let raw = held.raw();
        // SAFETY: the handle is open; `told` fits every operation that is started here, and takes no context.
        let pool = unsafe { CreateThreadpoolIo(raw, Some(told), ptr::null_mut(), ptr::null()) };
        if pool == 0 {
            return Err(io::Error::last_os_error());
        }
        let mode = u8::try_from(FILE_SKIP_COMPLETION_PORT_ON_SUCCESS).unwrap_or_default();
        // SAFETY: the handle is open and nothing is under way on it.
        let skips = skip && unsafe { SetFileCompletionNotificationModes(raw, mode) } != 0;
        Ok(Self { held: Some(held), pool, skips })
    }

    pub(super) fn raw(&self) -> HANDLE {
        self.held.as_ref().map_or(ptr::null_mut(), Held::raw)
    }

    /// The socket, if it is one.
    pub(super) const fn tcp(&self) -> Option<&TcpStream> {
        match &self.held {
            Some(Held::Tcp(socket)) => Some(socket),
            _ => None,
        }
    }

    /// Starts to read into the buffer, at most as much as its length. `ReadFile`
    pub(super) fn read(&self, operation: Box<Operation>, owner: Arc<dyn Owner>) -> Start {
        self.start(operation, owner, |handle, operation| {
            // SAFETY: `start` lends memory that lives until the completion.
            unsafe {
                let buffer = &mut (*operation).buffer;
                let (bytes, room) = (buffer.as_mut_ptr(), length(buffer));
                ReadFile(handle, bytes, room, ptr::null_mut(), operation.cast())
            }
        })
    }

    /// Starts to write the whole buffer. `WriteFile`
    pub(super) fn write(&self, operation: Box<Operation>, owner: Arc<dyn Owner>) -> Start {
        self.start(operation, owner, |handle, operation| {
            // SAFETY: `start` lends memory that lives until the completion.
            unsafe {
                let buffer = &(*operation).buffer;
                let (bytes, size) = (buffer.as_ptr(), length(buffer));
                WriteFile(handle, bytes, size, ptr::null_mut(), operation.cast())
            }
        })
    }

    /// Starts to wait for a client. `ConnectNamedPipe`
    pub(super) fn meet(&self, operation: Box<Operation>, owner: Arc<dyn Owner>) -> Start {
        self.start(operation, owner, |handle, operation| {
            // SAFETY: `start` lends memory that lives until the completion.
            unsafe { ConnectNamedPipe(handle, operation.cast()) }
        })
    }

    /// Asks for an operation to end early. It is told of all the same. `CancelIoEx`
    pub(super) fn cancel(&self, under_way: &UnderWay) {
        // SAFETY: the handle is open; the address is compared and not looked behind. It fails if the operation is over
        // already, which its completion says.
        unsafe { CancelIoEx(self.raw(), under_way.0.as_ptr().cast_const().cast()) };
    }

    /// Starts an operation by this call, which says by zero that it is not done; the last error tells then whether it is
    /// under way. The call is lent memory that lives until the completion.
    pub(super) fn start(
        &self,
        mut operation: Box<Operation>,
        owner: Arc<dyn Owner>,
        call: impl FnOnce(HANDLE, *mut Operation) -> i32,
    ) -> Start {
        operation.overlapped = OVERLAPPED::default();
        operation.owner = Some(owner);
        let operation = NonNull::from(Box::leak(operation));
        // SAFETY: the pool is open as long as `self`; each start is followed by one completion or one `Cancel..`.
        unsafe { StartThreadpoolIo(self.pool) };
        let at_once = call(self.raw(), operation.as_ptr()) != 0;
        // SAFETY: it reads this thread's last error.
        let code = if at_once { 0 } else { unsafe { GetLastError() } };
        match code {
            0 if self.skips => {}
            0 | ERROR_IO_PENDING | ERROR_MORE_DATA => return Start::UnderWay(UnderWay(operation)),
            _ => {}
        }
        // SAFETY: no completion comes of this start: it failed, or it succeeded at once where that is not told.
        unsafe { CancelThreadpoolIo(self.pool) };
        // SAFETY: so nobody else takes the box back.
        let mut operation = unsafe { Box::from_raw(operation.as_ptr()) };
        operation.owner = None;
        let bytes = if code == 0 { operation.overlapped.InternalHigh } else { 0 };
        Start::Over(operation, Outcome { code, bytes })
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // The handle first, as `CloseThreadpoolIo` asks for.
        self.held = None;
        // SAFETY: nothing is under way: every operation holds its owner, which holds this, however many hold it. It is closed once.
        unsafe { CloseThreadpoolIo(self.pool) };
    }
}

/// What the pool calls for each completion.
///
/// # Safety
/// `overlapped` was given to an operation by [`Bound::start`], and this is its one completion.
unsafe extern "system" fn told(
    _: PTP_CALLBACK_INSTANCE,
    _: *mut c_void,
    overlapped: *mut c_void,
    code: u32,
    bytes: usize,
    _: PTP_IO,
) {
    // SAFETY: `start` leaked this box for the system, which is done with it and says so once.
    let mut operation = unsafe { Box::from_raw(overlapped.cast::<Operation>()) };
    if let Some(owner) = operation.owner.take() {
        owner.completed(operation, Outcome { code, bytes });
    }
}

/// As much as one call takes.
pub(super) fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
