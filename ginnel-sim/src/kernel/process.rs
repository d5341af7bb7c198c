//! Processes: descriptor numbers, and death.

use std::collections::{BTreeMap, BTreeSet};

use super::{Errno, FileId, Got, Pid, What, World};
use crate::fault::Fault;

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) uid: u32,
    /// `RLIMIT_NOFILE`
    pub(super) limit: usize,
    fds: BTreeMap<i32, FileId>,
    /// Numbers that came in control messages and that nobody has taken yet.
    unowned: BTreeSet<i32>,
    alive: bool,
    /// It is killed when it has made so many more calls.
    calls_left: Option<u32>,
}

impl Process {
    /// Nothing happens to it any more.
    pub(super) const fn spare(&mut self) {
        self.limit = usize::MAX;
        self.calls_left = None;
    }
}

impl World {
    pub(crate) fn spawn(&mut self, uid: u32, limit: usize) -> Pid {
        let process = Process {
            uid,
            limit,
            fds: BTreeMap::new(),
            unowned: BTreeSet::new(),
            alive: true,
            calls_left: None,
        };
        self.processes.push(process);
        Pid(u32::try_from(self.processes.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn process(&mut self, pid: Pid) -> &mut Process {
        &mut self.processes[pid.0 as usize - 1]
    }

    pub(super) fn user(&self, pid: Pid) -> &Process {
        &self.processes[pid.0 as usize - 1]
    }

    pub(crate) fn is_alive(&self, pid: Pid) -> bool {
        self.user(pid).alive
    }

    /// A call begins. A dead process makes none: what its values still try in Rust has no effect.
    pub(super) fn enter(&mut self, pid: Pid) -> Got<()> {
        self.check_depth(super::DEPTH);
        if self.process(pid).calls_left == Some(0) && self.process(pid).alive {
            self.happened(Fault::KilledInCall);
            self.kill(pid);
        }
        let process = self.process(pid);
        if !process.alive {
            return Err(DEAD);
        }
        if let Some(left) = &mut process.calls_left {
            *left -= 1;
        }
        Ok(())
    }

    /// Kills it before one of its next calls.
    pub(crate) fn kill_in(&mut self, pid: Pid, calls: u32) {
        self.process(pid).calls_left = Some(calls);
    }

    /// Kills it. What it holds is let go of by [`release`](Self::release).
    pub(crate) fn kill(&mut self, pid: Pid) {
        self.note(|| format!("  process {} dies", pid.0));
        self.process(pid).alive = false;
    }

    /// Makes a child that shares all open files of its parent, and none of its locks. fork(2)
    pub(crate) fn fork(&mut self, pid: Pid) -> Pid {
        let &Process { uid, limit, ref fds, .. } = self.user(pid);
        let fds = fds.clone();
        let child = self.spawn(uid, limit);
        self.note(|| format!("  process {} forks {}", pid.0, child.0));
        fds.values().for_each(|&file| self.hold(file));
        self.process(child).fds = fds;
        child
    }

    /// Has it ended? What it held was let go of before, as exit(2) does.
    pub(crate) fn has_ended(&self, pid: Pid) -> bool {
        let process = self.user(pid);
        !process.alive && process.fds.is_empty()
    }

    /// A descriptor of this process. pidfd_open(2)
    pub(super) fn open_process(&mut self, pid: Pid, whose: Pid) -> Got<i32> {
        self.enter(pid)?;
        if self.fails(Fault::NoFilesSocket) {
            return Err(libc::EMFILE);
        }
        let file = self.open(What::Process(whose));
        self.number(pid, file).inspect_err(|_| {
            self.happened(Fault::NoFilesSocket);
            self.files[file.0] = None;
        })
    }

    /// A further number for the same file.
    pub(super) fn share(&mut self, pid: Pid, number: i32) -> Got<i32> {
        self.enter(pid)?;
        let file = self.lookup(pid, number)?;
        if self.fails(Fault::NoFilesSocket) {
            return Err(libc::EMFILE);
        }
        self.number(pid, file).inspect_err(|_| self.happened(Fault::NoFilesSocket))
    }

    /// Dead processes that still hold something.
    pub(crate) fn remains(&self) -> Vec<Pid> {
        let dead = self.processes.iter().zip(1..).filter(|(process, _)| !process.alive);
        dead.filter(|(process, _)| !process.fds.is_empty()).map(|(_, pid)| Pid(pid)).collect()
    }

    /// Lets go of one thing that a dead process holds, whichever.
    pub(crate) fn release(&mut self, pid: Pid) {
        let held: Vec<i32> = self.process(pid).fds.keys().copied().collect();
        let number = held[self.choices.index(held.len())];
        self.drop_number(pid, number);
    }

    /// Gives an open file a number, the lowest that is free.
    pub(super) fn number(&mut self, pid: Pid, file: FileId) -> Got<i32> {
        let process = self.process(pid);
        if process.fds.len() >= process.limit {
            return Err(libc::EMFILE);
        }
        let number = (FIRST..).find(|number| !process.fds.contains_key(number)).unwrap_or(i32::MAX);
        process.fds.insert(number, file);
        self.hold(file);
        Ok(number)
    }

    /// As [`number`](Self::number), for what came in a control message.
    pub(super) fn number_received(&mut self, pid: Pid, file: FileId) -> Got<i32> {
        if self.fails(Fault::NoFilesReceive) {
            return Err(libc::EMFILE);
        }
        let number = self.number(pid, file);
        match number {
            Ok(number) => {
                self.process(pid).unowned.insert(number);
            }
            Err(_) => self.happened(Fault::NoFilesReceive),
        }
        number
    }

    /// Somebody takes a number out of a control message.
    pub(super) fn own(&mut self, pid: Pid, number: i32) {
        if !self.process(pid).unowned.remove(&number) {
            self.violated(format!("descriptor {number} was taken that no message brought, or twice"));
        }
    }

    pub(super) fn lookup(&self, pid: Pid, number: i32) -> Got<FileId> {
        self.user(pid).fds.get(&number).copied().ok_or(libc::EBADF)
    }

    pub(super) fn close(&mut self, pid: Pid, number: i32) {
        if self.process(pid).alive {
            self.drop_number(pid, number);
        }
    }

    fn drop_number(&mut self, pid: Pid, number: i32) {
        let process = self.process(pid);
        process.unowned.remove(&number);
        let Some(file) = process.fds.remove(&number) else {
            return self.violated(format!("descriptor {number} was closed twice"));
        };
        if let Some(What::Lock(inode)) = self.file(file).map(|file| &file.what) {
            let inode = *inode;
            self.names.drop_locks(inode, pid);
        }
        self.let_go(file);
    }

    /// A file to pass around, which can be told from others by its number.
    pub(super) fn token(&mut self, pid: Pid, number: u64) -> Got<i32> {
        let file = self.open(What::Token(number));
        self.number(pid, file).inspect_err(|_| self.files[file.0] = None)
    }

    pub(super) fn token_of(&self, pid: Pid, number: i32) -> Option<u64> {
        match self.file(self.lookup(pid, number).ok()?)?.what {
            What::Token(token) => Some(token),
            _ => None,
        }
    }

    /// Ends it as a process ends that returns from `main`: what it has left open is told.
    pub(crate) fn exit(&mut self, pid: Pid) {
        if !self.is_alive(pid) {
            return;
        }
        let held: Vec<i32> = self.process(pid).fds.keys().copied().collect();
        for number in held {
            let what = self.lookup(pid, number).ok().and_then(|file| self.file(file));
            let what = what.map(|file| format!("{:?}", file.what)).unwrap_or_default();
            self.violated(format!("descriptor {number} was left open: {what}"));
        }
        self.process(pid).alive = false;
    }

    pub(super) fn set_limit(&mut self, pid: Pid, limit: usize) {
        self.process(pid).limit = limit;
    }

    /// Descriptor numbers in use.
    pub(crate) fn open_count(&self, pid: Pid) -> usize {
        self.user(pid).fds.len()
    }
}

/// What a dead process is told. No living one is.
pub(crate) const DEAD: Errno = libc::EOWNERDEAD;

/// Standard input, output and error come before.
const FIRST: i32 = 3;
