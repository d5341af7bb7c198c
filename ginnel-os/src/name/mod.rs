//! Names that sockets are found by, and owning one.
//!
//! What is done next is decided by [`ginnel_proto::election`]; this carries it out. On Unix names are
//! files; on Windows they are names of pipes, and objects of the kernel.

#[cfg(unix)]
mod files;

#[cfg(windows)]
mod pipes;

#[cfg(unix)]
use files as names;
#[cfg(windows)]
use pipes as names;

pub(crate) use names::{
    Claim, Contender, Ownership, Published, Spot, Target, begin, meeting, private, publish,
};

#[cfg(unix)]
pub(crate) use files::{Located, Place};
#[cfg(unix)]
pub use files::{Locks, activated};
