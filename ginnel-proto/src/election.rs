//! Who owns a path: the protocol by which one listener at a time publishes a socket under a name.
//!
//! A pure machine: it is told what the last system call showed ([`Seen`]) and answers with the next one
//! ([`Step`]). `ginnel-os` carries the steps out. The files are the socket `S` and its lock `S.lock`, whose
//! first byte is held for as long as `S` is owned; the lock file stays for ever. `docs/semantics.md` tells
//! the protocol in prose.

mod contest;
mod leaving;
mod steps;

pub use contest::{Contest, Heir, Order, Reached};
pub use steps::{Inode, Refusal, Seen, Step, Way};

/// One attempt to own a path, and the owning of it.
///
/// ```text
///                                           Answered
/// OpenLock                          ┌───────────────▶ Unlock ▶ Refuse(InUse)
///    │  ▲                           │        Foreign
///    ▼  └────── Unlock ◀─┐          │   ┌───────────▶ Unlock ▶ Refuse(NotASocket)
/// TryLock ──▶ CheckLock ─┘Moved   Probe │
///                │                 ▲ │Refused
///                ▼          Found  │ ▼
///             Inspect ─────────────┘ Sweep ▶ Bind ▶ Identify ▶ Restrict ▶ Listen ▶ Record
///              ▲ │ Absent              ▲                                     │
///              │ └─────────────────────┘       S was absent ┌────────────────┤ S was a dead socket
///              │                                            ▼                ▼
///              │◀── RemovePrivate ◀───── Exists ──────── Publish          Exchange
///              │                                            │                ▼
///              └◀── RemovePrivate ◀─ Exchange ◀─ another ───┼──── InspectDisplaced
///                                                           ▼                │ the dead one
///                                                          Own ◀───── RemovePrivate
///                                                           │ release()
/// Released ◀─ Unlock ◀─ RemovePrivate ◀─ InspectDisplaced ◀─ Withdraw ◀─ Inspect
///                └◀──── Publish ◀─ another ──┘
/// ```
///
/// Nothing at `S` is ever removed on a guess. A dead socket is exchanged with ours in one step, our own name
/// is renamed away, and what came out is looked at before it is removed: had somebody else put a file there
/// in the meantime, it is put back.
///
/// That is [`Way::Rename`]. With [`Way::Bind`] the way from `Sweep` is shorter: a dead socket is withdrawn, looked
/// at and removed, then the new one is bound to `S` itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Election {
    state: State,
    way: Way,
    origin: Origin,
    tries: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum State {
    OpeningLock,
    Locking,
    KeepingLock,
    CheckingLock,
    Inspecting,
    Probing(Inode),
    Sweeping(Over),
    Binding(Over),
    Identifying(Over),
    Restricting(Over, Inode),
    Listening(Over, Inode),
    Recording(Over, Inode),
    Publishing(Inode),
    Exchanging { dead: Inode, mine: Inode },
    Comparing { dead: Inode, mine: Inode },
    Burying(Inode),
    PuttingBack,
    Restoring,
    Discarding(Then),
    Unlocking(Then),
    Owning(Inode),
    Naming,
    Claiming,
    Leaving(Inode),
    Withdrawing(Inode, Then),
    Parting(Inode, Then),
    Over,
}

/// What our name is put over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Over {
    Nothing,
    Dead(Inode),
}

/// Where a detour leads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Then {
    Reopen,
    LookAgain,
    Bind,
    Refuse(Refusal),
    Released,
}

/// Whether a refusal gives up the lock (a first claim) or keeps it (a name published anew).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Origin {
    Claim,
    Again(Inode),
}

impl Election {
    /// Starts to claim a path.
    pub fn claim(way: Way) -> (Self, Step) {
        let election = Self { state: State::OpeningLock, way, origin: Origin::Claim, tries: 0 };
        (election, Step::OpenLock)
    }

    /// Publishes a socket, with the lock in hand that has been looked at.
    pub(crate) fn with_lock() -> (Self, Step) {
        let election = Self { state: State::Inspecting, way: Way::Rename, origin: Origin::Claim, tries: 0 };
        (election, Step::Inspect)
    }

    /// Goes on with somebody else's socket, with the lock in hand; publishes another if the path does not name it.
    pub(crate) fn inherit(mine: Inode) -> (Self, Step) {
        let origin = Origin::Again(mine);
        (Self { state: State::CheckingLock, way: Way::Rename, origin, tries: 0 }, Step::CheckLock)
    }

    /// The identity of the socket that is published, while it is owned.
    pub fn owned(&self) -> Option<Inode> {
        match self.state {
            State::Owning(mine) => Some(mine),
            _ => None,
        }
    }

    /// Gives the path up. Asked of an election that owns nothing, it is `Released` at once.
    pub fn release(&mut self) -> Step {
        match self.state {
            State::Owning(mine) => self.go(State::Leaving(mine), Step::Inspect),
            _ => self.go(State::Over, Step::Released),
        }
    }

    /// Publishes the path anew after somebody removed or replaced its name. The answer is `Own` when all is
    /// well already. A refusal keeps what there is, so that a name that is still ours is removed at the end.
    pub fn republish(&mut self) -> Step {
        match self.state {
            State::Owning(mine) => {
                self.origin = Origin::Again(mine);
                self.tries = 0;
                self.go(State::KeepingLock, Step::KeepLock)
            }
            _ => self.go(State::Over, Step::Refuse(Refusal::LockLost)),
        }
    }

    /// Takes what the last step showed and says what is next.
    pub fn next(&mut self, seen: Seen) -> Step {
        match self.state {
            State::OpeningLock => self.on_opened(seen),
            State::Locking => self.on_locked(seen),
            State::KeepingLock => self.on_kept(seen),
            State::CheckingLock => self.on_checked(seen),
            State::Inspecting => self.on_inspected(seen),
            State::Probing(dead) => self.on_probed(dead, seen),
            State::Sweeping(over) => self.on_swept(over),
            State::Binding(over) => self.on_bound(over, seen),
            State::Identifying(over) => self.on_identified(over, seen),
            State::Restricting(over, mine) => self.on_restricted(over, mine, seen),
            State::Listening(over, mine) => self.on_listening(over, mine, seen),
            State::Recording(over, mine) => self.on_recorded(over, mine, seen),
            State::Publishing(mine) => self.on_published(mine, seen),
            State::Exchanging { dead, mine } => self.on_exchanged(dead, mine, seen),
            State::Comparing { dead, mine } => self.on_compared(dead, mine, seen),
            State::Burying(mine) => self.go(State::Owning(mine), Step::Own),
            State::PuttingBack => self.on_put_back(seen),
            State::Restoring => self.again(Then::LookAgain),
            State::Discarding(then) => self.after_discarding(then),
            State::Unlocking(then) => self.after_unlocking(then),
            State::Leaving(mine) => self.on_leaving(mine, seen),
            State::Naming => self.on_named(seen),
            State::Claiming => self.on_claimed(seen),
            State::Withdrawing(expected, then) => self.on_withdrawn(expected, then, seen),
            State::Parting(expected, then) => self.on_parting(expected, then, seen),
            State::Owning(_) => Step::Own,
            State::Over => Step::Released,
        }
    }

    fn on_opened(&mut self, seen: Seen) -> Step {
        match seen {
            Seen::Done => self.go(State::Locking, Step::TryLock),
            _ => self.go(State::Over, Step::Refuse(Refusal::System)),
        }
    }

    fn on_locked(&mut self, seen: Seen) -> Step {
        match seen {
            Seen::Done => self.go(State::CheckingLock, Step::CheckLock),
            Seen::Held => self.unlock(Refusal::InUse),
            _ => self.unlock(Refusal::System),
        }
    }

    fn on_kept(&mut self, seen: Seen) -> Step {
        match seen {
            Seen::Done => self.go(State::CheckingLock, Step::CheckLock),
            Seen::Held => self.refuse(Refusal::LockLost),
            _ => self.refuse(Refusal::System),
        }
    }

    fn on_checked(&mut self, seen: Seen) -> Step {
        match (seen, self.origin) {
            (Seen::Done, _) => self.go(State::Inspecting, Step::Inspect),
            (Seen::Moved, Origin::Claim) => self.again(Then::Reopen),
            (Seen::Moved, Origin::Again(_)) => self.refuse(Refusal::LockLost),
            _ => self.refuse(Refusal::System),
        }
    }

    fn on_inspected(&mut self, seen: Seen) -> Step {
        match (seen, self.origin) {
            (Seen::Found(there), Origin::Again(mine)) if there == mine => {
                self.go(State::Owning(mine), Step::Own)
            }
            (Seen::Found(there), _) => self.go(State::Probing(there), Step::Probe),
            (Seen::Absent, _) => self.go(State::Sweeping(Over::Nothing), Step::Sweep),
            (Seen::Foreign, _) => self.refuse(Refusal::NotASocket),
            _ => self.refuse(Refusal::System),
        }
    }

    fn on_probed(&mut self, dead: Inode, seen: Seen) -> Step {
        match seen {
            Seen::Refused => self.go(State::Sweeping(Over::Dead(dead)), Step::Sweep),
            Seen::Absent => self.again(Then::LookAgain),
            Seen::Answered => self.refuse(Refusal::InUse),
            _ => self.refuse(Refusal::System),
        }
    }

    fn on_swept(&mut self, over: Over) -> Step {
        match (self.way, over) {
            (Way::Rename, over) => self.go(State::Binding(over), Step::Bind),
            (Way::Bind, Over::Nothing) => self.go(State::Naming, Step::BindName),
            (Way::Bind, Over::Dead(dead)) => self.go(State::Withdrawing(dead, Then::Bind), Step::Withdraw),
        }
    }

    fn on_named(&mut self, seen: Seen) -> Step {
        match seen {
            Seen::Done => self.go(State::Claiming, Step::Inspect),
            Seen::Exists => self.again(Then::LookAgain),
            _ => self.refuse(Refusal::System),
        }
    }

    fn on_claimed(&mut self, seen: Seen) -> Step {
        match seen {
            Seen::Found(mine) => self.go(State::Owning(mine), Step::Own),
            _ => self.again(Then::LookAgain),
        }
    }

    fn on_bound(&mut self, over: Over, seen: Seen) -> Step {
        match seen {
            Seen::Done => self.go(State::Identifying(over), Step::Identify),
            _ => self.refuse(Refusal::System),
        }
    }

    fn on_identified(&mut self, over: Over, seen: Seen) -> Step {
        match seen {
            Seen::Found(mine) => self.go(State::Restricting(over, mine), Step::Restrict),
            _ => self.discard(Then::Refuse(Refusal::System)),
        }
    }

    fn on_restricted(&mut self, over: Over, mine: Inode, seen: Seen) -> Step {
        match seen {
            Seen::Done => self.go(State::Listening(over, mine), Step::Listen),
            _ => self.discard(Then::Refuse(Refusal::System)),
        }
    }

    fn on_listening(&mut self, over: Over, mine: Inode, seen: Seen) -> Step {
        match seen {
            Seen::Done => self.go(State::Recording(over, mine), Step::Record),
            _ => self.discard(Then::Refuse(Refusal::System)),
        }
    }

    fn on_recorded(&mut self, over: Over, mine: Inode, seen: Seen) -> Step {
        match (seen, over) {
            (Seen::Recorded(_), Over::Nothing) => self.go(State::Publishing(mine), Step::Publish),
            (Seen::Recorded(_), Over::Dead(dead)) => {
                self.go(State::Exchanging { dead, mine }, Step::Exchange)
            }
            _ => self.discard(Then::Refuse(Refusal::System)),
        }
    }

    fn on_published(&mut self, mine: Inode, seen: Seen) -> Step {
        match seen {
            Seen::Done => self.go(State::Owning(mine), Step::Own),
            Seen::Exists => self.discard(Then::LookAgain),
            _ => self.discard(Then::Refuse(Refusal::System)),
        }
    }

    fn on_exchanged(&mut self, dead: Inode, mine: Inode, seen: Seen) -> Step {
        match seen {
            Seen::Done => self.go(State::Comparing { dead, mine }, Step::InspectDisplaced),
            Seen::Absent => self.discard(Then::LookAgain),
            _ => self.discard(Then::Refuse(Refusal::System)),
        }
    }

    /// `Absent` is what a file system shows that cannot exchange: there the dead name was replaced outright.
    fn on_compared(&mut self, dead: Inode, mine: Inode, seen: Seen) -> Step {
        match seen {
            Seen::Found(displaced) if displaced == dead => self.go(State::Burying(mine), Step::RemovePrivate),
            Seen::Absent => self.go(State::Owning(mine), Step::Own),
            _ => self.go(State::PuttingBack, Step::Exchange),
        }
    }

    /// Until it is back at `S`, the private name holds somebody else's file: it must not be removed.
    fn on_put_back(&mut self, seen: Seen) -> Step {
        match seen {
            Seen::Done => self.discard(Then::LookAgain),
            Seen::Absent => self.go(State::Restoring, Step::Publish),
            _ => self.refuse(Refusal::System),
        }
    }

    /// Refuses: a first claim gives the lock back, a republishing owner keeps it.
    fn refuse(&mut self, why: Refusal) -> Step {
        match self.origin {
            Origin::Claim => self.unlock(why),
            Origin::Again(mine) => self.go(State::Owning(mine), Step::Refuse(why)),
        }
    }

    fn unlock(&mut self, why: Refusal) -> Step {
        self.go(State::Unlocking(Then::Refuse(why)), Step::Unlock)
    }

    fn discard(&mut self, then: Then) -> Step {
        self.go(State::Discarding(then), Step::RemovePrivate)
    }

    /// Goes round once more, unless the path kept changing under our hands.
    fn again(&mut self, then: Then) -> Step {
        self.tries += 1;
        match then {
            _ if self.tries >= MOST_TRIES => self.refuse(Refusal::InUse),
            Then::Reopen => self.go(State::Unlocking(Then::Reopen), Step::Unlock),
            _ => self.go(State::Inspecting, Step::Inspect),
        }
    }

    fn after_discarding(&mut self, then: Then) -> Step {
        match then {
            Then::Bind => self.go(State::Naming, Step::BindName),
            Then::Released => self.go(State::Unlocking(Then::Released), Step::Unlock),
            Then::Refuse(why) => self.refuse(why),
            Then::Reopen | Then::LookAgain => self.again(then),
        }
    }

    fn after_unlocking(&mut self, then: Then) -> Step {
        match then {
            Then::Reopen => self.go(State::OpeningLock, Step::OpenLock),
            Then::Refuse(why) => self.go(State::Over, Step::Refuse(why)),
            Then::Released | Then::Bind | Then::LookAgain => self.go(State::Over, Step::Released),
        }
    }

    fn go(&mut self, state: State, step: Step) -> Step {
        self.state = state;
        step
    }
}

/// How often a path that changes under our hands is looked at again.
const MOST_TRIES: u8 = 16;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
