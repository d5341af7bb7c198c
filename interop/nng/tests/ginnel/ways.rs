//! How an end of Ginnel and a process with nng meet.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result};
use ginnel_interop_nng::content::PREFIX;
use ginnel_interop_nng::exchange::{End, Plan};
use ginnel_interop_nng::process::{Process, Reach};
use ginnel_interop_nng::protocol::Protocol;
use tempfile::TempDir;

/// An end of Ginnel, of whichever driver.
pub(crate) trait Meets: End {
    /// Where it listens, if that is a port.
    fn listen(&mut self, url: &str) -> Result<Option<SocketAddr>>;

    /// Connects.
    fn dial(&mut self, url: &str) -> Result<()>;

    /// Takes in a connected stream socket.
    fn adopt(&mut self, stream: OwnedFd) -> Result<()>;
}

/// Makes a socket of one of the drivers; a subscriber wants what begins so.
pub(crate) type Open = fn(Protocol, &'static [u8]) -> Result<Box<dyn Meets>>;

/// Over what they meet, and who comes to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Pair,
    IpcListen,
    IpcDial,
    TcpListen,
    TcpDial,
}

impl Way {
    pub(crate) const ALL: [Self; 5] =
        [Self::Pair, Self::IpcListen, Self::IpcDial, Self::TcpListen, Self::TcpDial];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pair => "`socket://`",
            Self::IpcListen => "`ipc://`, Ginnel listens",
            Self::IpcDial => "`ipc://`, nng listens",
            Self::TcpListen => "`tcp://`, Ginnel listens",
            Self::TcpDial => "`tcp://`, nng listens",
        })
    }
}

/// Does the whole exchange: Ginnel's part here, nng's in a process of its own.
pub(crate) fn exchange(open: Open, ours: &Plan, way: Way) -> Result<()> {
    let mut end = open(ours.protocol, &PREFIX)?;
    let dir = TempDir::new()?;
    let mut process = meet(end.as_mut(), &ours.across(), way, &dir)?;
    let outcome = ours.run(end.as_mut(), &mut process);
    // nng may wait for us to leave.
    drop(end);
    let report = process.finish();
    match (outcome, report) {
        (Ok(_), report) => report.map(drop).context("nng's side"),
        (Err(error), Ok(_)) => Err(error.context("Ginnel's side, though nng's went well")),
        (Err(error), Err(theirs)) => Err(error.context(format!("Ginnel's side (nng's: {theirs:#})"))),
    }
}

fn meet(end: &mut dyn Meets, theirs: &Plan, way: Way, dir: &TempDir) -> Result<Process> {
    let ipc = format!("ipc://{}", dir.path().join("s").display());
    let tcp = "tcp://127.0.0.1:0";
    match way {
        Way::Pair => {
            let (near, far) = UnixStream::pair()?;
            end.adopt(near.into())?;
            start(theirs, Reach::Descriptor(far.into()))
        }
        Way::IpcListen => {
            end.listen(&ipc)?;
            start(theirs, Reach::Dial(&ipc))
        }
        Way::TcpListen => {
            let address = end.listen(tcp)?.context("the port")?;
            start(theirs, Reach::Dial(&format!("tcp://{address}")))
        }
        Way::IpcDial | Way::TcpDial => {
            let url = if matches!(way, Way::IpcDial) { &ipc } else { tcp };
            let process = start(theirs, Reach::Listen(url))?;
            end.dial(&process.listens()?)?;
            Ok(process)
        }
    }
}

fn start(plan: &Plan, reach: Reach<'_>) -> Result<Process> {
    Process::start(Path::new(env!("CARGO_BIN_EXE_nng-peer")), plan, reach)
}
