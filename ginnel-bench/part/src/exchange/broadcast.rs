//! One message to many, who are all in one process.

use std::io;
use std::path::Path;
use std::time::Instant;

use super::payload;
use crate::{BroadcastLink, Control, Latencies, Measured, Reply, Side};

/// What is sent, to how many, and how much of it before somebody says that it arrived.
pub(crate) struct Plan {
    pub(crate) bytes: usize,
    pub(crate) receivers: usize,
    /// Messages.
    pub(crate) window: u64,
}

/// Rounds over standing connections.
///
/// The receivers take one window from each of their connections in turn, and answer it with one signal; the server is
/// one window ahead. So whoever would rather drop than wait never has more than two windows to keep, and one message
/// that is dropped all the same leaves the receivers waiting for it: the parent then leaves the system out.
pub(crate) async fn run<L: BroadcastLink>(
    (side, socket): (Side, &Path),
    plan: &Plan,
    control: &mut Control,
) -> io::Result<()> {
    match side {
        Side::Server => {
            let mut sender = L::listen(socket).await?;
            control.reply(&Reply::Ready)?;
            L::join(&mut sender, plan.receivers).await?;
            let message = L::message(payload(plan.bytes));
            while let Some(laps) = control.next()? {
                for window in 0..laps.div_ceil(plan.window) {
                    L::broadcast(&mut sender, &message, plan.window).await?;
                    if window > 0 {
                        L::signalled(&mut sender).await?;
                    }
                }
                L::signalled(&mut sender).await?;
            }
        }
        Side::Client => {
            let mut links = Vec::new();
            for _ in 0..plan.receivers {
                links.push(L::connect(socket).await?);
            }
            control.reply(&Reply::Ready)?;
            let mut latencies = Latencies::new();
            while let Some(laps) = control.next()? {
                latencies.clear();
                let start = Instant::now();
                for _ in 0..laps.div_ceil(plan.window) {
                    let before = Instant::now();
                    window(&mut links, plan).await?;
                    latencies.record(before.elapsed());
                }
                control.reply(&Reply::Took(Measured::new(start.elapsed(), latencies.clone())))?;
            }
        }
    }
    Ok(())
}

async fn window<L: BroadcastLink>(links: &mut [L], plan: &Plan) -> io::Result<()> {
    for link in &mut *links {
        link.recv_all(plan.bytes, plan.window).await?;
    }
    match links.first_mut() {
        Some(first) => first.signal().await,
        None => Ok(()),
    }
}
