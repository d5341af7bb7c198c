//! One side of a conversation whose other side another language plays: `counterpart <story> serve|connect <where>`.
//!
//! `packages/ginnel/test/interop` starts it. Both sides of every story are here and there, so that each is played both
//! ways round. Lines on the standard streams are for the other side; whoever finds something wrong panics.
#![cfg_attr(unix, expect(clippy::unwrap_used, reason = "a test fails by a panic"))]

#[cfg(unix)]
mod unix;

#[cfg(unix)]
fn main() -> unix::Told {
    unix::main()
}

/// Half of the stories are about descriptors. What Node.js and Rust say to each other on Windows is in `tests/windows_node.rs`.
#[cfg(windows)]
fn main() {
    panic!("its stories are told on Unix");
}
