use super::Status;
use crate::calls::Answer;
use crate::machine::{ConnId, Refused, SendId};
use crate::session::Request;
use crate::{CallId, Message};

/// What the application asks of a client.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the machine answers each")]
pub enum Command<F> {
    /// Connect, and come back from now on.
    Connect,
    /// End the connection and do not come back. What waits in the queue is given back.
    Disconnect,
    /// Send a message, after everything before it. Ask [`Client::admit`](super::Client::admit) first: a full queue
    /// takes it all the same.
    Send(Message<F>),
    /// Ask; the answer bears the number that [`Client::upcoming`](super::Client::upcoming) tells before.
    Ask(Message<F>),
    /// Answer a request, on the connection it came on.
    Answer(ConnId, CallId, Answer<F>),
    /// Nobody waits for this answer any more.
    Forget(CallId),
}

/// What the application of a client is told.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver passes on each")]
pub enum Event<F> {
    /// It stands somewhere else now.
    Status(Status),
    /// A message came.
    Message(Message<F>),
    /// A question came.
    Request(Request<F>),
    /// A question that was given out is not wanted any more.
    Cancelled(CallId),
    /// The answer to a question came.
    Answered(CallId, Answer<F>),
    /// The connection was lost after the question was handed over: whether it was heard is not known.
    CallLost(CallId),
    /// The question cannot be sent, and here it is again.
    CallReturned(CallId, Message<F>, Refused),
    /// A message or an answer cannot be sent, and here it is again. Whoever waits for the answer is told.
    Returned(SendId, Message<F>, Refused),
    /// The connection ended before the kernel had this message whole: it may arrive or not.
    Cut(SendId),
}
