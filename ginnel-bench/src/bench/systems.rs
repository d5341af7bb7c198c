//! The systems measured by this binary, one per file.

mod floor;
mod floor_broadcast;
mod floor_messages;
mod ginnel_async;
mod ginnel_async_engines;
mod ginnel_async_messages;
mod ginnel_blocking;
mod ginnel_blocking_engines;
mod ginnel_blocking_messages;
mod ginnel_sp;
mod std_net;
mod tokio_net;

use std::io;

use ginnel_bench_part::System;

/// What everything is compared with.
pub(crate) const FLOOR: &str = "floor";

/// In the order of the report.
pub(crate) const SYSTEMS: [System; 12] = [
    floor::SYSTEM,
    std_net::SYSTEM,
    tokio_net::SYSTEM,
    ginnel_blocking::SYSTEM,
    ginnel_blocking::BATCH,
    ginnel_blocking::SERVER,
    ginnel_async::SYSTEM,
    ginnel_async::SERVER,
    ginnel_sp::SYSTEM,
    ginnel_sp::SOCKETPAIR,
    ginnel_sp::SENDS,
    ginnel_sp::SLEEPS,
];

/// Runs the part of an asynchronous system, in the runtime that fits one connection.
fn block_on(part: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(part)
}

/// The other side ended the connection, or said what nobody expected.
fn ended() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

#[cfg(test)]
mod tests;
