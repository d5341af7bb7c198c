//! What an idle connection costs: looked at once, since memory does not depend on the day.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use ginnel_bench_part::{Held, IDLE, Placement, Reply, Shape, Side};

use super::peers::Entrant;
use super::process::{Process, Seat};

/// What one system holds for each connection.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) system: String,
    pub(super) held: Result<Held, String>,
}

/// Asks everyone who can hold connections.
pub(super) fn run(entrants: &[Entrant]) -> Vec<Idle> {
    let able = entrants.iter().filter(|entrant| entrant.can(IDLE));
    let ask = |entrant: &Entrant| {
        let held = hold(entrant).map_err(|reason| format!("{reason:#}"));
        Idle { system: entrant.system.clone(), held }
    };
    able.map(ask).collect()
}

fn hold(entrant: &Entrant) -> anyhow::Result<Held> {
    let directory = tempfile::tempdir().context("cannot make a directory for the socket")?;
    let seat = Seat {
        program: &entrant.program,
        system: &entrant.system,
        scenario: IDLE,
        socket: directory.path().join("idle"),
        placement: Placement::Free,
    };
    let mut server = Process::start(&seat, Side::Server)?;
    let _client = Process::start(&seat, Side::Client)?;
    match server.reply()? {
        Reply::Held(held) => Ok(each(held)),
        Reply::Failed(reason) => bail!("the server failed: {reason}"),
        Reply::Ready | Reply::Took(_) => bail!("the server did not say what it holds"),
    }
}

fn each(held: Held) -> Held {
    Held { heap: held.heap.map(|heap| heap / connections()), resident: held.resident / connections() }
}

const fn connections() -> usize {
    match IDLE.shape {
        Shape::Idle { connections } => connections,
        _ => panic!("idle has a shape of its own"),
    }
}

/// The results as a table.
pub(super) fn table(idle: &[Idle]) -> String {
    let mut text =
        format!("{} (lower is better)\n{:<22}{:>14}{:>14}\n", IDLE.name, "system", "heap", "resident");
    for Idle { system, held } in idle {
        match held {
            Ok(Held { heap, resident }) => {
                let heap = heap.map_or_else(|| "not counted".to_owned(), |heap| format!("{heap} B"));
                writeln!(text, "{system:<22}{heap:>14}{:>14}", format!("{resident} B"))
            }
            Err(reason) => writeln!(text, "left out: {system}, because {reason}"),
        }
        .expect("a string takes everything");
    }
    let count = connections();
    writeln!(text, "note: for each of {count} connections in one process, outside the kernel")
        .expect("a string takes everything");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_what_is_held_and_who_is_absent() {
        let held = |heap| Ok(Held { heap, resident: 2048 });
        let idle = |system: &str, held| Idle { system: system.to_owned(), held };
        let text = table(&[
            idle("one", held(Some(700))),
            idle("two", held(None)),
            idle("three", Err("it is away".to_owned())),
        ]);
        assert!(text.contains("one                            700 B        2048 B\n"), "{text}");
        assert!(text.contains("two                      not counted        2048 B\n"), "{text}");
        assert!(text.contains("left out: three, because it is away\n"), "{text}");
    }
}
