//! `nng-peer`: an end of nng in a process of its own, for tests of those who say that they talk to it.

use std::io::{self, BufRead, Write};
use std::os::fd::RawFd;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};
use ginnel_interop_nng::content::PREFIX;
use ginnel_interop_nng::exchange::{Pace, Plan, STEP_LINE, checked};
use ginnel_interop_nng::nng::Socket;
use ginnel_interop_nng::nng_ends::NngVictim;
use ginnel_interop_nng::protocol::{Protocol, Side};
use ginnel_interop_nng::rules::{Transport, judge_all};

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nng-peer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Some(Command::Rules { over }) => rules(over),
        None => talk(&cli.talk),
    }
}

/// The real nng at one end: exchanges numbered messages, checks each, and says in one line how it went.
///
/// A sub writes a line after every few messages and a pub waits for one, so that nothing is lost to a full queue:
/// `nng-peer sub … | nng-peer pub …`.
#[derive(Debug, Parser)]
#[command(name = "nng-peer", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    talk: Talk,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Does to nng whatever a peer may do wrong, and says for each whether it did as the table says
    Rules {
        /// Over this transport alone
        #[arg(long)]
        over: Option<Transport>,
    },
}

#[derive(Debug, Args)]
struct Talk {
    /// Which end to be
    role: Option<Protocol>,
    /// Listens there; a port of 0 is any, and the first line says which
    #[arg(long, value_name = "URL")]
    listen: Vec<String>,
    /// Connects there
    #[arg(long, value_name = "URL")]
    dial: Vec<String>,
    /// Talks over this inherited descriptor, a connected stream socket
    #[arg(long, value_name = "N")]
    fd: Vec<RawFd>,
    /// Which side of two alike
    #[arg(long, default_value = "lead")]
    side: Side,
    /// How many messages
    #[arg(long, value_name = "N", default_value_t = 1000)]
    count: u64,
    /// How many bytes each
    #[arg(long, value_name = "N", default_value_t = 64)]
    size: usize,
    /// How long each wait may last
    #[arg(long, value_name = "N", default_value_t = 20)]
    seconds: u64,
}

fn talk(args: &Talk) -> Result<()> {
    let protocol = args.role.context("which end? try --help")?;
    ensure!(
        !(args.listen.is_empty() && args.dial.is_empty() && args.fd.is_empty()),
        "nobody to talk to: --listen, --dial or --fd"
    );
    let plan = checked(Plan { protocol, side: args.side, count: args.count, size: args.size })?;
    let mut socket = Socket::open(protocol, Duration::from_secs(args.seconds))?;
    if protocol == Protocol::Sub {
        socket.subscribe(&PREFIX)?;
    }
    open_places(&socket, args)?;
    tell(&plan.run(&mut socket, &mut Lines)?.to_string())
}

fn open_places(socket: &Socket, args: &Talk) -> Result<()> {
    for url in &args.listen {
        let listener = socket.listen(url).with_context(|| format!("listening at {url}"))?;
        match url.strip_suffix(":0") {
            Some(rest) => tell(&format!("listening {rest}:{}", listener.port()?))?,
            None => tell(&format!("listening {url}"))?,
        }
    }
    for url in &args.dial {
        socket.dial(url).with_context(|| format!("dialing {url}"))?;
    }
    if !args.fd.is_empty() {
        let listener = socket.listen("socket://")?;
        for (fd, total) in args.fd.iter().zip(1..) {
            listener.adopt_inherited(*fd).with_context(|| format!("taking descriptor {fd}"))?;
            socket
                .wait_for_pipes(total)
                .with_context(|| format!("waiting for the peer at descriptor {fd}"))?;
        }
    }
    Ok(())
}

/// For whoever reads standard output, line by line.
fn tell(line: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("writing to standard output")
}

/// A subscriber says on standard output that it keeps up, and a publisher hears it on standard input.
struct Lines;

impl Pace for Lines {
    fn tell(&mut self) -> Result<()> {
        tell(STEP_LINE)
    }

    fn hear(&mut self) -> Result<()> {
        for line in io::stdin().lock().lines() {
            if line.context("reading standard input")? == STEP_LINE {
                return Ok(());
            }
        }
        bail!("the subscriber says no more")
    }
}

fn rules(over: Option<Transport>) -> Result<()> {
    let transports = over.map_or(Transport::ALL.to_vec(), |only| vec![only]);
    let mut out = io::stdout().lock();
    let mut judged = 0;
    let wrong = judge_all(
        &mut |rule, transport| Ok(Box::new(NngVictim::new(rule, transport)?)),
        &transports,
        &mut |verdict| {
            judged += 1;
            writeln!(out, "{verdict}")
        },
    )?;
    writeln!(out, "{judged} judged, {wrong} wrong")?;
    ensure!(wrong == 0, "{wrong} of {judged} did not come out as the table says");
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
