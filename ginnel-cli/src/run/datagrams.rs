//! Packets without a connection.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(super) use unix::{first, print_each, run_for_each, send, send_lines};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(super) use windows::{first, print_each, run_for_each, send, send_lines};
