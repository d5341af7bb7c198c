use bytes::Bytes;

use crate::calls::Answer;
use crate::limits::{self, Bound};
use crate::machine::{ConnId, Failure, Loss, Refused, SendId};
use crate::session::Request;
use crate::{Address, CallId, Message, Wire};

/// How much a server holds for its connections.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain settings, with a default")]
pub struct ServerOptions {
    /// What is spoken; without calls on wires that have none.
    pub wire: Wire,
    /// How much may wait for one connection.
    pub queue: Bound,
    /// How many bytes may wait for one connection before answers are not kept for it any more; and four times as many
    /// descriptors as the queue takes. An answer that would exceed it, or the total, is replaced by a failure.
    pub answers: usize,
    /// Bytes that may wait for all connections together; each message counts for 128 more than its own. Half of them
    /// are for whoever comes first; of the other half each connection has the same share, 64 KiB at most. Beside it
    /// there is one message for each.
    pub total: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { wire: Wire::Native, queue: Bound::CONNECTION, answers: limits::ANSWERS, total: limits::SERVER }
    }
}

/// What the application asks of a server.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the machine answers each")]
pub enum Command<F> {
    /// Listen.
    Listen(Address),
    /// Listen no more; connections stay.
    StopListening,
    /// Listen no more, and take leave of everybody.
    Stop,
    /// Send a message to one. Ask [`Crowd::admit`](crate::machine::Crowd::admit) first: a full queue takes it all the same.
    Send(ConnId, Message<F>),
    /// Ask one; the answer bears the number that [`Crowd::upcoming`](crate::machine::Crowd::upcoming) tells before.
    Ask(ConnId, Message<F>),
    /// Answer a request.
    Answer(ConnId, CallId, Answer<F>),
    /// Nobody waits for this answer any more.
    Forget(ConnId, CallId),
    /// Send the same bytes to everybody who is connected.
    Broadcast(Bytes),
    /// Take leave of one.
    Disconnect(ConnId),
}

/// What the application of a server is told.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver passes on each")]
pub enum Event<F> {
    /// Others can connect.
    Listening,
    /// They cannot.
    ListenFailed(Failure),
    /// Somebody has connected, and greeted where the wire has greetings.
    Joined(ConnId),
    /// A message came.
    Message(ConnId, Message<F>),
    /// A question came.
    Request(Request<F>),
    /// A question that was given out is not wanted any more.
    Cancelled(ConnId, CallId),
    /// The answer to a question came.
    Answered(ConnId, CallId, Answer<F>),
    /// The connection ended before the answer came.
    CallLost(ConnId, CallId),
    /// The question cannot be sent, and here it is again.
    CallReturned(ConnId, CallId, Message<F>, Refused),
    /// A message cannot be sent, and here it is again. The number is 0 if it was never queued.
    Returned(ConnId, SendId, Message<F>, Refused),
    /// The connection ended before the kernel had this message whole: it may arrive or not.
    Cut(ConnId, SendId),
    /// The answer to this cannot be sent, or too much waits for this one already: it was replaced by a failure that
    /// says so.
    Undelivered(ConnId, CallId, Refused),
    /// This one's queue was full: a broadcast has passed it by.
    Missed(ConnId),
    /// It is gone. Nothing more comes of it.
    Left(ConnId, Loss),
}
