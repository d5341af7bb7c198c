//! Peers that go in the middle of a frame, with answers that they have not read, as fast as they can.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Result;

use super::{FLOOD, Scenario, a_read_of_each};
use crate::crowd::{Crowd, Peer};
use crate::figures::{Claim, Figures};
use crate::wire::{self, MESSAGE};

pub(crate) const RESET: Scenario =
    Scenario { noise: FLOOD, most_resident: a_read_of_each, judge, ..Scenario::new("reset", 200, attack) };

fn attack(crowd: &mut Crowd) -> Result<()> {
    let frame = wire::frame(MESSAGE, 0, &[0; 3000]);
    let questions: Vec<u8> = (1..=5).flat_map(|number| wire::question(number, 0, &[b'?'; 500])).collect();
    let mut peers = VecDeque::new();
    while crowd.goes_on(Duration::ZERO)? {
        let mut peer = Peer::greeted(&crowd.path)?;
        peer.offer(&questions)?;
        peer.offer(&frame[..crowd.random.usize(..frame.len())])?;
        peers.push_back(peer);
        // The oldest goes, which has been answered meanwhile.
        if peers.len() > crowd.count {
            peers.pop_front();
            crowd.counted("resets");
        }
    }
    Ok(())
}

fn judge(figures: &Figures) -> Vec<Claim> {
    let resets = figures.crowd.of("resets");
    vec![Claim::new(resets > figures.peers, format!("{resets} went in the middle of a frame"))]
}
