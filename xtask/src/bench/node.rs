//! `bench --only node-…`: the npm package beside Node's own sockets and the packages that it replaces.
//!
//! It is measured by a runner of its own, in JavaScript; here it is only prepared and started.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo::passes;
use crate::interop::answers;
use crate::workspace::Workspace;

/// Whether a scenario's name, or the beginning of one, means one of Node's.
pub(super) fn is_meant(scenario: &str) -> bool {
    scenario.starts_with("node")
}

/// All of its scenarios after those of the others, where there is Node at all.
pub(super) fn behind_the_others(workspace: &Workspace, args: &[String]) -> Result<bool> {
    if !answers("node") {
        println!("left out: Node (reason: node is missing; try apt install nodejs npm)");
        return Ok(true);
    }
    // Files that the others have written are not written again.
    let quick: Vec<_> = args.iter().filter(|arg| *arg == "--quick").cloned().collect();
    run(workspace, &quick)
}

/// Builds the package, fetches the others, and measures.
pub(super) fn run(workspace: &Workspace, args: &[String]) -> Result<bool> {
    let node = |program: &str, args: &[String]| {
        let mut command = Command::new("node");
        command.current_dir(workspace.root()).arg(directory(workspace).join(program)).args(args);
        passes(&mut command).context("Node.js 20 or newer is needed; on Debian: apt install nodejs npm")
    };
    Ok(node("prepare.mjs", &[])? && node("run.mjs", args)?)
}

fn directory(workspace: &Workspace) -> PathBuf {
    workspace.root().join("packages/ginnel/bench")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_run_is_there() {
        let workspace = Workspace::load().expect("this workspace");
        for program in ["prepare.mjs", "run.mjs"] {
            assert!(directory(&workspace).join(program).is_file(), "{program}");
        }
    }

    #[test]
    fn the_others_have_no_scenario_of_such_a_name() {
        assert!(is_meant("node-rtt-64"));
        assert!(!is_meant("rtt-64"));
    }
}
