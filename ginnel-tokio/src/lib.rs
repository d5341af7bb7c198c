//! Bytes, packets and open file descriptors between processes on one machine, for tokio.
//!
//! ```
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("app.sock");
//! let listener = ginnel_tokio::Stream::listen(&path)?; // never displaces a live listener, replaces a dead one
//! let client = async { ginnel_tokio::Stream::connect(&path).await?.write_all(b"hello").await };
//! let server = async {
//!     let mut text = String::new();
//!     listener.accept().await?.read_to_string(&mut text).await?;
//!     Ok(text)
//! };
//! assert_eq!(tokio::try_join!(client, server)?.1, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! | Type | Carries |
//! |---|---|
//! | [`Stream`], [`SeqPacket`], [`Datagram`] | bytes, packets, packets without a connection; each with descriptors |
//! | [`Connection`] | messages, questions and answers, over a stream |
//! | [`Client`] | the same, over a connection that comes back |
//! | [`Server`] | the same, with many connections and one inbox |
//! | [`Peer`] | the same, among processes that share a path without a leader |
//! | [`Handle`], [`ClientHandle`], [`ServerHandle`], [`PeerHandle`] | of these four: clones for many tasks, beside a [`Driver`] to spawn |
//! | [`sp`] | nng's messaging patterns: requests, pipelines, publishing, pairs, surveys, buses |
//!
//! The names, the order of arguments and the errors are those of the crate `ginnel`; what waits has `.await`.
//! Deadlines are tokio's own (`tokio::time::timeout_at`): every async function here says what cancelling does.
//!
//! **Nothing is hidden.** No task is spawned. Adopted sockets keep their flags; an adopted listener becomes
//! non-blocking. Every call that
//! finds work ready takes its share of tokio's budget, so that a busy socket does not starve others.
//!
//! # Panics
//! Whatever makes a socket here needs a tokio runtime with I/O enabled around it, as tokio's own sockets do, and one
//! with time enabled where something has a deadline or may have to pause: `Connection`, `Client`, `Server` and `Driver`
//! always, `connect` to a full queue, `accept` without descriptors left. On Windows nothing needs I/O.
//!
//! # Windows
//! Named pipes stand in the place of sockets: the same names, but for descriptors and datagrams, which are not there.
//! tokio's reactor has no part in it; the thread pool that Windows keeps for each process wakes the tasks. A pipe has no
//! half of an end, and what is sent may be on its way for a while: see `docs/semantics.md`, "On Windows".

mod client;
mod client_handle;
mod connection;
#[cfg(unix)]
mod datagram;
mod driver;
mod halves;
mod handle;
mod hub;
mod listener;
mod message_halves;
mod peer;
mod seqpacket;
mod server;
mod shared;
pub mod sp;
mod stream;
#[cfg(feature = "serde")]
mod typed;
#[cfg(unix)]
mod unix;

pub use client::Client;
pub use client_handle::{Changes, ClientHandle};
pub use connection::Connection;
#[cfg(unix)]
pub use datagram::Datagram;
#[cfg(all(feature = "serde", unix))]
pub use ginnel_os::Fd;
pub use ginnel_os::{
    AdoptError, Batch, Bound, CallId, ClientOptions, ConnId, ConnectionOptions, Credentials, Delivery, Error,
    Greeting, Happening, Hello, HelloError, Incarnation, Limit, ListenerBuilder, Many, Message, Misuse,
    Neighbour, Packet, PeerEvent, PeerFault, PeerMachine, PeerOptions, Policy, PolicyError, Reason, Request,
    Role, SendError, ServerMachine, ServerOptions, SocketError, Status, Wire,
};
#[cfg(feature = "serde")]
pub use ginnel_os::{Asked, TypedDelivery, TypedHappening};
#[cfg(feature = "serde")]
pub use ginnel_proto::codec;
pub use ginnel_proto::{Address, AddressError, AddressKind, ToAddress, limits};
pub use halves::{ReadHalf, WriteHalf};
pub use handle::Handle;
pub use hub::Hub;
pub use listener::{Incoming, Listener, Socket};
pub use message_halves::{Receiver, Sender};
pub use peer::{LISTENER, Peer, PeerHandle};
pub use seqpacket::SeqPacket;
pub use server::{Server, ServerHandle};
pub use shared::Driver;
pub use stream::Stream;
#[cfg(feature = "serde")]
pub use typed::{Channel, Serves, Typed, TypedServer};
