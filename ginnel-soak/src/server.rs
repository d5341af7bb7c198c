//! The server under attack: gives each question back, reads each message as CBOR, and counts who leaves and why.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use ginnel::codec::{Cbor, Codec as _};
use ginnel::{Error, Happening, Listener, Message, PeerFault, Policy, Reason, Server, ServerOptions, Stream};

use crate::counts::Counts;
use crate::orders::{Orders, tell};
use crate::system;

/// Serves until the parent closes.
pub(crate) fn run(socket: &Path, options: &ServerOptions, orders: Orders) -> Result<()> {
    system::raise_descriptor_limit()?;
    let listener = Listener::<Stream>::builder().mode(0o666).allow(Policy::anyone()).listen(socket);
    let server = Server::over(listener.context("listening")?, options).context("serving")?;
    tell(&Counts::default())?;
    Serving { server, orders, counts: Counts::default(), heartbeat: None }.run()
}

struct Serving {
    server: Server,
    orders: Orders,
    counts: Counts,
    /// What is broadcast once a second, and when next.
    heartbeat: Option<(Bytes, Instant)>,
}

impl Serving {
    fn run(mut self) -> Result<()> {
        loop {
            match self.orders.come() {
                Ok(Some(order)) => self.follow(&order)?,
                Ok(None) => {}
                Err(_) => return Ok(()),
            }
            if let Some((body, at)) = &mut self.heartbeat
                && *at <= Instant::now()
            {
                *at += SECOND;
                let missed = self.server.broadcast(body.clone());
                self.counts.add("missed", missed.len() as u64);
            }
            self.serve(Instant::now() + TURN)?;
        }
    }

    fn follow(&mut self, order: &str) -> Result<()> {
        let mut words = order.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("stats"), None, None) => {
                self.counts.set("connections", self.server.connection_count() as u64);
                tell(&self.counts)
            }
            (Some("broadcast"), Some(size), Some(peers)) => self.fill(size.parse()?, peers.parse()?),
            _ => anyhow::bail!("the server does not know the order {order:?}"),
        }
    }

    /// Broadcasts until so many have missed it, and from then on once a second. Meanwhile everybody is served.
    fn fill(&mut self, size: usize, peers: usize) -> Result<()> {
        let body = Bytes::from(vec![b'b'; size]);
        let mut counts = Counts::default();
        let begun = Instant::now();
        let mut missed = 0;
        while missed < peers && begun.elapsed() < LONGEST_FILL {
            missed = self.server.broadcast(body.clone()).len();
            counts.add("broadcasts", 1);
            self.serve(Instant::now())?;
        }
        counts.set("missed", missed as u64);
        counts.set("ms", begun.elapsed().as_millis() as u64);
        self.heartbeat = Some((body, Instant::now() + SECOND));
        tell(&counts)
    }

    /// Serves until this moment, and whatever is there already.
    fn serve(&mut self, until: Instant) -> Result<()> {
        self.server.set_deadline(Some(until));
        for _ in 0..AT_ONCE {
            match self.server.next() {
                Ok(happening) => self.take(happening),
                Err(error) if error.is_timeout() => return Ok(()),
                Err(error) => return Err(error).context("serving"),
            }
        }
        Ok(())
    }

    fn take(&mut self, happening: Happening) {
        let counts = &mut self.counts;
        match happening {
            Happening::Joined(_) => counts.add("joined", 1),
            Happening::Request(mut request) => {
                counts.add("requests", 1);
                let body = request.message.body.clone();
                let answer = Message::new(body).with_fds(std::mem::take(&mut request.message.fds));
                self.server.reply(request, answer);
            }
            Happening::Message(_, message) => {
                let decoded = Cbor::new().decode::<serde_json::Value>(&message.body).map_err(Error::from);
                counts.add(if decoded.is_ok() { "values" } else { "nonsense" }, 1);
            }
            Happening::Cancelled(..) => {}
            Happening::Left(_, reason) => counts.add(name_of(&reason), 1),
        }
    }
}

const fn name_of(reason: &Reason) -> &'static str {
    match reason {
        Reason::Fault(PeerFault::Stuck) => "stuck",
        Reason::Fault(PeerFault::CutShort { .. }) => "cut-short",
        Reason::Fault(_) => "faults",
        Reason::Closed => "closed",
        Reason::Error { .. } => "broken",
        _ => "left",
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// How often orders and the clock are looked at, when nothing happens.
const TURN: Duration = Duration::from_millis(10);
/// Happenings after which they are looked at all the same.
const AT_ONCE: usize = 256;

/// Something is wrong if nobody misses a broadcast by then.
const LONGEST_FILL: Duration = Duration::from_secs(100);
