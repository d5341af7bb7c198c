//! Ginnel and `nngcat`, an older nng. The tests that need it run with `--include-ignored`, which `cargo xtask test` says
//! where it finds it.

use anyhow::{Context, Result};
use ginnel_interop_nng::nngcat::TALKS;
use tempfile::TempDir;

use super::ways::Open;
use super::{alone, awaited};

#[test]
#[ignore = "needs nngcat, which Debian has in nng-utils"]
fn ginnel_talks_with_nngcat() -> Result<()> {
    for open in [alone::open as Open, awaited::open] {
        let dir = TempDir::new()?;
        for talk in TALKS {
            let name = talk.end.name();
            let ipc = format!("ipc://{}", dir.path().join(name).display());
            let mut end = open(talk.end, b"")?;
            end.listen(&ipc)?;
            talk.hold(end.as_mut(), &ipc).with_context(|| format!("{name} over ipc"))?;

            let mut end = open(talk.end, b"")?;
            let address = end.listen("tcp://127.0.0.1:0")?.context("the port")?;
            talk.hold(end.as_mut(), &format!("tcp://{address}"))
                .with_context(|| format!("{name} over tcp"))?;
        }
    }
    Ok(())
}
