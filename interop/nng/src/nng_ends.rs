//! nng at an end of an exchange, and nng as the victim of the rules.

use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::exchange::End;
use crate::nng::{Listener, Socket};
use crate::protocol::Protocol;
use crate::rules::{Place, Rule, Transport, Victim};

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
    listener: Listener,
    place: Place,
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
        let mut opened = None;
        let place = Place::open(transport, |url| {
            let listener = opened.insert(socket.listen(url)?);
            Ok(listener.port().ok())
        })?;
        Ok(Self { socket, listener: opened.context("nobody listens")?, place })
    }
}

impl Victim for NngVictim {
    fn connect(&mut self) -> Result<OwnedFd> {
        let connected = self.place.connect(|stream| Ok(self.listener.adopt(stream)?));
        connected.context("connecting to the victim")
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

/// How long a wait may last that should end at once.
const PATIENCE: Duration = Duration::from_secs(10);
