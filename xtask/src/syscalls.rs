//! `syscalls`: how many system calls a round trip costs, counted by strace on both sides together.
//!
//! Each system runs twice with different numbers of round trips; in the difference, start-up cancels out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::bench;
use crate::workspace::Workspace;

/// Calls by name.
type Calls = BTreeMap<String, f64>;

pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    if !strace_is_there()? {
        eprintln!("strace is missing; it is in the package `strace` of your system (apt-get install strace)");
        return Ok(ExitCode::from(2));
    }
    let program = bench::build(workspace)?;
    let record = workspace.release_dir().join("ginnel-bench-calls.txt");
    let mut columns = Vec::new();
    for system in SYSTEMS {
        println!("counting: {system}");
        let few = count(&program, system, FEW, &record)?;
        let many = count(&program, system, MANY, &record)?;
        columns.push((system, per_round_trip(&few, &many)));
    }
    print!("\nsystem calls per round trip, client and server together\n\n{}", table(&columns));
    Ok(ExitCode::SUCCESS)
}

fn strace_is_there() -> Result<bool> {
    match Command::new("strace").arg("-V").stdout(Stdio::null()).status() {
        Ok(status) => Ok(status.success()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context("starting strace"),
    }
}

fn count(program: &Path, system: &str, round_trips: u32, record: &Path) -> Result<Calls> {
    let status = Command::new("strace")
        .args(["-f", "-c", "-U", "calls,name", "-o"])
        .arg(record)
        .arg(program)
        .args(["count-rtt", system, &round_trips.to_string()])
        .stdin(Stdio::null())
        .status()
        .context("starting strace")?;
    if !status.success() {
        bail!("counting {system} with {round_trips} round trips: {status}");
    }
    Ok(parse(&std::fs::read_to_string(record).context("reading what strace counted")?))
}

/// Reads lines of a number and a name; headings, rules and the total are something else.
fn parse(record: &str) -> Calls {
    record
        .lines()
        .filter_map(|line| {
            let (number, name) = line.trim().split_once(' ')?;
            Some((name.trim().to_owned(), number.parse().ok()?))
        })
        .filter(|(name, _)| name != "total")
        .collect()
}

fn per_round_trip(few: &Calls, many: &Calls) -> Calls {
    let names: BTreeSet<_> = few.keys().chain(many.keys()).collect();
    let calls = |of: &Calls, name: &str| of.get(name).copied().unwrap_or(0.0);
    names
        .into_iter()
        .map(|name| (name.clone(), (calls(many, name) - calls(few, name)) / f64::from(MANY - FEW)))
        .filter(|(_, calls)| calls.abs() >= SMALLEST_SHOWN)
        .collect()
}

fn table(columns: &[(&str, Calls)]) -> String {
    let names: BTreeSet<_> = columns.iter().flat_map(|(_, calls)| calls.keys()).collect();
    let row = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>14}")).collect();
        format!("{name:<18}{cells}\n")
    };
    let mut text = row("", columns.iter().map(|(system, _)| (*system).to_owned()).collect());
    for name in names {
        let cell = |calls: &Calls| calls.get(name).map_or_else(|| "-".to_owned(), |n| format!("{n:.2}"));
        text += &row(name, columns.iter().map(|(_, calls)| cell(calls)).collect());
    }
    // From 0.0: the empty `sum` is -0.0, and would be printed so.
    let total = |calls: &Calls| format!("{:.2}", calls.values().fold(0.0, |sum, calls| sum + calls));
    text + &row("total", columns.iter().map(|(_, calls)| total(calls)).collect())
}

const SYSTEMS: [&str; 4] = ["floor", "ginnel", "tokio", "ginnel-tokio"];
const FEW: u32 = 1000;
const MANY: u32 = 3000;

/// Less than this is chance, and would be printed as 0.00.
const SMALLEST_SHOWN: f64 = 0.005;

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "\
    calls syscall
--------- ----------------
     2010 sendmsg
        3 openat
--------- ----------------
     2013 total
";

    #[test]
    fn a_record_is_read_without_its_total() {
        let calls = parse(RECORD);
        assert_eq!(calls.get("sendmsg"), Some(&2010.0));
        assert_eq!(calls.len(), 2);
    }

    #[test]
    fn start_up_cancels_out() {
        let few = parse(RECORD);
        let many = parse("6010 sendmsg\n3 openat\n4000 poll\n");
        let expected = Calls::from([("sendmsg".to_owned(), 2.0), ("poll".to_owned(), 2.0)]);
        assert_eq!(per_round_trip(&few, &many), expected);
    }

    #[test]
    fn a_call_one_system_lacks_is_a_dash() {
        let one = Calls::from([("poll".to_owned(), 2.0)]);
        let text = table(&[("floor", Calls::new()), ("ginnel", one)]);
        assert!(text.contains("poll                           -          2.00\n"), "{text}");
        assert!(text.ends_with("total                       0.00          2.00\n"), "{text}");
    }
}
