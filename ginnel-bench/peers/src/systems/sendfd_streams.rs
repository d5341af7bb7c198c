//! `sendfd`: descriptors over the standard library's streams.

#![allow(unsafe_code, reason = "the library hands out raw descriptors, which must be owned to be closed")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use ginnel_bench_part::{Blocking, BlockingFds, BlockingSystem, System, ready};
use sendfd::{RecvWithFd, SendWithFd};

pub(super) const SYSTEM: System =
    System::named("sendfd").with_fds(|part, control| ready(part.fds::<Blocking<Sendfd>>(control)));

struct Sendfd;

impl BlockingSystem for Sendfd {
    type Stream = UnixStream;
    type Listener = UnixListener;

    fn listen(path: &Path) -> io::Result<UnixListener> {
        UnixListener::bind(path)
    }

    fn accept(listener: &mut UnixListener) -> io::Result<UnixStream> {
        listener.accept().map(|(stream, _)| stream)
    }

    fn connect(path: &Path) -> io::Result<UnixStream> {
        UnixStream::connect(path)
    }
}

impl BlockingFds for Sendfd {
    fn send_fd(stream: &mut UnixStream, fd: BorrowedFd<'_>) -> io::Result<()> {
        stream.send_with_fd(&[1], &[fd.as_raw_fd()]).map(drop)
    }

    fn recv_fds(stream: &mut UnixStream) -> io::Result<u64> {
        let mut fds = [-1];
        match stream.recv_with_fd(&mut [0], &mut fds)? {
            (0, _) => Err(io::ErrorKind::UnexpectedEof.into()),
            (_, 0) => Ok(0),
            _ => {
                // SAFETY: the library says that it filled the one place with a descriptor it
                // received, which is ours alone.
                drop(unsafe { OwnedFd::from_raw_fd(fds[0]) });
                Ok(1)
            }
        }
    }
}
