//! Round trips between this process and one child, and nothing else: for counting system calls.

use std::env;

use anyhow::Context as _;
use ginnel_bench_part::{Control, Part, Placement, Scenario, Side};

use super::process::{Process, Seat};
use super::systems::SYSTEMS;

/// Makes this many round trips; with `strace -f -c`, two runs of different lengths tell what one
/// round trip costs.
pub(super) fn round_trips(system: &str, laps: u64) -> anyhow::Result<()> {
    let system = SYSTEMS.iter().find(|known| known.name == system).context("no such system")?;
    let scenario = Scenario::named("rtt-64").expect("a scenario of the table");
    let directory = tempfile::tempdir().context("cannot make a directory for the socket")?;
    let program = env::current_exe().context("cannot find this program again")?;
    let seat = Seat {
        program: &program,
        system: system.name,
        scenario,
        socket: directory.path().join("count"),
        placement: Placement::Free,
    };
    let mut server = Process::start(&seat, Side::Server)?;
    server.order(laps)?;
    system.take(Part::new(scenario, Side::Client, seat.socket), &mut Control::once(laps))?;
    Ok(())
}
