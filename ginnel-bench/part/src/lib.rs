//! The half of the benchmark that runs inside a measured process.
//!
//! One process serves and one asks, and a parent tells both when to run a round. This crate
//! holds their conversation with the parent and the loops every system is measured with; it
//! knows no system, so that our benchmark and the one of the peers share it.

#![expect(clippy::exhaustive_enums, reason = "unpublished: every user is built from this tree")]

mod control;
mod exchange;
mod heap;
mod idle;
mod latency;
mod link;
mod part;
mod place;
mod scenario;
mod signals;
mod system;
mod way;

pub use control::{Control, Measured, Reply};
pub use heap::Heap;
pub use idle::{Each, Held, IdleHost};
pub use latency::Latencies;
pub use link::{
    Blocking, BlockingFds, BlockingSystem, BroadcastLink, ByteStream, CallLink, Endpoint, FdLink,
    MessageLink, PacketLink, ready,
};
pub use part::{Part, Side};
pub use place::Placement;
pub use scenario::{Better, IDLE, SCENARIOS, Scenario, Shape, Unit};
pub use signals::{Signals, beside};
pub use system::{Run, System, offer, take_part};
pub use way::{Ipc, Joins, Socketpair, Way};
