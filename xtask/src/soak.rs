//! `soak`: the checks that take too long for every change. A new one is a line in [`STEPS`].

use anyhow::Result;

use crate::cargo::{cargo, passes};
use crate::workspace::Workspace;
use crate::{bench, chaos, fuzz, node, sanitize, sim};

/// Runs every step, the failing ones too: nobody wants to wait hours for the second finding.
pub(crate) fn run(workspace: &Workspace, minutes: u32) -> Result<bool> {
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        println!("\n== soak: {name}");
        if !step(workspace, minutes)? {
            failed.push(*name);
        }
    }
    if failed.is_empty() {
        println!("\nsoak: {} steps passed", STEPS.len());
    } else {
        println!("\nsoak: failed: {}", failed.join(", "));
    }
    Ok(failed.is_empty())
}

type Step = fn(&Workspace, u32) -> Result<bool>;

const STEPS: &[(&str, Step)] = &[
    ("ignored tests", ignored_tests),
    ("planted mistakes", planted),
    ("hostile peers", hostile_peers),
    ("chaos", chaos::whole),
    ("fuzz targets", all_targets),
    ("sanitizers", sanitizers),
    ("Node", hardened_node),
    ("benchmark", full_bench),
];

/// The tests that are `#[ignore]`d for their length; those without an end of their own read the minutes.
fn ignored_tests(workspace: &Workspace, minutes: u32) -> Result<bool> {
    let args = ["test", "--release", "--workspace", "--locked", "--", "--ignored", "--nocapture"];
    passes(
        cargo(workspace.root(), args).env("GINNEL_SOAK", "1").env("GINNEL_SOAK_MINUTES", minutes.to_string()),
    )
}

/// Whether the simulator finds mistakes that were made on purpose.
fn planted(workspace: &Workspace, _minutes: u32) -> Result<bool> {
    sim::run(workspace, &sim::Plan { seeds: sim::SEEDS, seed: None, sp: None, planted: true })
}

/// Takes a few minutes. One attack alone: `cargo run --release -p ginnel-soak -- silent --peers 10000`.
fn hostile_peers(workspace: &Workspace, _minutes: u32) -> Result<bool> {
    passes(&mut cargo(workspace.root(), ["run", "--release", "--locked", "-p", "ginnel-soak"]))
}

/// All that the toolchain has; what it lacks is said and does not fail.
fn sanitizers(workspace: &Workspace, _minutes: u32) -> Result<bool> {
    sanitize::run(workspace, &[])
}

fn all_targets(workspace: &Workspace, _minutes: u32) -> Result<bool> {
    fuzz::run(workspace, fuzz::Length::Seconds(30), &[])
}

fn full_bench(workspace: &Workspace, _minutes: u32) -> Result<bool> {
    bench::run(workspace, &[])
}

fn hardened_node(workspace: &Workspace, _: u32) -> Result<bool> {
    node::soak(workspace)
}
