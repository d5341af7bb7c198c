//! A greedy user beside a modest one: it keeps the door full of peers who do not greet, asks for large answers and
//! takes none, and hoards descriptors in frames that it never finishes.
//!
//! Both are users of their own, which takes root. A user namespace would not do: whoever makes one without being root
//! stays the same user for the kernel outside of it, which is what the server sees and what the kernel counts by.

use std::os::fd::AsFd as _;
use std::time::Duration;

use anyhow::Result;

use super::{FLOOD, MIB, Scenario};
use crate::crowd::{Crowd, MOST_FDS, Offered, Peer, hoard};
use crate::figures::{Claim, Figures};
use crate::wire::{self, MESSAGE};

pub(crate) const GREEDY: Scenario = Scenario {
    noise: FLOOD,
    most_resident,
    fds_of_peer: 1 + MOST_FDS as u64,
    judge,
    users: Some((61_001, 61_002)),
    ..Scenario::new("greedy", 3000, attack)
};

fn attack(crowd: &mut Crowd) -> Result<()> {
    let file = hoard()?;
    let fds = [file.as_fd(); MOST_FDS];
    let mut peers = Vec::new();
    for number in 0..crowd.count {
        peers.push((begin(crowd, number)?, 0));
    }
    let asks: Vec<u8> = (1..=1000).flat_map(|number| wire::question(number, 0, &[b'?'; 4000])).collect();
    let unfinished = wire::header(60_000, MESSAGE, MOST_FDS as u8);
    while crowd.goes_on(PAUSE)? {
        for (number, (peer, asked)) in peers.iter_mut().enumerate() {
            let offered = match number % 30 {
                0 if crowd.random.u8(..10) == 0 => peer.offer_with_fds(&unfinished, &fds)?,
                1 if *asked < asks.len() => peer.offer(&asks[*asked..])?,
                1 => Offered::Full,
                _ if peer.is_open() => Offered::Full,
                _ => Offered::Gone,
            };
            match offered {
                Offered::Took(length) => *asked += length,
                Offered::Full => {}
                Offered::Gone => {
                    crowd.counted("cut");
                    (*peer, *asked) = (begin(crowd, number)?, 0);
                }
            }
        }
    }
    Ok(())
}

fn begin(crowd: &Crowd, number: usize) -> Result<Peer> {
    if number % 30 < 2 { Peer::greeted(&crowd.path) } else { Peer::silent(&crowd.path) }
}

/// As for others, and what the server is set to hold for all.
fn most_resident(figures: &Figures) -> u64 {
    super::a_little(figures) + 64 * MIB
}

fn judge(figures: &Figures) -> Vec<Claim> {
    let cut = figures.crowd.of("cut");
    vec![Claim::new(cut > 0, format!("the greedy user was cut {cut} times, and came back"))]
}

const PAUSE: Duration = Duration::from_millis(5);
