//! A socket and its messages, as far as the measurements need them.

use std::ffi::{CString, c_char, c_int};
use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use ginnel_bench_part::Joins;
use nng_sys::{
    NNG_OPT_RECVBUF, NNG_OPT_RECVMAXSZ, NNG_OPT_SENDBUF, NNG_OPT_SOCKET_FD, nng_dial, nng_err, nng_init,
    nng_listen, nng_listener, nng_listener_create, nng_listener_set_int, nng_listener_start, nng_msg,
    nng_msg_free, nng_msg_len, nng_recvmsg, nng_send, nng_sendmsg, nng_socket, nng_socket_close,
    nng_socket_set_int, nng_socket_set_size, nng_sub0_socket_subscribe,
};

pub(super) struct Socket(pub(super) nng_socket);

impl Socket {
    pub(super) fn open(open: unsafe extern "C" fn(*mut nng_socket) -> c_int) -> io::Result<Self> {
        // SAFETY: without parameters the library takes its defaults; only the first time has an effect.
        check(unsafe { nng_init(ptr::null()) }.0 as c_int)?;
        let mut socket = nng_socket::default();
        // SAFETY: the library is initialised, and writes the socket to a place of that type.
        check(unsafe { open(&raw mut socket) })?;
        let socket = Self(socket);
        // SAFETY: the socket is open, and the name of the option ends with a zero byte.
        check(unsafe {
            nng_socket_set_size(socket.0, NNG_OPT_RECVMAXSZ.as_ptr().cast::<c_char>(), LARGEST)
        })?;
        Ok(socket)
    }

    /// With a queue for as many messages as its threads have not sent; none would wait by default.
    pub(super) fn queueing(self, messages: c_int) -> io::Result<Self> {
        // SAFETY: the socket is open, and the name of the option ends with a zero byte.
        check(unsafe { nng_socket_set_int(self.0, NNG_OPT_SENDBUF.as_ptr().cast::<c_char>(), messages) })?;
        Ok(self)
    }

    /// With a subscription to everything, and room for so much of it until somebody takes it.
    pub(super) fn subscribed(self, messages: c_int) -> io::Result<Self> {
        // SAFETY: the socket is open, and the name of the option ends with a zero byte.
        check(unsafe { nng_socket_set_int(self.0, NNG_OPT_RECVBUF.as_ptr().cast::<c_char>(), messages) })?;
        // SAFETY: the socket is open; of a subscription to everything no byte is read.
        check(unsafe { nng_sub0_socket_subscribe(self.0, ptr::null(), 0) })?;
        Ok(self)
    }

    /// The same as making a message, copying the bytes into it and sending that.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        // SAFETY: the socket is open; the pointer and the length are those of one borrowed slice.
        check(unsafe { nng_send(self.0, bytes.as_ptr().cast(), bytes.len(), 0) })
    }

    pub(super) fn recv(&self) -> io::Result<Message> {
        let mut message = ptr::null_mut();
        // SAFETY: the socket is open, and the library writes the message to a place of that type.
        check(unsafe { nng_recvmsg(self.0, &raw mut message, 0) })?;
        Ok(Message(message))
    }

    pub(super) fn send_back(&self, message: Message) -> io::Result<()> {
        // SAFETY: the socket is open; the message is one that `recv` got, and is not used after it is sent.
        check(unsafe { nng_sendmsg(self.0, message.0, 0) })?;
        std::mem::forget(message);
        Ok(())
    }
}

impl Joins for Socket {
    fn listen(&mut self, path: &Path) -> io::Result<()> {
        let address = address(path)?;
        // SAFETY: the socket is open, the address ends with a zero byte, and nobody asks for the listener.
        check(unsafe { nng_listen(self.0, address.as_ptr(), ptr::null_mut(), 0) })
    }

    /// Waits until it is connected.
    fn dial(&mut self, path: &Path) -> io::Result<()> {
        let address = address(path)?;
        // SAFETY: the socket is open, the address ends with a zero byte, and nobody asks for the dialer.
        check(unsafe { nng_dial(self.0, address.as_ptr(), ptr::null_mut(), 0) })
    }

    /// Each stream gets a listener of its own: one that is given several at once mixes them up.
    fn adopt(&mut self, stream: OwnedFd) -> io::Result<()> {
        let mut listener = nng_listener::default();
        // SAFETY: the socket is open, the address ends with a zero byte, and the library writes the listener to a
        // place of that type.
        check(unsafe { nng_listener_create(&raw mut listener, self.0, c"socket://".as_ptr()) })?;
        // SAFETY: the listener was just made.
        check(unsafe { nng_listener_start(listener, 0) })?;
        let name = NNG_OPT_SOCKET_FD.as_ptr().cast::<c_char>();
        // SAFETY: the listener is open, the name of the option ends with a zero byte, and the descriptor is the
        // library's from now on.
        check(unsafe { nng_listener_set_int(listener, name, stream.into_raw_fd()) })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: nobody else closes the socket.
        unsafe { nng_socket_close(self.0) };
    }
}

/// One that the library allocated, and that is ours.
pub(super) struct Message(pub(super) *mut nng_msg);

impl Message {
    pub(super) fn len(&self) -> usize {
        // SAFETY: the message is one that the library gave us, and was not freed.
        unsafe { nng_msg_len(self.0) }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: the message is one that the library gave us, and nobody else frees it.
        unsafe { nng_msg_free(self.0) };
    }
}

fn address(path: &Path) -> io::Result<CString> {
    Ok(CString::new([b"ipc://", path.as_os_str().as_bytes()].concat())?)
}

pub(super) fn check(result: c_int) -> io::Result<()> {
    match nng_err(result as _) {
        nng_err::NNG_OK => Ok(()),
        error => Err(io::Error::other(error)),
    }
}

const LARGEST: usize = 16 << 20;
