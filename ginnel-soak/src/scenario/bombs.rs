//! Peers that announce 4 GiB, that send CBOR whose headers announce far more than there is, and that send bodies of
//! zeros up to the limit without an end.

use std::time::Duration;

use anyhow::Result;
use ginnel::ServerOptions;

use super::{FLOOD, MIB, Scenario, connection};
use crate::crowd::{Crowd, Offered, Peer};
use crate::figures::{Claim, Figures};
use crate::wire::{MESSAGE, REQUEST, frame, header};

pub(crate) const BOMBS: Scenario = Scenario {
    options: || ServerOptions::new().connection(connection().largest_message(LARGEST as usize)),
    noise: FLOOD,
    most_resident,
    judge,
    ..Scenario::new("bombs", 200, attack)
};

fn attack(crowd: &mut Crowd) -> Result<()> {
    let bombs = bombs();
    let endless = [&header(LARGEST, MESSAGE, 0)[..], &vec![0; LARGEST as usize]].concat();
    let mut peers = Vec::new();
    for number in 0..crowd.count {
        peers.push((Peer::greeted(&crowd.path)?, number, 0));
    }
    while crowd.goes_on(PAUSE)? {
        for (peer, number, offset) in &mut peers {
            let bytes = if *number % 10 == 0 { &endless } else { &bombs[*number % bombs.len()] };
            match peer.offer(&bytes[*offset..])? {
                Offered::Took(length) => *offset += length,
                Offered::Full => {}
                Offered::Gone => {
                    crowd.counts.add("cut", 1);
                    (*peer, *offset) = (Peer::greeted(&crowd.path)?, 0);
                }
            }
            if *offset == bytes.len() {
                *offset = 0;
                crowd.counts.add("sent", 1);
            }
        }
    }
    Ok(())
}

fn bombs() -> Vec<Vec<u8>> {
    let announced =
        [MESSAGE, REQUEST, 3, 4, 9].map(|kind| [&header(u32::MAX, kind, 0)[..], &[1; 100]].concat());
    let many = [0xff; 8];
    let cbor = [
        // An array, a map, a text and bytes of 2^64 - 1.
        [&[0x9b][..], &many].concat(),
        [&[0xbb][..], &many].concat(),
        [&[0x7b][..], &many].concat(),
        [&[0x5b][..], &many].concat(),
        // Arrays inside each other, tags inside each other, an array of arrays that announce more.
        vec![0x81; 60_000],
        vec![0xc1; 60_000],
        [0x9a, 0, 1, 0, 0].repeat(10_000),
    ];
    announced.into_iter().chain(cbor.map(|body| frame(MESSAGE, 0, &body))).collect()
}

/// Of those without an end each may stand in the middle of a body, whose buffer grows to twice what has come.
fn most_resident(figures: &Figures) -> u64 {
    super::a_read_of_each(figures) + figures.peers.div_ceil(10) * 2 * u64::from(LARGEST)
}

fn judge(figures: &Figures) -> Vec<Claim> {
    let Figures { server, crowd, .. } = figures;
    vec![
        Claim::new(crowd.of("cut") > 0, format!("{} were cut, and came back", crowd.of("cut"))),
        Claim::new(
            server.of("nonsense") > 0 && server.of("values") == 0,
            format!("{} messages were no CBOR, {} were", server.of("nonsense"), server.of("values")),
        ),
    ]
}

/// The server's limit. Each peer may hold as much, so it is for whoever sets it to know how many there may be.
const LARGEST: u32 = MIB as u32;
const PAUSE: Duration = Duration::from_millis(1);
