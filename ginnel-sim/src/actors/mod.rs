//! Who acts: real engines, and applications that use them in every order.

pub(crate) mod client;
pub(crate) mod engine;
pub(crate) mod server;
pub(crate) mod talker;
