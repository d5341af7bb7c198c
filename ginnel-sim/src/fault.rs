//! What can go wrong, and how often it did.

use std::fmt;

use crate::choices::Choices;
use crate::play::Play;

/// What a kernel, or somebody else, may do to a process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(clippy::exhaustive_enums, reason = "each is counted")]
pub enum Fault {
    /// A write takes fewer bytes than there is room for.
    ShortWrite,
    /// A write ends up in two pieces over there, the descriptors with the first.
    SplitWrite,
    /// A write finds no room.
    FullSocket,
    /// A read ends at descriptors though there is more.
    ReadEndsAtFds,
    /// Control data is cut: some descriptors are dropped.
    CutControl,
    /// No descriptor numbers are left when some arrive.
    NoFilesReceive,
    /// None are left for a connection that waits.
    NoFilesAccept,
    /// None are left for a new socket, or to hold on to a name.
    NoFilesSocket,
    /// Too many descriptors of the user are under way.
    TooManyRefs,
    /// The other side refuses descriptors.
    RefusesFds,
    /// Who listens has too many waiting.
    BusyConnect,
    /// Nobody listens, or nothing is there.
    NobodyThere,
    /// A connection is reset with data unread.
    Reset,
    /// A write meets a connection that has ended.
    BrokenPipe,
    /// The kernel has no memory for a write.
    NoBuffers,
    /// A descriptor cannot be watched.
    WatchFails,
    /// There are no random numbers.
    NoRandom,
    /// Others do something between two of its calls.
    Interrupted,
    /// A process is killed between two of its steps.
    Killed,
    /// A process is killed between two system calls of one step.
    KilledInCall,
    /// What a dead process held is let go of late, in any order.
    LateRelease,
    /// Time leaps.
    Leap,
    /// Somebody removes a name.
    NameRemoved,
    /// Somebody replaces a lock file.
    LockReplaced,
    /// A process has a child that keeps its descriptors.
    Forked,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::ShortWrite,
        Self::SplitWrite,
        Self::FullSocket,
        Self::ReadEndsAtFds,
        Self::CutControl,
        Self::NoFilesReceive,
        Self::NoFilesAccept,
        Self::NoFilesSocket,
        Self::TooManyRefs,
        Self::RefusesFds,
        Self::BusyConnect,
        Self::NobodyThere,
        Self::Reset,
        Self::BrokenPipe,
        Self::NoBuffers,
        Self::WatchFails,
        Self::NoRandom,
        Self::Interrupted,
        Self::Killed,
        Self::KilledInCall,
        Self::LateRelease,
        Self::Leap,
        Self::NameRemoved,
        Self::LockReplaced,
        Self::Forked,
    ];

    /// Does it happen only where descriptors are sent, or kept by children?
    const fn is_of_descriptors(self) -> bool {
        matches!(
            self,
            Self::ReadEndsAtFds
                | Self::CutControl
                | Self::NoFilesReceive
                | Self::TooManyRefs
                | Self::RefusesFds
                | Self::Forked
        )
    }
}

/// How often each happens in one run, in a thousand times that it could.
#[derive(Clone, Debug)]
pub struct Rates([u32; Fault::ALL.len()]);

impl Rates {
    /// Nothing goes wrong.
    pub const fn none() -> Self {
        Self([0; Fault::ALL.len()])
    }

    /// Some kinds of fault for one run, others not: what always happens together hides what happens alone.
    pub fn drawn(choices: &mut Choices) -> Self {
        Self(Fault::ALL.map(|_| choices.pick(&[0, 0, 0, 5, 40, 250])))
    }

    /// How often this one happens.
    pub const fn of(&self, fault: Fault) -> u32 {
        self.0[fault as usize]
    }
}

/// How often each has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counts([u64; Fault::ALL.len()]);

impl Counts {
    /// Nothing has happened.
    pub const fn none() -> Self {
        Self([0; Fault::ALL.len()])
    }

    /// It has happened once more.
    pub const fn add(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often it has happened.
    pub const fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// And all these have.
    pub fn join(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// The kind that happened least, of those that can happen there, and how often that was.
    pub fn rarest(&self, play: Play) -> Option<(Fault, u64)> {
        let can_happen = |fault: &Fault| play == Play::Ours || !fault.is_of_descriptors();
        let counts = Fault::ALL.into_iter().filter(can_happen).map(|fault| (fault, self.0[fault as usize]));
        counts.min_by_key(|&(_, count)| count)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in Fault::ALL {
            writeln!(f, "  {:<16}{:>12}", format!("{fault:?}"), self.0[fault as usize])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_a_place_of_its_own() {
        for (at, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, at);
        }
    }
}
