use ginnel_proto::client::Reason;
use ginnel_proto::machine::ConnId;
use ginnel_proto::server as machine;
use ginnel_proto::{CallId, Request};

use crate::Message;
use crate::connection::ConnectionOptions;
use crate::sys::Carried;

/// How a server behaves.
///
/// ```
/// use ginnel_os::{ConnectionOptions, ServerOptions};
/// let options = ServerOptions::new().connection(ConnectionOptions::new().largest_message(1 << 20)).total(8 << 20);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ServerOptions {
    pub(super) connection: ConnectionOptions,
    pub(super) machine: machine::ServerOptions,
}

impl ServerOptions {
    /// Connections with the defaults of [`ConnectionOptions`]; one inbox of 1 MiB and 1,024 messages; 64 MiB in all
    /// queues together.
    pub fn new() -> Self {
        Self::default()
    }

    /// What each connection is like. The bound of the inbox is that of the server's one inbox.
    pub const fn connection(mut self, options: ConnectionOptions) -> Self {
        self.connection = options;
        self
    }

    /// Bytes that may wait to be sent to all connections together: 64 MiB unless told otherwise; each message counts
    /// for 128 more than its own, which is what is known of it. Half of them are for whoever comes first; of the other
    /// half each connection has the same share, 64 KiB at most. Beside it there is one message for each, so that
    /// nobody is shut out.
    ///
    /// Messages over 64 KiB that have arrived in part may hold as much together: above it one of them goes on at a time.
    pub const fn total(mut self, bytes: usize) -> Self {
        self.machine.total = bytes;
        self
    }

    /// How many bytes may wait for one connection before answers are not kept for it any more: 16 MiB unless told
    /// otherwise; and four times as many descriptors as the queue takes. An answer that would exceed it, or
    /// [`total`](Self::total), is replaced by a failure that says so. More than 1,024 do not wait, since whoever asks
    /// holds no more open.
    pub const fn answers(mut self, bytes: usize) -> Self {
        self.machine.answers = bytes;
        self
    }
}

/// Something that happened at a server.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever serves must answer each")]
pub enum Happening {
    /// Somebody has connected, and greeted where the wire has greetings.
    Joined(ConnId),
    /// A message came.
    Message(ConnId, Message),
    /// A question came.
    Request(Request<Carried>),
    /// A question that was given out is not wanted any more; an answer to it is dropped.
    Cancelled(ConnId, CallId),
    /// It is gone, and nothing more comes of it. Each that has joined leaves once.
    Left(ConnId, Reason),
}
