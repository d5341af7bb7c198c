//! One message to many, who are all in one process.

use std::io;
use std::path::Path;
use std::time::Instant;

use super::{WINDOW, payload};
use crate::{BroadcastLink, Control, Latencies, Measured, Reply, Side};

/// Rounds over standing connections.
///
/// The receivers take one window from each of their connections in turn, and answer it with one signal; the server is
/// one window ahead.
pub(crate) async fn run<L: BroadcastLink>(
    (side, socket): (Side, &Path),
    (bytes, receivers): (usize, usize),
    control: &mut Control,
) -> io::Result<()> {
    match side {
        Side::Server => {
            let mut sender = L::listen(socket).await?;
            control.reply(&Reply::Ready)?;
            L::join(&mut sender, receivers).await?;
            let message = L::message(payload(bytes));
            while let Some(laps) = control.next()? {
                for window in 0..laps.div_ceil(WINDOW) {
                    L::broadcast(&mut sender, &message, WINDOW).await?;
                    if window > 0 {
                        L::signalled(&mut sender).await?;
                    }
                }
                L::signalled(&mut sender).await?;
            }
        }
        Side::Client => {
            let mut links = Vec::new();
            for _ in 0..receivers {
                links.push(L::connect(socket).await?);
            }
            control.reply(&Reply::Ready)?;
            let mut latencies = Latencies::new();
            while let Some(laps) = control.next()? {
                latencies.clear();
                let start = Instant::now();
                for _ in 0..laps.div_ceil(WINDOW) {
                    let before = Instant::now();
                    window(&mut links, bytes).await?;
                    latencies.record(before.elapsed());
                }
                control.reply(&Reply::Took(Measured::new(start.elapsed(), latencies.clone())))?;
            }
        }
    }
    Ok(())
}

async fn window<L: BroadcastLink>(links: &mut [L], bytes: usize) -> io::Result<()> {
    for link in &mut *links {
        for _ in 0..WINDOW {
            if link.recv().await? != bytes {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }
    match links.first_mut() {
        Some(first) => first.signal().await,
        None => Ok(()),
    }
}
