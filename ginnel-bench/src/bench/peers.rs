//! Who takes part: the systems of this binary, and those of the peers' binary if it is there.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use ginnel_bench_part::{IDLE, SCENARIOS, Scenario};

use super::systems::SYSTEMS;

/// A system, and the program that can run its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entrant {
    pub(super) system: String,
    pub(super) program: PathBuf,
    scenarios: Vec<String>,
}

impl Entrant {
    pub(super) fn can(&self, scenario: Scenario) -> bool {
        self.scenarios.iter().any(|name| name == scenario.name)
    }

    /// Reads a line of the subcommand `systems`.
    fn parse(line: &str, program: &Path) -> Option<Self> {
        let mut words = line.split_whitespace().map(str::to_owned);
        Some(Self { system: words.next()?, program: program.to_owned(), scenarios: words.collect() })
    }
}

/// The systems of this binary.
pub(super) fn own() -> anyhow::Result<Vec<Entrant>> {
    let program = env::current_exe().context("cannot find this program again")?;
    let scenarios = |system: &ginnel_bench_part::System| {
        let can = SCENARIOS.into_iter().chain([IDLE]).filter(|&scenario| system.can(scenario));
        can.map(|scenario| scenario.name.to_owned()).collect()
    };
    let entrant = |system: &ginnel_bench_part::System| Entrant {
        system: system.name.to_owned(),
        program: program.clone(),
        scenarios: scenarios(system),
    };
    Ok(SYSTEMS.iter().map(entrant).collect())
}

/// The systems of the peers' program, by default the one beside this program.
pub(super) fn found(program: Option<&Path>) -> anyhow::Result<Vec<Entrant>> {
    let program = match program {
        Some(program) => program.to_owned(),
        None => env::current_exe()?.with_file_name("ginnel-bench-peers"),
    };
    ensure!(program.exists(), "there is no ginnel-bench-peers beside this program (see --peers)");
    let listed = Command::new(&program).arg("systems").output().context("their program does not start")?;
    ensure!(listed.status.success(), "their program does not list its systems");
    let lines = String::from_utf8(listed.stdout).context("their program lists what is not text")?;
    Ok(lines.lines().filter_map(|line| Entrant::parse(line, &program)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_a_system_and_its_scenarios() {
        let program = Path::new("peers");
        let entrant = Entrant::parse("uds packets-64 fds", program).expect("a system");
        assert_eq!(entrant.system, "uds");
        let can: Vec<_> =
            SCENARIOS.into_iter().chain([IDLE]).filter(|&scenario| entrant.can(scenario)).collect();
        assert_eq!(can.iter().map(|scenario| scenario.name).collect::<Vec<_>>(), ["packets-64", "fds"]);
        assert_eq!(Entrant::parse("", program), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_a_reason() {
        assert!(found(Some(Path::new("no/such/program"))).is_err());
    }
}
