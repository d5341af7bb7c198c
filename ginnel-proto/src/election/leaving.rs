//! How a name is taken away again, and somebody else's file put back.

use super::{Election, Inode, Refusal, Seen, State, Step, Then};

impl Election {
    pub(super) fn on_leaving(&mut self, mine: Inode, seen: Seen) -> Step {
        match seen {
            Seen::Found(there) if there == mine => {
                self.go(State::Withdrawing(mine, Then::Released), Step::Withdraw)
            }
            _ => self.go(State::Unlocking(Then::Released), Step::Unlock),
        }
    }

    pub(super) fn on_withdrawn(&mut self, expected: Inode, then: Then, seen: Seen) -> Step {
        match (seen, then) {
            (Seen::Done, _) => self.go(State::Parting(expected, then), Step::InspectDisplaced),
            (_, Then::Released) => self.go(State::Unlocking(Then::Released), Step::Unlock),
            (Seen::Absent, _) => self.again(Then::LookAgain),
            _ => self.refuse(Refusal::System),
        }
    }

    /// Removes what was withdrawn if it is what was expected, and puts it back if it is not.
    pub(super) fn on_parting(&mut self, expected: Inode, then: Then, seen: Seen) -> Step {
        let back = if then == Then::Released { Then::Released } else { Then::LookAgain };
        match seen {
            Seen::Found(there) if there == expected => self.discard(then),
            Seen::Found(_) | Seen::Foreign => self.go(State::Discarding(back), Step::Publish),
            _ => self.after_discarding(back),
        }
    }
}
