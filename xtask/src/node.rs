//! The package for Node.js: what npm does with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cargo::{Counts, count_tests, passes};
use crate::workspace::Workspace;

/// Puts what its lock file says beside it, and runs its tests, which build the addon with cargo.
pub(crate) fn test(workspace: &Workspace) -> Result<Counts> {
    let home = home(workspace);
    let mut install = npm(&home);
    install.args(["ci", "--prefer-offline", "--no-audit", "--no-fund"]);
    ensure!(passes(&mut install).context("npm comes with Node.js 20 or newer")?, "npm ci failed");
    count_tests(npm(&home).args(["test", "--silent"]))
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
