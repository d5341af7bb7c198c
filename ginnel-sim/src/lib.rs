//! A kernel that fails on purpose, and what is proved with it.
//!
//! [`kernel`] stands in for Linux behind [`ginnel_os::sys::Sys`]: the machines, links, sockets, names and engines that
//! run on it are the real ones. One seed decides everything that happens in a run.

mod actors;
mod cast;
pub mod choices;
pub mod conform;
pub mod fault;
mod gathering;
pub mod kernel;
mod ledger;
mod moody;
pub mod play;
pub mod run;
mod scene;
pub mod shorten;
mod sp;
