//! nng at an end of an exchange, and nng as the victim of the rules.

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::exchange::End;
use crate::nng::{Listener, Socket};
use crate::protocol::Protocol;
use crate::rules::{Rule, Transport, Victim};

impl End for Socket {
    fn send(&mut self, body: &[u8]) -> Result<()> {
        Ok(Self::send(self, body)?)
    }

    fn recv(&mut self) -> Result<Vec<u8>> {
        Ok(Self::recv(self)?)
    }

    fn met(&mut self) -> Result<()> {
        Ok(self.wait_for_pipes(1)?)
    }

    fn left(&mut self) -> Result<()> {
        Ok(self.wait_for_the_end()?)
    }
}

/// A socket of nng that listens.
#[derive(Debug)]
pub struct NngVictim {
    socket: Socket,
    place: Place,
}

/// Where its peers come in.
#[derive(Debug)]
enum Place {
    Socket(Listener),
    Ipc(TempDir),
    Tcp(u16),
}

impl NngVictim {
    /// Set up as the rule says.
    pub fn new(rule: &Rule, transport: Transport) -> Result<Self> {
        Self::with_patience(rule, transport, PATIENCE)
    }

    /// The same, for whoever expects that it waits in vain.
    pub fn with_patience(rule: &Rule, transport: Transport, patience: Duration) -> Result<Self> {
        let socket = Socket::open(rule.victim, patience)?;
        if let Some(bytes) = rule.setup.recv_max {
            socket.set_recv_max(bytes)?;
        }
        if let Some(hops) = rule.setup.ttl {
            socket.set_ttl(hops)?;
        }
        if rule.victim == Protocol::Sub {
            socket.subscribe(rule.setup.prefix)?;
        }
        let place = match transport {
            Transport::Socket => Place::Socket(socket.listen("socket://")?),
            Transport::Ipc => {
                let dir = TempDir::new().context("making a directory")?;
                socket.listen(&format!("ipc://{}", path(&dir).display()))?;
                Place::Ipc(dir)
            }
            Transport::Tcp => Place::Tcp(socket.listen("tcp://127.0.0.1:0")?.port()?),
        };
        Ok(Self { socket, place })
    }

    fn stream(&self) -> io::Result<OwnedFd> {
        match &self.place {
            Place::Socket(listener) => {
                let (ours, theirs) = UnixStream::pair()?;
                listener.adopt(theirs.into()).map_err(io::Error::other)?;
                Ok(ours.into())
            }
            Place::Ipc(dir) => Ok(UnixStream::connect(path(dir))?.into()),
            Place::Tcp(port) => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port))?;
                // Bytes that are sent one by one should also arrive so.
                stream.set_nodelay(true)?;
                Ok(stream.into())
            }
        }
    }
}

impl Victim for NngVictim {
    fn connect(&mut self) -> Result<OwnedFd> {
        self.stream().context("connecting to the victim")
    }

    fn attached(&mut self, total: u64) -> Result<()> {
        Ok(self.socket.wait_for_pipes(total)?)
    }

    fn send(&mut self, body: &[u8]) -> Result<()> {
        Ok(self.socket.send(body)?)
    }

    fn recv(&mut self) -> Result<Vec<u8>> {
        Ok(self.socket.recv()?)
    }

    fn reply(&mut self, body: &[u8]) -> Result<()> {
        Ok(self.socket.send(body)?)
    }
}

fn path(dir: &TempDir) -> PathBuf {
    dir.path().join("victim")
}

/// How long a wait may last that should end at once.
const PATIENCE: Duration = Duration::from_secs(10);
