//! `interop`: fetches the other implementations that tests talk to. The tests themselves are among `tests`.

use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo::passes;
use crate::workspace::Workspace;

/// Puts exactly what the lock file says beside it, and runs nothing that comes with it.
pub(crate) fn fetch(workspace: &Workspace) -> Result<bool> {
    let mut npm = Command::new("npm");
    npm.current_dir(workspace.root().join(PACKAGES));
    npm.args(["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]);
    passes(&mut npm).context("npm comes with Node.js 18 or newer; on Debian: apt install nodejs npm")
}

const PACKAGES: &str = "interop/procwire";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_no_registry() {
        let lock = Workspace::load().expect("this workspace").root().join(PACKAGES).join("package-lock.json");
        let text = std::fs::read_to_string(lock).expect("the lock file");
        assert!(
            !text.contains("\"resolved\""),
            "what is fetched is held by its hash, from wherever it comes"
        );
    }
}
