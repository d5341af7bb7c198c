//! Winsock, one function per call.
#![expect(unsafe_code, reason = "the system is lent memory and gives out sockets")]

use std::ffi::c_void;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::os::windows::io::{AsRawSocket, FromRawSocket, OwnedSocket};
use std::ptr;
use std::sync::{Arc, OnceLock};

use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, AcceptEx, INVALID_SOCKET, IPPROTO_TCP, LPFN_CONNECTEX,
    SIO_GET_EXTENSION_FUNCTION_POINTER, SO_PROTOCOL_INFOW, SOCK_STREAM, SOCKADDR_IN, SOCKADDR_IN6,
    SOCKADDR_STORAGE, SOCKET, SOL_SOCKET, WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED, WSABUF, WSADATA,
    WSAEWOULDBLOCK, WSAGetLastError, WSAGetOverlappedResult, WSAID_CONNECTEX, WSAIoctl, WSAPROTOCOL_INFOW,
    WSARecv, WSASend, WSASocketW, WSAStartup, XP1_IFS_HANDLES, bind as bind_raw, getsockopt,
    listen as listen_raw, recv, setsockopt,
};

use super::super::operation::{Bound, Operation, Owner, Start, length};
use super::super::pipe::error;
use crate::sys::Would;

/// Whether Winsock is there, which the first socket sees to: std does so only for sockets that it makes. One of the statics
/// that ARCHITECTURE.md names.
static STARTED: OnceLock<i32> = OnceLock::new();

/// A socket that never waits, waits for nobody else's bytes (`TCP_NODELAY`), and is not inherited. `WSASocket`
pub(super) fn socket(is_v4: bool) -> io::Result<TcpStream> {
    // SAFETY: the structure is written during the call.
    let code = *STARTED.get_or_init(|| unsafe { WSAStartup(VERSION, &mut WSADATA::default()) });
    if code != 0 {
        return Err(io::Error::from_raw_os_error(code));
    }
    let family = i32::from(if is_v4 { AF_INET } else { AF_INET6 });
    let flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
    // SAFETY: no memory is lent.
    let raw = unsafe { WSASocketW(family, SOCK_STREAM, IPPROTO_TCP, ptr::null(), 0, flags) };
    if raw == INVALID_SOCKET {
        return Err(last_error());
    }
    // SAFETY: it was made just now and is nobody else's.
    let socket = TcpStream::from(unsafe { OwnedSocket::from_raw_socket(raw as u64) });
    socket.set_nonblocking(true)?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Is it a handle of the kernel's, and not one that somebody's library has laid over it? Only then it is told reliably
/// what is over at once. `SetFileCompletionNotificationModes`
pub(super) fn is_plain(socket: &TcpStream) -> bool {
    let mut info = WSAPROTOCOL_INFOW::default();
    let mut size = size_of_val(&info) as i32;
    let room = (&raw mut info).cast();
    // SAFETY: no more is written than there is room for.
    let code = unsafe { getsockopt(raw(socket), SOL_SOCKET, SO_PROTOCOL_INFOW, room, &raw mut size) };
    code == 0 && info.dwServiceFlags1 & XP1_IFS_HANDLES != 0
}

/// Sets an option that is a number. `setsockopt`
pub(in crate::sys::windows) fn set(
    socket: &TcpStream,
    level: i32,
    option: i32,
    value: i32,
) -> io::Result<()> {
    let value = value.to_ne_bytes();
    // SAFETY: as many bytes are read as there are.
    check(unsafe { setsockopt(raw(socket), level, option, value.as_ptr(), value.len() as i32) })
}

/// What a socket is made to belong to: the one that it came through. `SO_UPDATE_ACCEPT_CONTEXT`
pub(super) fn belong(socket: &TcpStream, option: i32, listener: &TcpStream) -> io::Result<()> {
    let value = raw(listener).to_ne_bytes();
    // SAFETY: as many bytes are read as there are.
    check(unsafe { setsockopt(raw(socket), SOL_SOCKET, option, value.as_ptr(), value.len() as i32) })
}

/// `bind`
pub(super) fn bind(socket: &TcpStream, port: SocketAddr) -> io::Result<()> {
    let (name, size) = encode(port);
    // SAFETY: as many bytes are read as there are.
    check(unsafe { bind_raw(raw(socket), (&raw const name).cast(), size) })
}

/// `listen`
pub(super) fn listen(socket: &TcpStream, backlog: u32) -> io::Result<()> {
    // SAFETY: no memory is lent.
    check(unsafe { listen_raw(raw(socket), i32::try_from(backlog).unwrap_or(i32::MAX)) })
}

/// Takes what is there. `recv`
pub(super) fn receive(socket: &TcpStream, room: &mut [MaybeUninit<u8>]) -> Would<usize> {
    let most = i32::try_from(room.len()).unwrap_or(i32::MAX);
    // SAFETY: no more is written than there is room for.
    let got = unsafe { recv(raw(socket), room.as_mut_ptr().cast(), most, 0) };
    usize::try_from(got).map(Some).or_else(|_| not_yet())
}

/// Sends some of it, as much as this at most. `WSASend`
pub(super) fn send(socket: &TcpStream, slices: &[IoSlice<'_>], most: usize) -> Would<usize> {
    let mut parts = [WSABUF { len: 0, buf: ptr::null_mut() }; PARTS];
    let (mut count, mut left) = (0, most);
    for (part, slice) in parts.iter_mut().zip(slices.iter().filter(|slice| !slice.is_empty())) {
        let slice = &slice[..slice.len().min(left)];
        // It is not written to, in spite of the type.
        *part = WSABUF { len: length(slice), buf: slice.as_ptr().cast_mut() };
        (count, left) = (count + u32::from(!slice.is_empty()), left - slice.len());
    }
    let (mut sent, parts) = (0, parts.as_ptr());
    // SAFETY: the parts are borrowed slices, and as many as are counted.
    let code = unsafe { WSASend(raw(socket), parts, count, &raw mut sent, 0, ptr::null_mut(), None) };
    if code == 0 { Ok(Some(sent as usize)) } else { not_yet() }
}

impl Bound {
    /// Starts to wait for something to read, and reads nothing. `WSARecv`
    pub(super) fn look(&self, operation: Box<Operation>, owner: Arc<dyn Owner>) -> Start {
        self.start(operation, owner, |socket, operation| {
            let (nothing, mut flags) = (WSABUF { len: 0, buf: ptr::null_mut() }, 0);
            // SAFETY: there is no room, and nothing is written; `start` lends the structure until the completion.
            let code = unsafe {
                let (flags, count) = (&raw mut flags, ptr::null_mut());
                WSARecv(socket.addr(), &raw const nothing, 1, count, flags, operation.cast(), None)
            };
            i32::from(code == 0)
        })
    }

    /// Starts to send the whole buffer. `WSASend`
    pub(super) fn push(&self, operation: Box<Operation>, owner: Arc<dyn Owner>) -> Start {
        self.start(operation, owner, |socket, operation| {
            // SAFETY: `start` lends memory that lives until the completion.
            let code = unsafe {
                let buffer = &mut (*operation).buffer;
                let part = WSABUF { len: length(buffer), buf: buffer.as_mut_ptr() };
                let count = ptr::null_mut();
                WSASend(socket.addr(), &raw const part, 1, count, 0, operation.cast(), None)
            };
            i32::from(code == 0)
        })
    }

    /// Starts to take the next connection by this socket. The buffer has [`NAMES`] bytes, for names that nobody asks for.
    /// `AcceptEx`
    pub(super) fn admit(&self, operation: Box<Operation>, owner: Arc<dyn Owner>, by: &TcpStream) -> Start {
        debug_assert_eq!(operation.buffer.len(), NAMES);
        self.start(operation, owner, |socket, operation| {
            let mut none = 0;
            // SAFETY: `start` lends memory that lives until the completion: room for two names.
            unsafe {
                let room = (*operation).buffer.as_mut_ptr().cast();
                let (each, count) = ((NAMES / 2) as u32, &raw mut none);
                AcceptEx(socket.addr(), raw(by), room, 0, each, each, count, operation.cast())
            }
        })
    }

    /// Starts to connect a socket that is bound. `ConnectEx`
    pub(super) fn reach(
        &self,
        operation: Box<Operation>,
        owner: Arc<dyn Owner>,
        (call, port): (ConnectEx, SocketAddr),
    ) -> Start {
        self.start(operation, owner, |socket, operation| {
            let (name, size) = encode(port);
            let (name, none) = ((&raw const name).cast(), ptr::null());
            // SAFETY: the name is read during the call; `start` lends the structure until the completion.
            unsafe { (call.0)(socket.addr(), name, size, none, 0, ptr::null_mut(), operation.cast()) }
        })
    }
}

/// `ConnectEx`, which is asked for by its number.
#[derive(Clone, Copy)]
pub(super) struct ConnectEx(
    unsafe extern "system" fn(
        SOCKET,
        *const windows_sys::Win32::Networking::WinSock::SOCKADDR,
        i32,
        *const c_void,
        u32,
        *mut u32,
        *mut windows_sys::Win32::System::IO::OVERLAPPED,
    ) -> i32,
);

impl ConnectEx {
    /// `WSAIoctl`
    pub(super) fn of(socket: &TcpStream) -> io::Result<Self> {
        let mut call: LPFN_CONNECTEX = None;
        let (number, mut size) = (WSAID_CONNECTEX, 0);
        // SAFETY: one number of 16 bytes is read, and one pointer is written.
        check(unsafe {
            WSAIoctl(
                raw(socket),
                SIO_GET_EXTENSION_FUNCTION_POINTER,
                (&raw const number).cast(),
                size_of_val(&number) as u32,
                (&raw mut call).cast(),
                size_of_val(&call) as u32,
                &raw mut size,
                ptr::null_mut(),
                None,
            )
        })?;
        call.map(Self).ok_or_else(|| io::ErrorKind::Unsupported.into())
    }
}

/// How an operation that is over has ended, in Winsock's numbers: the pool has others. `WSAGetOverlappedResult`
pub(super) fn outcome(socket: &TcpStream, operation: &Operation) -> u32 {
    let (mut bytes, mut flags) = (0, 0);
    let (overlapped, flags) = (operation.overlapped(), &raw mut flags);
    // SAFETY: the operation is over, and was made on this socket; two numbers are written.
    let done = unsafe { WSAGetOverlappedResult(raw(socket), overlapped, &raw mut bytes, 0, flags) };
    if done != 0 { 0 } else { last_code() }
}

/// What was called would have had to wait, or has failed.
fn not_yet<T>() -> Would<T> {
    match last_code().cast_signed() {
        WSAEWOULDBLOCK => Ok(None),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

fn check(code: i32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(last_error()) }
}

fn last_error() -> io::Error {
    error(last_code())
}

fn last_code() -> u32 {
    // SAFETY: it reads this thread's last error.
    unsafe { WSAGetLastError() }.cast_unsigned()
}

fn raw(socket: &TcpStream) -> SOCKET {
    socket.as_raw_socket() as SOCKET
}

/// A name as the system reads it, and its size.
fn encode(port: SocketAddr) -> (SOCKADDR_STORAGE, i32) {
    let mut name = SOCKADDR_STORAGE::default();
    let size = match port {
        SocketAddr::V4(port) => {
            let mut v4 =
                SOCKADDR_IN { sin_family: AF_INET, sin_port: port.port().to_be(), ..Default::default() };
            v4.sin_addr.S_un.S_addr = u32::from_ne_bytes(port.ip().octets());
            // SAFETY: there is room for each kind of name, and it is aligned for each.
            unsafe { (&raw mut name).cast::<SOCKADDR_IN>().write(v4) };
            size_of_val(&v4)
        }
        SocketAddr::V6(port) => {
            let mut v6 = SOCKADDR_IN6 {
                sin6_family: AF_INET6,
                sin6_port: port.port().to_be(),
                sin6_flowinfo: port.flowinfo(),
                ..Default::default()
            };
            v6.sin6_addr.u.Byte = port.ip().octets();
            v6.Anonymous.sin6_scope_id = port.scope_id();
            // SAFETY: as above.
            unsafe { (&raw mut name).cast::<SOCKADDR_IN6>().write(v6) };
            size_of_val(&v6)
        }
    };
    (name, size as i32)
}

/// Winsock 2.2.
const VERSION: u16 = 0x0202;

/// Slices of one call.
const PARTS: usize = 16;

/// Bytes of two names, each with the 16 that `AcceptEx` asks for.
pub(super) const NAMES: usize = 2 * (size_of::<SOCKADDR_STORAGE>() + 16);
