//! What Ginnel *decides*: who may own a path, what an address means, how long to pause.
//!
//! Nothing here makes a system call, reads a clock, draws a random number or starts a thread: those are
//! arguments. `ginnel-os` does what is decided here; `ginnel` (threads) and `ginnel-tokio` wait for it.
//! Most users want one of those two and never name this crate.
#![forbid(unsafe_code)]

mod address;
mod backoff;
#[cfg(feature = "serde")]
pub mod codec;
pub mod election;
pub mod limits;
mod message;

pub use address::{Address, AddressError, AddressKind, ToAddress};
pub use backoff::Backoff;
pub use message::Message;
