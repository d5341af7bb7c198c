//! The real nng as the other end of a talk: one exchange of messages per protocol, written once for any two ends, and
//! a table of what a peer may do wrong with what comes of it.
//!
//! Who is at an end is a trait: [`End`](exchange::End) for exchanges, [`Victim`](rules::Victim) for the table. For nng
//! both are here.

pub mod content;
pub mod exchange;
pub mod nng;
pub mod nng_ends;
pub mod nngcat;
pub mod process;
pub mod protocol;
pub mod rules;
