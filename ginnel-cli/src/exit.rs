//! Exit codes: what a script can tell from the number alone.

#[cfg(unix)]
#[path = "exit/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "exit/windows.rs"]
mod system;

use std::fmt;
use std::io::{self, ErrorKind};
use std::process::{ExitCode, ExitStatus};

use anyhow::Error;
use ginnel::PeerFault;
use ginnel::codec::CodecError;

use crate::output::OutputError;
use crate::plan::UsageError;
use crate::speech::Codec;

pub(crate) use system::HELP;

/// How this process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// With this code.
    Code(u8),
    /// By this signal, which was held up until everything was put in order.
    Signal(i32),
}

impl Exit {
    pub(crate) const SUCCESS: Self = Self::Code(0);
    pub(crate) const FAILURE: Self = Self::Code(1);
    const USAGE: Self = Self::Code(2);
    const NOBODY: Self = Self::Code(3);
    const IN_USE: Self = Self::Code(4);
    const NOT_PERMITTED: Self = Self::Code(5);
    const PEER: Self = Self::Code(6);
    const FAILED_CALL: Self = Self::Code(7);
    const TIMED_OUT: Self = Self::Code(124);

    /// What an error means.
    pub(crate) fn of(error: &Error) -> Self {
        if error.chain().any(|cause| matches!(cause.downcast_ref(), Some(OutputError::Gone))) {
            return Self::SUCCESS;
        }
        if error.chain().any(|cause| cause.is::<UsageError>()) {
            return Self::USAGE;
        }
        if error.chain().any(|cause| cause.is::<PeerFault>() || cause.is::<Unreadable>()) {
            return Self::PEER;
        }
        if error.chain().any(|cause| matches!(cause.downcast_ref(), Some(ginnel::Error::Failure(_)))) {
            return Self::FAILED_CALL;
        }
        let at_address = error.chain().find_map(|cause| cause.downcast_ref::<NoSocket>());
        if let Some(exit) = at_address.and_then(NoSocket::exit) {
            return exit;
        }
        let kinds = error.chain().filter_map(|cause| cause.downcast_ref()).map(io::Error::kind);
        kinds.filter_map(Self::of_kind).next().unwrap_or(Self::FAILURE)
    }

    fn of_kind(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::TimedOut => Some(Self::TIMED_OUT),
            ErrorKind::PermissionDenied => Some(Self::NOT_PERMITTED),
            _ => None,
        }
    }

    /// Ends as a command did, in the way of shells.
    pub(crate) fn like(status: ExitStatus) -> Self {
        system::code(status).and_then(|code| u8::try_from(code).ok()).map_or(Self::FAILURE, Self::Code)
    }

    /// Ends the process where a signal asks for it.
    pub(crate) fn leave(self) -> ExitCode {
        match self {
            Self::Code(code) => ExitCode::from(code),
            Self::Signal(signal) => {
                // It returns if that does not end a process.
                system::end_by(signal);
                ExitCode::FAILURE
            }
        }
    }
}

/// What came is not what was agreed on.
#[derive(Debug, thiserror::Error)]
#[error("what came is no {codec}")]
pub(crate) struct Unreadable {
    pub(crate) codec: Codec,
    pub(crate) source: CodecError,
}

/// There is no socket to work with.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {address}")]
pub(crate) struct NoSocket {
    pub(crate) doing: Doing,
    pub(crate) address: String,
    pub(crate) source: io::Error,
}

/// What was tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Doing {
    Connect,
    Listen,
    TakePart,
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect to",
            Self::Listen => "listen at",
            Self::TakePart => "take part at",
        })
    }
}

impl NoSocket {
    fn exit(&self) -> Option<Exit> {
        match (self.doing, self.source.kind()) {
            (Doing::Connect, ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Some(Exit::NOBODY),
            (Doing::Listen | Doing::TakePart, ErrorKind::AddrInUse) => Some(Exit::IN_USE),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    fn at(doing: Doing, kind: ErrorKind) -> Error {
        NoSocket { doing, address: "/a".into(), source: kind.into() }.into()
    }

    #[test]
    fn every_failure_has_its_documented_code() {
        let table = [
            (at(Doing::Connect, ErrorKind::NotFound), 3),
            (at(Doing::Connect, ErrorKind::ConnectionRefused), 3),
            (at(Doing::Connect, ErrorKind::PermissionDenied), 5),
            (at(Doing::Connect, ErrorKind::TimedOut), 124),
            (at(Doing::Connect, ErrorKind::AddrInUse), 1),
            (at(Doing::Listen, ErrorKind::AddrInUse), 4),
            (at(Doing::TakePart, ErrorKind::AddrInUse), 4),
            (at(Doing::TakePart, ErrorKind::PermissionDenied), 5),
            (at(Doing::TakePart, ErrorKind::NotFound), 1),
            (at(Doing::Listen, ErrorKind::NotFound), 1),
            (at(Doing::Listen, ErrorKind::AlreadyExists), 1),
            (at(Doing::Listen, ErrorKind::PermissionDenied), 5),
            (UsageError::DatagramWho.into(), 2),
            (OutputError::Gone.into(), 0),
            (OutputError::Failed(ErrorKind::StorageFull.into()).into(), 1),
            (io::Error::from(ErrorKind::TimedOut).into(), 124),
            (io::Error::from(ErrorKind::NotFound).into(), 1),
            (PeerFault::Silent.into(), 6),
            (Unreadable { codec: Codec::Cbor, source: CodecError::NotRaw }.into(), 6),
            (ginnel::Error::Failure("no".into()).into(), 7),
            (anyhow!("a surprise"), 1),
        ];
        for (error, code) in table {
            assert_eq!(Exit::of(&error), Exit::Code(code), "{error:#}");
            assert_eq!(Exit::of(&error.context("more")), Exit::Code(code));
            assert!(HELP.contains(&format!("\n{code:5}  ")), "{code} is documented");
        }
    }
}
