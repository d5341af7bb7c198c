//! `test`: all checks in order, with their times and one line that sums them up.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;

use crate::cargo::{self, Counts, cargo};
use crate::workspace::Workspace;
use crate::{chaos, interop, layers, node, sim, sizes, windows};

/// What `--only` can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    Fmt,
    Lint,
    Layers,
    Sizes,
    Interop,
    InteropNng,
    Node,
    Windows,
    Tests,
    Doctests,
    Examples,
    Doc,
    Sim,
    Chaos,
    Demo,
}

/// Every check there is, in the order in which they run: cheap ones first. Examples and the demo are built without
/// features, the rest with all of them.
const STEPS: &[Step] = &[
    Step { group: Group::Fmt, title: "fmt", work: Work::Check(cargo::fmt) },
    Step { group: Group::Lint, title: "lint", work: Work::Check(cargo::lint) },
    Step { group: Group::Layers, title: "layers", work: Work::Check(layers::check) },
    Step { group: Group::Sizes, title: "sizes", work: Work::Check(sizes::check) },
    // Before the tests, which need it.
    Step { group: Group::Interop, title: "interop", work: Work::Check(interop::fetch) },
    Step {
        group: Group::Tests,
        title: "tests",
        work: Work::Tests(&[
            "test",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--locked",
            "--no-fail-fast",
        ]),
    },
    Step {
        group: Group::Doctests,
        title: "doctests",
        work: Work::Tests(&["test", "--workspace", "--doc", "--all-features", "--locked", "--no-fail-fast"]),
    },
    Step { group: Group::InteropNng, title: "interop-nng", work: Work::Counted(interop::nng) },
    Step { group: Group::Node, title: "node", work: Work::Counted(node::test) },
    Step { group: Group::Node, title: "newest node", work: Work::Counted(node::test_newer) },
    Step { group: Group::Windows, title: "windows", work: Work::Counted(windows::test) },
    // Examples that end by themselves; the others are only built, by `tests`.
    Step {
        group: Group::Examples,
        title: "example kyneta",
        work: Work::Cargo(&["run", "--locked", "-p", "ginnel", "--example", "kyneta"]),
    },
    Step {
        group: Group::Examples,
        title: "example http",
        work: Work::Cargo(&["run", "--locked", "-p", "ginnel-tokio", "--example", "http"]),
    },
    Step { group: Group::Doc, title: "doc", work: Work::Check(cargo::doc) },
    Step { group: Group::Sim, title: "sim", work: Work::Check(sim::in_ci) },
    Step { group: Group::Chaos, title: "chaos", work: Work::Check(chaos::in_ci) },
    Step {
        group: Group::Demo,
        title: "demo",
        work: Work::Cargo(&["run", "--release", "--locked", "--", "demo"]),
    },
];

#[derive(Debug)]
struct Step {
    group: Group,
    title: &'static str,
    work: Work,
}

#[derive(Debug)]
enum Work {
    /// Counts as one test.
    Check(fn(&Workspace) -> Result<bool>),
    /// A cargo command line; counts as one test.
    Cargo(&'static [&'static str]),
    /// A `cargo test` command line; its tests are counted one by one.
    Tests(&'static [&'static str]),
    /// The same, prepared by a function.
    Counted(fn(&Workspace) -> Result<Counts>),
}

/// Runs the steps of the named groups, or all if none is named; true if nothing failed.
pub(crate) fn run(workspace: &Workspace, only: &[Group]) -> bool {
    let chosen = STEPS.iter().filter(|step| only.is_empty() || only.contains(&step.group));
    let mut runs: Vec<Run> = Vec::new();
    for step in chosen {
        let outcome = if runs.iter().any(Run::stops_the_rest) { None } else { Some(step.run(workspace)) };
        runs.push(Run { step, outcome });
    }
    print!("{}", summary(&runs));
    runs.iter().all(|run| !run.failed())
}

impl Step {
    fn run(&self, workspace: &Workspace) -> (Counts, Duration) {
        println!("\n== {}", self.title);
        let start = Instant::now();
        let counts = self.counts(workspace).unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            Counts { failed: 1, ..Counts::default() }
        });
        let elapsed = start.elapsed();
        println!("== {} took {:.1} s", self.title, elapsed.as_secs_f64());
        (counts, elapsed)
    }

    fn counts(&self, workspace: &Workspace) -> Result<Counts> {
        match self.work {
            Work::Check(check) => Ok(as_one_test(check(workspace)?)),
            Work::Cargo(args) => Ok(as_one_test(cargo::passes(&mut cargo(workspace.root(), args))?)),
            Work::Tests(args) => cargo::count_tests(&mut cargo(workspace.root(), args)),
            Work::Counted(count) => count(workspace),
        }
    }
}

fn as_one_test(passed: bool) -> Counts {
    Counts { passed: u64::from(passed), failed: u64::from(!passed), ignored: 0 }
}

/// A step and what became of it: `None` if an earlier failure kept it from running.
#[derive(Debug)]
struct Run {
    step: &'static Step,
    outcome: Option<(Counts, Duration)>,
}

impl Run {
    fn failed(&self) -> bool {
        self.outcome.is_some_and(|(counts, _)| counts.failed > 0)
    }

    /// A failing test says little about the steps after it, so only other steps stop the run.
    fn stops_the_rest(&self) -> bool {
        self.failed() && !matches!(self.step.work, Work::Tests(_) | Work::Counted(_))
    }
}

/// The last line is read by machines; a step that did not run is counted as skipped.
fn summary(runs: &[Run]) -> String {
    let mut total = Counts::default();
    let mut text = "\n== summary\n".to_owned();
    for run in runs {
        let title = run.step.title;
        let line = match run.outcome {
            Some((counts, elapsed)) => {
                total.add(counts);
                let word = if run.failed() { "FAILED" } else { "ok" };
                format!("{word:<8}{title:<16}{:>8.1} s\n", elapsed.as_secs_f64())
            }
            None => {
                total.ignored += 1;
                format!("{:<8}{title:<16}{:>10}\n", "-", "not run")
            }
        };
        text += &line;
    }
    text + &format!("{} passed, {} failed, {} skipped\n", total.passed, total.failed, total.ignored)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_of(group: Group, counts: Option<(u64, u64, u64)>) -> Run {
        let step = STEPS.iter().find(|step| step.group == group).expect("every group has a step");
        let outcome = counts.map(|(passed, failed, ignored)| {
            (Counts { passed, failed, ignored }, Duration::from_millis(1500))
        });
        Run { step, outcome }
    }

    #[test]
    fn every_group_has_a_step() {
        for group in Group::value_variants() {
            run_of(*group, None);
        }
    }

    #[test]
    fn failing_tests_let_the_rest_run_and_other_steps_do_not() {
        assert!(run_of(Group::Lint, Some((0, 1, 0))).stops_the_rest());
        assert!(!run_of(Group::Tests, Some((8, 1, 0))).stops_the_rest());
        assert!(!run_of(Group::Lint, Some((1, 0, 0))).stops_the_rest());
    }

    #[test]
    fn the_last_line_counts_tests_steps_and_what_did_not_run() {
        let runs = [
            run_of(Group::Fmt, Some((1, 0, 0))),
            run_of(Group::Tests, Some((40, 2, 3))),
            run_of(Group::Demo, None),
        ];
        let text = summary(&runs);
        assert!(text.ends_with("\n41 passed, 2 failed, 4 skipped\n"), "{text}");
        assert!(text.contains("FAILED  tests                1.5 s\n"), "{text}");
    }
}
