//! Windows: named pipes and TCP, whose completions become readiness.
//!
//! What the system tells is that something *is done* (`operation.rs`); what every kernel here says is that something
//! *can* be done. So each end of a pipe has one read under way into a buffer of its own, and one write from another
//! (`pipe.rs`), and tells whoever waits for it (`bell.rs`): a thread, a waker, or a poller (`port.rs`).

mod bell;
mod client;
mod dial;
mod kernel;
mod later;
mod listen;
mod name;
mod objects;
mod operation;
mod pipe;
mod port;
mod security;
mod socket;
mod tcp;
#[cfg(test)]
mod tests;

pub(crate) use kernel::user;
pub use kernel::{Kernel, NoFd};
pub use name::PipeName;
pub use objects::Object;
pub use port::{Port, Waitable, Waker};
pub use socket::Socket;
