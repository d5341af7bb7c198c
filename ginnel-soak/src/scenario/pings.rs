//! Peers that ping as fast as they can, and read no answer.

use std::time::Duration;

use anyhow::Result;

use super::{FLOOD, Scenario, a_read_of_each};
use crate::crowd::{Crowd, Offered, Peer};
use crate::figures::{Claim, Figures};
use crate::wire::{self, PING};

pub(crate) const PINGS: Scenario =
    Scenario { noise: FLOOD, most_resident: a_read_of_each, judge, ..Scenario::new("pings", 200, attack) };

fn attack(crowd: &mut Crowd) -> Result<()> {
    let pings = wire::frame(PING, 0, b"").repeat(PINGS_AT_ONCE);
    let mut peers: Vec<_> = crowd.greeted()?.into_iter().map(|peer| (peer, 0)).collect();
    let mut pause = Duration::ZERO;
    while crowd.goes_on(pause)? {
        pause = PAUSE;
        for (peer, offset) in &mut peers {
            match peer.offer(&pings[*offset..])? {
                Offered::Took(length) => {
                    crowd.counts.add("bytes", length as u64);
                    *offset = (*offset + length) % pings.len();
                    pause = Duration::ZERO;
                }
                Offered::Full => {}
                Offered::Gone => {
                    crowd.counts.add("cut", 1);
                    (*peer, *offset) = (Peer::greeted(&crowd.path)?, 0);
                }
            }
        }
    }
    Ok(())
}

fn judge(figures: &Figures) -> Vec<Claim> {
    let pings = figures.crowd.of("bytes") / 8;
    vec![Claim::new(pings > figures.peers, format!("{pings} pings, {} were cut", figures.crowd.of("cut")))]
}

const PINGS_AT_ONCE: usize = 1024;
const PAUSE: Duration = Duration::from_millis(1);
