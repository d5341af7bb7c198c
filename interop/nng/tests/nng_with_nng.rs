//! Both ends are nng, each in a process of its own: that the exchanges are right, and that they notice what is wrong.

use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ginnel_interop_nng::exchange::{Pace, Plan};
use ginnel_interop_nng::process::{Process, Reach};
use ginnel_interop_nng::protocol::{Protocol, Side};
use tempfile::TempDir;

#[test]
fn every_protocol_talks_over_a_socketpair() -> Result<()> {
    for [lead, follow] in talks(500, 64) {
        let (ours, theirs) = UnixStream::pair()?;
        let lead = start(&lead, Reach::Descriptor(ours.into()))?;
        let follow = start(&follow, Reach::Descriptor(theirs.into()))?;
        both_finish(lead, follow)?;
    }
    Ok(())
}

#[test]
fn every_protocol_talks_over_a_path_whoever_listens() -> Result<()> {
    let dir = TempDir::new()?;
    for [lead, follow] in talks(500, 64) {
        let url = format!("ipc://{}", dir.path().join(lead.protocol.name()).display());
        talk_at(&url, &lead, &follow)?;
    }
    Ok(())
}

#[test]
fn every_protocol_talks_over_a_port_whoever_listens() -> Result<()> {
    for [lead, follow] in talks(500, 64) {
        talk_at("tcp://127.0.0.1:0", &lead, &follow)?;
    }
    Ok(())
}

#[test]
fn messages_of_a_megabyte_arrive_whole() -> Result<()> {
    for [lead, follow] in talks(3, 1 << 20) {
        let (ours, theirs) = UnixStream::pair()?;
        let lead = start(&lead, Reach::Descriptor(ours.into()))?;
        let follow = start(&follow, Reach::Descriptor(theirs.into()))?;
        both_finish(lead, follow)?;
    }
    Ok(())
}

#[test]
fn a_message_that_is_not_the_expected_one_fails_the_exchange() -> Result<()> {
    let plan = |protocol, size| Plan { protocol, side: Side::Lead, count: 1, size };
    let (ours, theirs) = UnixStream::pair()?;
    let _push = start(&plan(Protocol::Push, 64), Reach::Descriptor(ours.into()))?;
    let pull = start(&plan(Protocol::Pull, 65), Reach::Descriptor(theirs.into()))?;
    let error = pull.finish().expect_err("a message of another length");
    ensure!(error.to_string().contains("message 0: 65 bytes expected, 64 came"), "{error}");
    Ok(())
}

/// The two ends of each talk.
fn talks(count: u64, size: usize) -> impl Iterator<Item = [Plan; 2]> {
    let leads = Protocol::ALL.into_iter().filter(|protocol| protocol.side() != Some(Side::Follow));
    leads.map(move |protocol| {
        let lead = Plan { protocol, side: Side::Lead, count, size };
        [lead, lead.across()]
    })
}

fn talk_at(url: &str, lead: &Plan, follow: &Plan) -> Result<()> {
    let listening = start(lead, Reach::Listen(url))?;
    let dialing = start(follow, Reach::Dial(&listening.listens()?))?;
    both_finish(listening, dialing)?;

    let listening = start(follow, Reach::Listen(url))?;
    let dialing = start(lead, Reach::Dial(&listening.listens()?))?;
    both_finish(dialing, listening)
}

fn start(plan: &Plan, reach: Reach<'_>) -> Result<Process> {
    Process::start(Path::new(env!("CARGO_BIN_EXE_nng-peer")), plan, reach)
}

fn both_finish(mut lead: Process, follow: Process) -> Result<()> {
    // Only a subscriber tells, and only a publisher listens, who may have ended with the last step.
    while follow.has_told() && lead.tell().is_ok() {}
    follow.finish().context("the follower")?;
    lead.finish().context("the leader")?;
    Ok(())
}
