//! A message that is sent again and again without copying its body, which the crate itself has no call for.

#![allow(unsafe_code, reason = "the crate below this one is the bare C interface")]

use std::cell::UnsafeCell;
use std::io;

use zmq::Socket;
use zmq_sys::{
    zmq_msg_close, zmq_msg_copy, zmq_msg_data, zmq_msg_init, zmq_msg_init_size, zmq_msg_send, zmq_msg_t,
};

/// The library counts who refers to the body.
pub(super) struct Shared(UnsafeCell<zmq_msg_t>);

impl Shared {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut message = zmq_msg_t::default();
        // SAFETY: the library initialises a place of that type.
        let made = unsafe { zmq_msg_init_size(&raw mut message, bytes.len()) };
        assert_eq!(made, 0, "there is memory for one message");
        // SAFETY: the message was just initialised, with a body of as many bytes as are written.
        unsafe {
            zmq_msg_data(&raw mut message).cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        Self(UnsafeCell::new(message))
    }

    pub(super) fn send(&self, socket: &mut Socket) -> io::Result<()> {
        let mut message = zmq_msg_t::default();
        // SAFETY: the library initialises a place of that type.
        check(unsafe { zmq_msg_init(&raw mut message) })?;
        // SAFETY: both are initialised; only this thread knows the original, and nothing else refers to it now.
        check(unsafe { zmq_msg_copy(&raw mut message, self.0.get()) })?;
        // SAFETY: the message is initialised and the socket is open. Once sent, the message is empty.
        check(unsafe { zmq_msg_send(&raw mut message, socket.as_mut_ptr(), 0) })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the message is initialised, and nobody else closes it.
        unsafe { zmq_msg_close(self.0.get()) };
    }
}

fn check(result: std::ffi::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
