//! `cargo xtask`: every check of this workspace, under one name for people and for CI.
//!
//! It knows the rules (layers, sizes) and the order of the steps; building and testing stay cargo's work.

mod bench;
mod cargo;
mod chaos;
mod finding;
mod fuzz;
mod interop;
mod layers;
mod node;
mod sanitize;
mod sim;
mod sizes;
mod soak;
mod source;
mod syscalls;
mod test;
mod windows;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let passed = match command {
        Command::Fmt => cargo::fmt(&workspace)?,
        Command::Lint => cargo::lint(&workspace)?,
        Command::Layers => layers::check(&workspace)?,
        Command::Sizes => sizes::check(&workspace)?,
        Command::Doc => cargo::doc(&workspace)?,
        Command::Test { windows: true, .. } => test::run(&workspace, &[test::Group::Windows]),
        Command::Test { only, .. } => test::run(&workspace, &only),
        Command::Bench { args } => bench::run(&workspace, &args)?,
        Command::Syscalls => return syscalls::run(&workspace),
        Command::Sanitize { only } => sanitize::run(&workspace, &only)?,
        Command::Sim { seeds, seed, sp, planted } => {
            sim::run(&workspace, &sim::Plan { seeds, seed, sp, planted })?
        }
        Command::Fuzz { seconds, runs, target } => {
            let length = runs.map_or(fuzz::Length::Seconds(seconds), fuzz::Length::Runs);
            fuzz::run(&workspace, length, &target)?
        }
        Command::Chaos { args } => chaos::run(&workspace, &args)?,
        Command::Soak { minutes } => soak::run(&workspace, minutes)?,
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The checks, measurements and long runs of this workspace")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the formatting of every crate
    Fmt,
    /// Run clippy on every target, warnings denied
    Lint,
    /// Check who imports whom, and the other rules about where things may stand
    Layers,
    /// Print sizes per crate, and fail on files and functions above the limits
    Sizes,
    /// Build the documentation, warnings and broken links denied
    Doc,
    /// Run all checks in order, the tests among them
    Test {
        /// Run this step alone (may be given more than once)
        #[arg(long, value_name = "STEP")]
        only: Vec<test::Group>,
        /// Run what concerns other systems alone, as --only windows does: clippy for Windows, macOS and FreeBSD, and the
        /// tests for Windows under wine
        #[arg(long, conflicts_with = "only")]
        windows: bool,
    },
    /// Build and run the benchmark, with other libraries beside it where they build
    Bench {
        /// Passed on to ginnel-bench, or to the npm package's own with --only node-…
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Count system calls per round trip (needs strace)
    Syscalls,
    /// Fuzz every parser and every machine (needs a C++ compiler)
    Fuzz {
        /// How long each target runs
        #[arg(long, value_name = "N", default_value_t = 30)]
        seconds: u32,
        /// Instead, how many executions each target makes
        #[arg(long, value_name = "N", conflicts_with = "seconds")]
        runs: Option<u64>,
        /// Run this target alone (may be given more than once)
        #[arg(long, value_name = "T")]
        target: Vec<String>,
    },
    /// Run the library's tests under AddressSanitizer (with leaks), ThreadSanitizer and Miri, as far as the toolchain
    /// has them
    ///
    /// ThreadSanitizer needs `rustup component add rust-src`. Miri needs a nightly toolchain: `cargo +nightly xtask
    /// sanitize --only miri`. Which tests are left out, and why, stands in xtask/src/sanitize.rs.
    Sanitize {
        /// Run this one alone (may be given more than once); it is an error if the toolchain lacks it
        #[arg(long, value_name = "CHECKER")]
        only: Vec<sanitize::Checker>,
    },
    /// Run the library on a kernel that fails on purpose
    Sim {
        /// How many runs, each decided by its seed; of SP fewer, unless it is named
        #[arg(long, default_value_t = sim::SEEDS)]
        seeds: u64,
        /// Play these ends of SP alone: pair0, pair1, pub, req, push, survey, bus; any, as the seed says; each, one after
        /// the other
        #[arg(long, value_name = "ENDS")]
        sp: Option<String>,
        /// Only the run of this seed; if it goes wrong, the shortest that does so too
        #[arg(long)]
        seed: Option<u64>,
        /// Plant mistakes in a copy of the tree, one after the other: each has to be found
        #[arg(long, conflicts_with = "seed")]
        planted: bool,
    },
    /// Kill, stop and rob peers in processes of their own, and look whether one of them always listens
    Chaos {
        /// Passed on to ginnel-chaos: --rounds N, --peers M, --seed S, --seconds T, --only KIND
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the long checks
    Soak {
        /// How long a check that can go on for ever should go on, in minutes
        #[arg(long, default_value_t = 10)]
        minutes: u32,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
