//! What may lie at the top of the repository, so that nothing is committed by accident.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::finding::Finding;

use super::graph::LAYERS;

/// Beside these, each crate of the layers has its directory.
const TOP_LEVEL: [&str; 17] = [
    ".cargo",
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "docs",
    "examples",
    "fuzz",
    "interop",
    "packages",
    "rustfmt.toml",
];

/// The files git keeps, or `None` where there is no git to ask, as in an unpacked archive.
pub(crate) fn tracked(root: &Path) -> Result<Option<Vec<String>>> {
    if !root.join(".git").exists() {
        return Ok(None);
    }
    // CI often checks out as another user; git then refuses even to list, unless told that it may.
    let outcome =
        Command::new("git").current_dir(root).args(["-c", "safe.directory=*", "ls-files", "-z"]).output();
    let output = match outcome {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("starting git"),
    };
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(Some(names.split_terminator('\0').map(str::to_owned).collect()))
}

/// Entries of the top level that are not in the list.
pub(crate) fn strangers(files: &[String]) -> Vec<Finding> {
    let top: BTreeSet<_> = files.iter().filter_map(|file| file.split('/').next()).collect();
    top.into_iter()
        .filter(|entry| !TOP_LEVEL.contains(entry) && !LAYERS.iter().any(|layer| layer.name == *entry))
        .map(|entry| Finding::new(entry, 1, "outside the known layout"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_named_once() {
        let files = ["Cargo.toml", "ginnel-os/src/lib.rs", "docs/wire.md", "tmp/a", "tmp/b", "out.txt"];
        let found = strangers(&files.map(str::to_owned));
        let expected = ["out.txt", "tmp"].map(|entry| Finding::new(entry, 1, "outside the known layout"));
        assert_eq!(found, expected);
    }
}
