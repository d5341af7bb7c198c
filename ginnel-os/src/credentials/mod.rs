//! Who is at the other end, and who may be.

use std::fmt;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::{Credentials, Policy};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::{Credentials, Policy};

/// A text that is no [`Policy`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PolicyError;

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FORM)
    }
}

impl std::error::Error for PolicyError {}

/// What is written is told by the platform.
#[cfg(unix)]
const FORM: &str = "who is allowed is written uid:NUMBER, gid:NUMBER, same-user or anyone, comma separated";
#[cfg(windows)]
const FORM: &str = "who is allowed is written sid:S-1-..., same-user or anyone, comma separated";
