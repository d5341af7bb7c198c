use std::io;
use std::str::FromStr;

use super::PolicyError;
use crate::sys::{self, HandleRef, Kernel, PeerIds, Sockets};

/// Who is at the other end of a pipe: the process that opened it, or that made it (`GetNamedPipeClientProcessId`,
/// `GetNamedPipeServerProcessId`), and the user that it runs as.
///
/// Never decide by `pid`: the process may be gone and its number given to another.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// Process id.
    pub pid: Option<u32>,
    /// The session that it runs in.
    pub session: Option<u32>,
    /// The security identifier of its user, as text: `S-1-5-...`.
    pub sid: String,
}

impl Credentials {
    /// Asks the system about the peer of a connected socket.
    ///
    /// # Errors
    /// The system's: it is not connected, or the process is gone.
    pub fn of(socket: HandleRef<'_>) -> io::Result<Self> {
        let PeerIds { pid, session, sid } = Kernel.peer_ids(socket)?;
        Ok(Self { pid, session, sid })
    }
}

/// Who may connect, by user: the system lets nobody else open the pipe, and who does is judged before the first byte is
/// read.
///
/// As text, comma separated: `anyone`, `same-user`, `sid:S-1-5-21-...`.
///
/// ```
/// use ginnel_os::Policy;
/// let service = Policy::nobody().or_sid("S-1-5-18");
/// assert_eq!("sid:S-1-5-18".parse::<Policy>()?, service);
/// # Ok::<(), ginnel_os::PolicyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    anyone: bool,
    sids: Vec<String>,
}

impl Policy {
    /// No one, until `or_sid` adds somebody.
    pub const fn nobody() -> Self {
        Self { anyone: false, sids: Vec::new() }
    }

    /// Every user of this machine.
    pub const fn anyone() -> Self {
        Self { anyone: true, sids: Vec::new() }
    }

    /// Only the user that this process runs as.
    pub fn same_user() -> Self {
        Self::nobody().or_sid(sys::user())
    }

    /// Also this user: the text of a security identifier. One that is none lets nobody in, and nobody listens with it.
    #[must_use]
    pub fn or_sid(mut self, sid: impl Into<String>) -> Self {
        self.sids.push(sid.into());
        self
    }

    /// Judges somebody whose credentials are known.
    pub fn allows(&self, peer: &Credentials) -> bool {
        self.anyone || self.sids.contains(&peer.sid)
    }

    /// Judges the peer of a socket.
    pub(crate) fn allows_peer<S: Sockets>(&self, sys: &S, socket: S::Borrowed<'_>) -> io::Result<bool> {
        Ok(self.anyone || self.sids.contains(&sys.peer_ids(socket)?.sid))
    }

    /// Whom the pipe's own access list lets in; `None`: everybody.
    pub(crate) fn sids(&self) -> Option<&[String]> {
        (!self.anyone).then_some(&self.sids)
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let mut policy = Self::nobody();
        for part in text.split(',') {
            policy = match part.split_once(':') {
                None if part == "anyone" => Self { anyone: true, ..policy },
                None if part == "same-user" => policy.or_sid(sys::user()),
                Some(("sid", sid)) if is_sid(sid) => policy.or_sid(sid),
                _ => return Err(PolicyError),
            };
        }
        Ok(policy)
    }
}

/// `S-1-`, and numbers with dashes between them.
fn is_sid(text: &str) -> bool {
    let numbers =
        |rest: &str| rest.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    text.strip_prefix("S-1-").is_some_and(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(sid: &str) -> Credentials {
        Credentials { pid: None, session: None, sid: sid.to_owned() }
    }

    #[test]
    fn a_policy_judges_by_user() {
        let policy = Policy::nobody().or_sid("S-1-5-18");
        assert!(policy.allows(&peer("S-1-5-18")));
        assert!(!policy.allows(&peer("S-1-5-19")));
        assert!(Policy::anyone().allows(&peer("S-1-5-19")));
        assert!(!Policy::nobody().allows(&peer("S-1-5-18")));
    }

    #[test]
    fn policies_are_read_from_text() {
        assert_eq!("anyone".parse(), Ok(Policy::anyone()));
        assert_eq!("same-user".parse(), Ok(Policy::same_user()));
        for bad in ["", "sid", "sid:", "sid:S-1-", "sid:S-1-5-", "sid:Users", "uid:1", "sid:S-1-5-18,"] {
            assert_eq!(bad.parse::<Policy>(), Err(PolicyError), "{bad:?}");
        }
    }
}
