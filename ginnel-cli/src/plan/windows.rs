//! What of the command line there is on Windows: files have no permission bits, pipes carry no open files, and nothing goes
//! without a connection. Help is silent about such flags, and whoever gives one is told.

use super::UsageError;

/// Packets without a connection: there are none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Datagrams {}

pub(super) fn datagrams(wanted: bool) -> Result<Option<Datagrams>, UsageError> {
    need("--datagram", wanted).map(|()| None)
}

pub(super) fn need(flag: &'static str, given: bool) -> Result<(), UsageError> {
    if given { Err(UsageError::Absent { flag }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_has_nothing_for_is_refused_if_it_is_given() {
        assert_eq!(need("--mode", false), Ok(()));
        assert_eq!(need("--mode", true), Err(UsageError::Absent { flag: "--mode" }));
        assert_eq!(datagrams(false), Ok(None));
        assert_eq!(datagrams(true), Err(UsageError::Absent { flag: "--datagram" }));
    }
}
