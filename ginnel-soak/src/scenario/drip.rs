//! Peers that send a byte a second: three of four of a frame, the fourth of a greeting. Each comes back when it is cut.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{PATIENT, Scenario, patience};
use crate::crowd::{Crowd, Offered, Peer};
use crate::figures::{Claim, Figures};
use crate::wire;

pub(crate) const DRIP: Scenario =
    Scenario { processes: 2, shortest: PATIENT, judge, ..Scenario::new("drip", 4000, attack) };

fn attack(crowd: &mut Crowd) -> Result<()> {
    let mut peers = Vec::new();
    for number in 0..crowd.count {
        peers.push(begin(crowd, number)?);
    }
    let mut next = Instant::now();
    while crowd.goes_on(next.saturating_duration_since(Instant::now()).min(PAUSE))? {
        if next > Instant::now() {
            continue;
        }
        next += SECOND;
        for (number, peer) in peers.iter_mut().enumerate() {
            let byte = if greets(number) { 0 } else { wire::greeting()[1] };
            let age = peer.since.elapsed().as_millis() as u64;
            if peer.offer(&[byte])? == Offered::Gone {
                crowd.counted("cut");
                *peer = begin(crowd, number)?;
            } else {
                crowd.counts.raise("max-age-ms", age);
            }
        }
    }
    Ok(())
}

const fn greets(number: usize) -> bool {
    !number.is_multiple_of(4)
}

fn begin(crowd: &Crowd, number: usize) -> Result<Peer> {
    if !greets(number) {
        let mut peer = Peer::silent(&crowd.path)?;
        peer.offer(&wire::greeting()[..1])?;
        return Ok(peer);
    }
    let mut peer = Peer::greeted(&crowd.path)?;
    peer.offer(&wire::header(LENGTH, wire::MESSAGE, 0))?;
    Ok(peer)
}

fn judge(figures: &Figures) -> Vec<Claim> {
    let (cut, oldest) = (figures.crowd.of("cut"), figures.crowd.of("max-age-ms"));
    // Each says its byte once a second, and learns only then.
    let most = patience() + 2 * SECOND;
    vec![
        Claim::new(cut >= figures.peers, format!("{cut} were cut, and came back")),
        Claim::new(
            Duration::from_millis(oldest) <= most,
            format!("the oldest lasted {oldest} ms, {} are allowed", most.as_millis()),
        ),
        Claim::new(
            figures.server.of("stuck") >= figures.peers / 2,
            format!("{} of them for a frame that made no progress", figures.server.of("stuck")),
        ),
    ]
}

/// Of the frame that never ends: less than what is read in place.
const LENGTH: u32 = 60_000;
const SECOND: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);
