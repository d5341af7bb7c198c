//! What of the command line there is on Unix: everything.

use super::UsageError;

/// Packets without a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Datagrams;

#[expect(clippy::unnecessary_wraps, reason = "they are refused elsewhere")]
pub(super) fn datagrams(wanted: bool) -> Result<Option<Datagrams>, UsageError> {
    Ok(wanted.then_some(Datagrams))
}

#[expect(clippy::unnecessary_wraps, reason = "some are refused elsewhere")]
pub(super) fn need(_flag: &'static str, _given: bool) -> Result<(), UsageError> {
    Ok(())
}
