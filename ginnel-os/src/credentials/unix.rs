use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::str::FromStr;

use super::PolicyError;
use crate::sys::{self, Kernel, PeerIds, Sockets};

/// Who is at the other end, as the kernel recorded it when the connection was made (`SO_PEERCRED`, unix(7)).
///
/// For whoever connects, that is the process which called `listen`; for whoever accepts, the one which called
/// `connect`. A connection made by `pair` shows its maker at both ends. Never decide by `pid`: the process may
/// be gone and its number given to another; hold `pidfd` instead.
#[derive(Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// Process id; `None` if the peer lives in a pid namespace that this process cannot see.
    pub pid: Option<u32>,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Supplementary group ids (`SO_PEERGROUPS`, Linux 4.13; empty where the kernel has none to tell).
    pub groups: Vec<u32>,
    /// The process itself, as a descriptor that becomes readable when it ends (`SO_PEERPIDFD`, Linux 6.5).
    pub pidfd: Option<OwnedFd>,
    /// What a security module calls the peer (`SO_PEERSEC`).
    pub label: Option<Vec<u8>>,
}

impl Credentials {
    /// Asks the kernel about the peer of a connected socket.
    ///
    /// # Errors
    /// The kernel's: the descriptor is no local socket, or it is not connected.
    pub fn of(socket: BorrowedFd<'_>) -> io::Result<Self> {
        let PeerIds { pid, uid, gid } = Kernel.peer_ids(socket)?;
        Ok(Self {
            pid,
            uid,
            gid,
            groups: Kernel.peer_groups(socket).unwrap_or_default(),
            pidfd: sys::peer_pidfd(socket)?,
            label: sys::peer_label(socket)?,
        })
    }
}

/// Who may connect, by user or group, judged before the first byte is read. Never by process id.
///
/// As text, comma separated: `anyone`, `same-user`, `uid:1000`, `gid:100`.
///
/// ```
/// use ginnel_os::Policy;
/// let staff = Policy::nobody().or_uid(0).or_gid(50);
/// assert_eq!("uid:0,gid:50".parse::<Policy>()?, staff);
/// # Ok::<(), ginnel_os::PolicyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    anyone: bool,
    uids: Vec<u32>,
    gids: Vec<u32>,
}

impl Policy {
    /// No one, until `or_uid` or `or_gid` adds somebody.
    pub const fn nobody() -> Self {
        Self { anyone: false, uids: Vec::new(), gids: Vec::new() }
    }

    /// Every user whom the permissions of the path let through.
    pub const fn anyone() -> Self {
        Self { anyone: true, uids: Vec::new(), gids: Vec::new() }
    }

    /// Only the user that this process runs as.
    pub fn same_user() -> Self {
        Self::nobody().or_uid(sys::user())
    }

    /// Also this user.
    #[must_use]
    pub fn or_uid(mut self, uid: u32) -> Self {
        self.uids.push(uid);
        self
    }

    /// Also whoever is in this group, be it the main one or a supplementary one.
    #[must_use]
    pub fn or_gid(mut self, gid: u32) -> Self {
        self.gids.push(gid);
        self
    }

    /// Judges somebody whose credentials are known.
    pub fn allows(&self, peer: &Credentials) -> bool {
        self.anyone
            || self.uids.contains(&peer.uid)
            || self.gids.contains(&peer.gid)
            || peer.groups.iter().any(|group| self.gids.contains(group))
    }

    /// Judges the peer of a socket, asking the kernel only for what the rule needs.
    pub(crate) fn allows_peer<S: Sockets>(&self, sys: &S, socket: S::Borrowed<'_>) -> io::Result<bool> {
        if self.anyone {
            return Ok(true);
        }
        let ids = sys.peer_ids(socket)?;
        if self.uids.contains(&ids.uid) || self.gids.contains(&ids.gid) {
            return Ok(true);
        }
        if self.gids.is_empty() {
            return Ok(false);
        }
        Ok(sys.peer_groups(socket)?.iter().any(|group| self.gids.contains(group)))
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let mut policy = Self::nobody();
        for part in text.split(',') {
            policy = match part.split_once(':') {
                None if part == "anyone" => Self { anyone: true, ..policy },
                None if part == "same-user" => policy.or_uid(sys::user()),
                Some(("uid", id)) => policy.or_uid(id.parse().map_err(|_| PolicyError)?),
                Some(("gid", id)) => policy.or_gid(id.parse().map_err(|_| PolicyError)?),
                _ => return Err(PolicyError),
            };
        }
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(uid: u32, gid: u32, groups: &[u32]) -> Credentials {
        Credentials { pid: None, uid, gid, groups: groups.to_vec(), pidfd: None, label: None }
    }

    #[test]
    fn a_policy_judges_by_user_and_by_every_group() {
        let policy = Policy::nobody().or_uid(7).or_gid(50);
        let table = [
            (peer(7, 1, &[]), true),
            (peer(8, 50, &[]), true),
            (peer(8, 1, &[2, 50]), true),
            (peer(8, 1, &[2]), false),
            (peer(50, 7, &[7]), false),
        ];
        for (peer, allowed) in table {
            assert_eq!(policy.allows(&peer), allowed, "{peer:?}");
        }
        assert!(Policy::anyone().allows(&peer(1, 1, &[])));
        assert!(!Policy::nobody().allows(&peer(0, 0, &[0])));
    }

    #[test]
    fn policies_are_read_from_text() {
        assert_eq!("anyone".parse(), Ok(Policy::anyone()));
        assert_eq!("same-user".parse(), Ok(Policy::same_user()));
        for bad in ["", "uid", "uid:", "uid:-1", "pid:1", "uid:1,", "everybody"] {
            assert_eq!(bad.parse::<Policy>(), Err(PolicyError), "{bad:?}");
        }
    }
}
