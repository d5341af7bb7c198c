//! The two kinds of connection under one name.

use std::io;
use std::time::Instant;

use anyhow::{Error, Result};
use ginnel::{Address, Credentials, SeqPacket, Socket, Stream};

#[cfg(windows)]
use super::conversation::Plain;
#[cfg(unix)]
use super::session::Plain;
use super::talk::plain;
use crate::events::{Event, Events, Peer};
use crate::exit::{Doing, NoSocket};
use crate::plan::Place;

/// A connection of either kind.
pub(crate) trait Connection: Socket + Plain {
    fn connect(address: &Address, deadline: Option<Instant>) -> io::Result<Self>;
    fn peer(&self) -> io::Result<Credentials>;
}

impl Connection for Stream {
    fn connect(address: &Address, deadline: Option<Instant>) -> io::Result<Self> {
        match deadline {
            None => Self::connect(address),
            Some(deadline) => Self::connect_deadline(address, deadline),
        }
    }

    fn peer(&self) -> io::Result<Credentials> {
        self.peer_credentials()
    }
}

impl Connection for SeqPacket {
    fn connect(address: &Address, deadline: Option<Instant>) -> io::Result<Self> {
        match deadline {
            None => Self::connect(address),
            Some(deadline) => Self::connect_deadline(address, deadline),
        }
    }

    fn peer(&self) -> io::Result<Credentials> {
        self.peer_credentials()
    }
}

/// Connects to a place.
pub(crate) fn open<C: Connection>(
    place: &Place,
    deadline: Option<Instant>,
    events: Events,
) -> Result<(C, Credentials)> {
    let connection = C::connect(&place.address, deadline).map_err(|source| no_connection(place, source))?;
    let credentials = connection.peer()?;
    let peer = Peer::from(&credentials);
    events.tell(&Event::Connected { address: place.address.to_string(), peer });
    Ok((connection, credentials))
}

/// Why nobody was reached.
pub(crate) fn no_connection(place: &Place, source: io::Error) -> NoSocket {
    NoSocket { doing: Doing::Connect, address: place.address.to_string(), source }
}

/// Why there is nothing to work with at an address, with each fact once.
pub(crate) fn unreached(doing: Doing, address: String, error: ginnel::Error) -> Error {
    let about = |error: Error| error.context(format!("cannot {doing} {address}"));
    match error {
        ginnel::Error::Io(source) => NoSocket { doing, address, source }.into(),
        ginnel::Error::Peer(fault) => about(plain(fault)),
        error => about(error.into()),
    }
}
