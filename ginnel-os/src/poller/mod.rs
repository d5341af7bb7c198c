//! One thing to wait for in the place of many sockets.

#[cfg(target_os = "linux")]
mod epoll;
#[cfg(target_os = "linux")]
mod eventfd;
#[cfg(target_os = "linux")]
pub use epoll::Epoll as System;
#[cfg(target_os = "linux")]
pub use eventfd::Waker;

#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
mod kqueue;
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
pub use kqueue::{Kqueue as System, Waker};

#[cfg(windows)]
pub use crate::sys::windows::{Port as System, Waitable, Waker};

/// What becomes readable when an engine has something to do.
#[cfg(unix)]
pub type Waitable = std::sync::Arc<std::os::fd::OwnedFd>;
