//! One process of a scenario: it waits for orders and runs rounds.

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use crate::exchange::broadcast;
use crate::exchange::{
    Calls, Exchange, Fds, Messages, OneWay, PUBLISHED, Packets, Pipeline, RoundTrips, Sends, WINDOW,
};
use crate::idle;
use crate::{
    BroadcastLink, ByteStream, CallLink, Control, Endpoint, FdLink, IdleHost, Latencies, Measured,
    MessageLink, PacketLink, Reply, Scenario, Shape,
};

/// One process of a scenario, before it opened anything.
#[derive(Debug)]
#[non_exhaustive]
pub struct Part {
    /// What to run.
    pub scenario: Scenario,
    /// Which of the two processes this is.
    pub side: Side,
    /// Where the server listens.
    pub socket: PathBuf,
}

/// Which of the two processes of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Listens and answers.
    Server,
    /// Connects, asks and measures.
    Client,
}

impl Side {
    /// The word for it on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }

    pub(crate) fn named(word: &str) -> Option<Self> {
        [Self::Server, Self::Client].into_iter().find(|side| side.name() == word)
    }
}

impl Part {
    /// A part that the method of its system's kind then runs.
    pub fn new(scenario: Scenario, side: Side, socket: PathBuf) -> Self {
        Self { scenario, side, socket }
    }

    /// Runs rounds over a byte stream until the orders end.
    pub async fn stream<L: ByteStream>(self, control: &mut Control) -> io::Result<()> {
        match self.scenario.shape {
            Shape::RoundTrip { bytes } => self.run::<L>(RoundTrips::new(bytes), control).await,
            Shape::OneWay { bytes } => self.run::<L>(OneWay::new(bytes), control).await,
            Shape::Connect => self.connections::<L>(control).await,
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Runs rounds of packets until the orders end.
    pub async fn packets<L: PacketLink>(self, control: &mut Control) -> io::Result<()> {
        match self.scenario.shape {
            Shape::Packets { bytes } => self.run::<L>(Packets::new(bytes), control).await,
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Runs rounds of messages until the orders end.
    pub async fn messages<L: MessageLink>(self, control: &mut Control) -> io::Result<()> {
        match self.scenario.shape {
            Shape::Messages { bytes } => self.run::<L>(Messages::new(bytes), control).await,
            Shape::Sends { bytes } => self.run::<L>(Sends::new(bytes), control).await,
            Shape::Pipeline { bytes } => self.run::<L>(Pipeline::new(bytes), control).await,
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Runs rounds of calls until the orders end.
    pub async fn calls<L: CallLink>(self, control: &mut Control) -> io::Result<()> {
        match self.scenario.shape {
            Shape::Call { bytes } | Shape::ClientCall { bytes } | Shape::Requests { bytes } => {
                self.run::<L>(Calls::new(bytes), control).await
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Runs rounds of broadcasts until the orders end.
    pub async fn broadcasts<L: BroadcastLink>(self, control: &mut Control) -> io::Result<()> {
        let (bytes, receivers, window) = match self.scenario.shape {
            Shape::Broadcast { bytes, receivers } => (bytes, receivers, WINDOW),
            Shape::Publish { bytes, receivers } => (bytes, receivers, PUBLISHED),
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        let plan = broadcast::Plan { bytes, receivers, window };
        broadcast::run::<L>((self.side, &self.socket), &plan, control).await
    }

    /// Holds connections until the orders end.
    pub async fn idle<H: IdleHost>(self, control: &mut Control) -> io::Result<()> {
        match self.scenario.shape {
            Shape::Idle { connections } => {
                idle::run::<H>((self.side, &self.socket), connections, control).await
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Runs rounds of descriptors until the orders end.
    pub async fn fds<L: FdLink>(self, control: &mut Control) -> io::Result<()> {
        self.run::<L>(Fds::new()?, control).await
    }

    /// Rounds over one connection. The server signals when it is awake in a round, so that the
    /// client's clock does not start with the other process's wake-up.
    async fn run<L: Endpoint>(self, mut exchange: impl Exchange<L>, control: &mut Control) -> io::Result<()> {
        match self.side {
            Side::Server => {
                let mut listener = L::listen(&self.socket).await?;
                control.reply(&Reply::Ready)?;
                let mut link = L::accept(&mut listener).await?;
                while let Some(laps) = control.next()? {
                    link.signal().await?;
                    exchange.serve(&mut link, laps).await?;
                }
            }
            Side::Client => {
                let mut link = L::connect(&self.socket).await?;
                control.reply(&Reply::Ready)?;
                let mut latencies = Latencies::new();
                while let Some(laps) = control.next()? {
                    latencies.clear();
                    link.signalled().await?;
                    let start = Instant::now();
                    exchange.ask(&mut link, laps, &mut latencies).await?;
                    control.reply(&Reply::Took(Measured::new(start.elapsed(), latencies.clone())))?;
                }
            }
        }
        Ok(())
    }

    /// Rounds of connections. The first of each round is not timed: it waits for the server.
    async fn connections<L: Endpoint>(self, control: &mut Control) -> io::Result<()> {
        match self.side {
            Side::Server => {
                let mut listener = L::listen(&self.socket).await?;
                control.reply(&Reply::Ready)?;
                while let Some(laps) = control.next()? {
                    for _ in 0..=laps {
                        L::accept(&mut listener).await?.signal().await?;
                    }
                }
            }
            Side::Client => {
                control.reply(&Reply::Ready)?;
                let mut latencies = Latencies::new();
                while let Some(laps) = control.next()? {
                    latencies.clear();
                    L::connect(&self.socket).await?.signalled().await?;
                    let start = Instant::now();
                    self.connect_often::<L>(laps, &mut latencies).await?;
                    control.reply(&Reply::Took(Measured::new(start.elapsed(), latencies.clone())))?;
                }
            }
        }
        Ok(())
    }

    async fn connect_often<L: Endpoint>(&self, laps: u64, latencies: &mut Latencies) -> io::Result<()> {
        let mut before = Instant::now();
        for _ in 0..laps {
            L::connect(&self.socket).await?.signalled().await?;
            let now = Instant::now();
            latencies.record(now - before);
            before = now;
        }
        Ok(())
    }
}
