//! Sockets of the real nng, as far as the tests need them, behind safe functions.
//!
//! Waiting for pipes rests on the library's own notifications; nothing here asks again and again.

#![allow(unsafe_code, reason = "nng-sys is the bare C interface")]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use nng_sys::*;

use crate::protocol::Protocol;

/// What the library answered instead of 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error(nng_err);

impl Error {
    /// A wait came to its end.
    pub const TIMED_OUT: Self = Self(nng_err::NNG_ETIMEDOUT);
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nng: {} ({})", self.0, self.0.0)
    }
}

impl std::error::Error for Error {}

/// An open socket; closed when it is dropped.
#[derive(Debug)]
pub struct Socket {
    raw: nng_socket,
    pipes: Arc<Pipes>,
    patience: Duration,
}

impl Socket {
    /// Opens one whose waits fail after `patience`.
    pub fn open(protocol: Protocol, patience: Duration) -> Result<Self, Error> {
        // SAFETY: without parameters the library takes its defaults; only the first time has an effect.
        checked(unsafe { nng_init(ptr::null()) })?;
        let mut raw = nng_socket::default();
        // SAFETY: the library is initialised, and writes the socket to a place of that type.
        check(unsafe { opener(protocol)(&raw mut raw) })?;
        let socket = Self { raw, pipes: Arc::default(), patience };
        socket.count_pipes()?;
        socket.set_duration(NNG_OPT_SENDTIMEO, patience)?;
        socket.set_duration(NNG_OPT_RECVTIMEO, patience)?;
        if protocol == Protocol::Surveyor {
            socket.set_duration(NNG_OPT_SURVEYOR_SURVEYTIME, patience)?;
        }
        Ok(socket)
    }

    /// The longest message taken, header included; 0 is no limit.
    pub fn set_recv_max(&self, bytes: usize) -> Result<(), Error> {
        // SAFETY: the socket is open, and the name of the option ends with a zero byte.
        check(unsafe { nng_socket_set_size(self.raw, name(NNG_OPT_RECVMAXSZ), bytes) })
    }

    /// How many devices a message may have passed.
    pub fn set_ttl(&self, hops: u8) -> Result<(), Error> {
        // SAFETY: the socket is open, and the name of the option ends with a zero byte.
        check(unsafe { nng_socket_set_int(self.raw, name(NNG_OPT_MAXTTL), c_int::from(hops)) })
    }

    /// For a subscriber: what begins so is delivered too.
    pub fn subscribe(&self, prefix: &[u8]) -> Result<(), Error> {
        // SAFETY: the socket is open; the pointer and the length are those of one borrowed slice.
        check(unsafe { nng_sub0_socket_subscribe(self.raw, prefix.as_ptr().cast(), prefix.len()) })
    }

    /// Accepts pipes there from now on, until the socket is closed.
    pub fn listen(&self, url: &str) -> Result<Listener, Error> {
        let url = c_string(url)?;
        let mut raw = nng_listener::default();
        // SAFETY: the socket is open, the address ends with a zero byte, and the listener is written to its type.
        check(unsafe { nng_listen(self.raw, url.as_ptr(), &raw mut raw, 0) })?;
        Ok(Listener { raw })
    }

    /// Connects, and again whenever the pipe is lost; fails only if the first attempt does.
    pub fn dial(&self, url: &str) -> Result<(), Error> {
        let url = c_string(url)?;
        // SAFETY: the socket is open, the address ends with a zero byte, and nobody asks for the dialer.
        check(unsafe { nng_dial(self.raw, url.as_ptr(), ptr::null_mut(), 0) })
    }

    /// Hands one message to the library.
    pub fn send(&self, body: &[u8]) -> Result<(), Error> {
        // SAFETY: the socket is open; the pointer and the length are those of one borrowed slice.
        check(unsafe { nng_send(self.raw, body.as_ptr().cast(), body.len(), 0) })
    }

    /// Waits for a message.
    pub fn recv(&self) -> Result<Vec<u8>, Error> {
        let mut message = ptr::null_mut();
        // SAFETY: the socket is open, and the library writes the message to a place of that type.
        check(unsafe { nng_recvmsg(self.raw, &raw mut message, 0) })?;
        // SAFETY: the library made the message and has forgotten it; so many bytes begin there. Of none the address
        // may be anything.
        let body = unsafe {
            match nng_msg_len(message) {
                0 => Vec::new(),
                length => std::slice::from_raw_parts(nng_msg_body(message).cast::<u8>(), length).to_vec(),
            }
        };
        // SAFETY: nothing borrows from it any more.
        unsafe { nng_msg_free(message) };
        Ok(body)
    }

    /// Waits until so many pipes have been attached since the socket was opened.
    pub fn wait_for_pipes(&self, total: u64) -> Result<(), Error> {
        self.pipes.wait(self.patience, |count| count.attached >= total)
    }

    /// Waits until there has been a pipe and none is left.
    pub fn wait_for_the_end(&self) -> Result<(), Error> {
        self.pipes.wait(self.patience, |count| count.begun > 0 && count.begun == count.gone)
    }

    fn set_duration(&self, option: &'static [u8], duration: Duration) -> Result<(), Error> {
        let milliseconds = i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the socket is open, and the name of the option ends with a zero byte.
        check(unsafe { nng_socket_set_ms(self.raw, name(option), milliseconds) })
    }

    fn count_pipes(&self) -> Result<(), Error> {
        for event in [NNG_PIPE_EV_ADD_PRE, NNG_PIPE_EV_ADD_POST, NNG_PIPE_EV_REM_POST] {
            // The library's threads may call back as long as the process lives, so this share is never given back.
            let shared = Arc::into_raw(Arc::clone(&self.pipes)).cast_mut().cast::<c_void>();
            // SAFETY: the socket is open, and what the callback is given stays allocated.
            checked(unsafe { nng_pipe_notify(self.raw, event, Some(count), shared) })?;
        }
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: nobody else closes the socket.
        unsafe { nng_socket_close(self.raw) };
    }
}

/// Where a socket accepts pipes; it lives as long as its socket.
#[derive(Debug)]
pub struct Listener {
    raw: nng_listener,
}

impl Listener {
    /// The port that the system chose.
    pub fn port(&self) -> Result<u16, Error> {
        let mut port = 0;
        // SAFETY: a closed listener is refused, the name ends with a zero byte, and the port is written to its type.
        check(unsafe { nng_listener_get_int(self.raw, name(NNG_OPT_BOUND_PORT), &raw mut port) })?;
        u16::try_from(port).map_err(|_| Error(nng_err::NNG_EINVAL))
    }

    /// For `socket://`: makes a pipe of a connected stream.
    ///
    /// nng 2.0.0 mixes descriptors up that come faster than it takes them: wait for the first bytes of one before the
    /// next is given.
    pub fn adopt(&self, stream: OwnedFd) -> Result<(), Error> {
        self.adopt_inherited(stream.as_raw_fd())?;
        // It belongs to the library now.
        std::mem::forget(stream);
        Ok(())
    }

    /// The same for a number that the command line gave; what it means is not looked at.
    pub fn adopt_inherited(&self, number: RawFd) -> Result<(), Error> {
        // SAFETY: a closed listener is refused, and the name of the option ends with a zero byte.
        check(unsafe { nng_listener_set_int(self.raw, name(NNG_OPT_SOCKET_FD), number) })
    }
}

/// How many pipes came and went.
#[derive(Debug, Default)]
struct Pipes {
    count: Mutex<PipeCount>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct PipeCount {
    /// Greeted rightly; the protocol may still refuse it.
    begun: u64,
    /// The protocol has it. Of one that is lost at once this is never told.
    attached: u64,
    /// Of those that were begun.
    gone: u64,
}

impl Pipes {
    fn wait(&self, patience: Duration, enough: impl Fn(&PipeCount) -> bool) -> Result<(), Error> {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(count, patience, |count| !enough(count));
        let wait = waited.unwrap_or_else(PoisonError::into_inner).1;
        if wait.timed_out() { Err(Error::TIMED_OUT) } else { Ok(()) }
    }
}

/// What the library calls from a thread of its own.
extern "C" fn count(_: nng_pipe, event: nng_pipe_ev, pipes: *mut c_void) {
    // SAFETY: `count_pipes` gave a share of these and keeps it allocated; they are shared, never lent mutably.
    let pipes = unsafe { &*pipes.cast_const().cast::<Pipes>() };
    let mut count = pipes.count.lock().unwrap_or_else(PoisonError::into_inner);
    match event {
        NNG_PIPE_EV_ADD_PRE => count.begun += 1,
        NNG_PIPE_EV_ADD_POST => count.attached += 1,
        _ => count.gone += 1,
    }
    pipes.changed.notify_all();
}

type Opener = unsafe extern "C" fn(*mut nng_socket) -> c_int;

fn opener(protocol: Protocol) -> Opener {
    match protocol {
        Protocol::Pair0 => nng_pair0_open,
        Protocol::Pair1 => nng_pair1_open,
        Protocol::Req => nng_req0_open,
        Protocol::Rep => nng_rep0_open,
        Protocol::Pub => nng_pub0_open,
        Protocol::Sub => nng_sub0_open,
        Protocol::Push => nng_push0_open,
        Protocol::Pull => nng_pull0_open,
        Protocol::Surveyor => nng_surveyor0_open,
        Protocol::Respondent => nng_respondent0_open,
        Protocol::Bus => nng_bus0_open,
    }
}

/// The crate has the names of options as bytes with their zero byte.
fn name(option: &'static [u8]) -> *const c_char {
    CStr::from_bytes_with_nul(option).expect("names of options end with their only zero byte").as_ptr()
}

fn c_string(url: &str) -> Result<CString, Error> {
    CString::new(url).map_err(|_| Error(nng_err::NNG_EADDRINVAL))
}

fn check(result: c_int) -> Result<(), Error> {
    checked(nng_err(result as c_uint))
}

fn checked(result: nng_err) -> Result<(), Error> {
    if result == nng_err::NNG_OK { Ok(()) } else { Err(Error(result)) }
}
