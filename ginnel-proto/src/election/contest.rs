//! Who of many peers listens at a path: one peer's part in it.
//!
//! It is told what the last order brought and answers with the next one ([`Order`]). Orders to the file system and the
//! lock file are [`Step`]s, those of [`Election`] among them, which does the publishing here as it does for a listener
//! alone. The protocol is told in prose in `docs/semantics.md`; `contest/model.rs` drives what stands here through every
//! interleaving.

use super::{Election, Inode, Refusal, Seen, Step};

/// One peer's part in who listens at a path.
///
/// ```text
///   join()          Greeted
/// ─────────▶ reach ─────────▶ FOLLOW ── lost() ──▶ reach            offered() ▶ Stand ▶ OpenLock ▶ STANDBY
///  nobody, or    │                                                                                   │ lost()
///  a silent one  │                                        somebody has it: StandDown ▶ reach ◀─ TryLock
///  and byte 0    ▼              Moved: Unlock ▶ OpenLock                                              │ Done
///  is free    OpenLock ▶ AwaitTurn ▶ CheckLock                                                        ▼
///                                       │                                             the path is its: TakeOver
///                        Greeted        ▼       nobody          Held                    else: published anew
///            FOLLOW ◀── Unlock ◀─── reach ──────────▶ TryLock ─────▶ pause ▶ reach                    │
///                          ▲                             │ Done                                       │
///                          │ Greeted                     ▼                                            ▼
///                          └─────────── Election, which reaches where it probes ─▶ EndTurn ▶ Watch ▶ LEAD
/// ```
///
/// *Reach* is to connect and to finish the greeting. Whoever is reached without holding byte 0 is somebody who holds it.
/// Behind `Watch` it looks at the name once more, for what happened to it before. From `LEAD` a removed name is published
/// again ([`disturbed`](Self::disturbed)); if that is not possible any more, it steps down, which is [`Order::Resign`],
/// and begins anew.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Contest {
    state: State,
    /// What has to be seen to as soon as the order under way is answered.
    due: Due,
    /// How often the lock file was another than the one that is named so.
    tries: u8,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum State {
    Out,
    Reaching(Under),
    /// Somebody is there who has not greeted: who holds byte 0? `waits`: the connection stands.
    Seeking {
        waits: bool,
    },
    Opening,
    AwaitingTurn,
    Checking,
    Trying,
    /// Until it is reached for again.
    Pausing(Under),
    Publishing(Publishing),
    /// Byte 0 is in hand, and whoever is at `S` says nothing.
    Recalling(Publishing),
    Ending(Publishing),
    TakingOver(Publishing),
    RecordingAnew(Publishing),
    Watching(Publishing),
    Leading(Election),
    /// Publishing anew failed for now.
    Sulking(Election),
    Resigning,
    Following,
    Accepting(Inode),
    Preparing(Inode),
    Standing(Inode),
    Succeeding(Inode),
    LettingGo(Next),
    Unlocking(Next),
}

/// What is in hand while the path is reached for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Under {
    Nothing,
    Turn,
    Lead(Publishing),
}

/// The publishing, with byte 0 in hand.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Publishing {
    election: Election,
    whence: Whence,
    /// Somebody has greeted after all.
    greeted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Whence {
    /// It took its turn.
    Turn,
    /// It had a duplicate of this socket.
    Standby(Inode),
    /// It leads already, at this socket.
    Lead(Option<Inode>),
}

/// Where a detour leads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Next {
    Reach,
    Open,
    Follow,
    Fail(Refusal),
    Leave,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Due {
    loss: bool,
    disturbance: bool,
    leave: Option<Heir>,
}

/// Who has a duplicate of a leader's socket when it leaves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "somebody has or nobody")]
pub enum Heir {
    /// Nobody: the name goes with the leader.
    Nobody,
    /// A standby: the name stays, and whoever connects meanwhile waits for it.
    Standby,
}

/// What is done next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use = "the contest stands still until it is carried out"]
#[expect(clippy::exhaustive_enums, reason = "whoever carries orders out must know all of them")]
pub enum Order {
    /// A step with the files. → [`Contest::seen`]
    Step(Step),
    /// Connect to the path, or behind [`Step::Inspect`] to what was looked at, and wait for a greeting; a connection
    /// that waits for one is closed first. → [`Contest::reached`]
    Reach,
    /// Go on waiting for the greeting. → [`Contest::reached`]
    Wait,
    /// Pause, a little longer each time. → [`Contest::paused`]
    Pause,
    /// Finished for now: the one that was reached listens.
    Follow,
    /// Finished for now: this one listens.
    Lead,
    /// Listen no more, with a word to everybody. → [`Contest::resigned`]
    Resign,
    /// Finished: none of it, nothing is held, and nothing but a lock file was made.
    Fail(Refusal),
    /// Finished: it takes part no more.
    Left,
}

/// What reaching for the path brought.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "every state answers every one of these")]
pub enum Reached {
    /// Somebody took the connection and greeted.
    Greeted,
    /// There is no such name.
    Absent,
    /// Nobody lives there.
    Refused,
    /// Somebody took the connection, and has said nothing for a while.
    Silent,
    /// Somebody took the connection, and it ended before a greeting.
    Ended,
    /// The queue there is full.
    Busy,
    /// It cannot be said: another error, or somebody who speaks otherwise.
    Failed,
}

impl Contest {
    /// Takes no part yet.
    pub const fn new() -> Self {
        let due = Due { loss: false, disturbance: false, leave: None };
        Self { state: State::Out, due, tries: 0 }
    }

    /// Does it listen, and is the path its own?
    pub const fn is_leading(&self) -> bool {
        matches!(self.state, State::Leading(_) | State::Sulking(_))
    }

    /// Does it take no part?
    pub const fn is_out(&self) -> bool {
        matches!(self.state, State::Out)
    }

    /// The socket that it has published, while it leads.
    pub fn socket(&self) -> Option<Inode> {
        match &self.state {
            State::Leading(election) | State::Sulking(election) => election.owned(),
            _ => None,
        }
    }

    /// Is it asked to reach what [`Step::Inspect`] has looked at, rather than the path?
    pub const fn has_looked(&self) -> bool {
        matches!(self.state, State::Reaching(Under::Lead(_)))
    }

    /// Would it take a duplicate of the listener's socket?
    pub const fn may_stand(&self) -> bool {
        matches!(self.state, State::Following | State::Standing(_))
    }

    /// Takes part, or takes part again after a failure.
    pub fn join(&mut self) -> Option<Order> {
        match self.state {
            State::Out => {
                self.due = Due::default();
                Some(self.reach())
            }
            _ => None,
        }
    }

    /// Takes what the last step showed. `None`: it waits for something else.
    pub fn seen(&mut self, seen: Seen) -> Option<Order> {
        let order = match std::mem::replace(&mut self.state, State::Out) {
            State::Seeking { waits } => self.on_sought(waits, seen),
            State::Opening => match seen {
                Seen::Done => self.step(State::AwaitingTurn, Step::AwaitTurn),
                _ => self.unlock(Next::Fail(Refusal::System)),
            },
            State::AwaitingTurn => match seen {
                Seen::Done => self.step(State::Checking, Step::CheckLock),
                _ => self.unlock(Next::Fail(Refusal::System)),
            },
            State::Checking => self.on_checked(seen),
            State::Trying => match seen {
                Seen::Done => self.publish(Election::with_lock(), Whence::Turn),
                Seen::Held => self.unless_leaving(State::Pausing(Under::Turn), Order::Pause),
                _ => self.unlock(Next::Fail(Refusal::System)),
            },
            State::Publishing(publishing) => self.next(publishing, seen),
            // Whoever is silent without a lock, at a socket that peers have published, has only kept it.
            State::Recalling(publishing) => {
                let judged = if seen == Seen::Done { Seen::Refused } else { Seen::Answered };
                self.next(publishing, judged)
            }
            State::Ending(publishing) => self.after_turn(publishing),
            State::TakingOver(publishing) => self.on_taken_over(publishing, seen),
            State::RecordingAnew(publishing) => self.step(State::Watching(publishing), Step::Watch),
            // Nobody was told of what had happened to the name before: it looks once more.
            State::Watching(publishing) => self.republish(publishing.election),
            State::Accepting(inode) => match seen {
                Seen::Done => self.step(State::Preparing(inode), Step::OpenLock),
                _ => self.step(State::LettingGo(Next::Follow), Step::StandDown),
            },
            State::Preparing(inode) => self.on_prepared(inode, seen),
            State::Succeeding(inode) => self.on_succeeding(inode, seen),
            State::LettingGo(next) => self.unlock(next),
            State::Unlocking(next) => self.after_unlocking(next),
            waiting => {
                self.state = waiting;
                return None;
            }
        };
        Some(order)
    }

    /// Takes what reaching for the path brought. It is told while [`Order::Reach`] or [`Order::Wait`] is the order, and kept
    /// until then if another one has come in between.
    pub fn reached(&mut self, reached: Reached) -> Option<Order> {
        match std::mem::replace(&mut self.state, State::Out) {
            State::Reaching(Under::Nothing) => Some(self.on_reached(reached)),
            State::Reaching(Under::Turn) => Some(self.on_reached_in_turn(reached)),
            State::Reaching(Under::Lead(publishing)) => Some(self.on_probed(publishing, reached)),
            waiting => {
                self.state = waiting;
                None
            }
        }
    }

    /// The pause is over.
    pub fn paused(&mut self) -> Option<Order> {
        match std::mem::replace(&mut self.state, State::Out) {
            State::Pausing(under) => Some(self.go(State::Reaching(under), Order::Reach)),
            State::Sulking(election) => Some(self.republish(election)),
            waiting => {
                self.state = waiting;
                None
            }
        }
    }

    /// The one that it follows is gone, or has stepped down.
    pub fn lost(&mut self) -> Option<Order> {
        match self.state {
            State::Following => Some(self.reach()),
            State::Standing(inode) => Some(self.step(State::Succeeding(inode), Step::TryLock)),
            _ => {
                self.due.loss = true;
                None
            }
        }
    }

    /// The one that it follows gave it a duplicate of its socket, which stands at the path as this file.
    /// `None`: it has no use for it now, and whoever holds the duplicate closes it.
    pub fn offered(&mut self, socket: Inode) -> Option<Order> {
        if !self.may_stand() {
            return None;
        }
        Some(self.step(State::Accepting(socket), Step::Stand(socket)))
    }

    /// Something may have happened to the name or to the lock.
    pub fn disturbed(&mut self) -> Option<Order> {
        match std::mem::replace(&mut self.state, State::Out) {
            State::Leading(election) => Some(self.republish(election)),
            waiting => {
                self.state = waiting;
                self.due.disturbance = true;
                None
            }
        }
    }

    /// Everybody was told, and nobody can connect any more.
    pub fn resigned(&mut self) -> Option<Order> {
        match self.state {
            State::Resigning => Some(self.unlock(Next::Reach)),
            _ => None,
        }
    }

    /// It takes part no more. What it holds is given back first.
    pub fn leave(&mut self, heir: Heir) -> Option<Order> {
        match std::mem::replace(&mut self.state, State::Out) {
            State::Out => Some(Order::Left),
            State::Leading(election) | State::Sulking(election) => Some(self.abdicate(election, heir)),
            State::Reaching(Under::Lead(Publishing { whence: Whence::Standby(_), .. }))
            | State::Standing(_) => Some(self.step(State::LettingGo(Next::Leave), Step::StandDown)),
            State::Reaching(_) | State::Pausing(_) | State::Following | State::AwaitingTurn => {
                Some(self.unlock(Next::Leave))
            }
            busy => {
                self.state = busy;
                self.due.leave = Some(heir);
                None
            }
        }
    }
}

impl Default for Contest {
    fn default() -> Self {
        Self::new()
    }
}

mod moves;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
