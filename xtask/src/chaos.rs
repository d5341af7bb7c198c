//! `chaos`: peers in processes of their own that are killed, stopped and robbed of their files.

use anyhow::Result;

use crate::cargo::{cargo, passes};
use crate::workspace::Workspace;

/// Runs rounds of it; the rest of the arguments is the program's own.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<bool> {
    let mut command =
        cargo(workspace.root(), ["run", "--release", "--locked", "-p", "ginnel-chaos", "--", "rounds"]);
    passes(command.args(args))
}

/// As many rounds as fit in two minutes, of every kind.
pub(crate) fn in_ci(workspace: &Workspace) -> Result<bool> {
    run(workspace, &["--rounds".into(), ROUNDS.to_string(), "--seconds".into(), SECONDS.to_string()])
}

/// All rounds, however long they take.
pub(crate) fn whole(workspace: &Workspace, _minutes: u32) -> Result<bool> {
    run(workspace, &["--rounds".into(), ROUNDS.to_string()])
}

/// Rounds of each kind of kill.
const ROUNDS: u64 = 20_000;
const SECONDS: u64 = 120;
