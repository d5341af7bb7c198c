use std::time::Duration;

/// Reading, writing, both or neither.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a socket has these two directions")]
pub struct Directions {
    /// Something can be read.
    pub read: bool,
    /// Something can be written.
    pub write: bool,
}

impl Directions {
    /// Both.
    pub const BOTH: Self = Self { read: true, write: true };
    /// Reading.
    pub const READ: Self = Self { read: true, write: false };
    /// Writing.
    pub const WRITE: Self = Self { read: false, write: true };

    /// These and those.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self { read: self.read || other.read, write: self.write || other.write }
    }

    /// Those that are also among the others.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { read: self.read && other.read, write: self.write && other.write }
    }

    /// These but not those.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self { read: self.read && !other.read, write: self.write && !other.write }
    }
}

/// How far an attempt came.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver must do each of these")]
pub enum Step<T> {
    /// It is done.
    Done(T),
    /// Wait until one of these is ready, then try again.
    Wait(Directions),
    /// Wait so long, then try again: nothing says when it will work.
    Pause(Duration),
}

impl<T> Step<T> {
    pub(super) fn map<U>(self, done: impl FnOnce(T) -> U) -> Step<U> {
        match self {
            Self::Done(value) => Step::Done(done(value)),
            Self::Wait(interest) => Step::Wait(interest),
            Self::Pause(length) => Step::Pause(length),
        }
    }
}
