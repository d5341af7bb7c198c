//! Connections that are a command's standard input and output.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(super) use unix::{lend, serve_all};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(super) use windows::{lend, serve_all};
