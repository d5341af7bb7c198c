//! `ginnel who`

use std::fmt;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use anyhow::Result;
use ginnel::{Credentials, SeqPacket, Stream};
use rustix::event::{PollFd, PollFlags};
use serde::Serialize;

use super::connection;
use crate::escape;
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
        Kind::Stream | Kind::Datagram => connection::open::<Stream>(place, deadline, events)?.1,
    };
    let listener = Identity::of(&credentials);
    let text = if events.are_json() { json_line(&listener) } else { listener.to_string() };
    let mut output = Output::stdout()?;
    output.write(text.as_bytes())?;
    output.finish()?;
    Ok(Exit::SUCCESS)
}

/// Who listens.
#[derive(Debug, Serialize)]
struct Identity<'a> {
    pid: Option<u32>,
    /// What the process calls itself.
    name: Option<String>,
    uid: u32,
    gid: u32,
    groups: &'a [u32],
    label: Option<String>,
}

impl<'a> Identity<'a> {
    fn of(credentials: &'a Credentials) -> Self {
        let label = credentials.label.as_deref().map(|label| {
            let label = label.strip_suffix(b"\0").unwrap_or(label);
            String::from_utf8_lossy(label).into_owned()
        });
        Self {
            pid: credentials.pid,
            name: credentials.pid.and_then(|pid| process_name(pid, credentials.pidfd.as_ref())),
            uid: credentials.uid,
            gid: credentials.gid,
            groups: &credentials.groups,
            label,
        }
    }
}

impl fmt::Display for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<_> = self.groups.iter().map(u32::to_string).collect();
        writeln!(f, "pid     {}", self.pid.map_or(NONE.into(), |pid| pid.to_string()))?;
        writeln!(f, "name    {}", self.name.as_deref().map_or(NONE.into(), escape::one_line))?;
        writeln!(f, "uid     {}", self.uid)?;
        writeln!(f, "gid     {}", self.gid)?;
        writeln!(f, "groups  {}", if groups.is_empty() { NONE.into() } else { groups.join(" ") })?;
        writeln!(f, "label   {}", self.label.as_deref().map_or(NONE.into(), escape::one_line))
    }
}

const NONE: &str = "-";

/// What a process calls itself, or nothing if it has ended: its number may be another's by now. proc_pid_comm(5)
fn process_name(pid: u32, pidfd: Option<&OwnedFd>) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    // Looked at after the name was read: it lived then, so the name is its own.
    let lives = pidfd.is_none_or(|pidfd| !has_ended(pidfd));
    let name = name.strip_suffix(b"\n").unwrap_or(&name);
    lives.then(|| String::from_utf8_lossy(name).into_owned())
}

fn has_ended(pidfd: &OwnedFd) -> bool {
    wait::wait(&mut [PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)], Some(Instant::now())).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_lines() {
        let identity = Identity {
            pid: Some(7),
            name: Some("a\nuid     0\u{1b}".into()),
            uid: 1000,
            gid: 100,
            groups: &[100, 27],
            label: None,
        };
        let text =
            "pid     7\nname    a\\x0auid     0\\x1b\nuid     1000\ngid     100\ngroups  100 27\nlabel   -\n";
        assert_eq!(identity.to_string(), text);
        assert_eq!(
            json_line(&identity),
            "{\"pid\":7,\"name\":\"a\\nuid     0\\u001b\",\"uid\":1000,\"gid\":100,\"groups\":[100,27],\"label\":null}\n"
        );
    }
}
