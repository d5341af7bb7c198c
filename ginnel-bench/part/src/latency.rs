//! The spread of single laps: recorded in the client, sent to the parent as text, merged there.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Times of single laps, each kept to three digits.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// No samples yet.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST, 3);
        Self(histogram.expect("the bounds are constants that the histogram allows"))
    }

    /// Notes one lap; what lasted longer than a minute counts as a minute.
    pub fn record(&mut self, lap: Duration) {
        let nanoseconds = u64::try_from(lap.as_nanos()).unwrap_or(LONGEST);
        self.0.saturating_record(nanoseconds);
    }

    /// Forgets all samples, for the next round.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// Takes the samples of another round in.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// The nanoseconds within which this share of the laps was done, 0 without samples.
    pub fn quantile(&self, share: f64) -> u64 {
        self.0.value_at_quantile(share)
    }

    /// `nanoseconds:count` pairs joined by commas, or `-` without samples.
    pub fn encode(&self) -> String {
        let pair = |bucket: hdrhistogram::iterators::IterationValue<u64>| {
            format!("{}:{}", bucket.value_iterated_to(), bucket.count_at_value())
        };
        let pairs: Vec<String> = self.0.iter_recorded().map(pair).collect();
        if pairs.is_empty() { "-".to_owned() } else { pairs.join(",") }
    }

    /// Reads what `encode` wrote.
    pub fn decode(text: &str) -> Option<Self> {
        let mut latencies = Self::new();
        if text != "-" {
            for pair in text.split(',') {
                let (nanoseconds, count) = pair.split_once(':')?;
                latencies.0.record_n(nanoseconds.parse().ok()?, count.parse().ok()?).ok()?;
            }
        }
        Some(latencies)
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

/// A minute in nanoseconds: the parent gives up on a round before that.
const LONGEST: u64 = 60_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_every_quantile() {
        let mut latencies = Latencies::new();
        for nanoseconds in (1..20_000).step_by(7) {
            latencies.record(Duration::from_nanos(nanoseconds));
        }
        let back = Latencies::decode(&latencies.encode()).expect("own text");
        for share in [0.0, 0.5, 0.99, 0.999, 1.0] {
            assert_eq!(back.quantile(share), latencies.quantile(share));
        }
    }

    #[test]
    fn nothing_recorded_is_a_dash() {
        assert_eq!(Latencies::new().encode(), "-");
        assert_eq!(Latencies::decode("-").map(|none| none.quantile(0.5)), Some(0));
    }

    #[test]
    fn foreign_text_is_refused() {
        for text in ["", "1", "1:", ":1", "a:b", "1:2,,3:4", "99999999999999:1"] {
            assert!(Latencies::decode(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn merging_adds_up() {
        let (mut fast, mut slow) = (Latencies::new(), Latencies::new());
        fast.record(Duration::from_nanos(10));
        slow.record(Duration::from_nanos(1000));
        fast.merge(&slow);
        assert_eq!((fast.quantile(0.5), fast.quantile(1.0)), (10, 1000));
    }
}
