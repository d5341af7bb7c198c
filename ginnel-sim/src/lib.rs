//! A kernel that fails on purpose, and what is proved with it.
//!
//! [`kernel`] stands in for Linux behind [`ginnel_os::sys::Sys`]: the machines, links, sockets, names and engines that
//! run on it are the real ones. One seed decides everything that happens in a run.

pub mod choices;
pub mod fault;
pub mod kernel;
