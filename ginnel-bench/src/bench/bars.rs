//! What ours has promised to reach beside another library, whatever the machine.

use std::fmt::Write as _;

use ginnel_bench_part::{Better, Scenario};

use super::report::Outcome;

/// A promise about one scenario.
#[derive(Debug, Clone, Copy)]
struct Bar {
    scenario: &'static str,
    ours: &'static str,
    /// However the other library is used.
    theirs: &'static [&'static str],
    /// Our value over theirs: at most this of a time, at least this of a rate.
    ratio: f64,
}

/// What was found of the promises about one scenario.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// A line for each.
    pub(super) text: String,
    pub(super) missed: usize,
}

/// Looks at the promises about a scenario. Who was left out is not compared with.
pub(super) fn judge(scenario: Scenario, outcomes: &[Outcome]) -> Verdict {
    let mut verdict = Verdict::default();
    for bar in BARS.iter().filter(|bar| bar.scenario == scenario.name) {
        for theirs in bar.theirs {
            let ours = outcomes.iter().find(|outcome| outcome.system == bar.ours);
            let found = ours.and_then(|outcome| outcome.ratios.get(*theirs));
            let met = found.is_none_or(|&found| bar.admits(scenario, found));
            verdict.missed += usize::from(!met);
            verdict.text += &bar.told(scenario, theirs, found.copied());
        }
    }
    verdict
}

impl Bar {
    fn admits(&self, scenario: Scenario, found: f64) -> bool {
        match scenario.unit.better() {
            Better::Lower => found <= self.ratio,
            Better::Higher => found >= self.ratio,
        }
    }

    fn told(&self, scenario: Scenario, theirs: &str, found: Option<f64>) -> String {
        let Self { ours, ratio, .. } = self;
        let bound = match scenario.unit.better() {
            Better::Lower => "at most",
            Better::Higher => "at least",
        };
        let mut text = format!("bar: {ours} to {theirs} {bound} {ratio}: ");
        match found {
            Some(found) if self.admits(scenario, found) => writeln!(text, "{found:.3}, met"),
            Some(found) => writeln!(text, "{found:.3}, missed"),
            None => writeln!(text, "not looked at, for one of them is not there"),
        }
        .expect("a string takes everything");
        text
    }
}

const NNG: &[&str] = &["nng", "nng-aio"];
const NNG_FD: &[&str] = &["nng-fd", "nng-aio-fd"];

const BARS: [Bar; 5] = [
    Bar { scenario: "sp-reqrep-64", ours: "ginnel-sp", theirs: NNG, ratio: 0.3 },
    Bar { scenario: "sp-reqrep-64", ours: "ginnel-sp-fd", theirs: NNG_FD, ratio: 0.3 },
    Bar { scenario: "sp-pipeline-64", ours: "ginnel-sp", theirs: NNG, ratio: 10.0 },
    Bar { scenario: "sp-pipeline-64", ours: "ginnel-sp-fd", theirs: NNG_FD, ratio: 10.0 },
    Bar { scenario: "sp-pipeline-64", ours: "ginnel-sp", theirs: &["zmq"], ratio: 2.0 },
];

#[cfg(test)]
mod tests {
    use super::super::report::tests::outcome;
    use super::super::systems::SYSTEMS;
    use super::*;

    fn judged(scenario: &'static str, ours: &str, to: &[(&str, f64)]) -> Verdict {
        let mut ours = outcome(scenario, ours, None);
        ours.ratios.extend(to.iter().map(|&(theirs, ratio)| (theirs.to_owned(), ratio)));
        judge(Scenario::named(scenario).expect("a scenario"), &[ours])
    }

    #[test]
    fn a_time_may_be_as_long_and_a_rate_must_be_as_high() {
        assert_eq!(judged("sp-reqrep-64", "ginnel-sp", &[("nng", 0.3), ("nng-aio", 0.31)]).missed, 1);
        let verdict = judged("sp-pipeline-64", "ginnel-sp", &[("nng", 11.0), ("nng-aio", 9.9), ("zmq", 2.0)]);
        assert_eq!(verdict.missed, 1);
        assert!(
            verdict.text.contains("bar: ginnel-sp to nng-aio at least 10: 9.900, missed\n"),
            "{}",
            verdict.text
        );
        assert!(verdict.text.contains("bar: ginnel-sp to zmq at least 2: 2.000, met\n"), "{}", verdict.text);
    }

    #[test]
    fn who_is_not_there_is_named() {
        let verdict = judged("sp-reqrep-64", "ginnel-sp", &[]);
        assert_eq!(verdict.missed, 0);
        assert!(verdict.text.contains("ginnel-sp to nng at most 0.3: not looked at"), "{}", verdict.text);
        assert_eq!(judged("rtt-64", "ginnel", &[]).text, "");
    }

    #[test]
    fn promises_are_about_our_systems_and_scenarios_they_play() {
        for bar in BARS {
            let scenario = Scenario::named(bar.scenario).expect("a scenario");
            let ours = SYSTEMS.iter().find(|system| system.name == bar.ours).expect("a system");
            assert!(ours.can(scenario), "{bar:?}");
        }
    }
}
