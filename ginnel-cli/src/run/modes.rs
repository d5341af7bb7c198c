//! What files of sockets are like, and what is kept of a listening socket: of the systems where there are such.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(super) use unix::{of_end, of_listener, of_peer};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(super) use windows::{of_end, of_listener, of_peer};
