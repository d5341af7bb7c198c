//! Those who dial, and dial again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Options;
use super::options::later;
use crate::Address;
use crate::machine::{ConnId, Failure};

/// A dialer of one end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a number, and nothing else")]
pub struct DialerId(pub u64);

/// All dialers of one end. Each has one pipe at most.
///
/// ```text
///             connected                    lost
///   dialling ───────────▶ up ─────────────────────▶ pausing
///      ▲ │                                             ▲ │
///      │ └──────────────── failed ─────────────────────┘ │
///      └───────────────── the pause is over ─────────────┘
/// ```
#[derive(Debug)]
pub(super) struct Dialers {
    dialers: BTreeMap<DialerId, Dialer>,
    /// Whose attempt, or pipe, it is.
    conns: BTreeMap<ConnId, DialerId>,
    pauses: BTreeSet<(Instant, DialerId)>,
    last_dialer: u64,
    last_conn: u64,
    redial: Duration,
    redial_most: Option<Duration>,
    random: fastrand::Rng,
}

#[derive(Debug)]
struct Dialer {
    address: Address,
    state: State,
    /// The most that the next pause may last.
    pause: Duration,
    /// Why the last attempt failed.
    failed: Option<Failure>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Dialling(ConnId),
    Up(ConnId),
    Pausing { until: Instant },
}

impl Dialers {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            dialers: BTreeMap::new(),
            conns: BTreeMap::new(),
            pauses: BTreeSet::new(),
            last_dialer: 0,
            last_conn: 0,
            redial: options.redial,
            redial_most: options.redial_most,
            random: fastrand::Rng::with_seed(options.seed),
        }
    }

    /// The number that the next dialer will have.
    pub(super) const fn upcoming(&self) -> DialerId {
        DialerId(self.last_dialer + 1)
    }

    /// Begins to dial: what to connect to, under which number.
    pub(super) fn dial(&mut self, address: Address) -> (ConnId, Address) {
        self.last_dialer += 1;
        let id = DialerId(self.last_dialer);
        let conn = self.number(id);
        let state = State::Dialling(conn);
        let dialer = Dialer { address: address.clone(), state, pause: self.redial, failed: None };
        self.dialers.insert(id, dialer);
        (conn, address)
    }

    fn number(&mut self, id: DialerId) -> ConnId {
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        self.conns.insert(conn, id);
        conn
    }

    /// It dials no more. Its pipe, or its attempt, which is to be closed.
    pub(super) fn hang_up(&mut self, id: DialerId) -> Option<ConnId> {
        match self.dialers.remove(&id)?.state {
            State::Dialling(conn) | State::Up(conn) => {
                self.conns.remove(&conn);
                Some(conn)
            }
            State::Pausing { until } => {
                self.pauses.remove(&(until, id));
                None
            }
        }
    }

    /// All of them.
    pub(super) fn ids(&self) -> Vec<DialerId> {
        self.dialers.keys().copied().collect()
    }

    /// An attempt has succeeded. `false`: nobody wants it any more.
    pub(super) fn connected(&mut self, conn: ConnId) -> bool {
        let Some(dialer) = self.conns.get(&conn).and_then(|id| self.dialers.get_mut(id)) else {
            return false;
        };
        dialer.state = State::Up(conn);
        dialer.pause = self.redial;
        dialer.failed = None;
        true
    }

    /// An attempt has failed, or a pipe is lost: whose it was, and how long the pause is. `None`: nobody's.
    pub(super) fn ended(
        &mut self,
        conn: ConnId,
        failed: Option<Failure>,
        now: Instant,
    ) -> Option<(DialerId, Duration)> {
        let id = self.conns.remove(&conn)?;
        let dialer = self.dialers.get_mut(&id)?;
        let pause = dialer.pause.mul_f64(self.random.f64());
        if let Some(most) = self.redial_most {
            dialer.pause = dialer.pause.saturating_mul(2).min(most.max(self.redial));
        }
        dialer.failed = failed.or(dialer.failed);
        let until = later(now, pause);
        dialer.state = State::Pausing { until };
        self.pauses.insert((until, id));
        Some((id, pause))
    }

    /// The next whose pause is over dials again.
    pub(super) fn due(&mut self, now: Instant) -> Option<(ConnId, Address)> {
        let &(until, id) = self.pauses.first().filter(|(until, _)| *until <= now)?;
        self.pauses.remove(&(until, id));
        let conn = self.number(id);
        let dialer = self.dialers.get_mut(&id)?;
        dialer.state = State::Dialling(conn);
        Some((conn, dialer.address.clone()))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.pauses.first().map(|&(until, _)| until)
    }

    /// How the last attempt of this one went: `None` if it is under way, or nobody knows of this dialer.
    pub(super) fn outcome(&self, id: DialerId) -> Option<Result<ConnId, Failure>> {
        let dialer = self.dialers.get(&id)?;
        match (dialer.state, dialer.failed) {
            (State::Up(pipe), _) => Some(Ok(pipe)),
            (_, Some(failure)) => Some(Err(failure)),
            (State::Dialling(_) | State::Pausing { .. }, None) => None,
        }
    }

    /// Whose pipe is this?
    pub(super) fn of(&self, conn: ConnId) -> Option<DialerId> {
        self.conns.get(&conn).copied()
    }
}
