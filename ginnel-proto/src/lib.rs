//! What Ginnel *decides*: what stands on the wire, what is answered, who may own a path, what an address means.
//!
//! Nothing here makes a system call, reads a clock, draws a random number or starts a thread: those are
//! arguments. `ginnel-os` does what is decided here; `ginnel` (threads) and `ginnel-tokio` wait for it.
//! Most users want one of those two and never name this crate.
#![forbid(unsafe_code)]

mod address;
mod backoff;
mod calls;
pub mod client;
#[cfg(feature = "serde")]
pub mod codec;
pub mod election;
mod fault;
mod frame;
mod lane;
pub mod limits;
mod line;
pub mod link;
pub mod machine;
mod message;
pub mod peer;
pub mod server;
mod session;
pub mod sp;

pub use address::{Address, AddressError, AddressKind, ToAddress};
pub use backoff::Backoff;
pub use calls::{Answer, Calls};
pub use fault::PeerFault;
pub use frame::{CallId, Frame, Kind};
pub use line::{Line, Patience, Polled};
pub use link::{Link, LinkOptions, Wire};
pub use message::Message;
pub use session::{Delivery, Gathered, Next, Parts, Request, Session, SessionOptions};
