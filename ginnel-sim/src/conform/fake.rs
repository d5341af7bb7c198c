//! The fake kernel as a bench.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ginnel_os::sys::Descriptors;

use super::second::{Deed, Second, perform};
use super::{Bench, Fd};
use crate::kernel::{self, Fake};

/// A fresh fake kernel, in which nothing goes wrong.
#[derive(Debug)]
pub struct FakeBench {
    kernel: Fake,
    /// All other processes.
    others: RefCell<Vec<Fake>>,
}

impl FakeBench {
    /// With one process.
    pub fn new() -> Self {
        Self { kernel: Fake::faultless(LIMIT), others: RefCell::default() }
    }
}

impl Default for FakeBench {
    fn default() -> Self {
        Self::new()
    }
}

/// Another process of the same kernel.
#[derive(Debug)]
pub struct OtherProcess {
    kernel: Fake,
    _held: Vec<Arc<kernel::Fd>>,
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        self.kernel.kill();
    }
}

impl Bench for FakeBench {
    type Sys = Fake;
    type Other = OtherProcess;

    fn sys(&self) -> &Fake {
        &self.kernel
    }

    fn root(&self) -> &Path {
        Path::new("/run")
    }

    fn open_count(&self) -> usize {
        self.kernel.open_count()
    }

    fn leave_room(&self, room: Option<usize>) {
        self.kernel.set_limit(room.map_or(LIMIT, |room| self.open_count() + room));
    }

    fn lose_privileges(&self) {
        // No process of a fake kernel has any.
    }

    fn refuse_fds(&self, fd: &Fd<Self>) -> io::Result<()> {
        self.kernel.refuse_fds(self.kernel.borrow(fd))
    }

    fn datagram_limit(&self) -> usize {
        10
    }

    fn lend<'a>(&self, fd: &'a Fd<Self>) -> kernel::FdRef<'a> {
        self.kernel.borrow(fd)
    }

    fn leave_child(&self, _fd: &Fd<Self>) {
        // It keeps all others too.
        self.kernel.fork();
    }

    fn pass(&self) {
        self.others.borrow().iter().chain([&self.kernel]).for_each(Fake::let_threads_run);
    }

    fn second(&self, deed: Deed) -> Second<OtherProcess> {
        let other = Self { kernel: self.kernel.spawn(LIMIT), others: RefCell::default() };
        self.others.borrow_mut().push(other.kernel.clone());
        let (said, held) = perform(&other, deed);
        Second { said, process: OtherProcess { kernel: other.kernel, _held: held } }
    }
}

/// More descriptors than a script has.
const LIMIT: usize = 1024;
