//! How fast survivors heal.
use anyhow::Result;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Plan {}

pub(crate) fn run(_: &Plan) -> Result<()> {
    Ok(())
}
