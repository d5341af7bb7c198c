//! Many descriptors watched at once, level-triggered. epoll(7)

use std::collections::BTreeMap;

use ginnel_os::sys::Ready;
use ginnel_os::{Directions, SocketKind};

use super::socket::{Socket, State};
use super::{File, FileId, Got, Pid, SockId, What, World};
use crate::fault::Fault;

/// Who is watched, for what, and under which token.
///
/// Two numbers of one file are watched apart, and each until the file is closed for good.
pub(super) type Watches = BTreeMap<(FileId, i32), (u64, Directions)>;

impl World {
    pub(super) fn poller(&mut self, pid: Pid) -> Got<i32> {
        self.enter(pid)?;
        let file = self.open(What::Poller(Watches::new()));
        self.number(pid, file).inspect_err(|_| self.files[file.0] = None)
    }

    fn watches(&mut self, pid: Pid, poller: i32) -> Got<&mut Watches> {
        let file = self.lookup(pid, poller)?;
        match self.files[file.0].as_mut().map(|file| &mut file.what) {
            Some(What::Poller(watches)) => Ok(watches),
            _ => Err(libc::EINVAL),
        }
    }

    pub(super) fn watch(
        &mut self,
        pid: Pid,
        (poller, number): (i32, i32),
        watch: (u64, Directions),
    ) -> Got<()> {
        self.enter(pid)?;
        let file = self.lookup(pid, number)?;
        match self.file(file).map(|file| &file.what) {
            Some(What::Path(_)) => return Err(libc::EBADF),
            Some(What::Lock(_)) => return Err(libc::EPERM),
            _ => {}
        }
        if self.fails(Fault::WatchFails) {
            self.failed.extend(self.is_socket(file));
            if matches!(self.file(file), Some(File { what: What::Notice, .. })) {
                self.blind.insert(pid);
            }
            return Err(libc::ENOSPC);
        }
        let watches = self.watches(pid, poller)?;
        if watches.contains_key(&(file, number)) {
            return Err(libc::EEXIST);
        }
        watches.insert((file, number), watch);
        Ok(())
    }

    pub(super) fn rewatch(
        &mut self,
        pid: Pid,
        (poller, number): (i32, i32),
        watch: (u64, Directions),
    ) -> Got<()> {
        self.enter(pid)?;
        let file = self.lookup(pid, number)?;
        let now = self.watches(pid, poller)?.get_mut(&(file, number)).ok_or(libc::ENOENT)?;
        *now = watch;
        Ok(())
    }

    pub(super) fn unwatch(&mut self, pid: Pid, (poller, number): (i32, i32)) -> Got<()> {
        self.enter(pid)?;
        let file = self.lookup(pid, number)?;
        self.watches(pid, poller)?.remove(&(file, number)).map(|_| ()).ok_or(libc::ENOENT)
    }

    /// What is ready of what is watched. The order is drawn.
    pub(super) fn ready(&mut self, pid: Pid, poller: i32) -> Got<Vec<Ready>> {
        let watches = self.watches(pid, poller)?.clone();
        let mut ready: Vec<Ready> = watches
            .into_iter()
            .filter_map(|((file, _), (token, wants))| {
                let directions = self.state_of_file(file, wants);
                (directions != Directions::default()).then_some(Ready { token, directions })
            })
            .collect();
        for at in 1..ready.len() {
            let other = at - self.choices.index(at + 1);
            ready.swap(at, other);
        }
        Ok(ready)
    }

    /// Is anything ready?
    pub(crate) fn is_ready(&self, pid: Pid, poller: i32) -> bool {
        let Ok(file) = self.lookup(pid, poller) else { return false };
        let Some(What::Poller(watches)) = self.file(file).map(|file| &file.what) else { return false };
        watches
            .iter()
            .any(|(&(file, _), &(_, wants))| self.state_of_file(file, wants) != Directions::default())
    }

    fn state_of_file(&self, file: FileId, wants: Directions) -> Directions {
        match self.file(file).map(|file| &file.what) {
            Some(What::Socket(id)) => self.state_of(*id, wants),
            // A process whose end was awaited by its parent hangs up.
            Some(What::Process(pid)) if self.has_ended(*pid) => Directions::BOTH,
            Some(What::Notice) if self.names.told.contains(&file) => Directions::READ.and(wants),
            _ => Directions::default(),
        }
    }

    fn state_of(&self, id: SockId, wants: Directions) -> Directions {
        let Some(socket) = self.look(id) else { return Directions::default() };
        let hung_up = (socket.ended_read && socket.ended_write) || socket.error.is_some();
        let unconnected = matches!(socket.state, State::Fresh) && socket.kind != SocketKind::Datagram;
        if hung_up || unconnected {
            return Directions::BOTH;
        }
        let now = Directions { read: self.is_readable(id), write: self.is_writable(id) };
        now.and(wants)
    }

    pub(crate) fn is_readable(&self, id: SockId) -> bool {
        match self.look(id) {
            Some(Socket { state: State::Listening { waiting, .. }, .. }) => !waiting.is_empty(),
            Some(socket) => !socket.queue.is_empty() || socket.ended_read || socket.error.is_some(),
            None => false,
        }
    }

    pub(super) fn is_listening(&self, id: SockId) -> bool {
        matches!(self.look(id), Some(Socket { state: State::Listening { .. }, .. }))
    }

    /// Times that readiness has begun anew, to read and to write.
    pub(crate) fn edges(&self, pid: Pid, number: i32) -> [u32; 2] {
        self.sock_of(pid, number).ok().and_then(|id| self.look(id)).map_or([0, 0], |socket| socket.edges)
    }
}
