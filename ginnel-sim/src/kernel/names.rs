//! Names, what they name, and record locks.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ginnel_os::sys::{FileKind, Rename, Status};
use ginnel_proto::election::Inode;
use rustix::net::SocketAddrUnix;

use super::{FileId, Got, Pid, SockId, What, World};
use crate::fault::Fault;

/// The number of a file. It is given to another as soon as nothing refers to the file any more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Ino(u64);

#[derive(Debug)]
pub(super) struct Names {
    pub(super) inodes: BTreeMap<Ino, Node>,
    /// Watches that have something to tell.
    pub(super) told: BTreeSet<FileId>,
}

#[derive(Debug)]
pub(super) struct Node {
    body: Body,
    mode: u32,
    uid: u32,
    /// Names, and open files.
    pub(super) links: usize,
    opens: usize,
    /// Who has locked which byte.
    pub(super) locks: BTreeMap<i64, Pid>,
    /// What was written to it.
    pub(super) bytes: Vec<u8>,
    /// What tells of it; and whether that tells too when it is closed.
    pub(super) watchers: Vec<(FileId, bool)>,
}

#[derive(Debug)]
enum Body {
    Directory(BTreeMap<Vec<u8>, Ino>),
    /// Whoever is bound to it, until that is closed.
    Socket(Option<SockId>),
    Regular,
}

/// The directory that every run has.
const ROOT: Ino = Ino(1);
pub(super) const RUN: Ino = Ino(2);

impl Names {
    pub(super) fn new() -> Self {
        let mut names = Self { inodes: BTreeMap::new(), told: BTreeSet::new() };
        let root = Body::Directory(BTreeMap::from([(b"run".to_vec(), RUN)]));
        names.insert(ROOT, root, 0o755, 0);
        names.insert(RUN, Body::Directory(BTreeMap::new()), 0o700, 0);
        names
    }

    fn insert(&mut self, inode: Ino, body: Body, mode: u32, uid: u32) {
        let (locks, bytes, watchers) = Default::default();
        self.inodes.insert(inode, Node { body, mode, uid, links: 1, opens: 0, locks, bytes, watchers });
    }

    /// The lowest number that is free: a number means little once its file is gone.
    fn make(&mut self, body: Body, mode: u32, uid: u32) -> Ino {
        let free = (1..).map(Ino).find(|inode| !self.inodes.contains_key(inode)).unwrap_or(Ino(u64::MAX));
        self.insert(free, body, mode, uid);
        free
    }

    pub(super) fn node(&mut self, inode: Ino) -> Got<&mut Node> {
        self.inodes.get_mut(&inode).ok_or(libc::ENOENT)
    }

    fn entries(&mut self, directory: Ino) -> Got<&mut BTreeMap<Vec<u8>, Ino>> {
        match &mut self.node(directory)?.body {
            Body::Directory(entries) => Ok(entries),
            Body::Socket(_) | Body::Regular => Err(libc::ENOTDIR),
        }
    }

    fn find(&self, directory: Ino, name: &[u8]) -> Got<Ino> {
        match self.inodes.get(&directory).map(|node| &node.body) {
            Some(Body::Directory(_)) if name == b"." => Ok(directory),
            Some(Body::Directory(entries)) => entries.get(name).copied().ok_or(libc::ENOENT),
            _ => Err(libc::ENOTDIR),
        }
    }

    fn forget_unless_used(&mut self, inode: Ino) {
        if self.inodes.get(&inode).is_some_and(|node| node.links == 0 && node.opens == 0) {
            self.tell(inode);
            self.inodes.remove(&inode);
        }
    }

    pub(super) fn close(&mut self, inode: Ino) {
        if let Ok(node) = self.node(inode) {
            node.opens -= 1;
        }
        self.forget_unless_used(inode);
    }

    /// Whoever was bound to it is gone; the name stays.
    pub(super) fn unbind(&mut self, inode: Ino) {
        if let Ok(Node { body: Body::Socket(bound), .. }) = self.node(inode) {
            *bound = None;
        }
        // The socket held its file.
        self.close(inode);
    }

    fn unlink(&mut self, directory: Ino, name: &[u8]) -> Got<()> {
        let inode = self.find(directory, name)?;
        if matches!(self.node(inode)?.body, Body::Directory(_)) {
            return Err(libc::EISDIR);
        }
        self.entries(directory)?.remove(name);
        self.node(inode)?.links -= 1;
        self.tell(inode);
        self.forget_unless_used(inode);
        Ok(())
    }

    fn status(&self, inode: Ino) -> Got<Status> {
        let node = self.inodes.get(&inode).ok_or(libc::ENOENT)?;
        let kind = match node.body {
            Body::Directory(_) => FileKind::Directory,
            Body::Socket(_) => FileKind::Socket,
            Body::Regular => FileKind::Regular,
        };
        let number = Inode { device: 1, number: inode.0 };
        Ok(Status { inode: number, kind, uid: node.uid, mode: node.mode })
    }
}

impl World {
    /// Follows a path, through `/proc/self/fd` too.
    fn walk(&self, pid: Pid, path: &[u8]) -> Got<Ino> {
        let (mut rest, mut at) = (path, ROOT);
        if let Some(through) = path.strip_prefix(b"/proc/self/fd/") {
            let end = through.iter().position(|&byte| byte == b'/').unwrap_or(through.len());
            let number = std::str::from_utf8(&through[..end]).ok().and_then(|digits| digits.parse().ok());
            at = self.inode_of(pid, number.ok_or(libc::ENOENT)?).map_err(|_| libc::ENOENT)?;
            rest = &through[end..];
        }
        let mut parts = rest.split(|&byte| byte == b'/').filter(|part| !part.is_empty());
        parts.try_fold(at, |at, part| self.names.find(at, part))
    }

    pub(super) fn inode_of(&self, pid: Pid, number: i32) -> Got<Ino> {
        match self.file(self.lookup(pid, number)?).map(|file| &file.what) {
            Some(What::Path(inode) | What::Lock(inode)) => Ok(*inode),
            Some(_) => Err(libc::EINVAL),
            None => Err(libc::EBADF),
        }
    }

    pub(super) fn open_inode(&mut self, pid: Pid, inode: Ino, what: fn(Ino) -> What) -> Got<i32> {
        self.names.node(inode)?.opens += 1;
        let file: FileId = self.open(what(inode));
        self.number(pid, file).inspect_err(|_| {
            self.happened(Fault::NoFilesSocket);
            self.files[file.0] = None;
            self.names.close(inode);
        })
    }

    pub(super) fn open_directory(&mut self, pid: Pid, path: &Path) -> Got<i32> {
        self.enter(pid)?;
        let inode = self.walk(pid, path.as_os_str().as_bytes())?;
        self.names.entries(inode)?;
        self.open_inode(pid, inode, What::Path)
    }

    pub(super) fn open_name(&mut self, pid: Pid, directory: i32, name: &[u8]) -> Got<i32> {
        self.enter(pid)?;
        let inode = self.names.find(self.inode_of(pid, directory)?, name)?;
        self.open_inode(pid, inode, What::Path)
    }

    pub(super) fn open_lock(&mut self, pid: Pid, directory: i32, name: &[u8]) -> Got<i32> {
        self.enter(pid)?;
        let directory = self.inode_of(pid, directory)?;
        let inode = match self.names.find(directory, name) {
            Err(libc::ENOENT) => {
                let uid = self.user(pid).uid;
                let inode = self.names.make(Body::Regular, 0o600, uid);
                self.names.entries(directory)?.insert(name.to_owned(), inode);
                inode
            }
            found => found?,
        };
        self.open_regular(pid, inode)
    }

    pub(super) fn find_lock(&mut self, pid: Pid, directory: i32, name: &[u8]) -> Got<Option<i32>> {
        self.enter(pid)?;
        match self.names.find(self.inode_of(pid, directory)?, name) {
            Err(libc::ENOENT) => Ok(None),
            found => self.open_regular(pid, found?).map(Some),
        }
    }

    fn open_regular(&mut self, pid: Pid, inode: Ino) -> Got<i32> {
        match self.names.node(inode)?.body {
            Body::Regular => self.open_inode(pid, inode, What::Lock),
            Body::Socket(_) => Err(libc::ENXIO),
            Body::Directory(_) => Err(libc::EISDIR),
        }
    }

    pub(super) fn status_at(&mut self, pid: Pid, directory: i32, name: &[u8]) -> Got<Option<Status>> {
        self.enter(pid)?;
        match self.names.find(self.inode_of(pid, directory)?, name) {
            Err(libc::ENOENT) => Ok(None),
            found => self.names.status(found?).map(Some),
        }
    }

    pub(super) fn status(&mut self, pid: Pid, number: i32) -> Got<Status> {
        self.enter(pid)?;
        if let Ok(id) = self.sock_of(pid, number) {
            return Ok(self.status_of_socket(pid, id));
        }
        self.names.status(self.inode_of(pid, number)?)
    }

    /// An open socket is a file of its own, whatever its name.
    fn status_of_socket(&self, pid: Pid, id: SockId) -> Status {
        let inode = Inode { device: SOCKETS, number: id.0 as u64 };
        let mode = self.look(id).map_or(0, |socket| socket.mode);
        Status { inode, kind: FileKind::Socket, uid: self.user(pid).uid, mode }
    }

    /// Bits of a socket that has no name yet, or of a file.
    pub(super) fn set_mode(&mut self, pid: Pid, number: i32, mode: u32) -> Got<()> {
        self.enter(pid)?;
        if let Ok(socket) = self.by_number(pid, number) {
            socket.mode = mode;
            return Ok(());
        }
        let inode = self.inode_of(pid, number)?;
        self.names.node(inode)?.mode = mode;
        self.names.tell_changed(inode);
        Ok(())
    }

    pub(super) fn change_at(
        &mut self,
        pid: Pid,
        (directory, name): (i32, &[u8]),
        (mode, uid): (Option<u32>, Option<u32>),
    ) -> Got<()> {
        self.enter(pid)?;
        let inode = self.names.find(self.inode_of(pid, directory)?, name)?;
        let node = self.names.node(inode)?;
        node.mode = mode.unwrap_or(node.mode);
        node.uid = uid.unwrap_or(node.uid);
        self.names.tell_changed(inode);
        Ok(())
    }

    pub(super) fn rename_at(
        &mut self,
        pid: Pid,
        directory: i32,
        names: (&[u8], &[u8]),
        how: Rename,
    ) -> Got<()> {
        self.enter(pid)?;
        let directory = self.inode_of(pid, directory)?;
        let (from, to) = names;
        let moved = self.names.find(directory, from)?;
        let there = self.names.find(directory, to);
        let entries = self.names.entries(directory)?;
        match (how, there) {
            (Rename::NoReplace | Rename::Aside, Ok(_)) => return Err(libc::EEXIST),
            (Rename::NoReplace | Rename::Aside, Err(_)) => {
                entries.remove(from);
            }
            (Rename::Exchange, there) => {
                entries.insert(from.to_owned(), there?);
            }
        }
        entries.insert(to.to_owned(), moved);
        self.names.tell(moved);
        if let Ok(displaced) = there {
            self.names.tell(displaced);
        }
        Ok(())
    }

    pub(super) fn unlink_at(&mut self, pid: Pid, directory: i32, name: &[u8]) -> Got<()> {
        self.enter(pid)?;
        let directory = self.inode_of(pid, directory)?;
        self.names.unlink(directory, name)
    }

    pub(super) fn list(&mut self, pid: Pid, directory: i32) -> Got<Vec<Vec<u8>>> {
        self.enter(pid)?;
        let directory = self.inode_of(pid, directory)?;
        Ok(self.names.entries(directory)?.keys().cloned().collect())
    }

    /// Makes the file of a socket that is bound.
    pub(super) fn bind_name(&mut self, pid: Pid, to: &SocketAddrUnix, (id, mode): (SockId, u32)) -> Got<Ino> {
        let path = to.path_bytes().ok_or(libc::EINVAL)?;
        let cut = path.iter().rposition(|&byte| byte == b'/').ok_or(libc::EINVAL)?;
        let directory = self.walk(pid, &path[..cut])?;
        let name = &path[cut + 1..];
        if self.names.entries(directory)?.contains_key(name) {
            return Err(libc::EADDRINUSE);
        }
        self.may_be_named(id)?;
        let uid = self.user(pid).uid;
        let inode = self.names.make(Body::Socket(Some(id)), mode & !UMASK, uid);
        self.names.node(inode)?.opens += 1;
        self.names.entries(directory)?.insert(name.to_owned(), inode);
        Ok(inode)
    }

    pub(super) fn named_socket(&self, pid: Pid, to: &SocketAddrUnix) -> Got<Option<SockId>> {
        let inode = self.walk(pid, to.path_bytes().ok_or(libc::EINVAL)?)?;
        match self.names.inodes.get(&inode).map(|node| &node.body) {
            Some(Body::Socket(bound)) => Ok(*bound),
            _ => Ok(None),
        }
    }

    /// Somebody removes a name, who knows no lock.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        if self.names.unlink(RUN, name).is_ok() {
            self.happened(Fault::NameRemoved);
        }
    }

    /// Somebody puts another file in the place of a lock.
    pub(crate) fn replace_lock(&mut self, name: &[u8]) {
        if self.names.unlink(RUN, name).is_ok() {
            self.happened(Fault::LockReplaced);
            self.lock_replaced = true;
            let uid = self.processes.first().map_or(0, |process| process.uid);
            let inode = self.names.make(Body::Regular, 0o600, uid);
            if let Ok(entries) = self.names.entries(RUN) {
                entries.insert(name.to_owned(), inode);
            }
        }
    }

    /// Did somebody ever replace a lock?
    pub(crate) const fn is_lock_replaced(&self) -> bool {
        self.lock_replaced
    }

    /// Does it listen, and does its process live?
    pub(crate) fn is_live_listener(&self, id: SockId) -> bool {
        self.is_listening(id) && self.is_alive(self.maker(id))
    }

    /// The names in the directory that every run has.
    pub(crate) fn names(&mut self) -> Vec<Vec<u8>> {
        self.names.entries(RUN).map(|entries| entries.keys().cloned().collect()).unwrap_or_default()
    }

    /// The process whose socket a name leads to, if it listens.
    pub(crate) fn listener_at(&self, name: &[u8]) -> Option<SockId> {
        let inode = self.names.find(RUN, name).ok()?;
        match self.names.inodes.get(&inode)?.body {
            Body::Socket(bound) => bound.filter(|&id| self.is_listening(id)),
            _ => None,
        }
    }
}

/// The device that open sockets are on.
const SOCKETS: u64 = 2;
/// What every process masks.
const UMASK: u32 = 0o022;
