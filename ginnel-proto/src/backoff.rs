use std::time::Duration;

/// Pauses that double from a base to a cap, each spread over its upper half so that a herd thins out.
///
/// The random number is an argument: this type decides, it does not draw.
///
/// ```
/// use std::time::Duration;
/// let mut pause = ginnel_proto::Backoff::new(Duration::from_millis(5), Duration::from_millis(100));
/// assert_eq!(pause.next(u32::MAX), Duration::from_millis(5));
/// assert_eq!(pause.next(0), Duration::from_millis(5)); // half of ten
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    doublings: u32,
}

impl Backoff {
    /// Pauses from `base`, doubling each time, never over `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, doublings: 0 }
    }

    /// The next pause: between half of the current step (`random` = 0) and all of it (`u32::MAX`).
    pub fn next(&mut self, random: u32) -> Duration {
        let step = self.base.saturating_mul(1 << self.doublings.min(30)).min(self.cap);
        self.doublings = self.doublings.saturating_add(1);
        let half = step / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// Starts again at the base, after a success.
    pub fn reset(&mut self) {
        self.doublings = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn steps_double_to_the_cap_and_stay_there() {
        let mut pause = Backoff::new(5 * MS, 100 * MS);
        let steps: Vec<_> = (0..8).map(|_| pause.next(u32::MAX).as_millis()).collect();
        assert_eq!(steps, [5, 10, 20, 40, 80, 100, 100, 100]);
    }

    #[test]
    fn jitter_keeps_at_least_half() {
        let mut pause = Backoff::new(8 * MS, 8 * MS);
        assert_eq!(pause.next(0), 4 * MS);
    }

    #[test]
    fn no_number_of_attempts_overflows() {
        let mut pause = Backoff { base: Duration::MAX, cap: Duration::MAX, doublings: u32::MAX };
        assert!(pause.next(7) <= Duration::MAX);
    }

    #[test]
    fn reset_starts_over() {
        let mut pause = Backoff::new(MS, 100 * MS);
        pause.next(0);
        pause.reset();
        assert_eq!(pause, Backoff::new(MS, 100 * MS));
    }
}
