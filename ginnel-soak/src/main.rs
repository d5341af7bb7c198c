//! Hostile peers in processes of their own: what they cost the server, and what they cost the others.
//!
//! Each scenario starts this program again as a server, as well-behaved clients and as hostile peers, counts memory,
//! descriptors and the time of calls before, during and after, and fails when a bound is broken.

mod clients;
mod counts;
mod crowd;
mod fds;
mod figures;
mod orders;
mod pipes;
mod process;
mod scenario;
mod server;
mod stage;
mod system;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand};

use crate::crowd::Crowd;
use crate::orders::Orders;
use crate::scenario::{SCENARIOS, Scenario};
use crate::stage::Size;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, Parser)]
#[command(
    about = "Attacks a server with hostile peers, and checks what that costs",
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    /// Which to play, all unless told otherwise; `--list` names them
    scenarios: Vec<String>,
    /// How many hostile peers there are
    #[arg(long)]
    peers: Option<usize>,
    /// How many descriptors are passed by `fds`
    #[arg(long)]
    descriptors: Option<u64>,
    /// A twentieth of everything
    #[arg(long)]
    quick: bool,
    /// Name the scenarios
    #[arg(long)]
    list: bool,
}

/// What this program is when it has started itself.
#[derive(Debug, Subcommand)]
enum Role {
    #[command(hide = true, subcommand)]
    Role(Part),
}

#[derive(Debug, Subcommand)]
enum Part {
    /// The server under attack
    Server(Place),
    /// The well-behaved
    Clients(Place),
    /// The hostile
    Crowd(Place),
    /// Receives descriptors
    Receiver(Place),
    /// Sends descriptors
    Sender(Place),
}

#[derive(Debug, Args)]
struct Place {
    #[arg(long)]
    socket: PathBuf,
    #[arg(long, default_value = "")]
    scenario: String,
    #[arg(long, default_value_t = WELL_BEHAVED)]
    count: u64,
    #[arg(long)]
    user: Option<u32>,
}

fn run(cli: Cli) -> Result<bool> {
    if let Some(Role::Role(part)) = cli.role {
        return take(part).map(|()| true);
    }
    let all = SCENARIOS.iter().map(|scenario| scenario.name).chain([fds::NAME, pipes::NAME]);
    if cli.list {
        all.for_each(|name| println!("{name}"));
        return Ok(true);
    }
    let chosen: Vec<_> =
        if cli.scenarios.is_empty() { all.map(str::to_owned).collect() } else { cli.scenarios };
    let size = Size { peers: cli.peers, quick: cli.quick };
    let mut broken = Vec::new();
    for name in chosen {
        let holds = if name == fds::NAME {
            let usual = if cli.quick { fds::QUICK } else { fds::FULL };
            fds::play(cli.descriptors.unwrap_or(usual))
        } else if name == pipes::NAME {
            pipes::play()
        } else {
            let scenario =
                Scenario::named(&name).with_context(|| format!("no scenario {name:?}; see --list"))?;
            stage::play(scenario, size)
        };
        match holds {
            Ok(true) => {}
            Ok(false) => broken.push(name),
            Err(error) => {
                println!("  BROKEN {name}: {error:#}");
                broken.push(name);
            }
        }
    }
    if !broken.is_empty() {
        println!("a bound is broken: {}", broken.join(", "));
    }
    Ok(broken.is_empty())
}

fn take(part: Part) -> Result<()> {
    let (Part::Server(place)
    | Part::Clients(place)
    | Part::Crowd(place)
    | Part::Receiver(place)
    | Part::Sender(place)) = &part;
    system::raise_descriptor_limit()?;
    // The kernel forgets whom a process is bound to when it becomes another user, so that comes first.
    if let Some(user) = place.user {
        system::become_user(user)?;
    }
    let orders = Orders::begin()?;
    let named = || Scenario::named(&place.scenario).context("no such scenario");
    match &part {
        Part::Server(place) => server::run(&place.socket, &(named()?.options)(), orders),
        Part::Clients(place) => clients::run(&place.socket, place.count, &orders),
        Part::Crowd(place) => {
            let Ok(count) = usize::try_from(place.count) else { bail!("too many peers") };
            let mut crowd = Crowd::new(place.socket.clone(), count, orders);
            (named()?.attack)(&mut crowd)?;
            crowd.end()
        }
        Part::Receiver(place) => fds::receive(&place.socket, &orders),
        Part::Sender(place) => fds::send(&place.socket, place.count, &orders),
    }
}

/// Clients that do nothing wrong.
const WELL_BEHAVED: u64 = 20;
