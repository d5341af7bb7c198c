//! What one process of a herd does: it takes part, and tells.

#![expect(unsafe_code, reason = "a child that keeps every descriptor is forked")]

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use ginnel::{Error, Peer, PeerEvent, PeerOptions, Role, SeqPacket};

use crate::report::{Order, Report, Told};

/// How a member takes part.
#[derive(Clone, Debug, Args)]
pub(crate) struct Part {
    /// Where all meet
    #[arg(long)]
    pub(crate) path: PathBuf,
    /// Its number, which is its name
    #[arg(long)]
    pub(crate) number: usize,
    /// Nobody keeps a duplicate of the listening socket
    #[arg(long)]
    pub(crate) no_standby: bool,
    /// It says nothing of what it does not know
    #[arg(long)]
    pub(crate) quiet: bool,
    /// A thread of its own drives it
    #[arg(long)]
    pub(crate) driven: bool,
}

/// Takes part until it is killed, or told to leave.
pub(crate) fn run(part: &Part) -> Result<()> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let line = Arc::new(SeqPacket::adopt(stdin).map_err(io::Error::from)?);
    let mut peer = join(part, &line)?;
    let orders = Arc::clone(&line);
    if part.driven {
        let (peer, driver) = peer.shared();
        let leaver = peer.clone();
        thread::spawn(|| driver.run());
        thread::spawn(move || obey(&orders, || Ok(leaver.dispose(PATIENCE)?)));
        return attend(part, &line, || peer.next());
    }
    thread::spawn(move || obey(&orders, || bail!("only one that is driven can be told to leave")));
    attend(part, &line, || peer.next())
}

fn join(part: &Part, line: &SeqPacket) -> Result<Peer> {
    let options = PeerOptions::new().name(&part.number.to_string())?.standby(!part.no_standby);
    let options = options.pauses(Duration::from_millis(5), Duration::from_millis(100));
    loop {
        match Peer::join_with(&part.path, &options) {
            Ok(peer) => return Ok(peer),
            // Somebody may have taken the directory away for a moment.
            Err(why) => tell(line, Told::Trouble(why.to_string()))?,
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Tells what becomes of it.
fn attend(part: &Part, line: &SeqPacket, mut next: impl FnMut() -> Result<PeerEvent, Error>) -> Result<()> {
    let mut role = Role::Negotiating;
    loop {
        match next()? {
            PeerEvent::Role(new) => {
                role = new;
                match role {
                    Role::Listener => tell(line, Told::Leads)?,
                    Role::Negotiating if !part.quiet => tell(line, Told::Seeks)?,
                    // Whom it follows is told by name.
                    Role::Negotiating | Role::Connector => {}
                }
            }
            PeerEvent::Joined(neighbour) if role == Role::Connector => {
                tell(line, Told::Follows(neighbour.name().parse()?))?;
            }
            PeerEvent::Trouble(why) => tell(line, Told::Trouble(why.to_string()))?,
            _ => {}
        }
    }
}

fn tell(line: &SeqPacket, what: Told) -> Result<()> {
    Ok(line.send(Report::now(what).encode().as_bytes())?)
}

/// Does what it is told, until whoever has started it is gone.
fn obey(line: &SeqPacket, leave: impl Fn() -> Result<()>) {
    let done = (|| {
        while let Some(packet) = line.recv()? {
            match Order::decode(&packet.body) {
                Some(Order::Fork) => tell(line, Told::Child(fork()?))?,
                Some(Order::Leave) => {
                    leave()?;
                    tell(line, Told::Left)?;
                    process::exit(0);
                }
                None => bail!("an order that nobody knows"),
            }
        }
        Ok(())
    })();
    if let Err(error) = done {
        eprintln!("a member fails: {error:#}");
        process::exit(1);
    }
    process::exit(0);
}

/// Forks a child that keeps every descriptor, and does nothing else. fork(2)
fn fork() -> Result<i32> {
    // SAFETY: the child makes one system call after the other that is async-signal-safe, and nothing else.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error().into()),
        0 => loop {
            // SAFETY: pause takes nothing, and waits for a signal.
            unsafe { libc::pause() };
        },
        child => Ok(child),
    }
}

/// How long taking leave may take.
const PATIENCE: Duration = Duration::from_secs(2);
