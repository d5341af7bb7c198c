//! Whether a thread that waits sleeps at once.

use std::time::Duration;

/// Falling asleep and being woken costs several microseconds. Where answers come faster than that, a thread stays awake
/// for a moment and looks; where they do not, it sleeps at once.
///
/// ```text
///           so many waits in a row were short               nothing came meanwhile: twice as many from now on
///   sleeps ──────────────────────────────────▶ stays awake ───────────────────────────────────────────────────▶ sleeps
///                                                │      ▲
///                                                └──────┘ something came
/// ```
///
/// So it costs next to nothing where it does not help: two processes that share one processor, for instance.
#[derive(Debug)]
pub(super) struct Awake {
    moment: Duration,
    /// Waits in a row that were short.
    short: u32,
    /// So many make it worth trying.
    enough: u32,
}

impl Awake {
    /// Stays awake for so long at most; never, if it is zero.
    pub(super) const fn new(moment: Duration) -> Self {
        Self { moment, short: 0, enough: ENOUGH }
    }

    /// For how long, now.
    pub(super) const fn moment(&self) -> Option<Duration> {
        if self.short >= self.enough && !self.moment.is_zero() { Some(self.moment) } else { None }
    }

    /// It stayed awake, and something came, or nothing.
    pub(super) fn looked(&mut self, came: bool) {
        if came {
            self.enough = ENOUGH;
        } else {
            self.short = 0;
            self.enough = (self.enough * 2).min(MOST);
        }
    }

    /// It slept for so long.
    pub(super) fn slept(&mut self, length: Duration) {
        self.short = if length <= SHORT { self.short.saturating_add(1) } else { 0 };
    }
}

/// As long as a wait may last, with falling asleep and being woken, to count as short.
const SHORT: Duration = Duration::from_micros(50);

/// Short waits before it is tried at first...
const ENOUGH: u32 = 4;
/// ... and at most, after it was tried in vain.
const MOST: u32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_micros(20);
    const MICRO: Duration = Duration::from_micros(1);

    fn after_short(awake: &mut Awake, waits: u32) -> Option<Duration> {
        (0..waits).for_each(|_| awake.slept(10 * MICRO));
        awake.moment()
    }

    #[test]
    fn it_sleeps_at_once_until_several_waits_in_a_row_were_short() {
        let mut awake = Awake::new(MOMENT);
        assert_eq!(after_short(&mut awake, 3), None);
        awake.slept(51 * MICRO);
        assert_eq!(after_short(&mut awake, 3), None, "a long one has come between");
        assert_eq!(after_short(&mut awake, 1), Some(MOMENT));
    }

    #[test]
    fn it_stays_awake_as_long_as_that_helps_and_is_slower_to_try_again_after_each_time_in_vain() {
        let mut awake = Awake::new(MOMENT);
        after_short(&mut awake, 4);
        for _ in 0..100 {
            awake.looked(true);
            assert_eq!(awake.moment(), Some(MOMENT));
        }
        for enough in [8, 16, 32] {
            awake.looked(false);
            assert_eq!(after_short(&mut awake, enough - 1), None);
            assert_eq!(after_short(&mut awake, 1), Some(MOMENT));
        }
        (0..40).for_each(|_| awake.looked(false));
        assert_eq!(after_short(&mut awake, MOST), Some(MOMENT), "it never gives up for good");
    }

    #[test]
    fn without_a_moment_it_never_stays_awake() {
        assert_eq!(after_short(&mut Awake::new(Duration::ZERO), 100), None);
    }
}
