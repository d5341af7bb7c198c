//! What all who act in one run share.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ginnel_proto::peer::Role;
use ginnel_proto::{Message, Wire};

use crate::choices::Choices;
use crate::fault::Fault;
use crate::kernel::{Fake, Fd, Pid, SockId, World};
use crate::ledger::{Entry, Ledger};
use crate::sp::Book;

/// The world, and what was sent in it.
pub(crate) struct Scene {
    pub(crate) world: Rc<RefCell<World>>,
    pub(crate) ledger: RefCell<Ledger>,
    /// What ends of SP know.
    pub(crate) book: RefCell<Book>,
    /// Processes that believe that a name is theirs.
    owners: RefCell<BTreeSet<Pid>>,
    /// What everybody speaks.
    wire: Cell<Wire>,
    /// All processes that act.
    processes: RefCell<Vec<Fake>>,
    spoilt: Cell<bool>,
    /// Nothing has gone wrong for a while.
    pub(crate) calm: Cell<bool>,
}

impl Scene {
    pub(crate) fn new(choices: Choices, seed: u64, traced: bool) -> Self {
        let mut world = World::new(choices, seed, traced);
        let wire = world.choices.pick(&[
            Wire::Native,
            Wire::Native,
            Wire::Native,
            Wire::LengthPrefixed,
            Wire::Kyneta,
        ]);
        let world = Rc::new(RefCell::new(world));
        Self {
            world,
            ledger: RefCell::default(),
            book: RefCell::default(),
            owners: RefCell::default(),
            wire: Cell::new(wire),
            processes: RefCell::default(),
            spoilt: Cell::default(),
            calm: Cell::default(),
        }
    }

    pub(crate) const fn wire(&self) -> Wire {
        self.wire.get()
    }

    /// What everybody speaks.
    pub(crate) fn speak(&self, wire: Wire) {
        self.wire.set(wire);
    }

    /// A process of an ordinary user, who may have so many descriptors.
    pub(crate) fn spawn(&self, limit: usize) -> Fake {
        let pid = self.world.borrow_mut().spawn(1000, limit);
        let fake = Fake::of(&self.world, pid);
        self.processes.borrow_mut().push(fake.clone());
        fake
    }

    /// Processes in which threads wait for locks, or have one and have not told.
    pub(crate) fn waiting(&self) -> Vec<Fake> {
        self.processes.borrow().iter().filter(|fake| fake.has_threads()).cloned().collect()
    }

    pub(crate) fn now(&self) -> Instant {
        self.world.borrow().now()
    }

    pub(crate) fn pass(&self, length: Duration) {
        self.world.borrow_mut().pass(length);
    }

    pub(crate) fn pick<T: Copy>(&self, from: &[T]) -> T {
        self.world.borrow_mut().choices.pick(from)
    }

    pub(crate) fn index(&self, length: usize) -> usize {
        self.world.borrow_mut().choices.index(length)
    }

    pub(crate) fn chance(&self, in_a_thousand: u32) -> bool {
        self.world.borrow_mut().choices.chance(in_a_thousand)
    }

    pub(crate) fn is_alive(&self, pid: Pid) -> bool {
        self.world.borrow().is_alive(pid)
    }

    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        self.world.borrow_mut().note(line);
    }

    pub(crate) fn violated(&self, what: impl Into<String>) {
        self.world.borrow_mut().violated(what);
    }

    /// This has happened once more.
    pub(crate) fn tally(&self, what: &'static str) {
        self.book.borrow_mut().tally(what);
    }

    /// What must not be is written down.
    pub(crate) fn hold<T>(&self, outcome: Result<T, String>) -> Option<T> {
        outcome.inspect_err(|what| self.violated(what.clone())).ok()
    }

    /// Writes a letter of a length that is interesting somewhere, with a few descriptors or none.
    pub(crate) fn write(&self, fake: &Fake) -> (Entry, Message<Fd>) {
        let length = self.pick(&[8, 8, 20, 100, 700, 4_100, 9_000, 66_000]);
        let most = self.pick(&[0, 0, 0, 0, 1, 1, 2, 5]);
        let fds = if self.wire().carries_fds() { most } else { 0 };
        self.ledger.borrow_mut().write(fake, length, fds)
    }

    /// Something has arrived at a socket of a process.
    pub(crate) fn arrived(&self, at: Option<SockId>, fake: &Fake, message: &Message<Fd>) -> Option<Entry> {
        let at = at.filter(|&at| self.is_alive(fake.pid()) && !self.is_strange(Some(at)))?;
        let outcome = self.ledger.borrow_mut().arrived(at, fake, message);
        let entry = self.hold(outcome)?;
        self.note(|| format!("  {entry:?} arrives at {at:?}"));
        Some(entry)
    }

    /// An answer has arrived, which may overtake messages that wait to be taken.
    pub(crate) fn arrived_late(&self, at: Option<SockId>, fake: &Fake, message: &Message<Fd>) {
        if let Some(at) = at
            && self.is_alive(fake.pid())
        {
            let outcome = self.ledger.borrow_mut().arrived_late(at, fake, message);
            self.hold(outcome);
        }
    }

    /// Something came back to whoever sent it, to this socket or to whichever.
    pub(crate) fn came_back(
        &self,
        fake: &Fake,
        message: &Message<Fd>,
        was_for: Option<SockId>,
    ) -> Option<Entry> {
        let lives = self.is_alive(fake.pid());
        let outcome = lives.then(|| self.ledger.borrow_mut().came_back(fake, message, was_for))?;
        self.hold(outcome)
    }

    /// Somebody reads at this socket.
    pub(crate) fn know(&self, at: Option<SockId>) {
        if let Some(at) = at {
            self.ledger.borrow_mut().know(at);
        }
    }

    /// Somebody reads at this socket after all.
    pub(crate) fn trust(&self, at: SockId) {
        self.ledger.borrow_mut().trust(at);
    }

    pub(crate) fn is_strange(&self, at: Option<SockId>) -> bool {
        at.is_some_and(|at| self.ledger.borrow().is_strange(at))
    }

    /// A descriptor that belongs to no letter.
    pub(crate) fn made_up(&self, fake: &Fake) -> Option<Fd> {
        self.ledger.borrow_mut().made_up(fake)
    }

    /// A process has come to own the name, or has let it go.
    pub(crate) fn claimed(&self, pid: Pid, owns: bool) {
        let mut owners = self.owners.borrow_mut();
        if owns {
            owners.insert(pid)
        } else {
            owners.remove(&pid)
        };
    }

    /// How many processes own the name.
    pub(crate) fn owners(&self) -> usize {
        self.owners.borrow().len()
    }

    pub(crate) fn is_lock_replaced(&self) -> bool {
        self.world.borrow().is_lock_replaced()
    }

    pub(crate) fn has_happened(&self, fault: Fault) -> bool {
        self.world.borrow().counts.of(fault) > 0
    }

    /// Two who talk will not both come to their end in order.
    pub(crate) fn spoil(&self) {
        self.spoilt.set(true);
    }

    pub(crate) fn is_spoilt(&self) -> bool {
        self.spoilt.get()
    }

    /// Has nothing gone wrong for a while?
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.get()
    }

    /// Has the kernel dropped something there, or could it not be watched?
    pub(crate) fn has_failed(&self, at: SockId) -> bool {
        self.world.borrow().has_failed(at)
    }

    /// Does somebody who lives listen at the name?
    pub(crate) fn is_listened_to(&self) -> bool {
        let world = self.world.borrow();
        world.listener_at(b"s").is_some_and(|at| world.is_live_listener(at))
    }

    /// The reader there was told that one letter is lost, as it is if the kernel has dropped something.
    pub(crate) fn lost_one(&self, at: Option<SockId>) {
        match at {
            Some(at) if self.has_failed(at) => self.ledger.borrow_mut().lost_one(at),
            _ => self.violated("descriptors are said to be lost, and the kernel has dropped none"),
        }
    }

    /// Whoever reads there loses what was on the way, and knows.
    pub(crate) fn excuse(&self, at: Option<SockId>) {
        if let Some(at) = at {
            self.ledger.borrow_mut().excuse(at);
        }
    }
}

/// What one of several peers knows of the others.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) pid: Pid,
    pub(crate) role: Role,
    /// What it listens on, if it leads.
    pub(crate) socket: Option<SockId>,
    /// Its connection to whoever listens: its end, and theirs.
    pub(crate) link: Option<(SockId, SockId)>,
    /// Its ends of the connections to all others.
    pub(crate) followers: Vec<SockId>,
}

/// A process that does something, and what its application does in it.
pub(crate) trait Actor {
    fn name(&self) -> &'static str;

    fn pid(&self) -> Pid;

    /// Does one of the things that an application may do.
    fn act(&mut self, scene: &Scene);

    /// Has somebody woken it, or has it more to do?
    fn is_ready(&self) -> bool;

    fn deadline(&self) -> Option<Instant>;

    /// Does what a driver does that was woken.
    fn turn(&mut self, _scene: &Scene) {}

    /// From now on nothing goes wrong any more: does all that it has put off.
    fn settle(&mut self, _scene: &Scene) {}

    /// Now that nothing goes wrong: is there something that it should do, though nobody has woken it?
    fn is_ripe(&self) -> bool {
        false
    }

    /// Does it.
    fn ripen(&mut self, _scene: &Scene) {}

    /// All is quiet: is everything as it should be?
    fn check(&mut self, _scene: &Scene) {}

    /// Tells what it knows, before it is compared with what others know.
    fn report(&mut self, _scene: &Scene) {}

    /// Does it believe that the name is its own?
    fn holds_name(&self) -> bool {
        false
    }

    /// Would it be wrong to take the name of its listener away? Not if it has given that up.
    fn keeps_name(&self) -> bool {
        true
    }

    /// One of several peers: what it knows of the others.
    fn part(&self) -> Option<Part> {
        None
    }

    /// Does it leave no name behind, its own or that of the dead?
    fn sweeps(&self) -> bool {
        false
    }

    /// Says goodbye to everybody.
    fn leave(&mut self, scene: &Scene);

    /// It was killed, and is dropped after this: what it had is lost, and nobody else's fault.
    fn killed(&mut self, _scene: &Scene) {}
}
