//! Where tests meet, and who is at the other end: at socket files on Unix, at named pipes on Windows. The drivers'
//! tests, both of them, include it.
#![allow(dead_code, unused_imports, reason = "each test uses a part of it")]

mod part;
pub(crate) use part::*;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;
