//! Who somebody is on Unix.

use std::fmt;

use ginnel::{Credentials, Neighbour};
use serde::Serialize;

use super::shown;

/// Who is at the other end.
#[derive(Debug, Serialize)]
pub(crate) struct Peer {
    pid: Option<u32>,
    uid: u32,
    gid: u32,
}

impl From<&Credentials> for Peer {
    fn from(credentials: &Credentials) -> Self {
        Self { pid: credentials.pid, uid: credentials.uid, gid: credentials.gid }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}, ")?,
            None => f.write_str("a process out of sight, ")?,
        }
        write!(f, "user {}, group {}", self.uid, self.gid)
    }
}

/// Who takes part, as far as it can be seen.
#[derive(Debug, Serialize)]
pub(crate) struct Person {
    pid: Option<u32>,
    uid: Option<u32>,
}

impl From<&Neighbour> for Person {
    fn from(neighbour: &Neighbour) -> Self {
        Self { pid: neighbour.pid, uid: neighbour.uid }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}, user {}", shown(self.pid), shown(self.uid))
    }
}

/// Which socket of its path somebody listens with.
pub(super) fn which(epoch: u64) -> String {
    format!(" (socket {epoch} of this path)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Event, Events};

    #[test]
    fn a_peer_is_an_object() {
        let event = Event::Accepted { peer: Peer { pid: None, uid: 1, gid: 2 } };
        let line = "{\"event\":\"accepted\",\"peer\":{\"pid\":null,\"uid\":1,\"gid\":2}}\n";
        assert_eq!(Events::new(true, false).line(&event).as_deref(), Some(line));
    }
}
