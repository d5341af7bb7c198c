//! `fuzz`: runs the fuzz targets for a while each, on the stable toolchain.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cargo::{cargo, passes};
use crate::workspace::Workspace;

/// What became of a target.
#[derive(Debug)]
struct Outcome {
    target: String,
    executions: u64,
    seconds: f64,
    crash: Option<Crash>,
}

/// A run that ended before its time.
#[derive(Debug)]
struct Crash {
    /// What it ended on, unless it died in another way.
    input: Option<PathBuf>,
}

/// How long each target runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Length {
    Seconds(u32),
    /// So many executions.
    Runs(u64),
}

impl Length {
    fn argument(self) -> String {
        match self {
            Self::Seconds(seconds) => format!("-max_total_time={seconds}"),
            Self::Runs(runs) => format!("-runs={runs}"),
        }
    }
}

/// Fuzzes the named targets, or all, each for so long; true if none crashed.
pub(crate) fn run(workspace: &Workspace, length: Length, named: &[String]) -> Result<bool> {
    let targets = chosen(targets(workspace.root())?, named)?;
    let fuzzer = Fuzzer::new(workspace)?;
    if !passes(&mut fuzzer.cargo_fuzz("build", &[]))? {
        bail!("the fuzz targets do not build");
    }
    let mut outcomes = Vec::new();
    for target in targets {
        println!("\n== fuzz: {target}");
        let outcome = fuzzer.run(target, length)?;
        println!("{}", outcome.line());
        outcomes.push(outcome);
    }
    println!("\n== fuzz: summary");
    for outcome in &outcomes {
        println!("{}", outcome.line());
        if let Some(crash) = &outcome.crash {
            println!("{}", crash.how_to_go_on(&outcome.target));
        }
    }
    Ok(outcomes.iter().all(|outcome| outcome.crash.is_none()))
}

/// The files of the targets, by name.
fn targets(root: &Path) -> Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(root.join("fuzz/fuzz_targets")).context("listing the fuzz targets")? {
        let path = entry.context("listing the fuzz targets")?.path();
        targets.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    targets.sort();
    Ok(targets)
}

fn chosen(all: Vec<String>, named: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = named.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}; there are: {}", all.join(", "));
    }
    Ok(all.into_iter().filter(|target| named.is_empty() || named.contains(target)).collect())
}

/// How targets are built and run.
#[derive(Debug)]
struct Fuzzer {
    root: PathBuf,
    /// Everything that is built, found and tried out lands here.
    place: PathBuf,
    /// With cargo-fuzz among the programs.
    path: OsString,
}

impl Fuzzer {
    fn new(workspace: &Workspace) -> Result<Self> {
        let place = workspace.target_dir().join("fuzz");
        let tools = place.join("tools");
        let path = with_programs(&tools.join("bin"))?;
        let fuzzer = Self { root: workspace.root().to_owned(), place, path };
        if !fuzzer.has_tool() {
            let mut install = cargo(&fuzzer.root, ["install", "cargo-fuzz", "--locked", "--version", TOOL]);
            if !passes(install.arg("--root").arg(&tools))? {
                bail!("cargo-fuzz {TOOL} cannot be installed");
            }
        }
        Ok(fuzzer)
    }

    fn has_tool(&self) -> bool {
        let mut command = cargo(&self.root, ["fuzz", "--version"]);
        command.env("PATH", &self.path).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Sanitizers are for nightly compilers, unless a stable one is told that it may.
    fn cargo_fuzz(&self, what: &str, args: &[&str]) -> Command {
        let mut command = cargo(&self.root, ["fuzz", what, "--target-dir"]);
        command.arg(&self.place).args(["--sanitizer", "address"]).args(args);
        command.env("PATH", &self.path).env("RUSTC_BOOTSTRAP", "1").stdin(Stdio::null());
        command
    }

    /// Inputs that are found are kept with what is built, never in the repository: the kept corpus is only read.
    fn run(&self, target: String, length: Length) -> Result<Outcome> {
        let found = self.place.join("corpus").join(&target);
        let crashes = self.place.join("crashes").join(&target);
        for place in [&found, &crashes] {
            fs::create_dir_all(place).with_context(|| format!("making {}", place.display()))?;
        }
        let mut command = self.cargo_fuzz("run", &[&target]);
        command.arg(&found).arg(self.root.join("fuzz/corpus").join(&target)).arg("--");
        command.arg(format!("-artifact_prefix={}/", crashes.display()));
        command.args([length.argument(), format!("-max_len={LONGEST}")]);
        command.args(["-print_final_stats=1", "-timeout=10"]);
        command.stderr(Stdio::piped());

        let start = Instant::now();
        let mut child = command.spawn().context("starting cargo")?;
        let stderr = child.stderr.take().context("standard error was asked to be piped")?;
        let mut seen = Seen::default();
        for line in BufReader::new(stderr).split(b'\n') {
            let line = line.context("reading what the target says")?;
            seen.line(&String::from_utf8_lossy(&line));
        }
        let status = child.wait().context("waiting for the target")?;
        // A target that ran nothing has found nothing out.
        let failed = !status.success() || seen.executions == 0;
        let crash = failed.then_some(Crash { input: seen.input });
        Ok(Outcome { target, executions: seen.executions, seconds: start.elapsed().as_secs_f64(), crash })
    }
}

/// What is read from the words of a target.
#[derive(Debug, Default)]
struct Seen {
    executions: u64,
    input: Option<PathBuf>,
}

impl Seen {
    /// Its progress is for machines, the rest for people.
    fn line(&mut self, line: &str) {
        if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = count.trim().parse().unwrap_or(0);
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.input = Some(path.trim().into());
        } else if !PROGRESS.iter().any(|start| line.starts_with(start)) {
            eprintln!("{line}");
        }
    }
}

impl Outcome {
    fn line(&self) -> String {
        let Self { target, executions, seconds, crash } = self;
        let word = if crash.is_some() { "FAILED" } else { "ok" };
        let each_second = *executions as f64 / seconds.max(1e-3);
        format!("{word:<8}{target:<16}{executions:>12} executions {each_second:>9.0} a second")
    }
}

impl Crash {
    fn how_to_go_on(&self, target: &str) -> String {
        match &self.input {
            Some(input) => format!(
                "        it ended on {0}\n        \
                 keep it: cp {0} fuzz/corpus/{target}/a-name-that-says-what\n        \
                 and see: cargo test -p ginnel-fuzz-checks",
                input.display()
            ),
            None => "        it left no input behind; what it said stands above".to_owned(),
        }
    }
}

fn with_programs(directory: &Path) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::iter::once(directory.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(places).context("a search path for cargo-fuzz")
}

/// How lines of libFuzzer begin that tell nobody anything who does not work on it.
const PROGRESS: [&str; 6] = ["#", "stat::", "INFO:", "\"", "\tNEW_FUNC", "Done "];
const TOOL: &str = "0.13.2";
/// Bytes of an input. Every kind of thing that a target can do fits several times.
const LONGEST: u32 = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_target_are_read() {
        let mut seen = Seen::default();
        for line in [
            "#2097152 pulse  cov: 713 ft: 2519 corp: 500/31Kb",
            "artifact_prefix='x/'; Test unit written to x/crash-1",
            "stat::number_of_executed_units: 2000000",
            "stat::average_exec_per_sec:     40000",
        ] {
            seen.line(line);
        }
        assert_eq!((seen.executions, seen.input), (2_000_000, Some(PathBuf::from("x/crash-1"))));
    }

    #[test]
    fn a_target_is_named_or_all_are_meant() {
        let all = || ["a", "b"].map(str::to_owned).to_vec();
        assert_eq!(chosen(all(), &[]).expect("all"), all());
        assert_eq!(chosen(all(), &["b".to_owned()]).expect("one"), ["b"]);
        assert!(chosen(all(), &["c".to_owned()]).is_err());
    }

    #[test]
    fn every_target_is_a_program_of_the_fuzz_crate() {
        let root = Workspace::load().expect("this workspace").root().to_owned();
        let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).expect("there is one");
        for target in targets(&root).expect("there are targets") {
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
        }
    }
}
