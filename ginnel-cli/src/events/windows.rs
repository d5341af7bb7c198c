//! Who somebody is on Windows.

use std::fmt;

use ginnel::{Credentials, Neighbour};
use serde::Serialize;

use super::shown;

/// Who is at the other end.
#[derive(Debug, Serialize)]
pub(crate) struct Peer {
    pid: Option<u32>,
    session: Option<u32>,
    sid: String,
}

impl From<&Credentials> for Peer {
    fn from(credentials: &Credentials) -> Self {
        Self { pid: credentials.pid, session: credentials.session, sid: credentials.sid.clone() }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}, session {}, user {}", shown(self.pid), shown(self.session), self.sid)
    }
}

/// Who takes part, as far as it can be seen.
#[derive(Debug, Serialize)]
pub(crate) struct Person {
    pid: Option<u32>,
    sid: Option<String>,
}

impl From<&Neighbour> for Person {
    fn from(neighbour: &Neighbour) -> Self {
        Self { pid: neighbour.pid, sid: neighbour.sid.clone() }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}, user {}", shown(self.pid), shown(self.sid.as_deref()))
    }
}

/// Pipes of a name are not counted.
pub(super) fn which(_: u64) -> &'static str {
    ""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Event, Events};

    #[test]
    fn a_peer_is_an_object_and_a_line() {
        let peer = || Peer { pid: Some(8), session: Some(1), sid: "S-1-5-18".into() };
        let line = "{\"event\":\"accepted\",\"peer\":{\"pid\":8,\"session\":1,\"sid\":\"S-1-5-18\"}}\n";
        assert_eq!(Events::new(true, false).line(&Event::Accepted { peer: peer() }).as_deref(), Some(line));
        assert_eq!(peer().to_string(), "process 8, session 1, user S-1-5-18");
    }
}
