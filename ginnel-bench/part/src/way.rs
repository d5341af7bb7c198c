//! How the two ends of a pattern are joined, for libraries that know more ways than one.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use crate::signals::{Signals, beside};

/// A socket of such a library.
pub trait Joins {
    /// Binds the path and listens.
    fn listen(&mut self, path: &Path) -> io::Result<()>;

    /// Connects to a listener.
    fn dial(&mut self, path: &Path) -> io::Result<()>;

    /// Takes a connected stream.
    fn adopt(&mut self, stream: OwnedFd) -> io::Result<()>;

    /// Waits for whoever joins next, if the library does nothing while it is not called.
    fn meet(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How they are joined. Signals go beside whatever joins them.
pub trait Way {
    /// Before anybody connects to the listener of the signals.
    fn open(socket: &mut impl Joins, path: &Path) -> io::Result<()>;

    /// After somebody has connected to it.
    fn admit(socket: &mut impl Joins, signals: &mut Signals) -> io::Result<()>;

    /// At the end that has connected.
    fn reach(socket: &mut impl Joins, path: &Path, signals: &mut Signals) -> io::Result<()>;
}

/// One end listens, the other dials.
#[derive(Debug)]
pub struct Ipc;

/// Each end adopts its stream of a socketpair.
#[derive(Debug)]
pub struct Socketpair;

impl Way for Ipc {
    fn open(socket: &mut impl Joins, path: &Path) -> io::Result<()> {
        socket.listen(&beside(path))
    }

    fn admit(socket: &mut impl Joins, _signals: &mut Signals) -> io::Result<()> {
        socket.meet()
    }

    fn reach(socket: &mut impl Joins, path: &Path, _signals: &mut Signals) -> io::Result<()> {
        socket.dial(&beside(path))
    }
}

impl Way for Socketpair {
    fn open(_socket: &mut impl Joins, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn admit(socket: &mut impl Joins, signals: &mut Signals) -> io::Result<()> {
        socket.adopt(signals.give()?.into())?;
        socket.meet()
    }

    fn reach(socket: &mut impl Joins, _path: &Path, signals: &mut Signals) -> io::Result<()> {
        socket.adopt(signals.given()?.into())
    }
}
