//! What is heard is the command's standard input, and what it prints is said: a pipe that is waited for beside others is
//! nothing that a program could read.

use std::ffi::OsStr;

use anyhow::Result;

use crate::events::Events;
use crate::exit::Exit;
use crate::plan::{Name, Place};
use crate::run::connection::{self, Connection};
use crate::run::listen::serve_in_threads;
use crate::wait;

/// Connects for a command.
pub(crate) fn lend<C: Connection>(place: &Place, script: &OsStr, events: Events) -> Result<Exit> {
    let (connection, peer) = connection::open::<C>(place, wait::deadline(place.timeout), events)?;
    connection.exec(script, &peer, events).map(Exit::like)
}

/// A command for every connection.
pub(crate) fn serve_all<C: Connection>(name: Name, script: &OsStr, events: Events) -> Result<Exit> {
    let script = script.to_owned();
    serve_in_threads(name, events, move |connection: C, peer| {
        connection.exec(&script, peer, events).map(drop)
    })
}
