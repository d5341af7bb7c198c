use std::fmt;

use ginnel::Credentials;
use serde::Serialize;

use super::NONE;

/// Who listens.
#[derive(Debug, Serialize)]
pub(super) struct Identity<'a> {
    pid: Option<u32>,
    session: Option<u32>,
    sid: &'a str,
}

impl<'a> Identity<'a> {
    pub(super) fn of(credentials: &'a Credentials) -> Self {
        Self { pid: credentials.pid, session: credentials.session, sid: &credentials.sid }
    }
}

impl fmt::Display for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |number: Option<u32>| number.map_or(NONE.into(), |number| number.to_string());
        writeln!(f, "pid      {}", shown(self.pid))?;
        writeln!(f, "session  {}", shown(self.session))?;
        writeln!(f, "sid      {}", self.sid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::json_line;

    #[test]
    fn a_listener_is_shown_in_lines_and_as_an_object() {
        let identity = Identity { pid: Some(7), session: None, sid: "S-1-5-18" };
        assert_eq!(identity.to_string(), "pid      7\nsession  -\nsid      S-1-5-18\n");
        assert_eq!(json_line(&identity), "{\"pid\":7,\"session\":null,\"sid\":\"S-1-5-18\"}\n");
    }
}
