//! Names in the file system: what an address means there, and owning one.
//!
//! What is done next is decided by [`ginnel_proto::election`]; this carries it out.

mod activation;
mod locks;
mod ownership;
mod place;
mod runtime;

pub use activation::activated;
pub use locks::Locks;
pub(crate) use ownership::{Claim, Ownership};
pub(crate) use place::{Located, Place, Target};

#[cfg(test)]
mod tests;
