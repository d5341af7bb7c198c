//! A few runs of SP in every build, and that they try what they are there for.

use std::collections::BTreeMap;

use ginnel_sim::play::{Ends, Play};
use ginnel_sim::run::run;

#[test]
fn ends_of_sp_keep_what_is_promised_and_everything_happens_to_them() {
    let mut tally: BTreeMap<&str, u64> = BTreeMap::new();
    for ends in Ends::ALL {
        for seed in 0..SEEDS {
            let outcome = run(seed, Play::Sp(ends));
            assert_eq!(outcome.violation, None, "cargo xtask sim --seed {seed} --sp {}", ends.name());
            outcome.tally.into_iter().for_each(|(what, count)| *tally.entry(what).or_default() += count);
        }
    }
    for what in [
        "answers",
        "comers rejected, as there is a pipe",
        "comers who went",
        "dialled where nobody is",
        "dialled, and closed before a greeting",
        "lies that were told",
        "messages received",
        "messages that would have had to wait",
        "pipes closed for a broken rule",
        "pipes closed for an impossible length",
        "pipes closed here",
        "pipes cut for silence",
        "pipes lost to an error",
        "pipes that came to be",
        "pipes that ended in the middle of something",
        "pipes that ended there",
        "requests",
        "strays turned away",
        "surveys that ended",
    ] {
        assert!(tally.contains_key(what), "{what}: never; {tally:#?}");
    }
}

/// Runs of each protocol.
const SEEDS: u64 = 40;
