//! `nngcat` of the system, which need not have it: `cargo xtask test --only interop-nng` runs these where it is found.

use std::time::Duration;

use anyhow::{Context, Result};
use ginnel_interop_nng::nng::Socket;
use ginnel_interop_nng::nngcat::TALKS;
use ginnel_interop_nng::protocol::Protocol;
use tempfile::TempDir;

#[test]
#[ignore = "needs nngcat, which Debian has in nng-utils"]
fn nngcat_talks_with_the_nng_that_is_built_here() -> Result<()> {
    let dir = TempDir::new()?;
    for talk in TALKS {
        let mut socket = Socket::open(talk.end, Duration::from_secs(20))?;
        if talk.end == Protocol::Sub {
            socket.subscribe(b"")?;
        }
        let url = format!("ipc://{}", dir.path().join(talk.end.name()).display());
        socket.listen(&url)?;
        talk.hold(&mut socket, &url).with_context(|| talk.end.name())?;
    }
    Ok(())
}
