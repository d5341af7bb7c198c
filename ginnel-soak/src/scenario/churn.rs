//! Peers that come and go as fast as they can: one of two greets, one of four says something.

use std::time::Duration;

use anyhow::Result;

use super::{FLOOD, Scenario};
use crate::crowd::{Crowd, Peer};
use crate::figures::{Claim, Figures};
use crate::wire::{self, REQUEST};

pub(crate) const CHURN: Scenario = Scenario { noise: FLOOD, judge, ..Scenario::new("churn", 1, attack) };

fn attack(crowd: &mut Crowd) -> Result<()> {
    let mut number = 0u64;
    while crowd.goes_on(Duration::ZERO)? {
        number += 1;
        match number % 4 {
            0 => drop(Peer::greeted(&crowd.path)?.offer(&wire::frame(REQUEST, 0, &number.to_le_bytes()))?),
            2 => drop(Peer::greeted(&crowd.path)?),
            _ => drop(Peer::silent(&crowd.path)?),
        }
        crowd.counted("came");
    }
    Ok(())
}

fn judge(figures: &Figures) -> Vec<Claim> {
    let came = figures.crowd.of("came");
    vec![Claim::new(came > 1000, format!("{came} came and went"))]
}
