//! `sanitize`: the library's tests while another program watches every access to memory.
//!
//! The sanitizers come with the stable toolchain but are switched on by unstable options, hence `RUSTC_BOOTSTRAP`.
//! AddressSanitizer also reports what is never freed. ThreadSanitizer would take std's own synchronisation for races
//! if std were not instrumented too, so it needs the component `rust-src`. Miri comes with nightly toolchains only.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use cargo_metadata::TargetKind;
use clap::ValueEnum;

use crate::cargo::{Counts, cargo, count_tests};
use crate::workspace::{Workspace, rustc};

/// What `--only` can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Checker {
    Address,
    Thread,
    Miri,
}

/// Runs the named checkers, or all that this toolchain has if none is named; true if nothing was found.
pub(crate) fn run(workspace: &Workspace, only: &[Checker]) -> Result<bool> {
    let mut lines = Vec::new();
    let mut passed = true;
    for &checker in Checker::value_variants() {
        if !only.is_empty() && !only.contains(&checker) {
            continue;
        }
        println!("\n== {}", checker.name());
        if let Some(missing) = checker.missing()? {
            if !only.is_empty() {
                bail!("{}: {missing}", checker.name());
            }
            lines.push(format!("{:<8} not run: {missing}", checker.name()));
            continue;
        }
        let start = Instant::now();
        let Counts { passed: ran, failed, .. } = checker.run(workspace)?;
        // A checker that ran nothing has found nothing out.
        passed &= failed == 0 && ran > 0;
        let seconds = start.elapsed().as_secs();
        lines.push(format!("{:<8} {ran} passed, {failed} failed, {seconds} s", checker.name()));
    }
    println!("\n{}", lines.join("\n"));
    Ok(passed)
}

impl Checker {
    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Thread => "thread",
            Self::Miri => "miri",
        }
    }

    /// What the toolchain lacks.
    fn missing(self) -> Result<Option<&'static str>> {
        Ok(match self {
            Self::Address => None,
            Self::Thread if sysroot()?.join("lib/rustlib/src/rust/library").is_dir() => None,
            Self::Thread => Some("std has to be built for it: rustup component add rust-src"),
            Self::Miri if has_miri()? => None,
            Self::Miri => Some("only a nightly toolchain has it: cargo +nightly xtask sanitize --only miri"),
        })
    }

    fn run(self, workspace: &Workspace) -> Result<Counts> {
        let skipped = skipped_tests(self);
        let counts = |args: Vec<String>, filter: &[&str]| {
            let mut command = cargo(workspace.root(), args);
            command.arg("--").args(filter).args(skipped.iter().flat_map(|test| ["--skip", test]));
            self.prepare(&mut command, workspace);
            count_tests(&mut command)
        };
        if self != Self::Miri {
            return counts(self.sanitized(workspace)?, &[]);
        }
        // What Miri can run: it knows few system calls, and in the other crates nothing is unsafe that needs none.
        let encoding = words("miri test --locked --no-fail-fast -p ginnel-os --lib");
        counts(encoding, &["ancillary::", "a_name_is_read_as_far_as_it_was_written"])
    }

    fn sanitized(self, workspace: &Workspace) -> Result<Vec<String>> {
        let mut args = words("test --locked --no-fail-fast --all-features --lib");
        // An explicit target keeps build scripts and procedural macros free of the sanitizer.
        args.extend(["--target".to_owned(), workspace.host()?]);
        if self == Self::Thread {
            args.push("-Zbuild-std".to_owned());
        }
        args.extend(PACKAGES.iter().flat_map(|package| ["-p", package]).map(str::to_owned));
        for binary in test_binaries(workspace) {
            args.extend(["--test".to_owned(), binary]);
        }
        Ok(args)
    }

    /// Each has a directory of its own, so that ordinary builds stay as they are.
    fn prepare(self, command: &mut Command, workspace: &Workspace) {
        let place = workspace.metadata.target_directory.join("sanitize").join(self.name());
        command
            .env("CARGO_TARGET_DIR", place)
            .env("RUSTC_BOOTSTRAP", "1")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        if self == Self::Miri {
            // proptest looks for a file of earlier failures; each case takes a thousand times as long.
            command.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", "2");
        } else {
            command.env("RUSTFLAGS", format!("-Zsanitizer={}", self.name()));
        }
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn sysroot() -> Result<PathBuf> {
    let output = rustc().args(["--print", "sysroot"]).output().context("starting rustc")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}

fn has_miri() -> Result<bool> {
    let asked = cargo(".".as_ref(), ["miri", "--version"]).output().context("starting cargo")?;
    Ok(asked.status.success())
}

/// The names of the test programs, each once although several crates may have one of that name.
fn test_binaries(workspace: &Workspace) -> BTreeSet<String> {
    let packages = workspace.metadata.workspace_packages();
    packages
        .iter()
        .filter(|package| PACKAGES.contains(&package.name.as_str()))
        .flat_map(|package| &package.targets)
        .filter(|target| target.kind.contains(&TargetKind::Test))
        .map(|target| target.name.clone())
        .filter(|name| !SKIPPED_BINARIES.iter().any(|(skipped, _)| skipped == name))
        .collect()
}

fn skipped_tests(checker: Checker) -> Vec<&'static str> {
    let skipped = SKIPPED_TESTS.iter().filter(|(checkers, ..)| checkers.contains(&checker));
    skipped.map(|(_, test, _)| *test).collect()
}

/// The library; tools have no unsafe code and no threads of their own.
const PACKAGES: [&str; 4] = ["ginnel-proto", "ginnel-os", "ginnel", "ginnel-tokio"];

/// Test programs that are not run, and why.
const SKIPPED_BINARIES: &[(&str, &str)] = &[(
    "procwire",
    "the other side is a Node program that has to be fetched first; the same code runs in `messages`",
)];

/// Tests that are not run (all whose names contain this), by what, and why.
const SKIPPED_TESTS: &[(&[Checker], &str, &str)] = &[
    (
        &[Checker::Address],
        "what_is_32_deep_is_read_on_a_small_stack",
        "measures the stack, of which a function takes several times as much when it is instrumented",
    ),
    (
        &[Checker::Address, Checker::Thread],
        "a_flood_that_brings_no_message",
        "measure time: one turn's bounded work takes longer than the second that they allow",
    ),
    (
        &[Checker::Address, Checker::Thread],
        "of_many_starters_one_owns_the_path_whoever_is_killed",
        "a thousand rounds of processes with one thread; of those that fork slowly more are killed before they name \
         their child, and each such child holds up its round for a minute",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_exists() {
        let workspace = Workspace::load().expect("this workspace");
        let sources = workspace.sources().expect("its sources");
        let all: Vec<_> = sources.iter().flat_map(|(_, sources)| sources).collect();
        for (_, test, _) in SKIPPED_TESTS {
            let found =
                all.iter().any(|source| source.words().iter().any(|word| word.text.starts_with(test)));
            assert!(found, "no test is called {test}");
        }
        for (binary, _) in SKIPPED_BINARIES {
            let file = format!("tests/{binary}.rs");
            assert!(all.iter().any(|source| source.path.ends_with(&file)), "there is no {file}");
        }
    }

    #[test]
    fn every_test_program_but_those_skipped_is_run() {
        let binaries = test_binaries(&Workspace::load().expect("this workspace"));
        assert!(binaries.contains("stories") && binaries.contains("million"), "{binaries:?}");
        assert!(!binaries.contains("procwire"));
    }
}
