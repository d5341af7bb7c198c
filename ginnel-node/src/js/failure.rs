use std::borrow::Cow;
use std::io;
use std::ptr::null_mut;

use ginnel_os::{AdoptError, Error, Reason, SendError, SocketError};
use napi_sys as sys;

use super::{Env, Value};
use crate::uv;

/// What an exception will be.
#[derive(Debug)]
pub(crate) struct Failure {
    fault: Fault,
    code: Cow<'static, str>,
    text: String,
}

/// Whose fault it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// The system's, or the other side's: an `Error`.
    Other,
    /// The caller's: a `TypeError`.
    Type,
    /// The caller's: a `RangeError`.
    Range,
    /// Code of the caller's, which has thrown something: that stays as it is.
    Thrown,
}

impl Failure {
    pub(crate) fn new(fault: Fault, code: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self { fault, code: code.into(), text: text.into() }
    }

    pub(super) fn wants(index: usize, what: &str) -> Self {
        let text = format!("argument {} must be {what}", index + 1);
        Self::new(Fault::Type, "ERR_INVALID_ARG_TYPE", text)
    }

    pub(super) fn range(index: usize, number: f64) -> Self {
        let text = format!("argument {} is out of range: {number}", index + 1);
        Self::new(Fault::Range, "ERR_OUT_OF_RANGE", text)
    }

    /// It was closed.
    pub(crate) fn closed() -> Self {
        Self::new(Fault::Other, "ERR_GINNEL_CLOSED", "it is closed")
    }

    /// This system has nothing of the kind.
    #[cfg(windows)]
    pub(crate) fn absent(what: &str) -> Self {
        Self::new(Fault::Other, "ERR_GINNEL_UNSUPPORTED", format!("Windows has no {what}"))
    }

    /// Something was thrown while an argument was looked at, and is on its way.
    pub(super) fn thrown() -> Self {
        Self::new(Fault::Thrown, "", "")
    }

    /// A mistake of ours.
    pub(super) fn panicked(what: &(dyn std::any::Any + Send)) -> Self {
        let text = what.downcast_ref::<&str>().copied().map(String::from);
        let text = text.or_else(|| what.downcast_ref::<String>().cloned());
        let text = text.unwrap_or_else(|| "it panicked".to_owned());
        Self::new(Fault::Other, "ERR_GINNEL_BUG", format!("a mistake in ginnel: {text}"))
    }

    /// As a value: the exception that it is.
    pub(crate) fn into_value(self, env: Env) -> Value {
        let (code, text) = (env.text(&self.code), env.text(&self.text));
        let mut error = null_mut();
        let make = match self.fault {
            Fault::Other | Fault::Thrown => sys::napi_create_error,
            Fault::Type => sys::napi_create_type_error,
            Fault::Range => sys::napi_create_range_error,
        };
        // SAFETY: the text is a string of the current call of this environment.
        unsafe { make(env.0, null_mut(), text.0, &mut error) };
        env.define(Value(error), [("code", code)]);
        Value(error)
    }

    pub(super) fn throw(self, env: Env) {
        if self.fault == Fault::Thrown {
            return;
        }
        let error = self.into_value(env);
        // SAFETY: the value is an error of the current call, and no exception is pending: then it would be `Thrown`.
        unsafe { sys::napi_throw(env.0, error.0) };
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if let Some(rule) = SocketError::of(&error) {
            return rule_broken(*rule);
        }
        match error.raw_os_error() {
            Some(number) => Self::new(Fault::Other, errno(number), plain(&error)),
            // Its text is ours, and may name a path.
            None => Self::new(Fault::Other, of_kind(error.kind()), error.to_string()),
        }
    }
}

#[cfg(unix)]
impl From<rustix::io::Errno> for Failure {
    fn from(error: rustix::io::Errno) -> Self {
        io::Error::from(error).into()
    }
}

impl From<AdoptError> for Failure {
    fn from(refused: AdoptError) -> Self {
        refused.error.into()
    }
}

impl From<ginnel_proto::AddressError> for Failure {
    fn from(error: ginnel_proto::AddressError) -> Self {
        Self::new(Fault::Type, "ERR_GINNEL_ADDRESS", error.to_string())
    }
}

impl From<SendError> for Failure {
    fn from(failed: SendError) -> Self {
        failed.error.into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error {
            Error::Io(error) => return error.into(),
            Error::Address(error) => return error.into(),
            Error::Peer(_) | Error::Stopped(Reason::Fault(_)) => "ERR_GINNEL_PEER",
            Error::Limit(_) => "ERR_GINNEL_LIMIT",
            Error::Stopped(_) => "ERR_GINNEL_STOPPED",
            Error::Failure(_) => "ERR_GINNEL_FAILURE",
            Error::Misuse(_) => "ERR_GINNEL_MISUSE",
            _ => "ERR_GINNEL_OTHER",
        };
        Self::new(Fault::Other, code, error.to_string())
    }
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Error::Stopped(reason).into()
    }
}

fn rule_broken(rule: SocketError) -> Failure {
    use SocketError as Rule;
    let (fault, code) = match rule {
        Rule::AddressInUse => (Fault::Other, "EADDRINUSE"),
        Rule::TooManyFds { .. } => (Fault::Range, "ERR_GINNEL_TOO_MANY_FDS"),
        Rule::FdsWithoutBytes => (Fault::Type, "ERR_GINNEL_FDS_WITHOUT_BYTES"),
        Rule::FdsLost { .. } | Rule::FdsUnread => (Fault::Other, "ERR_GINNEL_FDS_LOST"),
        Rule::PacketCut { .. } => (Fault::Other, "ERR_GINNEL_PACKET_CUT"),
        Rule::NotASocketFile => (Fault::Other, "ERR_GINNEL_NOT_A_SOCKET"),
        Rule::NotALockFile => (Fault::Other, "ERR_GINNEL_NOT_A_LOCK"),
        Rule::LockLost => (Fault::Other, "ERR_GINNEL_LOCK_LOST"),
        Rule::WrongSocket { .. } | Rule::NoStream => (Fault::Type, "ERR_GINNEL_WRONG_SOCKET"),
        Rule::WrongRole { .. } => (Fault::Type, "ERR_GINNEL_WRONG_ROLE"),
        Rule::AbstractWithoutPolicy => (Fault::Type, "ERR_GINNEL_NO_POLICY"),
        Rule::Forked => (Fault::Other, "ERR_GINNEL_FORKED"),
        Rule::OpenDirectory { .. } | Rule::UnsafeDirectory { .. } | Rule::ForeignLock { .. } => {
            (Fault::Other, "ERR_GINNEL_UNSAFE_PLACE")
        }
        Rule::NoPipes | Rule::NotAPipe => (Fault::Other, "ENOTSUP"),
        Rule::ForeignPipe => (Fault::Other, "ERR_GINNEL_FOREIGN_PIPE"),
        Rule::RemoteFileSystem => (Fault::Other, "ERR_GINNEL_REMOTE"),
        _ => (Fault::Type, "ERR_GINNEL_MISUSE"),
    };
    Failure::new(fault, code, rule.to_string())
}

/// The text of the system without the number behind it, which stands in `errno`.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// The code of an error that is ours, not the system's: each kind that `ginnel-os` makes one of.
fn of_kind(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::ConnectionReset => "ECONNRESET",
        io::ErrorKind::ResourceBusy => "EBUSY",
        io::ErrorKind::NotConnected => "ENOTCONN",
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::WouldBlock => "EAGAIN",
        io::ErrorKind::NotFound => "ENOENT",
        io::ErrorKind::Unsupported => "ENOTSUP",
        io::ErrorKind::InvalidInput => "EINVAL",
        io::ErrorKind::InvalidData => "EBADMSG",
        _ => "ERR_GINNEL_OTHER",
    }
}

/// The name of an error of the system's, as libuv writes it.
pub(crate) fn errno(number: i32) -> Cow<'static, str> {
    let ours = uv::NAMES.iter().find(|(other, _)| *other == number).map(|&(_, name)| Cow::from(name));
    let name = ours.or_else(|| uv::name_of(number).map(Cow::from));
    name.unwrap_or_else(|| format!("ERRNO_{number}").into())
}
