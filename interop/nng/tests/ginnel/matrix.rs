//! Every end, over every way.

use anyhow::{Context, Result};
use ginnel_interop_nng::exchange::Plan;
use ginnel_interop_nng::protocol::{Protocol, Side};

use super::page;
use super::ways::{Open, Way, exchange};
use super::{alone, awaited};

#[test]
fn ginnel_and_nng_exchange_ten_thousand_messages_over_every_way_at_either_end() -> Result<()> {
    page::holds("blocking", &table(alone::open)?)
}

#[test]
fn ginnel_for_tokio_does_so_too() -> Result<()> {
    page::holds("tokio", &table(awaited::open)?)
}

#[test]
fn messages_around_the_sizes_of_buffers_arrive_whole() -> Result<()> {
    let sizes = [8, 4_095, 4_096, 8_183, 8_184, 8_185, 61_431, 61_440, 65_527, 65_536, 65_537, 212_992];
    for size in sizes {
        for protocol in [Protocol::Push, Protocol::Pull, Protocol::Req, Protocol::Rep] {
            let plan = Plan { protocol, side: Side::Lead, count: 10, size };
            for way in [Way::Pair, Way::IpcDial] {
                exchange(alone::open, &plan, way)
                    .with_context(|| format!("{}, {size} bytes, {way}", name(&plan)))?;
            }
        }
    }
    Ok(())
}

#[test]
fn messages_of_a_megabyte_arrive_whole() -> Result<()> {
    let meetings: [(Open, Way); 3] =
        [(alone::open, Way::Pair), (awaited::open, Way::IpcListen), (alone::open, Way::TcpDial)];
    for (protocol, side) in ends() {
        let plan = Plan { protocol, side, count: 3, size: 1 << 20 };
        for (open, way) in meetings {
            exchange(open, &plan, way).with_context(|| format!("{}, {way}", name(&plan)))?;
        }
    }
    Ok(())
}

/// Fails at the first exchange that does, so what is in the table has happened.
fn table(open: Open) -> Result<String> {
    let ways = Way::ALL.map(|way| format!(" {way} |")).concat();
    let mut table = format!("| Ginnel | nng |{ways}\n|---|---|{}\n", "---|".repeat(Way::ALL.len()));
    for (protocol, side) in ends() {
        let plan = Plan { protocol, side, count: COUNT, size: 64 };
        table += &format!("| {} | {} |", name(&plan), name(&plan.across()));
        for way in Way::ALL {
            exchange(open, &plan, way).with_context(|| format!("{}, {way}", name(&plan)))?;
            table += &format!(" {COUNT} |");
        }
        table.push('\n');
    }
    Ok(table)
}

/// Those that talk to their like can be either.
fn ends() -> impl Iterator<Item = (Protocol, Side)> {
    Protocol::ALL.into_iter().flat_map(|protocol| {
        let sides = [Side::Lead, Side::Follow];
        sides
            .into_iter()
            .filter(move |side| protocol.side().is_none_or(|only| only == *side))
            .map(move |side| (protocol, side))
    })
}

fn name(plan: &Plan) -> String {
    let name = plan.protocol.name();
    match (plan.protocol.side(), plan.side) {
        (Some(_), _) => name.to_owned(),
        (None, Side::Lead) => format!("{name}, begins"),
        (None, Side::Follow) => format!("{name}, answers"),
    }
}

const COUNT: u64 = 10_000;
