//! Bytes, packets and open file descriptors between processes on one machine, for threads.
//!
//! ```
//! use std::io::{Read, Write};
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("app.sock");
//! let listener = ginnel::Stream::listen(&path)?; // never displaces a live listener, replaces a dead one
//! std::thread::scope(|threads| -> std::io::Result<()> {
//!     threads.spawn(|| ginnel::Stream::connect(&path)?.write_all(b"hello"));
//!     let mut text = String::new();
//!     listener.accept()?.read_to_string(&mut text)?;
//!     assert_eq!(text, "hello");
//!     Ok(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! | Type | Carries | Kernel's name |
//! |---|---|---|
//! | [`Stream`] | bytes, and descriptors at a position among them | `SOCK_STREAM` |
//! | [`SeqPacket`] | whole packets over a connection, each with its descriptors | `SOCK_SEQPACKET` |
//! | [`Datagram`] | whole packets without a connection | `SOCK_DGRAM` |
//! | [`Connection`] | messages, questions and answers, over a stream | |
//! | [`Client`] | the same, over a connection that comes back | |
//! | [`Server`] | the same, with many connections and one inbox | |
//! | [`Peer`] | the same, among processes that share a path without a leader | |
//! | [`Handle`], [`ClientHandle`], [`ServerHandle`], [`PeerHandle`] | of these four: clones for many threads, beside a [`Driver`] | |
//! | [`sp`] | nng's messaging patterns: requests, pipelines, publishing, pairs, surveys, buses | |
//! | [`Listener`] | connections of the first two | `listen`, `accept` |
//!
//! `ginnel-tokio` has the same names with `.await`. What `Ok` means, where descriptors stand in a stream and how
//! a path is owned is told once for both in `docs/semantics.md`.
//!
//! **Deadlines.** Every call waits as long as it takes, or until the moment given to `set_deadline`; then it
//! fails with `TimedOut`. **Signals** interrupt no call. **SIGPIPE** is never raised. Everything is
//! close-on-exec.
//!
//! **Adopted sockets** keep their flags; an adopted listener becomes non-blocking. On an adopted socket a call is tried
//! first and then polled; where it has to wait, that costs about 1.4 times as much as on one of our own.

mod client;
mod client_handle;
mod connection;
#[cfg(unix)]
mod datagram;
mod driver;
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
#[cfg(windows)]
mod windows;

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
pub use handle::Handle;
pub use hub::Hub;
pub use listener::{Incoming, Listener, Socket};
pub use message_halves::{Receiver, Sender};
pub use peer::{LISTENER, Peer, PeerHandle};
pub use seqpacket::SeqPacket;
pub use server::{Server, ServerHandle};
pub use shared::Driver;
pub use stream::{ReadHalf, Stream, WriteHalf};
#[cfg(feature = "serde")]
pub use typed::{Channel, Serves, Typed, TypedServer};

/// The examples of the front page run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;
