//! A kernel with local sockets, names and record locks, in memory.
//!
//! It answers as Linux does, which the rules in [`conform`](crate::conform) hold it to, and fails where its
//! [`Rates`] say so. Errors are numbers of errno(3).

mod control;
mod fake;
mod flow;
mod locks;
mod names;
mod notice;
mod process;
mod socket;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::choices::Choices;
use crate::fault::{Counts, Fault, Rates};
use names::{Ino, Names};
use process::Process;
use socket::Socket;
use watch::Watches;

pub use fake::{Fake, Fd, FdRef, Poller};
pub(crate) use process::DEAD;

/// A number of errno(3).
pub(crate) type Errno = i32;

/// What a call of the kernel answers.
pub(crate) type Got<T> = Result<T, Errno>;

/// An open file: what several descriptor numbers, and control messages under way, may share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct FileId(usize);

/// A socket; it may have no file yet, while it waits to be accepted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SockId(usize);

/// A process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pid(pub(crate) u32);

#[derive(Debug)]
struct File {
    what: What,
    /// Descriptor numbers and messages under way that refer to it.
    refs: usize,
}

#[derive(Debug)]
enum What {
    Socket(SockId),
    /// A name that is held on to, `O_PATH`.
    Path(Ino),
    /// Opened for reading and writing, so that record locks can be taken.
    Lock(Ino),
    Poller(Watches),
    /// Readable once this process has ended. pidfd_open(2)
    Process(Pid),
    /// Readable once something has happened to one of the files that it watches.
    Notice,
    /// Something to pass around, with a number to know it by.
    Token(u64),
}

/// What others do while somebody is between two calls.
pub(crate) type Interlude = Rc<dyn Fn()>;

/// Everything there is.
pub(crate) struct World {
    pub(crate) choices: Choices,
    pub(crate) rates: Rates,
    pub(crate) counts: Counts,
    /// What no kernel should ever have been asked for, and other things that must not be.
    pub(crate) violations: Vec<String>,
    start: Instant,
    now: Instant,
    random: Rng,
    processes: Vec<Process>,
    files: Vec<Option<File>>,
    sockets: Vec<Option<Socket>>,
    names: Names,
    /// Descriptors under way, by user.
    in_flight: BTreeMap<u32, usize>,
    /// How often an open file for passing around has been let go of, by its number.
    released: Vec<u64>,
    log: Option<Vec<String>>,
    /// What others do while somebody is between two calls.
    pub(crate) interlude: Option<Interlude>,
    /// Nothing goes wrong any more.
    relented: bool,
    lock_replaced: bool,
    /// Calls that did something.
    worked: u64,
    /// Sockets whose reader lost descriptors, or could not be watched.
    failed: BTreeSet<SockId>,
    /// Processes that are not told what happens to their files, since that could not be watched.
    blind: BTreeSet<Pid>,
    /// Who made each socket.
    makers: Vec<Pid>,
    /// Where the stack stood when the step began.
    base: usize,
}

impl World {
    pub(crate) fn new(choices: Choices, seed: u64, traced: bool) -> Self {
        let now = Instant::now();
        Self {
            choices,
            rates: Rates::none(),
            counts: Counts::none(),
            violations: Vec::new(),
            start: now,
            now,
            random: Rng::with_seed(seed),
            processes: Vec::new(),
            files: Vec::new(),
            sockets: Vec::new(),
            names: Names::new(),
            in_flight: BTreeMap::new(),
            released: Vec::new(),
            log: traced.then(Vec::new),
            interlude: None,
            relented: false,
            lock_replaced: false,
            worked: 0,
            failed: BTreeSet::new(),
            blind: BTreeSet::new(),
            makers: Vec::new(),
            base: 0,
        }
    }

    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn pass(&mut self, length: Duration) {
        self.now += length;
    }

    /// How many calls have done something.
    pub(crate) const fn calls(&self) -> u64 {
        self.worked
    }

    /// Who made a socket, or listened when it came to be.
    pub(crate) fn maker(&self, id: SockId) -> Pid {
        self.makers[id.0]
    }

    /// Is it open?
    pub(crate) fn is_open(&self, id: SockId) -> bool {
        self.sockets[id.0].is_some()
    }

    /// Has its reader lost descriptors, or could it not be watched?
    pub(crate) fn has_failed(&self, id: SockId) -> bool {
        self.failed.contains(&id)
    }

    /// Could it not be had that some process is told what happens to its files?
    pub(crate) fn is_anybody_blind(&self) -> bool {
        !self.blind.is_empty()
    }

    /// How long the run has lasted.
    pub(crate) fn age(&self) -> Duration {
        self.now - self.start
    }

    /// Does this go wrong now?
    fn fails(&mut self, fault: Fault) -> bool {
        let hit = self.choices.chance(self.rates.of(fault));
        if hit {
            self.happened(fault);
        }
        hit
    }

    /// Do others come first?
    fn interrupted(&mut self) -> Option<Interlude> {
        if self.interlude.is_some() && self.fails(Fault::Interrupted) { self.interlude.clone() } else { None }
    }

    /// This went wrong, whoever made it.
    pub(crate) fn happened(&mut self, fault: Fault) {
        self.counts.add(fault);
        self.note(|| format!("  ! {fault:?}"));
    }

    /// Nothing goes wrong any more, and no socket is so small that a run takes for ever.
    pub(crate) fn relent(&mut self) {
        self.rates = Rates::none();
        self.relented = true;
        for socket in self.sockets.iter_mut().flatten() {
            socket.capacity = socket.capacity.max(ROOMY);
        }
        for process in &mut self.processes {
            process.spare();
        }
    }

    /// Writes a line of the trace, if there is one.
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(line());
        }
    }

    pub(crate) fn take_log(&mut self) -> Vec<String> {
        self.log.take().unwrap_or_default()
    }

    /// Something happened that must not.
    pub(crate) fn violated(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.note(|| format!("  VIOLATION: {what}"));
        self.violations.push(what);
    }

    /// A step begins here on the stack. From there no call may come from far below: work that is done by recursion
    /// grows with what the other side sends. Returns where the step before began.
    pub(crate) fn set_base(&mut self) -> usize {
        std::mem::replace(&mut self.base, here())
    }

    /// The step before goes on.
    pub(crate) const fn restore_base(&mut self, base: usize) {
        self.base = base;
    }

    fn check_depth(&mut self, most: usize) {
        let depth = self.base.abs_diff(here());
        if self.base != 0 && depth > most {
            self.base = 0;
            self.violated(format!("the stack is {depth} bytes deep"));
        }
    }

    fn file(&self, id: FileId) -> Option<&File> {
        self.files[id.0].as_ref()
    }

    fn open(&mut self, what: What) -> FileId {
        self.files.push(Some(File { what, refs: 0 }));
        FileId(self.files.len() - 1)
    }

    fn hold(&mut self, id: FileId) {
        if let Some(file) = &mut self.files[id.0] {
            file.refs += 1;
        }
    }

    /// One reference less. What nobody refers to is closed.
    fn let_go(&mut self, id: FileId) {
        let Some(file) = &mut self.files[id.0] else {
            return self.violated("a file was closed that is closed already");
        };
        file.refs -= 1;
        if file.refs > 0 {
            return;
        }
        let Some(file) = self.files[id.0].take() else { return };
        match file.what {
            What::Socket(socket) => self.close_socket(socket),
            What::Path(inode) => self.names.close(inode),
            What::Lock(inode) => {
                self.names.tell_closed(inode);
                self.names.close(inode);
            }
            What::Notice => self.names.forget_watcher(id),
            What::Poller(_) | What::Process(_) => {}
            What::Token(number) => self.released.push(number),
        }
    }

    /// Numbers of files that were let go of for good since somebody last asked.
    pub(crate) fn take_released(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.released)
    }

    /// What is still open that should not be, now that everybody has gone.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let files = self.files.iter().flatten().map(|file| format!("{:?}", file.what));
        let sockets = self.sockets.iter().flatten().map(|_| "a socket".to_owned());
        files.chain(sockets).collect()
    }
}

#[inline(never)]
fn here() -> usize {
    let mark = 0_u8;
    (&raw const mark).addr()
}

/// How deep on the stack a call may be made, in bytes: twice what is seen where nothing is wrong. Debug builds need
/// more.
const DEPTH: usize = if cfg!(debug_assertions) { 48 << 10 } else { 16 << 10 };

/// The same, where a machine is told something: it is told one thing after the other, so never from far below.
const SHALLOW: usize = if cfg!(debug_assertions) { 12 << 10 } else { 4 << 10 };

/// Bytes that a socket takes at least once nothing goes wrong any more.
const ROOMY: usize = 8192;
