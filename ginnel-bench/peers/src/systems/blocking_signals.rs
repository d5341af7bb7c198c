//! The same for blocking libraries.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// A stream beside the library's own connection.
pub(super) struct Signals(UnixStream);

impl Signals {
    pub(super) fn accept(listener: &UnixListener) -> io::Result<Self> {
        listener.accept().map(|(stream, _)| Self(stream))
    }

    pub(super) fn connect(socket: &Path) -> io::Result<Self> {
        UnixStream::connect(socket).map(Self)
    }

    pub(super) fn signal(&mut self) -> io::Result<()> {
        self.0.write_all(&[1])
    }

    pub(super) fn signalled(&mut self) -> io::Result<()> {
        self.0.read_exact(&mut [0])
    }
}
