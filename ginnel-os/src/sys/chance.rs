//! Random numbers, for what is best not foreseen.

use ginnel_proto::link::Incarnation;

use super::Names;

/// A random number to spread pauses with.
pub(crate) fn jitter<S: Names>(sys: &S) -> u32 {
    sys.random().map_or(0, |random| (random >> 32) as u32)
}

/// Sixteen random bytes.
pub(crate) fn incarnation<S: Names>(sys: &S) -> Incarnation {
    let half = || sys.random().unwrap_or_default().to_ne_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    Incarnation(bytes)
}
