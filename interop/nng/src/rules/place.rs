//! Where the peers of a victim come in.

use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::Transport;

/// An address that a victim listens at, for one transport.
#[derive(Debug)]
pub enum Place {
    /// Nowhere: streams are handed in.
    Socket,
    /// A path in a directory of its own.
    Ipc(TempDir),
    /// A port that the system chose.
    Tcp(u16),
}

impl Place {
    /// Has the victim listen; over TCP `listen` answers with the port.
    pub fn open(transport: Transport, listen: impl FnOnce(&str) -> Result<Option<u16>>) -> Result<Self> {
        Ok(match transport {
            Transport::Socket => {
                listen("socket://")?;
                Self::Socket
            }
            Transport::Ipc => {
                let dir = TempDir::new().context("making a directory")?;
                listen(&format!("ipc://{}", path(&dir).display()))?;
                Self::Ipc(dir)
            }
            Transport::Tcp => Self::Tcp(listen("tcp://127.0.0.1:0")?.context("it has no port")?),
        })
    }

    /// One more peer; the other end of a pair is handed in.
    pub fn connect(&self, hand_in: impl FnOnce(OwnedFd) -> Result<()>) -> Result<OwnedFd> {
        match self {
            Self::Socket => {
                let (ours, theirs) = UnixStream::pair()?;
                hand_in(theirs.into())?;
                Ok(ours.into())
            }
            Self::Ipc(dir) => Ok(UnixStream::connect(path(dir))?.into()),
            Self::Tcp(port) => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port))?;
                // Bytes that are sent one by one should also arrive so.
                stream.set_nodelay(true)?;
                Ok(stream.into())
            }
        }
    }
}

fn path(dir: &TempDir) -> PathBuf {
    dir.path().join("victim")
}
