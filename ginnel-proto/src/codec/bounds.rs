use crate::limits;

/// What a message may cost whoever reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    /// Arrays, maps and tags inside each other.
    pub(super) depth: u8,
    /// Keys in all maps together.
    pub(super) keys: usize,
}

impl Bounds {
    pub(super) const DEFAULT: Self = Self { depth: limits::DEPTH, keys: limits::KEYS };
}
