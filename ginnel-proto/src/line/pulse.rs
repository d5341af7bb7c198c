use std::time::{Duration, Instant};

use crate::PeerFault;

/// How long the other side may be silent, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain settings, with a default")]
pub struct Patience {
    /// Until it has greeted, on the native wire.
    pub greeting: Option<Duration>,
    /// Until a frame that was begun has gone on by 64 KiB, or is whole.
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
    /// Is a frame there in part? Then how many bytes there were of the connection before it.
    pub(super) unfinished: Option<u64>,
}

/// Watches for silence. Time is looked at before a wait only, so a busy connection reads no clock.
#[derive(Debug)]
pub(super) struct Pulse {
    patience: Patience,
    /// While time matters.
    times: Option<Box<Times>>,
}

#[derive(Debug, Default)]
struct Times {
    /// Bytes received when last looked, and since when there were as many.
    since: Option<(u64, Instant)>,
    /// Where the unfinished frame begins, how many bytes there were when its time began, and when that was.
    begun: Option<(u64, u64, Instant)>,
    /// When it was asked whether anybody is there, since the last byte.
    pinged: Option<Instant>,
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
        Self { patience, times: None }
    }

    pub(super) const fn stop_pinging(&mut self) {
        self.patience.ping = None;
    }

    /// Nobody has listened: silence is counted anew from here.
    pub(super) fn excuse(&mut self) {
        self.times = None;
    }

    /// Does time matter at all?
    pub(super) const fn watches(&self, signs: Signs) -> bool {
        let Patience { greeting, progress, ping } = self.patience;
        ping.is_some()
            || (greeting.is_some() && !signs.greeted)
            || (progress.is_some() && signs.greeted && signs.unfinished.is_some())
    }

    pub(super) fn look(&mut self, signs: Signs, now: Instant) -> Result<Look, PeerFault> {
        let times = self.times.get_or_insert_default();
        let since = times.silent_since(signs, now);
        if !signs.greeted {
            let deadline = after(since, self.patience.greeting, now, PeerFault::Silent)?;
            return Ok(Look { deadline, ping: false });
        }
        let begun = times.begun_at(signs, now);
        let stuck = match begun {
            Some(begun) => after(begun, self.patience.progress, now, PeerFault::Stuck)?,
            None => None,
        };
        let Some(patience) = self.patience.ping else { return Ok(Look { deadline: stuck, ping: false }) };
        let ping = now.saturating_duration_since(since) >= patience && times.pinged.is_none();
        if ping {
            times.pinged = Some(now);
        }
        // It has as long to answer, counted from the ping: nobody may have looked for a while.
        let hung = after(times.pinged.unwrap_or(since), Some(patience), now, PeerFault::Unresponsive)?;
        Ok(Look { deadline: [stuck, hung].into_iter().flatten().min(), ping })
    }
}

impl Times {
    /// Since when no byte has come. A greeting has one deadline, however slowly it drips.
    fn silent_since(&mut self, signs: Signs, now: Instant) -> Instant {
        let since = match self.since {
            Some((received, since)) if received == signs.received || !signs.greeted => since,
            _ => {
                self.pinged = None;
                now
            }
        };
        self.since = Some((signs.received, since));
        since
    }

    /// Since when the unfinished frame has not gone on by much: a drip of single bytes is no progress.
    fn begun_at(&mut self, signs: Signs, now: Instant) -> Option<Instant> {
        let frame = signs.unfinished?;
        let (begun, held, at) = match self.begun {
            Some(same @ (begun, held, _))
                if begun == frame && signs.received < held.saturating_add(PROGRESS) =>
            {
                same
            }
            _ => (frame, signs.received, now),
        };
        self.begun = Some((begun, held, at));
        Some(at)
    }
}

/// The deadline, unless it has passed.
fn after(
    since: Instant,
    patience: Option<Duration>,
    now: Instant,
    fault: PeerFault,
) -> Result<Option<Instant>, PeerFault> {
    match patience {
        Some(patience) if now.saturating_duration_since(since) >= patience => Err(fault),
        Some(patience) => Ok(since.checked_add(patience)),
        None => Ok(None),
    }
}

/// How much of a frame must come within the deadline.
const PROGRESS: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test begins at some moment")]
    fn start() -> Instant {
        Instant::now()
    }

    const SECOND: Duration = Duration::from_secs(1);
    const CALM: Signs = Signs { received: 100, greeted: true, unfinished: None };

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
            let signs = Signs { received: second.into(), greeted: false, unfinished: Some(0) };
            let look = pulse.look(signs, at(start, second)).unwrap();
            assert_eq!(look, Look { deadline: Some(at(start, 5)), ping: false });
        }
        let signs = Signs { received: 5, greeted: false, unfinished: Some(0) };
        assert_eq!(pulse.look(signs, at(start, 5)), Err(PeerFault::Silent));
    }

    #[test]
    fn a_frame_that_goes_on_is_never_cut_and_a_drip_is() {
        let start = start();
        let mut pulse = Pulse::new(Patience { progress: Some(30 * SECOND), ..Patience::default() });
        let sign = |received, frame| Signs { received, unfinished: Some(frame), greeted: true };
        for step in 0..10u32 {
            let signs = sign(100 + u64::from(step) * PROGRESS, 100);
            assert!(pulse.look(signs, at(start, step * 29)).is_ok());
        }
        let last = 100 + 9 * PROGRESS;
        for second in 0..30u32 {
            assert!(pulse.look(sign(last + u64::from(second), 100), at(start, 9 * 29 + second)).is_ok());
        }
        assert_eq!(pulse.look(sign(last + 30, 100), at(start, 9 * 29 + 30)), Err(PeerFault::Stuck));
        let next = pulse.look(sign(last + 30, last), at(start, 9 * 29 + 30));
        assert!(next.is_ok(), "the next frame has a deadline of its own");
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
        assert!(!none.watches(Signs { received: 0, greeted: false, unfinished: Some(0) }));
        let usual = Pulse::new(Patience::default());
        assert!(!usual.watches(CALM));
        assert!(usual.watches(Signs { unfinished: Some(0), ..CALM }));
        assert!(usual.watches(Signs { greeted: false, ..CALM }));
    }
}
