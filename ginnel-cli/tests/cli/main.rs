//! The `ginnel` binary, run as a user runs it, in temporary directories and without a sleep.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bytes;
mod calls;
mod demo;
mod ends;
mod messages;
mod names;
mod packets;
mod peers;
mod program;
mod sp;
#[cfg(unix)]
mod unix;
mod usage;
#[cfg(windows)]
mod windows;
