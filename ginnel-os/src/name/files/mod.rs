//! Names in the file system: what an address means there, and owning one.

mod activation;
mod contender;
mod hands;
mod locks;
mod ownership;
mod place;
mod publish;
mod record;
mod runtime;

pub use activation::activated;
pub(crate) use contender::Contender;
pub(crate) use hands::Claim;
pub use locks::Locks;
pub(crate) use ownership::Ownership;
pub(crate) use place::{Located, Place, Target};
pub(crate) use publish::{Published, Spot, begin, meeting, private, publish};

#[cfg(test)]
mod tests;
