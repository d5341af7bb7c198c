//! Starting cargo and other programs: output goes straight through, test results are counted on the way.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

pub(crate) fn fmt(workspace: &Workspace) -> Result<bool> {
    passes(&mut cargo(workspace.root(), ["fmt", "--all", "--check"]))
}

pub(crate) fn lint(workspace: &Workspace) -> Result<bool> {
    let args =
        ["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"];
    passes(&mut cargo(workspace.root(), args))
}

pub(crate) fn doc(workspace: &Workspace) -> Result<bool> {
    let args = ["doc", "--workspace", "--all-features", "--no-deps", "--locked"];
    passes(cargo(workspace.root(), args).env("RUSTDOCFLAGS", "-D warnings"))
}

/// A cargo of the same toolchain as the one that started us.
pub(crate) fn cargo(root: &Path, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root).args(args);
    // `cargo run` describes our own crate here. A build script that watches one of these would run again
    // each time somebody changes between `cargo xtask` and plain cargo.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a command to its end; true if it succeeded. It gets no input, as in CI.
pub(crate) fn passes(command: &mut Command) -> Result<bool> {
    announce(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| cannot_start(command))?;
    Ok(status.success())
}

/// What a test run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`, the last line of each test binary.
    fn parse(line: &str) -> Option<Self> {
        // Only at the start: a failing test may quote such a line.
        let results = line.strip_prefix("test result: ")?;
        let (_, numbers) = results.split_once(". ")?;
        let mut counts = Self::default();
        for part in numbers.split(';') {
            match part.trim().split_once(' ') {
                Some((number, "passed")) => counts.passed = number.parse().ok()?,
                Some((number, "failed")) => counts.failed = number.parse().ok()?,
                Some((number, "ignored")) => counts.ignored = number.parse().ok()?,
                _ => {}
            }
        }
        Some(counts)
    }
}

impl Counts {
    /// Reads `ℹ pass 12`: what Node's test runner says at its end, a line for each outcome.
    fn parse_node(line: &str) -> Option<Self> {
        let (outcome, number) = line.strip_prefix("ℹ ")?.trim_end().split_once(' ')?;
        let number = number.parse().ok()?;
        match outcome {
            "pass" => Some(Self { passed: number, ..Self::default() }),
            "fail" | "cancelled" => Some(Self { failed: number, ..Self::default() }),
            "skipped" | "todo" => Some(Self { ignored: number, ..Self::default() }),
            _ => None,
        }
    }
}

/// Runs a `cargo test` and adds up the results of its binaries.
///
/// A failing run always counts at least one failure: one that does not compile prints no result.
pub(crate) fn count_tests(command: &mut Command) -> Result<Counts> {
    announce(command);
    count_into(io::stdout(), command, PATIENCE)
}

fn count_into(
    output: impl Write + Send + 'static,
    command: &mut Command,
    patience: Duration,
) -> Result<Counts> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| cannot_start(command))?;
    let stdout = child.stdout.take().context("standard output was asked to be piped")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || pass_through(stdout, output, &sender));
    let status = child.wait().context("waiting for the tests")?;

    let mut total = Counts::default();
    loop {
        match receiver.recv_timeout(patience) {
            Ok(counts) => total.add(counts),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                bail!("a test left a process behind that holds the output open")
            }
        }
    }
    if !status.success() {
        total.failed = total.failed.max(1);
    }
    Ok(total)
}

/// Copies lines, which need not be UTF-8, to the output.
fn pass_through(stdout: ChildStdout, mut output: impl Write, results: &mpsc::Sender<Counts>) {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // If nobody reads the output any more, the tests still have to be counted.
        let _ = output.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        if let Some(counts) = Counts::parse(&text).or_else(|| Counts::parse_node(&text)) {
            let _ = results.send(counts);
        }
        line.clear();
    }
}

fn announce(command: &Command) {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let args: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    println!("$ {program} {}", args.join(" "));
}

fn cannot_start(command: &Command) -> String {
    format!("starting {}", command.get_program().to_string_lossy())
}

/// How long the output may stay open after the tests have ended.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows nothing: the results below are not ours, and whoever runs these tests counts what they print.
    fn count(script: &str, patience: Duration) -> Result<Counts> {
        count_into(io::sink(), Command::new("sh").args(["-c", script]), patience)
    }

    #[test]
    fn result_lines_are_read() {
        for (line, expected) in [
            ("test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out", Some((12, 0, 3))),
            ("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured\n", Some((1, 2, 0))),
            ("left: test result: ok. 1 passed; 0 failed; 0 ignored", None),
            ("test link::tests::cut ... ok", None),
            ("running 3 tests", None),
        ] {
            let expected = expected.map(|(passed, failed, ignored)| Counts { passed, failed, ignored });
            assert_eq!(Counts::parse(line), expected, "{line}");
        }
    }

    #[test]
    fn the_lines_of_nodes_runner_are_read() {
        let counts = |passed, failed, ignored| Some(Counts { passed, failed, ignored });
        for (line, expected) in [
            ("ℹ pass 12\n", counts(12, 0, 0)),
            ("ℹ fail 1\n", counts(0, 1, 0)),
            ("ℹ cancelled 2\n", counts(0, 2, 0)),
            ("ℹ skipped 3\n", counts(0, 0, 3)),
            ("ℹ tests 16\n", None),
            ("ℹ duration_ms 12.5\n", None),
            ("✔ pass 12\n", None),
        ] {
            assert_eq!(Counts::parse_node(line), expected, "{line}");
        }
    }

    #[test]
    fn results_of_several_binaries_add_up() {
        let script = "for n in 1 2; do echo \"test result: ok. $n passed; 0 failed; 1 ignored\"; done";
        let counts = count(script, PATIENCE).expect("the shell runs");
        assert_eq!(counts, Counts { passed: 3, failed: 0, ignored: 2 });
    }

    #[test]
    fn a_failure_without_result_counts_as_one() {
        let counts = count("exit 101", PATIENCE).expect("the shell runs");
        assert_eq!(counts, Counts { passed: 0, failed: 1, ignored: 0 });
    }

    #[test]
    fn a_process_left_behind_is_an_error_and_not_a_hang() {
        let outcome = count("sleep 2 &", Duration::from_millis(50));
        assert!(outcome.is_err());
    }
}
