//! Calls as scripts make them: what comes of one is told in words.
#![expect(unsafe_code, reason = "a buffer of set bytes is read")]

use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;

use ginnel_os::sys::{
    Descriptors, FileKind, Names, Poller, Ready, Sockets, Status, Sys, Taken, receive, send,
};
use ginnel_os::{Directions, SocketKind, Wait, Would};
use rustix::net::SocketAddrUnix;

use super::{Bench, Fd};

/// What every script has at hand.
pub(super) trait Calls: Bench {
    fn pair(&self, kind: SocketKind) -> (Fd<Self>, Fd<Self>) {
        self.sys().socket_pair(kind, true).expect("two sockets can be had")
    }

    fn socket(&self, kind: SocketKind) -> Fd<Self> {
        self.sys().socket(kind, true).expect("a socket can be had")
    }

    /// The address of a name in the bench's directory.
    fn address(&self, name: &str) -> SocketAddrUnix {
        SocketAddrUnix::new(self.root().join(name)).expect("the path is short enough")
    }

    fn directory(&self) -> Fd<Self> {
        self.sys().open_directory(self.root()).expect("the directory is there")
    }

    fn bind(&self, fd: &Fd<Self>, name: &str) -> String {
        outcome(&self.sys().bind(self.sys().borrow(fd), &self.address(name)))
    }

    fn listen(&self, fd: &Fd<Self>, backlog: u32) -> String {
        outcome(&self.sys().listen(self.sys().borrow(fd), backlog))
    }

    fn connect(&self, fd: &Fd<Self>, name: &str) -> String {
        self.connect_to(fd, &self.address(name))
    }

    fn connect_to(&self, fd: &Fd<Self>, address: &SocketAddrUnix) -> String {
        would(self.sys().connect(self.sys().borrow(fd), address))
    }

    /// A new socket connects.
    fn try_connect(&self, kind: SocketKind, name: &str) -> String {
        self.connect(&self.socket(kind), name)
    }

    /// A socket that listens at a name.
    fn listener(&self, kind: SocketKind, name: &str) -> Fd<Self> {
        let fd = self.socket(kind);
        assert_eq!([self.bind(&fd, name), self.listen(&fd, 8)], ["ok", "ok"], "{name} can be listened at");
        fd
    }

    /// A socket that has a name and does not listen.
    fn bound(&self, kind: SocketKind, name: &str) -> Fd<Self> {
        let fd = self.socket(kind);
        assert_eq!(self.bind(&fd, name), "ok", "{name} can be bound");
        fd
    }

    /// A socket connected to a name.
    fn connected(&self, kind: SocketKind, name: &str) -> Fd<Self> {
        let fd = self.socket(kind);
        assert_eq!(self.connect(&fd, name), "ok", "{name} can be reached");
        fd
    }

    fn accept(&self, fd: &Fd<Self>) -> Result<Fd<Self>, String> {
        match self.sys().accept(self.sys().borrow(fd), true) {
            Ok(Some(accepted)) => Ok(accepted),
            Ok(None) => Err("EAGAIN".to_owned()),
            Err(error) => Err(errno(&error)),
        }
    }

    fn send(&self, fd: &Fd<Self>, bytes: &[u8]) -> String {
        self.send_with(fd, bytes, &[])
    }

    fn send_with(&self, fd: &Fd<Self>, bytes: &[u8], fds: &[&Fd<Self>]) -> String {
        let sys = self.sys();
        let fds: Vec<_> = fds.iter().map(|fd| self.lend(fd)).collect();
        sent(send(sys, sys.borrow(fd), (bytes, &fds), None, Wait::Never))
    }

    /// Sends one descriptor, so many times over.
    fn send_fds(&self, fd: &Fd<Self>, bytes: &[u8], count: usize) -> String {
        let directory = self.directory();
        self.send_with(fd, bytes, &vec![&directory; count])
    }

    fn send_to(&self, fd: &Fd<Self>, bytes: &[u8], name: &str) -> String {
        let sys = self.sys();
        sent(send(sys, sys.borrow(fd), (bytes, &[]), Some(&self.address(name)), Wait::Never))
    }

    /// Receives with room for whatever comes.
    fn receive(&self, fd: &Fd<Self>) -> String {
        self.receive_in(fd, 64, ROOM)
    }

    fn receive_in(&self, fd: &Fd<Self>, bytes: usize, control: usize) -> String {
        let mut buffer = vec![MaybeUninit::new(b'?'); bytes];
        match receive(self.sys(), self.sys().borrow(fd), &mut buffer, control, Wait::Never) {
            Ok(Some((taken, fds))) => told(&buffer, taken, fds.len()),
            Ok(None) => "EAGAIN".to_owned(),
            Err(error) => errno(&error),
        }
    }

    /// Receives a descriptor.
    fn receive_fd(&self, fd: &Fd<Self>) -> Fd<Self> {
        let mut buffer = [MaybeUninit::uninit(); 64];
        let taken = receive(self.sys(), self.sys().borrow(fd), &mut buffer, ROOM, Wait::Never);
        let fd = taken.expect("it can be read").and_then(|(_, mut fds)| fds.pop());
        fd.expect("a descriptor has come").into()
    }

    /// Has a socket refuse descriptors, or says why it cannot.
    fn refusing(&self, fd: &Fd<Self>) -> Result<(), super::Seen> {
        self.refuse_fds(fd).map_err(|error| vec![errno(&error)])
    }

    /// Makes a socket hold some thousand bytes.
    fn shrink(&self, fd: &Fd<Self>) {
        self.sys().set_send_buffer(self.sys().borrow(fd), 8192).expect("a buffer can be sized");
    }

    fn shutdown(&self, fd: &Fd<Self>, how: std::net::Shutdown) -> String {
        outcome(&self.sys().shutdown(self.sys().borrow(fd), how))
    }

    /// What a poller says of one socket.
    fn ready(&self, fd: &Fd<Self>) -> String {
        let mut poller = self.poller();
        match poller.add(self.sys().borrow(fd), 0, Directions::BOTH) {
            Ok(()) => self.look(&mut poller),
            Err(error) => errno(&error),
        }
    }

    fn poller(&self) -> <Self::Sys as Sys>::Poller {
        self.sys().poller().expect("a poller can be had")
    }

    fn look(&self, poller: &mut <Self::Sys as Sys>::Poller) -> String {
        let mut ready = Vec::new();
        poller.look(&mut ready).expect("a poller can be asked");
        ready.sort_by_key(|ready| ready.token);
        if ready.is_empty() {
            "-".to_owned()
        } else {
            ready.iter().map(told_ready).collect::<Vec<_>>().join(" ")
        }
    }

    /// What a name in the bench's directory is.
    fn status_at(&self, name: &str) -> Option<Status> {
        let directory = self.directory();
        let status = self.sys().status_at(self.sys().borrow(&directory), name.as_bytes());
        status.expect("a name can be looked at")
    }

    fn kind_at(&self, name: &str) -> &'static str {
        match self.status_at(name).map(|status| status.kind) {
            None => "nothing",
            Some(FileKind::Socket) => "a socket",
            Some(FileKind::Directory) => "a directory",
            Some(FileKind::Regular) => "a file",
            Some(FileKind::Other) => "something else",
        }
    }

    /// Does something to the bench's directory.
    fn at<T>(&self, call: impl FnOnce(&Self::Sys, <Self::Sys as Descriptors>::Borrowed<'_>) -> T) -> T {
        let directory = self.directory();
        call(self.sys(), self.sys().borrow(&directory))
    }

    fn lock_file(&self, name: &str) -> Fd<Self> {
        let opened = self.at(|sys, directory| sys.open_lock(directory, name.as_bytes()));
        opened.expect("a lock file can be opened")
    }

    fn lock(&self, fd: &Fd<Self>, byte: i64) -> String {
        would(self.sys().try_lock(self.sys().borrow(fd), byte))
    }

    fn unlock(&self, fd: &Fd<Self>, byte: i64) -> String {
        outcome(&self.sys().unlock(self.sys().borrow(fd), byte))
    }

    /// Has a thread wait for a lock.
    fn await_lock(&self, fd: Arc<Fd<Self>>, byte: i64) -> String {
        let inode = self.sys().status(self.sys().borrow(&fd)).expect("an open file is known").inode;
        outcome(&self.sys().await_lock(fd, inode, byte))
    }

    /// Whose lock it is, once that is another's than this one's; or this one's, if that lasts.
    fn holder_after(&self, fd: &Fd<Self>, byte: i64, before: &str) -> String {
        for _ in 0..PASSES {
            let now = self.holder(fd, byte);
            if now != before && now != "nobody's" {
                return now;
            }
            self.pass();
        }
        self.holder(fd, byte)
    }

    /// Whose lock it is.
    fn holder(&self, fd: &Fd<Self>, byte: i64) -> String {
        match self.sys().lock_holder(self.sys().borrow(fd), byte) {
            Ok(None) => "nobody's".to_owned(),
            Ok(Some(pid)) => self.whose(pid).to_owned(),
            Err(error) => errno(&error),
        }
    }

    fn whose(&self, pid: u32) -> &'static str {
        if pid == self.sys().pid() { "mine" } else { "theirs" }
    }

    /// Whose process is recorded at the other end.
    fn peer(&self, fd: &Fd<Self>) -> String {
        match self.sys().peer_ids(self.sys().borrow(fd)) {
            Ok(ids) => ids.pid.map_or("unseen", |pid| self.whose(pid)).to_owned(),
            Err(error) => errno(&error),
        }
    }
}

impl<B: Bench> Calls for B {}

/// "ok", or the error.
pub(super) fn outcome<T>(result: &io::Result<T>) -> String {
    result.as_ref().map_or_else(errno, |_| "ok".to_owned())
}

/// As [`outcome`], for calls that would have to wait.
pub(super) fn would<T>(result: Would<T>) -> String {
    match result {
        Ok(None) => "EAGAIN".to_owned(),
        result => outcome(&result),
    }
}

/// "ok", or the error, of something with a value.
pub(super) fn got<T>(result: &Result<T, String>) -> String {
    result.as_ref().map_or_else(String::clone, |_| "ok".to_owned())
}

fn sent(result: Would<usize>) -> String {
    match result {
        Ok(Some(count)) => format!("sent {count}"),
        Ok(None) => "EAGAIN".to_owned(),
        Err(error) => errno(&error),
    }
}

fn told(buffer: &[MaybeUninit<u8>], taken: Taken, fds: usize) -> String {
    // SAFETY: `receive_in` set every byte before the call, and a kernel writes nothing but bytes.
    let bytes = buffer.iter().map(|byte| unsafe { byte.assume_init() });
    let mut told: String = bytes.take(taken.bytes).map(char::from).collect();
    if taken.bytes > buffer.len() {
        told += &format!(" of {}", taken.bytes);
    }
    if fds > 0 {
        told += &format!(" +{fds}");
    }
    if taken.control_cut {
        told += " cut";
    }
    if taken.control > 0 && fds == 0 {
        told += " stamped";
    }
    format!("<{told}>")
}

fn told_ready(ready: &Ready) -> String {
    let Ready { token, directions: Directions { read, write } } = *ready;
    let token = if token == 0 { String::new() } else { format!("{token}:") };
    token + if read { "r" } else { "" } + if write { "w" } else { "" }
}

/// The name of an error in errno(3).
pub(super) fn errno(error: &io::Error) -> String {
    let Some(number) = error.raw_os_error() else { return error.to_string() };
    let name = NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
    name.map_or_else(|| format!("error {number}"), str::to_owned)
}

const NAMES: [(i32, &str); 24] = [
    (libc::EADDRINUSE, "EADDRINUSE"),
    (libc::EAGAIN, "EAGAIN"),
    (libc::EBADF, "EBADF"),
    (libc::ECONNREFUSED, "ECONNREFUSED"),
    (libc::ECONNRESET, "ECONNRESET"),
    (libc::EEXIST, "EEXIST"),
    (libc::EINVAL, "EINVAL"),
    (libc::EISCONN, "EISCONN"),
    (libc::EISDIR, "EISDIR"),
    (libc::ELOOP, "ELOOP"),
    (libc::EMFILE, "EMFILE"),
    (libc::EMSGSIZE, "EMSGSIZE"),
    (libc::ENOBUFS, "ENOBUFS"),
    (libc::ENOENT, "ENOENT"),
    (libc::ENOTCONN, "ENOTCONN"),
    (libc::ENOTDIR, "ENOTDIR"),
    (libc::ENOTSOCK, "ENOTSOCK"),
    (libc::ENXIO, "ENXIO"),
    (libc::EOPNOTSUPP, "EOPNOTSUPP"),
    (libc::EPERM, "EPERM"),
    (libc::EPIPE, "EPIPE"),
    (libc::EPROTOTYPE, "EPROTOTYPE"),
    (libc::ETOOMANYREFS, "ETOOMANYREFS"),
    (libc::EACCES, "EACCES"),
];

/// How often somebody else is waited for, a moment each time.
const PASSES: usize = 2000;

/// Room for the control data of 253 descriptors, and of a time.
pub(super) const ROOM: usize = 1072;
