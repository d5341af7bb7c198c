//! The peers, one per file.

mod framed_streams;
mod interprocess_streams;
mod ipc_channels;
#[cfg(feature = "nng")]
mod nng_sockets;
mod sendfd_streams;
mod signals;
mod tarpc_calls;
mod tokio_packets;
mod uds_packets;
mod zbus_peers;
#[cfg(feature = "zmq")]
mod zmq_sockets;

use std::io;

use ginnel_bench_part::System;

/// In the order of the report.
pub(crate) const SYSTEMS: &[System] = &[
    interprocess_streams::SYSTEM,
    tokio_packets::SYSTEM,
    uds_packets::SYSTEM,
    sendfd_streams::SYSTEM,
    framed_streams::SYSTEM,
    #[cfg(feature = "zmq")]
    zmq_sockets::SYSTEM,
    #[cfg(feature = "nng")]
    nng_sockets::SYSTEM,
    #[cfg(feature = "nng")]
    nng_sockets::SOCKETPAIR,
    #[cfg(feature = "nng")]
    nng_sockets::CALLBACKS,
    #[cfg(feature = "nng")]
    nng_sockets::CALLBACKS_SOCKETPAIR,
    ipc_channels::SYSTEM,
    zbus_peers::SYSTEM,
    tarpc_calls::SYSTEM,
];

/// Runs the part of an asynchronous system, in the runtime that fits one connection.
fn block_on(part: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(part)
}

/// After a subscriber has connected, how long until the publisher surely knows what it wants.
#[cfg(any(feature = "nng", feature = "zmq"))]
const SUBSCRIBED: std::time::Duration = std::time::Duration::from_millis(500);
