use std::time::Duration;

use ginnel_proto::{LinkOptions, Patience, limits};

use crate::connection::ConnectionOptions;
use crate::listener::ListenerOptions;
use crate::sys;

/// What the connections of one engine speak, and how patient they are.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain settings, with a default")]
pub struct NetOptions {
    /// What is spoken and accepted.
    pub link: LinkOptions,
    /// How long the other side may be silent.
    pub patience: Patience,
    /// How long a connection that is closed here may take to write what is queued, and to end over there.
    pub linger: Duration,
    /// How many bytes of messages over 64 KiB may be there in part, of all connections together. Above it one of them
    /// goes on at a time.
    pub parts: usize,
    /// How long a thread that waits stays awake at first, where what it waited for came as fast as that before. Zero:
    /// it sleeps at once.
    pub awake: Duration,
    /// How a listener is published.
    pub listener: ListenerOptions,
}

impl Default for NetOptions {
    fn default() -> Self {
        let link = LinkOptions { incarnation: sys::incarnation(&sys::Kernel), ..LinkOptions::default() };
        let listener = ListenerOptions { nonblocking: true, ..ListenerOptions::default() };
        Self {
            link,
            patience: Patience::default(),
            linger: Duration::from_secs(1),
            parts: limits::PARTS,
            awake: Duration::ZERO,
            listener,
        }
    }
}

impl NetOptions {
    /// As connections with these options behave.
    pub fn of(options: &ConnectionOptions) -> Self {
        let session = &options.session;
        let link = LinkOptions { incarnation: sys::incarnation(&sys::Kernel), ..session.link.clone() };
        Self { link, patience: session.patience, ..Self::default() }
    }
}
