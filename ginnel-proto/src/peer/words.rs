use std::time::Duration;

use super::Hello;
use crate::Address;
use crate::client::{ClientOptions, Reason};
use crate::election::Refusal;
use crate::link::Incarnation;
use crate::machine::{ConnId, ProcessId};
use crate::server::{self, ServerOptions};

/// How a peer takes part.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain settings")]
pub struct PeerOptions {
    /// Where all meet: a path.
    pub address: Address,
    /// Who it is.
    pub hello: Hello,
    /// Who it is in its greetings.
    pub incarnation: Incarnation,
    /// The process that it lives in, so that others notice its end.
    pub process: Option<ProcessId>,
    /// May one of those who connect keep a duplicate of the listening socket, and may this one?
    pub standby: bool,
    /// How long whoever has taken a connection may be silent before it is found out whether anybody leads.
    pub silence: Duration,
    /// As a connector: the queue for whoever listens, and the pauses between attempts.
    pub client: ClientOptions,
    /// As the listener: the queues for all others.
    pub server: ServerOptions,
}

impl PeerOptions {
    /// At this path, with the defaults.
    pub fn new(address: Address, hello: Hello) -> Self {
        Self {
            address,
            hello,
            incarnation: Incarnation::default(),
            process: None,
            standby: true,
            silence: Duration::from_millis(250),
            client: ClientOptions::default(),
            server: ServerOptions::default(),
        }
    }
}

/// Who a peer is among its like.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "one of these three, as drawn at `Peer`")]
pub enum Role {
    /// It is being found out.
    Negotiating,
    /// It is connected to whoever listens.
    Connector,
    /// It listens, and all others are connected to it.
    Listener,
}

/// What the application asks of a peer.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the machine answers each")]
pub enum Command<F> {
    /// Take part.
    Join,
    /// Take part no more. Connections stay until [`Stop`](server::Command::Stop).
    Leave,
    /// As a server is asked. [`ConnId::LISTENER`] stands for whoever listens, also while that changes.
    Many(server::Command<F>),
}

/// What the application of a peer is told.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver passes on each")]
pub enum Event<F> {
    /// It is somebody else among its like now.
    Role(Role),
    /// Somebody has connected, or was connected to.
    Joined(ConnId, Hello),
    /// An attempt has failed, and another follows after a pause. Of many in a row that fail alike the first is told.
    Failed(Trouble),
    /// It takes part no more.
    Left,
    /// As a server is told. What was sent to [`ConnId::LISTENER`] comes back from there.
    Many(server::Event<F>),
}

/// Why an attempt to take part has failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "either the path or whoever is there")]
pub enum Trouble {
    /// It cannot be owned.
    Refused(Refusal),
    /// Whoever is there cannot be reached.
    Unreachable(Reason),
}
