//! What the run found, as a table for people and as objects for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread::available_parallelism;

use ginnel_bench_part::{Placement, Shape, Unit};
use serde::Serialize;

use super::race::{Finish, Plan, Race};
use super::stats::{median, paired_ratio};

/// One system in one scenario.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outcome {
    pub(super) scenario: &'static str,
    pub(super) system: String,
    /// The median over rounds.
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) better: &'static str,
    /// Nanoseconds of a round trip, a connection, a call that sends, or a batch of messages.
    p50: u64,
    p99: u64,
    p999: u64,
    /// This value over that of each other system, paired by round.
    pub(super) ratios: BTreeMap<String, f64>,
}

/// The results of a scenario, in the order of its systems.
pub(super) fn outcomes(race: &Race) -> Vec<Outcome> {
    race.finishes.iter().map(|finish| outcome(race, finish)).collect()
}

fn outcome(race: &Race, finish: &Finish) -> Outcome {
    let others = race.finishes.iter().filter(|other| other.system != finish.system);
    let ratio = |other: &Finish| (other.system.clone(), paired_ratio(&finish.values, &other.values));
    Outcome {
        scenario: race.scenario.name,
        system: finish.system.clone(),
        value: median(&finish.values),
        unit: race.scenario.unit.name(),
        better: race.scenario.unit.better().name(),
        p50: finish.latencies.quantile(0.5),
        p99: finish.latencies.quantile(0.99),
        p999: finish.latencies.quantile(0.999),
        ratios: others.map(ratio).collect(),
    }
}

/// What the numbers are conditional on.
pub(super) fn header(plan: &Plan) -> String {
    let uname = rustix::system::uname();
    let processors = available_parallelism().map_or(1, usize::from);
    let placement = match plan.placement {
        Placement::Free => "the scheduler places client and server",
        Placement::Same => "client and server share one processor",
        Placement::Split => "client and server have a processor each",
    };
    format!(
        "{} {}, {processors} processors; {placement}; {} rounds of about {} ms, alternating",
        uname.sysname().to_string_lossy(),
        uname.release().to_string_lossy(),
        plan.rounds(),
        plan.round.as_millis(),
    )
}

/// A scenario's results, and whether they can be believed.
pub(super) fn table(race: &Race) -> String {
    let (scenario, itself) = (race.scenario, race.against_itself);
    let mut text = format!(
        "{} ({} is better)\n{:<16}{:>14}{:>11}{:>10}{:>11}{:>11}{:>11}\n",
        scenario.name,
        scenario.unit.better().name(),
        "system",
        "value",
        "each",
        "to floor",
        "p50",
        "p99",
        "p999"
    );
    for (outcome, finish) in outcomes(race).iter().zip(&race.finishes) {
        let to_floor = paired_ratio(&finish.values, &race.finishes[0].values);
        let [p50, p99, p999] = [outcome.p50, outcome.p99, outcome.p999].map(|time| duration(time as f64));
        let (value, each) = (value(outcome.value, scenario.unit), duration(scenario.lap(outcome.value)));
        let (name, to_floor) = (&outcome.system, ratio(to_floor));
        writeln!(text, "{name:<16}{value:>14}{each:>11}{to_floor:>10}{p50:>11}{p99:>11}{p999:>11}")
            .expect("a string takes everything");
    }
    writeln!(text, "floor against itself: {itself:.3}").expect("a string takes everything");
    if !QUIET.contains(&itself) {
        text += "warning: the machine is too noisy for this scenario: the floor differs from itself by more than 2 %\n";
    }
    text += note(scenario.shape);
    for (system, reason) in &race.left_out {
        writeln!(text, "left out: {system}, because {reason}").expect("a string takes everything");
    }
    text
}

/// What must be known to compare the systems of a scenario.
fn note(shape: Shape) -> &'static str {
    match shape {
        Shape::Fds => "note: over streams, except for peers that have packets only\n",
        Shape::Sends { .. } => {
            "note: some peers only queue the message, and send many of them in one system call\n"
        }
        _ => "",
    }
}

/// With at least two digits that count, down to a thousandth.
fn ratio(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.4}") } else { format!("{ratio:.3}") }
}

fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds => duration(value),
        Unit::Messages => format!("{} msg/s", scaled(value)),
        Unit::Fds => format!("{} fds/s", scaled(value)),
        Unit::Bytes => format!("{}B/s", scaled(value)),
        Unit::Memory => format!("{value:.0} B"),
    }
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e3 => format!("{nanoseconds:.0} ns"),
        1e3..1e6 => format!("{:.2} µs", nanoseconds / 1e3),
        _ => format!("{:.2} ms", nanoseconds / 1e6),
    }
}

fn scaled(value: f64) -> String {
    match value {
        ..1e3 => format!("{value:.0} "),
        1e3..1e6 => format!("{:.1} k", value / 1e3),
        1e6..1e9 => format!("{:.2} M", value / 1e6),
        _ => format!("{:.2} G", value / 1e9),
    }
}

/// Where the floor's ratio to itself lies on a machine that can tell systems apart.
const QUIET: std::ops::RangeInclusive<f64> = 0.98..=1.02;

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use ginnel_bench_part::{Latencies, Scenario};

    use super::*;

    /// A result with this ratio to the floor.
    pub(in super::super) fn outcome(scenario: &'static str, system: &str, to_floor: Option<f64>) -> Outcome {
        let unit = Scenario::named(scenario).expect("a scenario").unit;
        Outcome {
            scenario,
            system: system.to_owned(),
            value: 1.0,
            unit: unit.name(),
            better: unit.better().name(),
            p50: 1,
            p99: 1,
            p999: 1,
            ratios: to_floor.map(|ratio| ("floor".to_owned(), ratio)).into_iter().collect(),
        }
    }

    fn race(against_itself: f64) -> Race {
        let finish = |system: &str, values: [f64; 3]| {
            let mut latencies = Latencies::new();
            latencies.record(Duration::from_nanos(50));
            Finish { system: system.to_owned(), values: values.to_vec(), latencies }
        };
        Race {
            scenario: Scenario::named("rtt-64").expect("a scenario"),
            finishes: vec![
                finish("floor", [1000.0, 2000.0, 1500.0]),
                finish("std", [1100.0, 2200.0, 1500.0]),
            ],
            against_itself,
            left_out: vec![("uds".to_owned(), "it is away".to_owned())],
        }
    }

    #[test]
    fn json_has_the_promised_shape() {
        let json = serde_json::to_value(outcomes(&race(1.0))).expect("plain data");
        let floor = serde_json::json!({
            "scenario": "rtt-64", "system": "floor", "value": 1500.0, "unit": "ns", "better": "lower",
            "p50": 50, "p99": 50, "p999": 50, "ratios": { "std": 1.0 / 1.1 },
        });
        let second = serde_json::json!({
            "scenario": "rtt-64", "system": "std", "value": 1500.0, "unit": "ns", "better": "lower",
            "p50": 50, "p99": 50, "p999": 50, "ratios": { "floor": 1.1 },
        });
        assert_eq!(json, serde_json::json!([floor, second]));
    }

    #[test]
    fn the_table_names_values_noise_and_absences() {
        let text = table(&race(1.003));
        assert!(text.contains("std                    1.50 µs    1.50 µs     1.100      50 ns"), "{text}");
        assert!(text.contains("floor against itself: 1.003\nleft out: uds, because it is away\n"), "{text}");
        assert!(!text.contains("warning"));
        for noisy in [0.97, 1.021] {
            assert!(table(&race(noisy)).contains("\nwarning: the machine is too noisy"));
        }
    }

    #[test]
    fn numbers_are_scaled_for_reading() {
        assert_eq!(value(999.4, Unit::Nanoseconds), "999 ns");
        assert_eq!(value(12_345.0, Unit::Nanoseconds), "12.35 µs");
        assert_eq!(value(2_500_000.0, Unit::Messages), "2.50 M msg/s");
        assert_eq!(value(45_600.0, Unit::Fds), "45.6 k fds/s");
        assert_eq!(value(3.21e9, Unit::Bytes), "3.21 GB/s");
        assert_eq!([4.113_6, 0.987_6, 0.001_84].map(ratio), ["4.114", "0.988", "0.0018"]);
    }
}
