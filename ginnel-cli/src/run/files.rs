//! Files that go with a message, open, where that can be.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(super) use unix::Files;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(super) use windows::Files;
