//! `ginnel who`

#[cfg(unix)]
#[path = "who/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "who/windows.rs"]
mod system;

use anyhow::Result;
use ginnel::{SeqPacket, Stream};

use self::system::Identity;
use super::connection;
use crate::events::{Events, json_line};
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::{Kind, Who};
use crate::wait;

pub(crate) fn run(plan: &Who, events: Events) -> Result<Exit> {
    let place = &plan.place;
    let deadline = wait::deadline(place.timeout);
    let credentials = match place.kind {
        Kind::SeqPacket => connection::open::<SeqPacket>(place, deadline, events)?.1,
        // `plan` has refused datagrams.
        Kind::Stream | Kind::Datagram(_) => connection::open::<Stream>(place, deadline, events)?.1,
    };
    let listener = Identity::of(&credentials);
    let text = if events.are_json() { json_line(&listener) } else { listener.to_string() };
    let mut output = Output::stdout()?;
    output.write(text.as_bytes())?;
    output.finish()?;
    Ok(Exit::SUCCESS)
}

/// What is not known.
const NONE: &str = "-";
