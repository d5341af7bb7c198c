//! Names in the file system: what an address means there, and owning one.
//!
//! What is done next is decided by [`ginnel_proto::election`]; this carries it out.

mod activation;
mod contender;
mod hands;
mod locks;
mod ownership;
mod place;
mod record;
mod runtime;

pub use activation::activated;
pub(crate) use contender::Contender;
pub(crate) use hands::Claim;
pub use locks::Locks;
pub(crate) use ownership::Ownership;
pub(crate) use place::{Located, Place, Target};

#[cfg(test)]
mod tests;
