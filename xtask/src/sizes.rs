//! `sizes`: how large files and functions are, how much is explained, and how much is unsafe.
//!
//! The limits bind what is shipped (`src/`); tests and examples are only counted.

mod inventory;

use std::path::PathBuf;

use anyhow::Result;

use crate::finding::{Finding, report};
use crate::source::{Role, Source};
use crate::workspace::Workspace;

use inventory::{Function, Inventory, UnsafeCount};

const MAX_FILE_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 60;
const MAX_ARGUMENTS: usize = 5;

/// Above this a function is counted in the table; only a table of matches should be that long.
const LONG_FUNCTION_LINES: usize = 40;

/// Prints the table and what is above the limits; true if nothing is.
pub(crate) fn check(workspace: &Workspace) -> Result<bool> {
    let mut sizes = Vec::new();
    for (name, sources) in workspace.sources()? {
        sizes.push(measure(name, &sources));
    }
    print!("{}", table(&sizes));
    let findings: Vec<_> = sizes.into_iter().flat_map(|sizes| sizes.findings).collect();
    let rule = format!(
        "files up to {MAX_FILE_LINES} lines, functions up to {MAX_FUNCTION_LINES}, arguments up to {MAX_ARGUMENTS}"
    );
    Ok(report(&rule, &findings))
}

/// One line of the table.
#[derive(Debug, Default)]
struct CrateSizes {
    name: String,
    files: usize,
    code: usize,
    comment: usize,
    test: usize,
    longest_file: Option<(PathBuf, usize)>,
    longest_function: Option<(PathBuf, Function)>,
    long_functions: usize,
    unsafe_code: UnsafeCount,
    findings: Vec<Finding>,
}

fn measure(name: String, sources: &[Source]) -> CrateSizes {
    let mut sizes = CrateSizes { name, ..CrateSizes::default() };
    for source in sources {
        match source.role {
            Role::Shipped => sizes.add_shipped(source),
            Role::Test => sizes.test += source.count_lines().test,
            Role::Example => {}
        }
    }
    sizes
}

impl CrateSizes {
    fn add_shipped(&mut self, source: &Source) {
        let lines = source.count_lines();
        self.files += 1;
        self.code += lines.code;
        self.comment += lines.comment;
        self.test += lines.test;
        if self.longest_file.as_ref().is_none_or(|(_, longest)| lines.all > *longest) {
            self.longest_file = Some((source.path.clone(), lines.all));
        }
        if lines.all > MAX_FILE_LINES {
            let what = format!("{} lines without tests, {MAX_FILE_LINES} are allowed", lines.all);
            self.findings.push(Finding::new(&source.path, 1, what));
        }

        let inventory = Inventory::of(&source.syntax);
        self.unsafe_code.blocks += inventory.unsafe_code.blocks;
        self.unsafe_code.functions += inventory.unsafe_code.functions;
        self.unsafe_code.impls += inventory.unsafe_code.impls;
        for function in inventory.functions {
            self.add_function(source, function);
        }
    }

    fn add_function(&mut self, source: &Source, function: Function) {
        let Function { name, line, lines, arguments } = &function;
        if *lines > MAX_FUNCTION_LINES {
            let what = format!("`{name}` has {lines} lines, {MAX_FUNCTION_LINES} are allowed");
            self.findings.push(Finding::new(&source.path, *line, what));
        }
        if *arguments > MAX_ARGUMENTS {
            let what = format!("`{name}` has {arguments} arguments, {MAX_ARGUMENTS} are allowed");
            self.findings.push(Finding::new(&source.path, *line, what));
        }
        self.long_functions += usize::from(*lines > LONG_FUNCTION_LINES);
        if self.longest_function.as_ref().is_none_or(|(_, longest)| *lines > longest.lines) {
            self.longest_function = Some((source.path.clone(), function));
        }
    }

    /// Comment lines among all lines that are not blank.
    fn comment_percent(&self) -> usize {
        (self.comment * 100).checked_div(self.comment + self.code).unwrap_or(0)
    }

    fn cells(&self) -> Vec<String> {
        let UnsafeCount { blocks, functions, impls } = &self.unsafe_code;
        let longest_file = self.longest_file.as_ref();
        let longest_function = self.longest_function.as_ref();
        vec![
            self.name.clone(),
            self.files.to_string(),
            self.code.to_string(),
            format!("{} %", self.comment_percent()),
            self.test.to_string(),
            format!("{blocks}/{functions}/{impls}"),
            self.long_functions.to_string(),
            longest_file.map_or_else(String::new, |(path, lines)| format!("{lines} {}", path.display())),
            longest_function.map_or_else(String::new, |(path, it)| {
                format!("{} {} ({}:{})", it.lines, it.name, path.display(), it.line)
            }),
        ]
    }
}

/// Columns as wide as their longest cell; numbers to the right, the name and the two places to the left.
fn table(sizes: &[CrateSizes]) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned).to_vec()];
    rows.extend(sizes.iter().map(CrateSizes::cells));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..HEADINGS.len()).map(width).collect();

    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let is_number = (1..=LAST_NUMBER).contains(&column);
            line += &if is_number { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

const HEADINGS: [&str; 9] = [
    "crate",
    "files",
    "code",
    "comments",
    "tests",
    "unsafe block/fn/impl",
    "fns > 40",
    "longest file",
    "longest function",
];

/// The last column that holds a number.
const LAST_NUMBER: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(text: &str) -> CrateSizes {
        measure("ginnel".to_owned(), &[Source::snippet(text)])
    }

    #[test]
    fn a_snippet_is_measured() {
        let sizes = measured("//! Top.\n\nfn a() {\n}\n\n#[cfg(test)]\nmod tests {\n    fn t() {}\n}\n");
        assert_eq!((sizes.files, sizes.code, sizes.comment, sizes.test), (1, 2, 1, 4));
        assert_eq!(sizes.comment_percent(), 33);
        assert_eq!(sizes.longest_file, Some((PathBuf::from("ginnel/src/snippet.rs"), 5)));
        assert_eq!(sizes.findings, []);
    }

    #[test]
    fn what_is_above_a_limit_is_found_with_its_line() {
        let body = "    drop(1);\n".repeat(59);
        let sizes = measured(&format!(
            "fn fits() {{\n}}\nfn long() {{\n{body}}}\nfn wide(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) {{}}\n"
        ));
        let found: Vec<_> = sizes.findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "ginnel/src/snippet.rs:3: `long` has 61 lines, 60 are allowed",
                "ginnel/src/snippet.rs:64: `wide` has 6 arguments, 5 are allowed",
            ]
        );
        assert_eq!(sizes.long_functions, 1);
    }

    #[test]
    fn tests_do_not_make_a_file_too_long() {
        let tests = "    // a line\n".repeat(500);
        assert_eq!(measured(&format!("#[cfg(test)]\nmod tests {{\n{tests}}}\n")).findings, []);
        assert_eq!(measured(&"// a line\n".repeat(401)).findings.len(), 1);
    }
}
