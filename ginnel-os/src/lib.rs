//! What Ginnel *does*: sockets, descriptors, credentials and names, one system call at a time.
//!
//! Nothing here waits unless the caller says that a call may: by [`Wait::InCall`], by [`driven::Driven::wait`], and for
//! `accept` and `connect` by a socket in blocking mode. Most users want the drivers on top: `ginnel` (threads) or
//! `ginnel-tokio`, which add the waiting and nothing else.
//!
//! `Ok(None)` means "not yet" everywhere: the call would have had to wait.

#[cfg(unix)]
mod ancillary;
#[cfg(windows)]
#[path = "ancillary/absent.rs"]
mod ancillary;
mod client;
pub mod connection;
mod credentials;
#[cfg(unix)]
mod datagram;
pub mod driven;
pub mod engine;
mod error;
#[cfg(all(feature = "serde", unix))]
mod fd;
#[cfg(all(feature = "serde", windows))]
#[path = "fd/absent.rs"]
mod fd;
mod hub;
mod inbox;
mod listener;
mod listener_builder;
mod name;
pub mod net;
mod outcomes;
mod peer;
mod poller;
mod seqpacket;
mod server;
pub mod shared;
mod socket;
pub mod sp;
mod stream;
pub mod sys;
#[cfg(feature = "serde")]
mod typed;
#[cfg(unix)]
mod unix;

pub use client::{Client, ClientOptions};
pub use connection::{Connection, ConnectionOptions, Directions, Error, Offer, SendError, Step};
pub use credentials::{Credentials, Policy, PolicyError};
#[cfg(unix)]
pub use datagram::Datagram;
pub use error::SocketError;
#[cfg(all(feature = "serde", unix))]
pub use fd::{Fd, decode_with_fds, encode_with_fds};
pub use hub::{Hub, Many};
pub use listener::{AcceptPause, Knock, Listener, ListenerOptions};
pub use listener_builder::{ListenerBuilder, Publish};
#[cfg(unix)]
pub use name::{Locks, activated};
pub use peer::{Neighbour, Peer, PeerEvent, PeerMachine, PeerOptions};
pub use poller::{System, Waitable, Waker};
pub use seqpacket::{Batch, Packet, SeqPacket};
pub use server::{Happening, Server, ServerMachine, ServerOptions};
pub use socket::{AdoptError, Connecting, Received};
pub use stream::{Chunk, Stream};
#[cfg(feature = "serde")]
pub use typed::{Asked, TypedDelivery, TypedHappening, Typing};

/// Bytes and the descriptors that belong to them.
pub type Message = ginnel_proto::Message<Carried>;
/// A question. It is answered by giving it back, once.
pub type Request = ginnel_proto::Request<Carried>;
/// Something that arrived on a connection.
pub type Delivery = ginnel_proto::Delivery<Carried>;

pub use ginnel_proto::client::{Reason, Status};
pub use ginnel_proto::limits::Bound;
pub use ginnel_proto::link::{Greeting, Incarnation, Limit, Misuse};
pub use ginnel_proto::machine::ConnId;
pub use ginnel_proto::peer::{Hello, HelloError, Role};
pub use ginnel_proto::{CallId, PeerFault, Wire};

pub use sys::{Carried, Direction, Handle, HandleRef, SocketKind, Wait, Would};
#[cfg(unix)]
pub use unix::{refuse_fds, shutdown};
