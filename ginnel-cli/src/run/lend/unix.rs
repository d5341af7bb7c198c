//! The command gets the socket itself.

use std::ffi::OsStr;
use std::process::Child;

use anyhow::{Context, Result};

use crate::events::{Event, Events, Peer};
use crate::exit::Exit;
use crate::plan::{Name, Place};
use crate::run::connection::{self, Connection};
use crate::run::door::{Door, Knock};
use crate::run::shell;
use crate::wait;

/// Connects for a command.
pub(crate) fn lend<C: Connection>(place: &Place, script: &OsStr, events: Events) -> Result<Exit> {
    let (connection, peer) = connection::open::<C>(place, wait::deadline(place.timeout), events)?;
    let mut child =
        shell::on_connection(script, connection.into(), &peer).context("cannot start the command")?;
    events.tell(&Event::Started { pid: child.id() });
    Ok(Exit::like(child.wait()?))
}

/// A command for every connection.
pub(crate) fn serve_all<C: Connection>(name: Name, script: &OsStr, events: Events) -> Result<Exit> {
    let mut door = Door::<C>::open(name, events)?;
    let mut children = Vec::new();
    loop {
        match door.knock()? {
            Some(Knock::Came(connection)) => children.extend(start(script, connection, events)),
            None => children.retain_mut(|child| !has_ended(child, events)),
            Some(Knock::Stop(signal)) => return Ok(Exit::Signal(signal)),
        }
    }
}

/// Starts the command for one connection. A failure costs this connection only.
fn start<C: Connection>(script: &OsStr, connection: C, events: Events) -> Option<Child> {
    let started = connection.peer().and_then(|peer| {
        events.tell(&Event::Accepted { peer: Peer::from(&peer) });
        shell::on_connection(script, connection.into(), &peer)
    });
    match started {
        Ok(child) => {
            events.tell(&Event::Started { pid: child.id() });
            Some(child)
        }
        Err(error) => {
            events.tell(&Event::NotStarted { message: error.to_string() });
            None
        }
    }
}

fn has_ended(child: &mut Child, events: Events) -> bool {
    match child.try_wait() {
        Ok(Some(status)) => {
            events.tell(&Event::ended(child.id(), status));
            true
        }
        Ok(None) => false,
        // No such child: there is nothing to wait for.
        Err(_) => true,
    }
}
