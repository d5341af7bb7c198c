//! The kernel as `ginnel-os` sees it: one function per system call.
//!
//! Sockets, the owning of a path and engines are generic over these traits, so that a simulated kernel can stand in for
//! the real one; a few calls without that need are plain functions. `EAGAIN` is `Ok(None)`. An interrupted call
//! (`EINTR`) is made again here, except one that was waiting: it is `Ok(None)` too, so that its caller looks at the
//! clock.
#![expect(unsafe_code, reason = "a kernel has a contract that types cannot hold")]

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
#[cfg(unix)]
use std::sync::Arc;
use std::time::Instant;

#[cfg(unix)]
use ginnel_proto::election::Inode;
use ginnel_proto::machine::ProcessId;

use crate::connection::Directions;

mod call;
mod chance;
pub(crate) mod codes;
#[cfg(unix)]
#[cfg(test)]
pub(crate) mod double;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod linux_files;
#[cfg(target_os = "linux")]
mod linux_msg;
#[cfg(target_os = "linux")]
mod linux_process;
#[cfg(target_os = "linux")]
mod linux_watch;
mod message;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
pub(crate) mod kqueue;
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
use kqueue as system;
#[cfg(target_vendor = "apple")]
#[path = "apple.rs"]
mod special;
#[cfg(target_os = "freebsd")]
#[path = "bsd.rs"]
mod special;

#[cfg(unix)]
mod posix;
#[cfg(unix)]
mod tcp;

#[cfg(unix)]
pub(crate) use posix::{make_directory, take_inherited, user};
#[cfg(unix)]
pub(crate) use system::{CONTROL, HAS_ABSTRACT_NAMES, SUN_PATH, abstract_name, other_kind, plain_name};
#[cfg(unix)]
pub use system::{Kernel, Name, Pin};
#[cfg(unix)]
use system::{own_lock, tcp_socket};
#[cfg(unix)]
pub(crate) use system::{peer_label, peer_pidfd, refuse_fds};
#[cfg(unix)]
pub use tcp::share_port;

#[cfg(unix)]
#[path = "names/files.rs"]
mod names;
#[cfg(windows)]
#[path = "names/pipes.rs"]
mod names;

pub use call::{receive, send};
pub(crate) use chance::{incarnation, jitter};
pub use message::{Incoming, Outgoing, Slot, Taken};
pub use names::*;

#[cfg(windows)]
pub mod windows;
#[cfg(windows)]
pub use windows::Kernel;
#[cfg(windows)]
pub(crate) use windows::user;

#[cfg(not(any(target_os = "linux", target_vendor = "apple", target_os = "freebsd", windows)))]
compile_error!("ginnel runs on Linux, macOS, FreeBSD and Windows");

/// A socket of the real kernel.
#[cfg(unix)]
pub type Handle = std::os::fd::OwnedFd;
/// A socket of the real kernel.
#[cfg(windows)]
pub type Handle = windows::Socket;
/// A socket of the real kernel, on loan.
pub type HandleRef<'a> = <Kernel as Descriptors>::Borrowed<'a>;
/// What messages carry beside their bytes: a descriptor.
#[cfg(unix)]
pub type Carried = std::os::fd::OwnedFd;
/// What messages carry beside their bytes: nothing.
#[cfg(windows)]
pub type Carried = windows::NoFd;

/// What a socket is found by in the kernel.
#[cfg(windows)]
pub type Name = windows::PipeName;

/// A call did its work (`Some`), or it would have had to wait (`None`).
pub type Would<T> = io::Result<Option<T>>;

/// The three kinds of local socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "unix(7) knows these three")]
pub enum SocketKind {
    /// `SOCK_STREAM`: bytes.
    Stream,
    /// `SOCK_SEQPACKET`: packets over a connection.
    SeqPacket,
    /// `SOCK_DGRAM`: packets without one.
    Datagram,
}

/// Whether a call may wait inside the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a call waits or it does not")]
pub enum Wait {
    /// Never: `MSG_DONTWAIT` with the call, whatever the descriptor's own flags say.
    Never,
    /// As the descriptor's flags and timeouts say.
    InCall,
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "bytes come or go")]
pub enum Direction {
    /// Towards us.
    Read,
    /// Away from us.
    Write,
}

/// Who is at the other end of a pipe.
#[cfg(windows)]
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever implements `Sys` builds it")]
pub struct PeerIds {
    /// Process id.
    pub pid: Option<u32>,
    /// The session that it runs in.
    pub session: Option<u32>,
    /// The security identifier of its user, as text.
    pub sid: String,
}

/// The process id, user id and group id that the kernel recorded for a peer.
#[cfg(unix)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever implements `Sys` builds it")]
pub struct PeerIds {
    /// Process id; `None` when it cannot be seen from this pid namespace.
    pub pid: Option<u32>,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
}

/// A kernel that everything here runs on: the real one ([`Kernel`]) or a simulated one.
pub trait Sys: Sockets + Names {
    /// Many descriptors watched at once.
    type Poller: Poller<Self>;

    /// Watches nothing yet. Errors are the kernel's own.
    fn poller(&self) -> io::Result<Self::Poller>;
    /// What time it is.
    fn now(&self) -> Instant;
    /// The effective user id of this process.
    #[cfg(unix)]
    fn user(&self) -> u32;
    /// Is the peer of our own user?
    #[cfg(unix)]
    fn is_own_user(&self, fd: Self::Borrowed<'_>) -> io::Result<bool> {
        Ok(self.peer_ids(fd)?.uid == self.user())
    }
    /// Is the peer of our own user?
    #[cfg(windows)]
    fn is_own_user(&self, fd: Self::Borrowed<'_>) -> io::Result<bool>;
    /// A further descriptor of the same socket to give away, close-on-exec. `None`: sockets cannot be given away here.
    /// `F_DUPFD_CLOEXEC`
    fn share(&self, fd: Self::Borrowed<'_>) -> Would<Self::Carried>;
    /// Which process this is; `None` if the kernel cannot tell one from all others. pidfd_open(2)
    fn process(&self) -> io::Result<Option<ProcessId>>;
    /// A descriptor that is readable once this process has ended, which is, or was, at the other end of a connection.
    /// `None` if it cannot be had; `ESRCH` if it has ended for certain. pidfd_open(2), `SO_PEERPIDFD`
    fn watch_process(
        &self,
        process: ProcessId,
        connection: Self::Borrowed<'_>,
    ) -> io::Result<Option<Self::Fd>>;
    #[cfg(unix)]
    /// Waits elsewhere for a record lock, as long as it takes, and then tells [`Locks::arrived`](crate::Locks::arrived). `F_SETLKW`
    fn await_lock(&self, lock: Arc<Self::Fd>, inode: Inode, byte: i64) -> io::Result<()>;
    #[cfg(unix)]
    /// Does everybody who sees this directory live on this machine? fstatfs(2)
    fn is_local(&self, directory: Self::Borrowed<'_>) -> io::Result<bool>;
    #[cfg(unix)]
    /// A descriptor that is readable once what was pinned or its directory was renamed or has lost a name, or the lock file
    /// was closed by somebody. inotify(7)
    fn watch(
        &self,
        own: &Self::Pin,
        directory: Self::Borrowed<'_>,
        lock: Self::Borrowed<'_>,
    ) -> io::Result<Self::Fd>;
    #[cfg(unix)]
    /// Takes what a watch has to tell. `false`: nothing.
    fn changes(&self, watch: Self::Borrowed<'_>) -> io::Result<bool>;
    /// Is it a connected stream socket, of whatever family? `SO_TYPE`, getpeername(2)
    fn is_connected_stream(&self, fd: Self::Borrowed<'_>) -> io::Result<bool>;
    /// A non-blocking TCP socket that connects, or has: what fails later is told by whoever reads. `TCP_NODELAY`, tcp(7)
    fn connect_tcp(&self, port: SocketAddr) -> io::Result<Self::Fd>;
    /// A non-blocking TCP socket that listens, at a port of the kernel's choice if it is 0. `SO_REUSEADDR`, `TCP_NODELAY`,
    /// tcp(7)
    fn listen_tcp(&self, port: SocketAddr, backlog: u32) -> io::Result<Self::Fd>;
    /// The port that a TCP socket has on this side. getsockname(2)
    fn tcp_port(&self, fd: Self::Borrowed<'_>) -> io::Result<SocketAddr>;
}

/// Many descriptors watched at once, level-triggered: what is left undone is told again. Errors are the kernel's own,
/// unchanged. epoll(7)
pub trait Poller<S: Descriptors>: fmt::Debug {
    /// Watches a descriptor. It must be removed before it is closed: others may hold it too.
    fn add(&self, fd: S::Borrowed<'_>, token: u64, directions: Directions) -> io::Result<()>;
    /// Watches it for something else.
    fn change(&self, fd: S::Borrowed<'_>, token: u64, directions: Directions) -> io::Result<()>;
    /// Watches it no more.
    fn remove(&self, fd: S::Borrowed<'_>);
    /// What ends a wait for what is watched, from any thread.
    fn alarm(&self) -> Alarm;
    /// Puts what is ready now in the place of what `ready` holds, without waiting. `false`: nothing is.
    fn look(&mut self, ready: &mut Vec<Ready>) -> io::Result<bool>;
}

/// Ends a wait, from any thread.
pub type Alarm = Box<dyn Fn() + Send + Sync>;

/// What is ready, and who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever implements `Poller` builds it")]
pub struct Ready {
    /// The token that it was added with.
    pub token: u64,
    /// A hang-up counts as both.
    pub directions: Directions,
}

/// What a kernel's descriptors are.
pub trait Descriptors: Clone + fmt::Debug {
    /// A socket or a file; dropping it closes it.
    type Fd: fmt::Debug;
    /// A socket or a file on loan.
    type Borrowed<'a>: Copy + fmt::Debug;
    /// What a message carries; where messages carry no descriptors there is no value of it.
    type Carried: fmt::Debug + Into<Self::Fd>;
    /// What a message carries, on loan.
    type Lent<'a>: Copy + fmt::Debug;

    /// Lends a socket or a file.
    fn borrow<'a>(&self, fd: &'a Self::Fd) -> Self::Borrowed<'a>;
    /// Lends what a message carries.
    fn lend<'a>(&self, carried: &'a Self::Carried) -> Self::Lent<'a>;
    /// The number of a descriptor, as it stands in a control message.
    fn number(&self, fd: Self::Lent<'_>) -> i32;
    /// Takes ownership of a number that stood in a received control message.
    ///
    /// # Safety
    /// The kernel put this number into control data of `recvmsg` for this process, and nobody owns it yet.
    unsafe fn own(&self, number: i32) -> Self::Carried;
    #[cfg(unix)]
    /// Duplicates a descriptor that this process inherited, close-on-exec, leaving the original open. Any number may be
    /// given: it is looked up by one call, and `EBADF` if nothing is open there.
    fn duplicate(&self, number: u16) -> io::Result<Self::Fd>;
}

/// A kernel's local sockets. Errors are the kernel's own, unchanged.
///
/// # Safety
/// Memory is given out on the word of [`receive`](Self::receive) and [`receive_many`](Self::receive_many), in a
/// [`Taken`]:
///
/// * As many bytes as it reports, or all that there was room for if it reports more, are written from the start of the
///   room. Of a packet, this holds on sockets that [`kind`](Self::kind) knows.
/// * As many bytes of control data as it reports are written from the start of the room for it. Descriptors among them
///   are new, and belong to whoever calls [`own`](Descriptors::own).
pub unsafe trait Sockets: Descriptors {
    /// A new socket, close-on-exec. socket(2)
    fn socket(&self, kind: SocketKind, nonblocking: bool) -> io::Result<Self::Fd>;
    /// Two connected sockets, close-on-exec. socketpair(2)
    fn socket_pair(&self, kind: SocketKind, nonblocking: bool) -> io::Result<(Self::Fd, Self::Fd)>;
    /// Gives a socket its name. bind(2)
    fn bind(&self, fd: Self::Borrowed<'_>, name: &Name) -> io::Result<()>;
    /// Starts to queue connections. listen(2)
    fn listen(&self, fd: Self::Borrowed<'_>, backlog: u32) -> io::Result<()>;
    /// Connects. `None`: the other side's queue is full, so try again with a pause. connect(2)
    fn connect(&self, fd: Self::Borrowed<'_>, name: &Name) -> Would<()>;
    /// Takes a waiting connection, close-on-exec. accept(2)
    fn accept(&self, fd: Self::Borrowed<'_>, nonblocking: bool) -> Would<Self::Fd>;
    /// Sends, with control data, to a name if one is given; never raises SIGPIPE. sendmsg(2)
    fn send(&self, fd: Self::Borrowed<'_>, outgoing: Outgoing<'_>, wait: Wait) -> Would<usize>;
    /// Receives; descriptors are close-on-exec. `whole` asks for a cut packet's true length. recvmsg(2)
    fn receive(&self, fd: Self::Borrowed<'_>, incoming: Incoming<'_>, wait: Wait) -> Would<Taken>;
    /// Sends several packets. Returns how many the kernel took, at least one. sendmmsg(2)
    fn send_many(&self, fd: Self::Borrowed<'_>, packets: &[IoSlice<'_>], wait: Wait) -> Would<usize>;
    /// Receives what packets there are, waiting for the first at most. recvmmsg(2)
    fn receive_many(&self, fd: Self::Borrowed<'_>, slots: &mut [Slot<'_>], wait: Wait) -> Would<usize>;
    /// Ends one or both directions. shutdown(2)
    fn shutdown(&self, fd: Self::Borrowed<'_>, how: std::net::Shutdown) -> io::Result<()>;
    /// Nothing more will be written, and nothing that comes is of interest: the other side is told, behind what was
    /// written before. shutdown(2)
    fn finish(&self, fd: Self::Borrowed<'_>) -> io::Result<()> {
        self.shutdown(fd, std::net::Shutdown::Write)
    }
    /// Has the kernel everything that was sent? Where it may not, a socket can be written to once it has.
    fn is_settled(&self, _: Self::Borrowed<'_>) -> bool {
        true
    }
    /// Who is at the other end, as recorded at connect or listen. `SO_PEERCRED`, unix(7)
    fn peer_ids(&self, fd: Self::Borrowed<'_>) -> io::Result<PeerIds>;
    #[cfg(unix)]
    /// The peer's supplementary groups. `SO_PEERGROUPS`
    fn peer_groups(&self, fd: Self::Borrowed<'_>) -> io::Result<Vec<u32>>;
    /// The kind of a local socket; `None` if it is a socket of another family. `SO_DOMAIN`, `SO_TYPE`
    fn kind(&self, fd: Self::Borrowed<'_>) -> io::Result<Option<SocketKind>>;
    /// Does the socket listen? `SO_ACCEPTCONN`
    fn is_listening(&self, fd: Self::Borrowed<'_>) -> io::Result<bool>;
    /// Makes the descriptor non-blocking, which everyone who holds the same open file sees. `O_NONBLOCK`
    fn set_nonblocking(&self, fd: Self::Borrowed<'_>) -> io::Result<()>;
    /// How many bytes may wait to be read by the other side; the kernel doubles it. `SO_SNDBUF`
    fn set_send_buffer(&self, fd: Self::Borrowed<'_>, bytes: usize) -> io::Result<()>;
    /// Every packet that it receives carries a time from now on. `SO_TIMESTAMPNS`
    fn stamp_packets(&self, fd: Self::Borrowed<'_>) -> io::Result<()>;
    /// Sending on this socket, which somebody else has made, never raises SIGPIPE from now on. It is to be told only where
    /// sending has no flag for that. `SO_NOSIGPIPE`
    fn quieten(&self, _fd: Self::Borrowed<'_>) {}
    /// Does a read go on from plain bytes to those that carry descriptors? Where it ends before them, a short read does not
    /// say that nothing is left.
    fn reads_on_behind_descriptors(&self) -> bool {
        true
    }
}
