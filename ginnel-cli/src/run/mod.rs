//! Carries out a plan: one command per file.

mod answer;
mod call;
mod connect;
mod connection;
#[cfg(windows)]
mod conversation;
mod datagrams;
mod demo;
mod descriptors;
mod door;
mod ending;
mod files;
mod input;
mod lend;
mod listen;
mod modes;
mod peer;
mod recv;
mod send;
#[cfg(unix)]
mod sending;
#[cfg(unix)]
mod session;
mod shell;
mod sp;
mod talk;
mod who;

use anyhow::Result;

use crate::events::Events;
use crate::exit::Exit;
use crate::plan::Plan;

pub(crate) fn run(plan: Plan, events: Events) -> Result<Exit> {
    match plan {
        Plan::Listen(plan) => listen::run(plan, events),
        Plan::Connect(plan) => connect::run(plan, events),
        Plan::Send(plan) => send::run(plan, events),
        Plan::Recv(plan) => recv::run(plan, events),
        Plan::Call(plan) => call::run(plan, events),
        Plan::Who(plan) => who::run(&plan, events),
        Plan::Peer(plan) => peer::run(plan, events),
        Plan::Sp(plan) => sp::run(plan, events),
        Plan::Demo => demo::run(events),
        Plan::DemoPart { role, address } => demo::part(&role, &address),
    }
}
