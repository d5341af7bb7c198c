//! Threads that wait for record locks. Nothing runs beside anything here: whoever says what happens next says too when a
//! thread gets its lock, and when it tells.

use std::io;
use std::sync::Arc;

use ginnel_proto::election::Inode;

use super::{Fake, Fd};

/// A thread that waits for a lock, or has it and is about to tell.
#[derive(Debug)]
pub(super) struct Thread {
    lock: Arc<Fd>,
    inode: Inode,
    byte: i64,
    has_lock: bool,
}

impl Fake {
    pub(super) fn begin_to_wait(&self, lock: Arc<Fd>, inode: Inode, byte: i64) -> io::Result<()> {
        self.ask(|world, pid| world.lookup(pid, lock.number))?;
        self.threads.borrow_mut().push(Thread { lock, inode, byte, has_lock: false });
        Ok(())
    }

    /// Does any thread of this process wait, or have something to tell?
    pub(crate) fn has_threads(&self) -> bool {
        !self.threads.borrow().is_empty() && self.world.borrow().is_alive(self.pid)
    }

    /// Gives a thread that waits its lock, if nobody has it. `false`: none could be had.
    pub(crate) fn give_lock(&self) -> bool {
        let mut threads = self.threads.borrow_mut();
        let mut world = self.world.borrow_mut();
        let mut waiting = threads.iter_mut().filter(|thread| !thread.has_lock);
        let got = waiting.find(|thread| world.grant(self.pid, thread.lock.number, thread.byte).is_ok());
        if let Some(thread) = got {
            thread.has_lock = true;
            world.note(|| format!("  process {} gets lock {}", self.pid.0, thread.byte));
            return true;
        }
        false
    }

    /// Has a thread that has its lock tell of it. Nobody else of its process may be in the middle of something: in a real
    /// process the thread would wait for them. `false`: there is none.
    pub(crate) fn tell_of_lock(&self) -> bool {
        let mut threads = self.threads.borrow_mut();
        let Some(at) = threads.iter().position(|thread| thread.has_lock) else { return false };
        let Thread { lock, inode, .. } = threads.remove(at);
        drop(threads);
        drop(lock);
        self.locks.arrived(self, inode, Ok(()));
        true
    }

    /// Has all threads go on that can.
    pub fn let_threads_run(&self) {
        while self.has_threads() && (self.give_lock() || self.tell_of_lock()) {}
    }
}
