//! `bench`: builds and runs the benchmark, with other libraries beside it where they build.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;

use crate::cargo::{cargo, passes};
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<bool> {
    let peers = build_peers(workspace.root())?;
    let program = build(workspace)?;
    let mut command = std::process::Command::new(program);
    command.current_dir(workspace.root()).args(args);
    match peers {
        Ok(peers) => {
            command.arg("--peers").arg(peers);
        }
        Err(reason) => println!("left out: other libraries (reason: {reason})"),
    }
    passes(&mut command)
}

/// Builds the benchmark and says where it is.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    if !passes(&mut cargo(workspace.root(), ["build", "--release", "--locked", "-p", "ginnel-bench"]))? {
        bail!("ginnel-bench does not build");
    }
    Ok(workspace.release_dir().join("ginnel-bench"))
}

/// Builds the other libraries, or says why not.
///
/// They need compilers and sources that not everybody has, so a failure here is news and not an error.
fn build_peers(root: &Path) -> Result<Result<PathBuf, String>> {
    let mut command = cargo(root, ["build", "--release", "--locked", "--manifest-path", PEERS_MANIFEST]);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("starting cargo")?;
    let stderr = child.stderr.take().context("standard error was asked to be piped")?;
    let mut messages = Vec::new();
    for line in BufReader::new(stderr).lines() {
        let line = line.context("reading what cargo says")?;
        eprintln!("{line}");
        messages.push(line);
    }
    let status = child.wait().context("waiting for cargo")?;
    if !status.success() {
        return Ok(Err(first_error(&messages).map_or_else(|| status.to_string(), str::to_owned)));
    }
    let peers = MetadataCommand::new()
        .current_dir(root)
        .manifest_path(root.join(PEERS_MANIFEST))
        .no_deps()
        .exec()
        .context("reading the workspace of the other libraries")?;
    Ok(Ok(peers.target_directory.as_std_path().join("release").join("ginnel-bench-peers")))
}

fn first_error(messages: &[String]) -> Option<&str> {
    messages.iter().map(String::as_str).find(|line| line.starts_with("error"))
}

const PEERS_MANIFEST: &str = "ginnel-bench/peers/Cargo.toml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_the_reason() {
        let messages = ["   Compiling a", "warning: b", "error[E0425]: c", "error: d"].map(str::to_owned);
        assert_eq!(first_error(&messages), Some("error[E0425]: c"));
        assert_eq!(first_error(&messages[..2]), None);
    }
}
