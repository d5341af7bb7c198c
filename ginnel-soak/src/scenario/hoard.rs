//! Peers that make the server hold descriptors: in frames that they never finish, in questions whose answers they do
//! not take, in messages one after another.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

use anyhow::Result;

use super::{FLOOD, PATIENT, Scenario};
use crate::crowd::{Crowd, MOST_FDS, Offered, Peer, hoard};
use crate::figures::{Claim, Figures};
use crate::wire::{self, MESSAGE};

pub(crate) const HOARD: Scenario = Scenario {
    noise: FLOOD,
    shortest: PATIENT,
    // The connection, what it has sent, and what of the answers waits; most peers hold only the first two.
    fds_of_peer: 1 + MOST_FDS as u64 + ANSWERS / 3,
    judge,
    ..Scenario::new("hoard", 60, attack)
};

fn attack(crowd: &mut Crowd) -> Result<()> {
    let file = hoard()?;
    let fds = [file.as_fd(); MOST_FDS];
    let mut peers = Vec::new();
    for number in 0..crowd.count {
        peers.push(begin(crowd, number, &fds)?);
    }
    let mut question = 0;
    while crowd.goes_on(PAUSE)? {
        for (number, peer) in peers.iter_mut().enumerate() {
            question += 1;
            let offered = match number % 3 {
                0 => peer.offer(&[0])?,
                1 => peer.offer_with_fds(&wire::question(question, MOST_FDS as u8, b"?"), &fds)?,
                _ => peer.offer_with_fds(&wire::frame(MESSAGE, MOST_FDS as u8, b"\0"), &fds)?,
            };
            match offered {
                Offered::Took(_) if number % 3 != 0 => crowd.counts.add("passed", MOST_FDS as u64),
                Offered::Gone => {
                    crowd.counted("cut");
                    *peer = begin(crowd, number, &fds)?;
                }
                Offered::Took(_) | Offered::Full => {}
            }
        }
    }
    Ok(())
}

fn begin(crowd: &mut Crowd, number: usize, fds: &[BorrowedFd<'_>]) -> Result<Peer> {
    let mut peer = Peer::greeted(&crowd.path)?;
    if number.is_multiple_of(3) {
        peer.offer_with_fds(&wire::header(60_000, MESSAGE, MOST_FDS as u8), fds)?;
        crowd.counts.add("passed", MOST_FDS as u64);
    }
    Ok(peer)
}

fn judge(figures: &Figures) -> Vec<Claim> {
    let passed = figures.crowd.of("passed");
    let cut = figures.crowd.of("cut");
    vec![
        Claim::new(passed >= 16 * figures.peers, format!("{passed} descriptors were passed")),
        Claim::new(cut > 0, format!("{cut} were cut, and came back")),
    ]
}

/// Four times what the queue takes, as `ServerOptions::answers` tells, and one message more.
const ANSWERS: u64 = 4 * 64 + 16;
const PAUSE: Duration = Duration::from_millis(5);
