use std::fmt;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use ginnel::Credentials;
use rustix::event::{PollFd, PollFlags};
use serde::Serialize;

use super::NONE;
use crate::escape;
use crate::wait;

/// Who listens.
#[derive(Debug, Serialize)]
pub(super) struct Identity<'a> {
    pid: Option<u32>,
    /// What the process calls itself.
    name: Option<String>,
    uid: u32,
    gid: u32,
    groups: &'a [u32],
    label: Option<String>,
}

impl<'a> Identity<'a> {
    pub(super) fn of(credentials: &'a Credentials) -> Self {
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
    use crate::events::json_line;

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
