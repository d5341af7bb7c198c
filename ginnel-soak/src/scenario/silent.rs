//! Peers that greet and never read, while the server broadcasts until each of them has missed one, and then once a
//! second.

use std::time::Duration;

use anyhow::Result;
use ginnel::ServerOptions;

use super::{MIB, Scenario};
use crate::crowd::Crowd;
use crate::figures::{Claim, Figures};

pub(crate) const SILENT: Scenario = of("silent", 1 << 10);
/// So small that headers and what is known of each message weigh more than the messages.
pub(crate) const SILENT_TINY: Scenario = of("silent-tiny", 10);
/// So large that each is shared by all who wait for it.
pub(crate) const SILENT_LARGE: Scenario = of("silent-large", 60 << 10);

const fn of(name: &'static str, bytes: usize) -> Scenario {
    Scenario {
        processes: 4,
        options: ServerOptions::new,
        broadcast: Some(bytes),
        noise: QUIET,
        most_resident,
        judge,
        ..Scenario::new(name, 10_000, attack)
    }
}

fn attack(crowd: &mut Crowd) -> Result<()> {
    let mut peers = crowd.greeted()?;
    while crowd.goes_on(Duration::from_millis(100))? {}
    // Bytes that nobody reads say nothing about who was cut: writing does.
    for peer in &mut peers {
        if peer.offer(&crate::wire::frame(crate::wire::PING, 0, b""))? == crate::crowd::Offered::Gone {
            crowd.counted("cut");
        }
    }
    Ok(())
}

/// What the server is set to hold for all, a tenth more, and what each costs that holds nothing.
fn most_resident(figures: &Figures) -> u64 {
    figures.connected.resident + TOTAL + TOTAL / 10
}

fn judge(figures: &Figures) -> Vec<Claim> {
    let fill = figures.fill.clone().unwrap_or_default();
    vec![
        Claim::new(
            fill.of("missed") >= figures.peers,
            format!(
                "{} broadcasts in {} ms until {} had no room",
                fill.of("broadcasts"),
                fill.of("ms"),
                fill.of("missed")
            ),
        ),
        Claim::new(figures.crowd.of("cut") == 0, "none of them was cut".to_owned()),
    ]
}

/// Nobody hostile does anything: only the broadcast once a second takes time.
const QUIET: Duration = Duration::from_micros(500);

/// The default of [`ServerOptions::total`].
const TOTAL: u64 = 64 * MIB;
