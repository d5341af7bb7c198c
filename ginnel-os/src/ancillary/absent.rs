//! Where messages carry no descriptors there is no control data, but for one byte: a kernel writes it beside each packet,
//! so that an empty packet is told from the end.
#![expect(unsafe_code, reason = "it has the face of the other platforms' file")]

use std::mem::MaybeUninit;

use crate::sys::Descriptors;

/// Room for that byte.
pub(crate) const ROOM: usize = 1;

/// A receive buffer for it, not yet written.
pub(crate) const fn room() -> [MaybeUninit<u8>; ROOM] {
    [MaybeUninit::uninit(); ROOM]
}

/// No descriptors.
pub(crate) struct Rights;

impl Rights {
    /// No bytes for the kernel.
    pub(crate) const fn new() -> Self {
        Self
    }

    /// There are no numbers.
    pub(crate) fn encode(&mut self, _: impl ExactSizeIterator<Item = i32>) -> Option<&[u8]> {
        Some(&[])
    }
}

/// What came beside the bytes.
#[derive(Debug)]
pub(crate) struct Control<F> {
    /// Nothing can be in here.
    pub(crate) fds: Vec<F>,
    /// This was a packet, not the end.
    pub(crate) stamped: bool,
}

/// What the byte says.
///
/// # Safety
/// None is needed; elsewhere descriptors become owned here.
pub(crate) unsafe fn open<S: Descriptors>(
    _: &S,
    _: &[MaybeUninit<u8>],
    length: usize,
) -> Control<S::Carried> {
    Control { fds: Vec::new(), stamped: length > 0 }
}
