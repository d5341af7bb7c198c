//! Peers that send almost all of a message as large as is allowed, each, and never its end.

use std::time::Duration;

use anyhow::Result;

use super::{FLOOD, MIB, PATIENT, Scenario};
use crate::crowd::{Crowd, Offered, Peer};
use crate::figures::{Claim, Figures};
use crate::wire::{MESSAGE, header};

pub(crate) const PARTS: Scenario =
    Scenario { noise: FLOOD, shortest: PATIENT, most_resident, judge, ..Scenario::new("parts", 200, attack) };

fn attack(crowd: &mut Crowd) -> Result<()> {
    let almost = [&header(LARGEST, MESSAGE, 0)[..], &vec![0; LARGEST as usize - 1]].concat();
    let mut peers = Vec::new();
    for _ in 0..crowd.count {
        peers.push((Peer::greeted(&crowd.path)?, 0));
    }
    while crowd.goes_on(PAUSE)? {
        for (peer, offset) in &mut peers {
            match peer.offer(&almost[*offset..])? {
                Offered::Took(length) => *offset += length,
                Offered::Full => {}
                Offered::Gone => {
                    crowd.counts.add("cut", 1);
                    (*peer, *offset) = (Peer::greeted(&crowd.path)?, 0);
                }
            }
        }
    }
    let sent: usize = peers.iter().map(|(_, offset)| offset).sum();
    crowd.counts.add("sent-mib", sent as u64 / MIB);
    Ok(())
}

/// The server's total, one message beside it, and for each a read or two; its buffer grows to twice what has come.
fn most_resident(figures: &Figures) -> u64 {
    super::a_read_of_each(figures) + TOTAL + 2 * u64::from(LARGEST) + figures.peers * READS
}

fn judge(figures: &Figures) -> Vec<Claim> {
    let cut = figures.crowd.of("cut");
    vec![Claim::new(cut > 0, format!("{cut} were cut because they did not go on, and came back"))]
}

/// What a server takes unless told otherwise.
const LARGEST: u32 = 16 << 20;
/// What it holds of such messages.
const TOTAL: u64 = 64 * MIB;
/// What one turn reads of each.
const READS: u64 = 240 << 10;
const PAUSE: Duration = Duration::from_millis(1);
