use std::fmt;

use super::native;
use crate::{PeerFault, limits};

/// What each side of the native wire says first: what it takes, and who it is. `docs/wire.md`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Greeting {
    /// Largest body that it takes, in bytes.
    pub message: u32,
    /// Most descriptors of one message that it takes, from 16 to 253.
    pub fds: u16,
    /// Who it is.
    pub incarnation: Incarnation,
}

/// Sixteen random bytes that name one life of one end: after a restart, and on a connection of its own, they differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "sixteen bytes, and nothing else")]
pub struct Incarnation(pub [u8; 16]);

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl Greeting {
    /// Bytes of a greeting.
    pub const BYTES: usize = 32;

    /// A greeting; what every receiver must take is the least that it says.
    pub(super) fn new(message: usize, fds: usize, incarnation: Incarnation) -> Self {
        Self {
            message: u32::try_from(message.max(limits::GUARANTEED_BODY)).unwrap_or(u32::MAX),
            fds: fds.clamp(limits::GUARANTEED_FDS, limits::MAX_FDS) as u16,
            incarnation,
        }
    }

    pub(super) fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..3].copy_from_slice(native::MAGIC);
        bytes[3] = native::VERSION;
        bytes[8..12].copy_from_slice(&self.message.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.fds.to_le_bytes());
        bytes[16..].copy_from_slice(&self.incarnation.0);
        bytes
    }

    /// Judges a greeting as far as it has arrived, so that a foreign one is refused at its first foreign byte.
    pub(super) fn judge(start: &[u8]) -> Result<(), PeerFault> {
        let said = start.len().min(native::MAGIC.len());
        if start[..said] != native::MAGIC[..said] {
            return Err(PeerFault::ForeignGreeting);
        }
        match start.get(3) {
            Some(&theirs) if theirs != native::VERSION => Err(PeerFault::Version { theirs }),
            _ => Ok(()),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, PeerFault> {
        let Some(bytes) = bytes.first_chunk::<{ Self::BYTES }>() else {
            return Err(PeerFault::ForeignGreeting);
        };
        Self::judge(bytes)?;
        let [_, _, _, _, f0, f1, f2, f3, m0, m1, m2, m3, d0, d1, z0, z1, incarnation @ ..] = *bytes;
        if u32::from_le_bytes([f0, f1, f2, f3]) & DEMANDS != 0 || [z0, z1] != [0, 0] {
            return Err(PeerFault::ReservedBit);
        }
        let message = u32::from_le_bytes([m0, m1, m2, m3]);
        if (message as usize) < limits::GUARANTEED_BODY {
            return Err(PeerFault::TooModest { largest: message, least: limits::GUARANTEED_BODY as u32 });
        }
        let fds = u16::from_le_bytes([d0, d1]).clamp(limits::GUARANTEED_FDS as u16, limits::MAX_FDS as u16);
        Ok(Self { message, fds, incarnation: Incarnation(incarnation) })
    }
}

/// Flags that a receiver must know to go on. The other half only offers something, and unknown offers are passed over.
const DEMANDS: u32 = 0xffff_0000;
