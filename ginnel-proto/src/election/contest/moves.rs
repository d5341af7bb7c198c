//! From one state of a contest to the next.

use super::{Contest, Due, Heir, Next, Order, Publishing, Reached, State, Under, Whence};
use crate::election::{Election, Inode, Refusal, Seen, Step};

impl Contest {
    pub(super) fn go(&mut self, state: State, order: Order) -> Order {
        self.state = state;
        order
    }

    pub(super) fn step(&mut self, state: State, step: Step) -> Order {
        self.go(state, Order::Step(step))
    }

    pub(super) fn reach(&mut self) -> Order {
        self.due.loss = false;
        self.tries = 0;
        self.go(State::Reaching(Under::Nothing), Order::Reach)
    }

    pub(super) fn unlock(&mut self, next: Next) -> Order {
        self.step(State::Unlocking(next), Step::Unlock)
    }

    pub(super) fn on_reached(&mut self, reached: Reached) -> Order {
        match reached {
            Reached::Greeted => self.follow(),
            Reached::Absent | Reached::Refused => self.step(State::Opening, Step::OpenLock),
            Reached::Silent => self.step(State::Seeking { waits: true }, Step::SeekLeader),
            Reached::Ended | Reached::Busy => self.step(State::Seeking { waits: false }, Step::SeekLeader),
            Reached::Failed => self.fail(Refusal::System),
        }
    }

    pub(super) fn on_reached_in_turn(&mut self, reached: Reached) -> Order {
        match reached {
            Reached::Greeted => self.unlock(Next::Follow),
            Reached::Failed => self.unlock(Next::Fail(Refusal::System)),
            _ => self.step(State::Trying, Step::TryLock),
        }
    }

    pub(super) fn on_probed(&mut self, mut publishing: Publishing, reached: Reached) -> Order {
        match reached {
            Reached::Greeted => {
                publishing.greeted = true;
                self.next(publishing, Seen::Answered)
            }
            Reached::Absent => self.next(publishing, Seen::Absent),
            Reached::Refused => self.next(publishing, Seen::Refused),
            Reached::Failed => self.next(publishing, Seen::Failed),
            Reached::Silent | Reached::Ended | Reached::Busy => {
                self.step(State::Recalling(publishing), Step::Recall)
            }
        }
    }

    pub(super) fn fail(&mut self, why: Refusal) -> Order {
        match self.due.leave.take() {
            Some(_) => self.go(State::Out, Order::Left),
            None => self.go(State::Out, Order::Fail(why)),
        }
    }

    pub(super) fn follow(&mut self) -> Order {
        match std::mem::take(&mut self.due) {
            Due { leave: Some(_), .. } => self.go(State::Out, Order::Left),
            Due { loss: true, .. } => self.reach(),
            _ => self.go(State::Following, Order::Follow),
        }
    }

    /// Whoever is silent and holds byte 0 is only slow. If somebody else holds it, the connection leads to a dead leader's
    /// socket, which a forked child keeps: it would be silent for ever.
    pub(super) fn on_sought(&mut self, waits: bool, seen: Seen) -> Order {
        if self.due.leave.take().is_some() {
            return self.go(State::Out, Order::Left);
        }
        match seen {
            Seen::Done => self.step(State::Opening, Step::OpenLock),
            Seen::Held if waits => self.go(State::Reaching(Under::Nothing), Order::Wait),
            Seen::Held | Seen::Moved => self.go(State::Pausing(Under::Nothing), Order::Pause),
            _ => self.fail(Refusal::System),
        }
    }

    pub(super) fn on_checked(&mut self, seen: Seen) -> Order {
        match seen {
            Seen::Done => self.unless_leaving(State::Reaching(Under::Turn), Order::Reach),
            Seen::Moved if self.tries < MOST_TRIES => {
                self.tries += 1;
                self.unlock(Next::Open)
            }
            Seen::Moved => self.unlock(Next::Fail(Refusal::LockLost)),
            _ => self.unlock(Next::Fail(Refusal::System)),
        }
    }

    /// With the election byte in hand nobody who leaves waits for anything.
    pub(super) fn unless_leaving(&mut self, state: State, order: Order) -> Order {
        match self.due.leave.take() {
            Some(_) => self.unlock(Next::Leave),
            None => self.go(state, order),
        }
    }

    pub(super) fn publish(&mut self, (election, first): (Election, Step), whence: Whence) -> Order {
        self.take(Publishing { election, whence, greeted: false }, first)
    }

    pub(super) fn republish(&mut self, mut election: Election) -> Order {
        self.due.disturbance = false;
        let was = election.owned();
        let first = election.republish();
        self.publish((election, first), Whence::Lead(was))
    }

    pub(super) fn next(&mut self, mut publishing: Publishing, seen: Seen) -> Order {
        let step = publishing.election.next(seen);
        self.take(publishing, step)
    }

    /// Passes the steps of the publishing on; where it probes, it reaches.
    fn take(&mut self, publishing: Publishing, step: Step) -> Order {
        match step {
            Step::Probe => self.go(State::Reaching(Under::Lead(publishing)), Order::Reach),
            Step::Own => self.on_owned(publishing),
            Step::Refuse(why) => self.on_refused(publishing, why),
            Step::Released => self.go(State::Out, Order::Left),
            step => self.step(State::Publishing(publishing), step),
        }
    }

    fn on_owned(&mut self, publishing: Publishing) -> Order {
        match publishing.whence {
            Whence::Turn => self.step(State::Ending(publishing), Step::EndTurn),
            Whence::Lead(was) if publishing.election.owned() == was => self.lead(publishing.election),
            Whence::Lead(_) => self.step(State::Watching(publishing), Step::Watch),
            Whence::Standby(inode) if publishing.election.owned() == Some(inode) => {
                self.step(State::TakingOver(publishing), Step::TakeOver)
            }
            Whence::Standby(_) => self.step(State::Ending(publishing), Step::StandDown),
        }
    }

    fn on_refused(&mut self, publishing: Publishing, why: Refusal) -> Order {
        let Publishing { election, whence, greeted } = publishing;
        match (whence, why) {
            // It had nothing in hand but the locks, and has given them back.
            (Whence::Turn, _) if greeted => self.follow(),
            (Whence::Turn, _) => self.fail(why),
            (Whence::Standby(_), _) if greeted => self.step(State::LettingGo(Next::Follow), Step::StandDown),
            (Whence::Standby(_), _) => self.step(State::LettingGo(Next::Reach), Step::StandDown),
            (Whence::Lead(_), Refusal::System) => self.sulk(election),
            (Whence::Lead(_), _) => self.resign(),
        }
    }

    /// The path is not its own any more.
    fn resign(&mut self) -> Order {
        self.go(State::Resigning, Order::Resign)
    }

    fn sulk(&mut self, election: Election) -> Order {
        match self.due.leave.take() {
            Some(heir) => self.abdicate(election, heir),
            None => self.go(State::Sulking(election), Order::Pause),
        }
    }

    pub(super) fn after_turn(&mut self, publishing: Publishing) -> Order {
        self.step(State::Watching(publishing), Step::Watch)
    }

    pub(super) fn on_taken_over(&mut self, publishing: Publishing, seen: Seen) -> Order {
        match seen {
            Seen::Done => self.step(State::RecordingAnew(publishing), Step::Record),
            // A socket that cannot listen is of no use.
            _ => self.step(State::LettingGo(Next::Reach), Step::StandDown),
        }
    }

    fn lead(&mut self, election: Election) -> Order {
        if let Some(heir) = self.due.leave.take() {
            return self.abdicate(election, heir);
        }
        if self.due.disturbance {
            return self.republish(election);
        }
        self.go(State::Leading(election), Order::Lead)
    }

    pub(super) fn abdicate(&mut self, mut election: Election, heir: Heir) -> Order {
        match heir {
            Heir::Standby => self.unlock(Next::Leave),
            Heir::Nobody => {
                let was = election.owned();
                let first = election.release();
                self.publish((election, first), Whence::Lead(was))
            }
        }
    }

    pub(super) fn on_prepared(&mut self, inode: Inode, seen: Seen) -> Order {
        if seen != Seen::Done {
            return self.step(State::LettingGo(Next::Follow), Step::StandDown);
        }
        match std::mem::take(&mut self.due) {
            Due { leave: Some(_), .. } => self.step(State::LettingGo(Next::Leave), Step::StandDown),
            Due { loss: true, .. } => self.step(State::Succeeding(inode), Step::TryLock),
            _ => self.go(State::Standing(inode), Order::Follow),
        }
    }

    /// Somebody who has byte 0 is the leader still, or was quicker.
    pub(super) fn on_succeeding(&mut self, inode: Inode, seen: Seen) -> Order {
        match seen {
            Seen::Done => self.publish(Election::inherit(inode), Whence::Standby(inode)),
            _ => self.step(State::LettingGo(Next::Reach), Step::StandDown),
        }
    }

    pub(super) fn after_unlocking(&mut self, next: Next) -> Order {
        if self.due.leave.take().is_some() {
            return self.go(State::Out, Order::Left);
        }
        match next {
            Next::Reach => self.reach(),
            Next::Open => self.step(State::Opening, Step::OpenLock),
            Next::Follow => self.follow(),
            Next::Fail(why) => self.fail(why),
            Next::Leave => self.go(State::Out, Order::Left),
        }
    }
}

/// How often a lock file that is replaced under our hands is opened again.
const MOST_TRIES: u8 = 16;
