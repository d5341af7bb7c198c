//! Takes parcels in, checks each, and runs out of descriptors now and then. After every fault it says on the next
//! connection which parcel it wants.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ginnel::{Asked, Connection, Error, PeerFault, SocketError, Typed, TypedDelivery};

use super::parcel::{Parcel, Word, belong, fds_of};
use crate::counts::Counts;
use crate::orders::{Orders, tell};
use crate::system;

/// Receives until the parent says stop.
pub(crate) fn receive(socket: &Path, orders: &Orders) -> Result<()> {
    let most = system::raise_descriptor_limit()?;
    let mut listener = Connection::listen(socket).context("listening")?;
    tell(&Counts::default())?;
    let mut receiver = Receiver {
        next: 0,
        counts: Counts::default(),
        random: fastrand::Rng::with_seed(1),
        most,
        starves: 0,
        was_told: false,
    };
    loop {
        match orders.come() {
            Ok(None) => {}
            Ok(Some(_)) => break tell(&receiver.counts)?,
            Err(_) => return Ok(()),
        }
        listener.set_deadline(Instant::now().checked_add(LOOK)).context("setting a deadline")?;
        match listener.accept() {
            Ok(connection) => receiver.talk(connection)?,
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {}
            Err(error) => return Err(error).context("accepting"),
        }
    }
    drop(orders.wait(Duration::from_secs(60)));
    Ok(())
}

struct Receiver {
    next: u64,
    counts: Counts,
    random: fastrand::Rng,
    /// The usual limit of descriptors.
    most: u64,
    /// For so many more parcels there are few.
    starves: u32,
    /// The last connection ended with an error.
    was_told: bool,
}

impl Receiver {
    fn talk(&mut self, connection: Connection) -> Result<()> {
        let mut typed: Typed<Connection, Word, Parcel> = Typed::new(connection);
        self.counts.add("connections", 1);
        typed.inner().set_deadline(Instant::now().checked_add(LONG));
        if typed.send(&Word { next: self.next, was_told: self.was_told, fds: Vec::new() }).is_err() {
            return Ok(());
        }
        self.was_told = false;
        loop {
            typed.inner().set_deadline(Instant::now().checked_add(LONG));
            self.starve()?;
            let delivery = typed.next();
            if matches!(delivery, Ok(None) | Err(_)) {
                self.feed()?;
            }
            match delivery {
                Ok(Some(TypedDelivery::Value(parcel))) => self.check(&parcel)?,
                Ok(Some(TypedDelivery::Request(parcel, asked))) => {
                    self.check(&parcel)?;
                    self.echo(&mut typed, parcel, asked);
                }
                Ok(Some(TypedDelivery::Cancelled(_))) => {}
                Ok(None) => {
                    let name = if typed.inner().said_goodbye() { "goodbyes" } else { "ended" };
                    self.counts.add(name, 1);
                    return Ok(());
                }
                Err(error) => {
                    self.was_told = true;
                    self.counts.add(name_of(&error), 1);
                    return Ok(());
                }
            }
        }
    }

    fn check(&mut self, parcel: &Parcel) -> Result<()> {
        let number = parcel.number;
        if number != self.next {
            self.counts.add(if number < self.next { "doubled" } else { "lost" }, 1);
        }
        if !belong(number, &parcel.fds)? {
            self.counts.add("misattributed", 1);
        }
        self.next = number + 1;
        self.counts.add("parcels", 1);
        self.counts.add("descriptors", fds_of(number));
        Ok(())
    }

    /// Gives the descriptors of a question back. It may not be wanted any more.
    fn echo(&mut self, typed: &mut Typed<Connection, Word, Parcel>, parcel: Parcel, asked: Asked) {
        let count = parcel.fds.len() as u64;
        // Otherwise it would be the answer that has none.
        if self.feed().is_ok()
            && typed.reply(asked, &Word { next: self.next, was_told: false, fds: parcel.fds }).is_ok()
        {
            self.counts.add("echoed", count);
        }
    }

    /// Now and then there are only so many descriptors left for the next few parcels.
    fn starve(&mut self) -> Result<()> {
        if self.starves > 0 {
            self.starves -= 1;
            if self.starves == 0 {
                self.feed()?;
            }
        } else if self.random.u32(..300) == 0 {
            let own = system::descriptors(std::process::id())?;
            system::set_descriptor_limit(Some(own + self.random.u64(..8)))?;
            self.starves = 4;
        }
        Ok(())
    }

    fn feed(&mut self) -> Result<()> {
        self.starves = 0;
        system::set_descriptor_limit(Some(self.most))
    }
}

/// What was told: each of these says that something did not arrive.
fn name_of(error: &Error) -> &'static str {
    match error {
        Error::Io(error) if matches!(SocketError::of(error), Some(SocketError::FdsLost { .. })) => "starved",
        Error::Io(_) => "broken",
        Error::Peer(PeerFault::WrongFds { .. }) => "wrong-fds",
        Error::Peer(PeerFault::CutShort { .. }) => "cut-short",
        Error::Peer(_) => "faults",
        _ => "other-errors",
    }
}

const LOOK: Duration = Duration::from_millis(100);
/// Nothing here takes so long.
const LONG: Duration = Duration::from_secs(10);
