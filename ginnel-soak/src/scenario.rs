//! The table of attacks: what the peers do, what the server is set to, and what it may cost.

mod bombs;
mod churn;
mod drip;
mod greedy;
mod hoard;
mod parts;
mod pings;
mod reset;
mod silent;

use std::time::Duration;

use anyhow::Result;
use ginnel::{ConnectionOptions, ServerOptions};

use crate::crowd::Crowd;
use crate::figures::{Claim, Figures};

/// An attack.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// How many hostile peers there are, unless told otherwise.
    pub(crate) peers: usize,
    /// How many processes they are spread over.
    pub(crate) processes: usize,
    pub(crate) options: fn() -> ServerOptions,
    pub(crate) attack: fn(&mut Crowd) -> Result<()>,
    /// Bytes of what the server broadcasts until everybody hostile has missed one.
    pub(crate) broadcast: Option<usize>,
    /// How long even a quick run of it takes, at least.
    pub(crate) shortest: Duration,
    /// Added to twice the p99 before: what two processors are busy with besides.
    pub(crate) noise: Duration,
    /// Most bytes that may be resident.
    pub(crate) most_resident: fn(&Figures) -> u64,
    /// Most descriptors that the server may hold for one peer.
    pub(crate) fds_of_peer: u64,
    /// What must hold besides.
    pub(crate) judge: fn(&Figures) -> Vec<Claim>,
    /// The users of the hostile and of the well-behaved; root is needed for that.
    pub(crate) users: Option<(u32, u32)>,
}

impl Scenario {
    /// The usual: another attack names only what is different.
    const fn new(name: &'static str, peers: usize, attack: fn(&mut Crowd) -> Result<()>) -> Self {
        Self {
            name,
            peers,
            processes: 1,
            options: impatient,
            attack,
            broadcast: None,
            shortest: Duration::from_millis(250),
            noise: CALM,
            most_resident: a_little,
            fds_of_peer: 1,
            judge: |_| Vec::new(),
            users: None,
        }
    }

    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    silent::SILENT,
    silent::SILENT_TINY,
    silent::SILENT_LARGE,
    drip::DRIP,
    bombs::BOMBS,
    parts::PARTS,
    hoard::HOARD,
    reset::RESET,
    pings::PINGS,
    churn::CHURN,
    greedy::GREEDY,
];

/// A server that waits less long than usual for the rest of a frame, so that a run ends.
fn impatient() -> ServerOptions {
    ServerOptions::new().connection(connection())
}

const fn patience() -> Duration {
    Duration::from_millis(1500)
}

fn connection() -> ConnectionOptions {
    ConnectionOptions::new().progress_deadline(Some(patience())).greeting_deadline(Some(patience()))
}

/// What each peer may cost that holds nothing but a connection and a little of a frame; and a few megabytes for
/// what all share.
fn a_little(figures: &Figures) -> u64 {
    figures.before.resident + 8 * MIB + figures.peers * LITTLE
}

/// As that, and what was read from each and waits for its turn.
fn a_read_of_each(figures: &Figures) -> u64 {
    a_little(figures) + figures.peers * READ
}

const MIB: u64 = 1 << 20;
const LITTLE: u64 = 4 << 10;
/// A connection holds less than that of what was read and not yet taken apart, unless a body is larger.
const READ: u64 = 64 << 10;

/// Longer than the server's patience: even those are cut who say only once a second that they are there.
const PATIENT: Duration = Duration::from_millis(2500);

/// Peers that cost no time: only their number could matter.
const CALM: Duration = Duration::from_millis(2);
/// Peers that keep at least one of the processors busy: whoever wants it waits for a slice of the scheduler's, or two.
const FLOOD: Duration = Duration::from_millis(20);
