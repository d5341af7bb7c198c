//! The peers, one per file.

mod interprocess_streams;
mod sendfd_streams;
mod tokio_packets;
mod uds_packets;

use ginnel_bench_part::System;

/// In the order of the report.
pub(crate) const SYSTEMS: [System; 4] =
    [interprocess_streams::SYSTEM, tokio_packets::SYSTEM, uds_packets::SYSTEM, sendfd_streams::SYSTEM];
