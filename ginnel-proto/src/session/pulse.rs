use std::time::{Duration, Instant};

use crate::PeerFault;

/// How long the other side may be silent, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain settings, with a default")]
pub struct Patience {
    /// Until it has greeted, on the native wire.
    pub greeting: Option<Duration>,
    /// Until a frame that was begun goes on.
    pub progress: Option<Duration>,
    /// Until it is pinged; when as long again has passed without a byte it counts as hung. Off unless told otherwise.
    pub ping: Option<Duration>,
}

impl Default for Patience {
    fn default() -> Self {
        Self { greeting: Some(Duration::from_secs(5)), progress: Some(Duration::from_secs(30)), ping: None }
    }
}

/// What a connection looks like before a wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs {
    /// Bytes received so far.
    pub(super) received: u64,
    /// Has it greeted, or need it not?
    pub(super) greeted: bool,
    /// Is a frame there in part?
    pub(super) unfinished: bool,
}

/// Watches for silence. Time is looked at before a wait only, so a busy connection reads no clock.
#[derive(Debug)]
pub(super) struct Pulse {
    patience: Patience,
    /// Bytes received when last looked, and since when there were as many.
    since: Option<(u64, Instant)>,
    pinged: bool,
}

/// What is to be done about the silence so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Look {
    /// When to look again.
    pub(super) deadline: Option<Instant>,
    /// Ask whether anybody is there.
    pub(super) ping: bool,
}

impl Pulse {
    pub(super) const fn new(patience: Patience) -> Self {
        Self { patience, since: None, pinged: false }
    }

    /// Does time matter at all?
    pub(super) const fn watches(&self, signs: Signs) -> bool {
        let Patience { greeting, progress, ping } = self.patience;
        ping.is_some()
            || (greeting.is_some() && !signs.greeted)
            || (progress.is_some() && signs.greeted && signs.unfinished)
    }

    pub(super) fn look(&mut self, signs: Signs, now: Instant) -> Result<Look, PeerFault> {
        let since = match self.since {
            // A greeting has one deadline, however slowly it drips.
            Some((received, since)) if received == signs.received || !signs.greeted => since,
            _ => {
                self.pinged = false;
                now
            }
        };
        self.since = Some((signs.received, since));
        let silence = now.saturating_duration_since(since);
        let mut deadline = None;
        let mut until = |patience: Option<Duration>, fault: PeerFault| match patience {
            Some(patience) if silence >= patience => Err(fault),
            Some(patience) => {
                let at = since + patience;
                deadline = Some(deadline.map_or(at, |earlier: Instant| earlier.min(at)));
                Ok(())
            }
            None => Ok(()),
        };
        if !signs.greeted {
            until(self.patience.greeting, PeerFault::Silent)?;
            return Ok(Look { deadline, ping: false });
        }
        if signs.unfinished {
            until(self.patience.progress, PeerFault::Stuck)?;
        }
        let Some(patience) = self.patience.ping else { return Ok(Look { deadline, ping: false }) };
        let ping = silence >= patience && !self.pinged;
        self.pinged |= ping;
        let next = if self.pinged { patience.saturating_mul(2) } else { patience };
        until(Some(next), PeerFault::Unresponsive)?;
        Ok(Look { deadline, ping })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test begins at some moment")]
    fn start() -> Instant {
        Instant::now()
    }

    const SECOND: Duration = Duration::from_secs(1);
    const CALM: Signs = Signs { received: 100, greeted: true, unfinished: false };

    fn pulse() -> Pulse {
        Pulse::new(Patience {
            greeting: Some(5 * SECOND),
            progress: Some(30 * SECOND),
            ping: Some(10 * SECOND),
        })
    }

    fn at(start: Instant, seconds: u32) -> Instant {
        start + seconds * SECOND
    }

    #[test]
    fn a_greeting_has_one_deadline_however_it_drips() {
        let start = start();
        let mut pulse = pulse();
        for second in 0..5 {
            let signs = Signs { received: second.into(), greeted: false, unfinished: true };
            let look = pulse.look(signs, at(start, second)).unwrap();
            assert_eq!(look, Look { deadline: Some(at(start, 5)), ping: false });
        }
        let signs = Signs { received: 5, greeted: false, unfinished: true };
        assert_eq!(pulse.look(signs, at(start, 5)), Err(PeerFault::Silent));
    }

    #[test]
    fn a_frame_that_goes_on_is_never_cut_and_one_that_does_not_is() {
        let start = start();
        let mut pulse = Pulse::new(Patience { progress: Some(30 * SECOND), ..Patience::default() });
        for step in 0..10 {
            let signs = Signs { received: step.into(), unfinished: true, ..CALM };
            assert!(pulse.look(signs, at(start, step * 29)).is_ok());
        }
        let stuck = Signs { received: 9, unfinished: true, ..CALM };
        assert_eq!(pulse.look(stuck, at(start, 9 * 29 + 30)), Err(PeerFault::Stuck));
    }

    #[test]
    fn silence_is_pinged_once_and_then_fatal() {
        let start = start();
        let mut pulse = pulse();
        let mut look = |seconds| pulse.look(CALM, at(start, seconds));
        assert_eq!(look(0), Ok(Look { deadline: Some(at(start, 10)), ping: false }));
        assert_eq!(look(10), Ok(Look { deadline: Some(at(start, 20)), ping: true }));
        assert_eq!(look(11), Ok(Look { deadline: Some(at(start, 20)), ping: false }));
        assert_eq!(look(20), Err(PeerFault::Unresponsive));
    }

    #[test]
    fn any_byte_counts_as_an_answer() {
        let start = start();
        let mut pulse = pulse();
        pulse.look(CALM, start).unwrap();
        assert!(pulse.look(CALM, at(start, 10)).unwrap().ping);
        let heard = Signs { received: 101, ..CALM };
        assert_eq!(pulse.look(heard, at(start, 19)), Ok(Look { deadline: Some(at(start, 29)), ping: false }));
    }

    #[test]
    fn without_patience_to_lose_no_clock_is_needed() {
        let none = Pulse::new(Patience { greeting: None, progress: None, ping: None });
        assert!(!none.watches(Signs { received: 0, greeted: false, unfinished: true }));
        let usual = Pulse::new(Patience::default());
        assert!(!usual.watches(CALM));
        assert!(usual.watches(Signs { unfinished: true, ..CALM }));
        assert!(usual.watches(Signs { greeted: false, ..CALM }));
    }
}
