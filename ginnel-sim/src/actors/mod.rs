//! Who acts: real engines, and applications that use them in every order.

pub(crate) mod client;
pub(crate) mod engine;
pub(crate) mod owner;
pub(crate) mod packets;
pub(crate) mod peer;
mod readiness;
pub(crate) mod server;
pub(crate) mod stranger;
pub(crate) mod talker;
