//! One place where a rule is broken, and how a rule is reported.

use std::fmt;
use std::path::{Path, PathBuf};

/// A broken rule with its place, printed as `file:line: what` so that editors can jump to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    file: PathBuf,
    line: usize,
    what: String,
}

impl Finding {
    pub(crate) fn new(file: impl AsRef<Path>, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.as_ref().to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

/// Prints one line for the rule and one for each finding; true if there are none.
pub(crate) fn report(rule: &str, findings: &[Finding]) -> bool {
    match findings.len() {
        0 => println!("ok      {rule}"),
        1 => println!("BROKEN  {rule}: 1 violation"),
        count => println!("BROKEN  {rule}: {count} violations"),
    }
    for finding in findings {
        println!("  {finding}");
    }
    findings.is_empty()
}
