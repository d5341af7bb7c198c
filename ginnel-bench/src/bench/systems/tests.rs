use std::io;
use std::path::PathBuf;
use std::thread;

use ginnel_bench_part::{Control, Part, SCENARIOS, Scenario, Side, System};

use super::SYSTEMS;

/// A client and a server on two threads, for one short round.
fn play(system: System, scenario: Scenario, socket: PathBuf) -> io::Result<()> {
    let take = move |side, socket| {
        system.take(Part::new(scenario, side, socket), &mut Control::once(scenario.whole_laps(3)))
    };
    let place = socket.clone();
    let server = thread::spawn(move || take(Side::Server, place));
    while !socket.exists() && !server.is_finished() {
        thread::yield_now();
    }
    // Bound is not yet listening, so the first attempts may be refused.
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    let mut asked = take(Side::Client, socket.clone());
    while asked.as_ref().is_err_and(refused) && !server.is_finished() {
        asked = take(Side::Client, socket.clone());
    }
    // A server whose client failed may wait for ever, and is left to the end of the test.
    asked?;
    server.join().expect("the server does not panic")
}

#[test]
fn every_system_plays_every_scenario_it_offers() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for system in SYSTEMS {
        for scenario in SCENARIOS.into_iter().filter(|&scenario| system.can(scenario)) {
            let socket = directory.path().join(format!("{}-{}", system.name, scenario.name));
            let played = play(system, scenario, socket);
            assert!(played.is_ok(), "{} {}: {played:?}", system.name, scenario.name);
        }
    }
}

#[test]
fn a_system_refuses_what_it_cannot() {
    for system in SYSTEMS {
        for scenario in SCENARIOS.into_iter().filter(|&scenario| !system.can(scenario)) {
            let part = Part::new(scenario, Side::Server, PathBuf::from("unused"));
            let refused = system.take(part, &mut Control::once(1)).map_err(|error| error.kind());
            assert_eq!(refused, Err(io::ErrorKind::Unsupported));
        }
    }
}
