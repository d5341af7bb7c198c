//! `interop`: fetches the other implementations that tests talk to. The tests themselves are among `tests`.
//!
//! `interop-nng`: the tests with nng, which are a workspace of their own because nng is built from its C sources.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cargo::{Counts, cargo, count_tests, passes};
use crate::workspace::Workspace;

/// Puts exactly what the lock file says beside it, and runs nothing that comes with it.
pub(crate) fn fetch(workspace: &Workspace) -> Result<bool> {
    let mut npm = Command::new("npm");
    npm.current_dir(workspace.root().join(PACKAGES));
    npm.args(["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]);
    passes(&mut npm).context("npm comes with Node.js 18 or newer; on Debian: apt install nodejs npm")
}

/// Checks and runs what talks to nng; with `nngcat` only where the system has it.
pub(crate) fn nng(workspace: &Workspace) -> Result<Counts> {
    ensure!(answers("cmake"), "cmake is missing; on Debian: apt install cmake make");
    let root = workspace.root().join(NNG);
    ensure!(passes(&mut cargo(&root, ["fmt", "--check"]))?, "{NNG} is not formatted");
    let lint = ["clippy", "--all-targets", "--locked", "--", "-D", "warnings"];
    ensure!(passes(&mut cargo(&root, lint))?, "clippy finds something in {NNG}");
    let mut tests = cargo(&root, ["test", "--locked", "--no-fail-fast", "--"]);
    if answers("nngcat") {
        tests.arg("--include-ignored");
    } else {
        println!("left out: nngcat (reason: it is missing; try apt install nng-utils)");
    }
    count_tests(&mut tests)
}

/// Whether a program can be started and says which version it is.
pub(crate) fn answers(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

const NNG: &str = "interop/nng";
const PACKAGES: &str = "interop/procwire";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_does_not_answer() {
        assert!(answers("cargo"));
        assert!(!answers("no-such-program"));
    }

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
