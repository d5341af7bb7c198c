use std::time::{Duration, Instant};

use super::header::MOST_HOPS;
use crate::limits::Bound;

/// What can be set on one end. The defaults are nng's.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain settings, with a default")]
pub struct Options {
    /// Most words before a question, or hops of a [`Pair1`](super::Pair1)'s message, from 1 to 15: more, and it is
    /// dropped.
    pub ttl: u8,
    /// Messages that wait for whoever takes them, beside what one pipe was given: for each pipe of a
    /// [`Pub`](super::Pub) (16), [`Bus`](super::Bus) (16) and [`Surveyor`](super::Surveyor) (8), for all together of a
    /// [`Push`](super::Push) and a [`Pair`](super::Pair) (0). `None`: as here.
    pub send_queue: Option<usize>,
    /// Messages that wait to be received where what comes too fast is dropped: [`Sub`](super::Sub) (128),
    /// [`Bus`](super::Bus) (16), and each survey (128). `None`: as here.
    pub receive_queue: Option<usize>,
    /// How much waits to be received where nothing is dropped, before nothing more is read.
    pub inbox: Bound,
    /// Of a full [`Sub`](super::Sub): drop the oldest, not what has just come.
    pub prefer_new: bool,
    /// How much of [`Sub`](super::Sub)'s subscriptions is kept: prefixes, and their bytes.
    pub subscriptions: Bound,
    /// When a [`Req`](super::Req) asks again, whoever is there then. It does so at once when the pipe is lost that it
    /// asked over. `None`: never, and the question fails when its pipe is lost; for what must not be done twice.
    pub resend: Option<Duration>,
    /// How long a survey is open.
    pub survey: Duration,
    /// Questions, or surveys, that may be open at the same time.
    pub asks: usize,
    /// How long a dialer pauses at first, at most, before it dials again...
    pub redial: Duration,
    /// ... which doubles up to this. `None`: it does not.
    pub redial_most: Option<Duration>,
    /// Where random numbers begin.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ttl: 8,
            send_queue: None,
            receive_queue: None,
            inbox: Bound::CONNECTION,
            prefer_new: true,
            subscriptions: Bound { bytes: 64 << 20, messages: 1 << 20, fds: 0 },
            resend: Some(Duration::from_secs(60)),
            survey: Duration::from_secs(1),
            asks: 16 << 10,
            redial: Duration::from_secs(1),
            redial_most: None,
            seed: 0,
        }
    }
}

/// The moment so much later, or one that never comes.
pub(super) fn later(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or_else(|| now + FAR)
}

impl Options {
    /// The limit of hops, within what SP allows.
    pub(super) fn hops(&self) -> u8 {
        self.ttl.clamp(1, MOST_HOPS)
    }
}

/// For ever, as far as clocks can tell.
const FAR: Duration = Duration::from_secs(u32::MAX as u64);
