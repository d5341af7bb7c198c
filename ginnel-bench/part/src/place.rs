//! Which processor each part runs on.

use std::io;
use std::str::FromStr;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Side;

/// Which processor each part runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Wherever the scheduler likes.
    Free,
    /// Both on one processor, which they take turns on.
    Same,
    /// Each on a processor of its own.
    Split,
}

impl Placement {
    /// The word for it on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Same => "same",
            Self::Split => "split",
        }
    }

    /// Moves this process to its processor, of those it may use.
    pub fn apply(self, side: Side) -> io::Result<()> {
        let allowed = sched_getaffinity(None)?;
        let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).collect();
        let Some(cpu) = self.choose(&allowed, side) else { return Ok(()) };
        let mut chosen = CpuSet::new();
        chosen.set(cpu);
        Ok(sched_setaffinity(None, &chosen)?)
    }

    /// The last processors: interrupts and daemons prefer the first ones.
    fn choose(self, allowed: &[usize], side: Side) -> Option<usize> {
        let from_the_end = match (self, side) {
            (Self::Free, _) => return None,
            (Self::Same, _) | (Self::Split, Side::Server) => 0,
            (Self::Split, Side::Client) => 1,
        };
        // With one processor, both share it.
        allowed.iter().rev().nth(from_the_end).or(allowed.first()).copied()
    }
}

impl FromStr for Placement {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let all = [Self::Free, Self::Same, Self::Split];
        let found = all.into_iter().find(|placement| placement.name() == word);
        found.ok_or_else(|| format!("{word:?} is none of free, same, split"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_placed_on_allowed_processors() {
        let both = |placement: Placement, allowed: &[usize]| {
            [Side::Server, Side::Client].map(|side| placement.choose(allowed, side))
        };
        assert_eq!(both(Placement::Free, &[2, 5, 7]), [None, None]);
        assert_eq!(both(Placement::Same, &[2, 5, 7]), [Some(7), Some(7)]);
        assert_eq!(both(Placement::Split, &[2, 5, 7]), [Some(7), Some(5)]);
        assert_eq!(both(Placement::Split, &[3]), [Some(3), Some(3)]);
    }
}
