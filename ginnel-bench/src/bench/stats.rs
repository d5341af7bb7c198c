//! The arithmetic of rounds.

/// The middle value; with an even number, half way between the middle two.
///
/// # Panics
///
/// Without values.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (lower, upper) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    f64::midpoint(lower, upper)
}

/// The median over rounds of this value over the other's in the same round.
///
/// Unlike the ratio of two medians, it is not moved by what slows down whole rounds.
pub(super) fn paired_ratio(these: &[f64], others: &[f64]) -> f64 {
    let ratios: Vec<f64> = these.iter().zip(others).map(|(this, other)| this / other).collect();
    median(&ratios)
}

/// The order in which systems run in a round: forward and backward in turn, and beginning with
/// the next system after that.
///
/// The forward order is 0, last, 1, last but one, and so on (a Williams design), because a system
/// inherits the caches of the one before it: so each stands everywhere and after everyone.
pub(super) fn order(round: usize, systems: usize) -> Vec<usize> {
    let zigzag = (0..systems).map(|place| if place % 2 == 0 { place / 2 } else { systems - 1 - place / 2 });
    let mut order: Vec<usize> = zigzag.map(|system| (system + round / 2) % systems).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0]), 3.0);
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 9.0, 2.0]), 3.0);
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        // The machine was slow in the last two rounds, for both.
        let (these, others) = ([10.0, 12.0, 100.0, 110.0], [5.0, 6.0, 50.0, 55.0]);
        assert_eq!(paired_ratio(&these, &others), 2.0);
        assert_eq!(paired_ratio(&others, &these), 0.5);
    }

    #[test]
    fn the_order_alternates_and_moves_on() {
        assert_eq!(order(0, 4), [0, 3, 1, 2]);
        assert_eq!(order(1, 4), [2, 1, 3, 0]);
        assert_eq!(order(2, 4), [1, 0, 2, 3]);
        assert_eq!(order(0, 1), [0]);
    }

    #[test]
    fn every_system_stands_in_every_place_equally_often() {
        for systems in 1..8 {
            for system in 0..systems {
                for place in 0..systems {
                    let times = (0..2 * systems).filter(|&round| order(round, systems)[place] == system);
                    assert_eq!(times.count(), 2, "system {system} in place {place} of {systems}");
                }
            }
        }
    }

    #[test]
    fn every_system_follows_every_other_equally_often() {
        for systems in 2..8 {
            let orders: Vec<_> = (0..2 * systems).map(|round| order(round, systems)).collect();
            for pair in orders.iter().flat_map(|order| order.windows(2)) {
                let times = orders.iter().flat_map(|order| order.windows(2)).filter(|other| *other == pair);
                assert_eq!(times.count(), 2, "{pair:?} of {systems}");
            }
        }
    }
}
