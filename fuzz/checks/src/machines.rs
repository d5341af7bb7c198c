//! Machines under any sequence of commands and reports, against the five laws of `ginnel_proto::machine`.

mod client;
mod held;
mod peer;
mod server;
mod sp;
mod twins;
mod words;

pub use client::client;
pub use peer::peer;
pub use server::server;
pub use sp::sp_ends;
