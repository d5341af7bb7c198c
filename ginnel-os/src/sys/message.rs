//! What goes through one call that sends or receives.

use std::io::IoSlice;
use std::mem::MaybeUninit;

use super::Name;

/// What one receiving call took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "whoever implements `Sys` builds it")]
pub struct Taken {
    /// Bytes of the packet or chunk; more than the buffer holds if a packet was cut.
    pub bytes: usize,
    /// Bytes written to the control buffer.
    pub control: usize,
    /// `MSG_CTRUNC`: control data, and so descriptors, were dropped by the kernel.
    pub control_cut: bool,
}

/// One packet of a batch to receive.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever calls `Sys` builds it")]
pub struct Slot<'a> {
    /// Where its bytes go.
    pub bytes: &'a mut [MaybeUninit<u8>],
    /// Where its control data goes.
    pub control: &'a mut [MaybeUninit<u8>],
    /// What came, set by the call.
    pub taken: Taken,
}

/// What one sending call is given. Only this crate makes one: control data can name any descriptor of the process.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    pub(crate) bytes: &'a [IoSlice<'a>],
    pub(crate) control: &'a [u8],
    pub(crate) to: Option<&'a Name>,
}

impl<'a> Outgoing<'a> {
    /// The bytes, gathered; at most 1,024 slices are sent.
    pub fn bytes(&self) -> &'a [IoSlice<'a>] {
        self.bytes
    }

    /// Control data, ready for the kernel; may be empty.
    pub fn control(&self) -> &'a [u8] {
        self.control
    }

    /// To whom, on an unconnected datagram socket.
    pub fn to(&self) -> Option<&'a Name> {
        self.to
    }
}

/// What one receiving call is given.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever calls `Sys` builds it")]
pub struct Incoming<'a> {
    /// Where bytes go.
    pub bytes: &'a mut [MaybeUninit<u8>],
    /// Where control data goes.
    pub control: &'a mut [MaybeUninit<u8>],
    /// Report a packet's true length even if it was cut (`MSG_TRUNC`).
    pub whole: bool,
    /// Where the sender's `sun_path` goes, if it is wanted; emptied when the sender has no name.
    pub from: Option<&'a mut Vec<u8>>,
}
