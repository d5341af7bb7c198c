//! `windows`: the crates checked for systems that this machine is not, and their tests for Windows run by wine.
//!
//! What that takes is brought here by `supply.rs` (what Debian has), `std.rs` (the standard library for each target) and
//! `wine.rs` (a Windows of its own below `target`). What is there already is left as it is.

mod std;
mod supply;
mod wine;

use ::std::fs;
use ::std::process::Command;
use ::std::time::Instant;

use anyhow::{Result, ensure};

use crate::cargo::{Counts, cargo, count_tests, passes};
use crate::node;
use crate::workspace::Workspace;
use supply::{Found, Tools};
use wine::within;

/// Systems on which nothing is run, but whose compiler and clippy have looked at every target of these crates.
const CHECKED_FOR: &[&str] = &[std::MSVC, std::APPLE, std::FREEBSD];
const CHECKED: &[&str] =
    &["ginnel-proto", "ginnel-os", "ginnel", "ginnel-tokio", "ginnel-cli", "ginnel-node"];

/// Tests that run under wine. What is named together is compiled together, each dependency once.
struct Suite {
    title: &'static str,
    crates: &'static [&'static str],
    /// Which of their test programs; all, and the examples in their documentation, if none is named.
    only: &'static [&'static str],
    /// For the test programs.
    args: &'static [&'static str],
}

const RUN: &[Suite] = &[
    Suite {
        title: "tests for Windows",
        crates: &["ginnel-proto", "ginnel-os", "ginnel", "ginnel-tokio"],
        only: &["--tests"],
        // The models try every interleaving, which takes a minute under wine; nothing in them depends on the system.
        args: &["--skip", "model::"],
    },
    Suite { title: "examples for Windows", crates: &["ginnel-proto"], only: &["--doc"], args: &[] },
];

/// Installs what is missing, then checks and tests; where std cannot be had, it says so and nothing is run.
pub(crate) fn test(workspace: &Workspace) -> Result<Counts> {
    let home = workspace.target_dir().join("windows");
    let tools = match timed("toolchain", || supply::all(workspace.root(), &home))? {
        Found::Here(tools) => tools,
        Found::Nowhere(reason) => {
            eprintln!("{WARNING}\nreason: {reason}\n");
            return Ok(Counts { ignored: 1, ..Counts::default() });
        }
    };
    let mut total = Counts::default();
    let clean = timed("clippy for other systems", || is_clean(workspace))?;
    total.add(Counts { passed: clean.into(), failed: (!clean).into(), ignored: 0 });
    for suite in RUN {
        total.add(timed(suite.title, || suite.counts(workspace, &tools))?);
    }
    total.add(timed("the package in Node.js for Windows", || package(workspace, &tools))?);
    Ok(total)
}

/// Builds the addon for Windows and lets Windows' Node.js tell the stories, and talk with the original of a face.
fn package(workspace: &Workspace, tools: &Tools) -> Result<Counts> {
    let home = node::built(workspace)?;
    let mut build = cargo(workspace.root(), ["build", "--locked", "-p", "ginnel-node", "--target", std::GNU]);
    build.env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_DEV_DEBUG", "0");
    ensure!(passes(tools.wine.prepare(&mut build))?, "the addon cannot be built for Windows");
    let built = workspace.target_dir().join(std::GNU).join("debug/ginnel_node.dll");
    fs::copy(built, home.join("ginnel.win32-x64.node"))?;
    let run = tools.wine.command(&tools.node);
    // Under wine Node.js cannot write to a pipe of Linux.
    let mut shell = Command::new("sh");
    shell.args(["-c", r#""$@" > "$0" 2>&1; code=$?; cat "$0"; exit $code"#]);
    shell.arg(workspace.target_dir().join("windows/package.txt")).arg(run.get_program()).args(run.get_args());
    shell.args(["scripts/test.mjs", "stories", "windows", "procwire-interop"]);
    count_tests(&mut within(PATIENCE, tools.wine.inside(shell.current_dir(&home))))
}

fn is_clean(workspace: &Workspace) -> Result<bool> {
    let mut clippy = cargo(workspace.root(), ["clippy", "--all-features", "--all-targets", "--locked"]);
    clippy.args(CHECKED_FOR.iter().flat_map(|target| ["--target", target]));
    clippy.args(CHECKED.iter().flat_map(|krate| ["-p", krate]));
    passes(clippy.args(["--", "-D", "warnings"]).env("CARGO_INCREMENTAL", "0"))
}

impl Suite {
    fn counts(&self, workspace: &Workspace, tools: &Tools) -> Result<Counts> {
        let mut test = cargo(workspace.root(), ["test", "--all-features", "--locked", "--no-fail-fast"]);
        test.args(["--target", std::GNU]).args(self.crates.iter().flat_map(|krate| ["-p", krate]));
        test.args(self.only).arg("--").args(self.args);
        let mut test = within(PATIENCE, &test);
        // Linking without debug information takes half the time, and under wine there is no debugger.
        test.env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_DEV_DEBUG", "0");
        test.env("GINNEL_WINDOWS_NODE", &tools.node);
        count_tests(tools.wine.prepare(&mut test))
    }
}

fn timed<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("-- {title}");
    let start = Instant::now();
    let outcome = work();
    println!("-- {title} took {:.1} s", start.elapsed().as_secs_f64());
    outcome
}

/// Seconds after which a suite is given up, with what it takes to compile; a single test program is before.
const PATIENCE: u32 = 600;

const WARNING: &str = "
************************************************************************
**  WARNING: nothing was checked for Windows, macOS and FreeBSD,      **
**  because the standard library for them cannot be had here.         **
************************************************************************";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_named_is_one_of_ours() {
        let workspace = Workspace::load().expect("this workspace");
        let ours: Vec<_> = workspace.metadata.workspace_packages();
        let named = CHECKED.iter().chain(RUN.iter().flat_map(|suite| suite.crates));
        for krate in named {
            assert!(ours.iter().any(|package| package.name == krate), "{krate}");
        }
    }

    #[test]
    fn the_lock_file_names_no_registry() {
        let lock =
            Workspace::load().expect("this workspace").root().join("interop/windows/package-lock.json");
        let text = ::std::fs::read_to_string(lock).expect("the lock file");
        assert!(
            !text.contains("\"resolved\""),
            "what is fetched is held by its hash, from wherever it comes"
        );
    }
}
