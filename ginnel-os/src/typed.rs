//! Values as messages and back, for every kind of connection.

use std::fmt;
use std::marker::PhantomData;

use ginnel_proto::client::Reason;
use ginnel_proto::codec::{Codec, CodecError};
use ginnel_proto::machine::ConnId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Message;
use crate::fd::{decode_with_fds, encode_with_fds};

/// How values of two types are written: those that go, and those that come.
pub struct Typing<Tx, Rx, K> {
    codec: K,
    types: PhantomData<fn(Tx) -> Rx>,
}

impl<Tx: Serialize, Rx: DeserializeOwned, K: Codec> Typing<Tx, Rx, K> {
    /// Written by this codec.
    pub const fn new(codec: K) -> Self {
        Self { codec, types: PhantomData }
    }

    /// The message that carries a value, with duplicates of the descriptors in it.
    ///
    /// # Errors
    /// As [`encode_with_fds`].
    pub fn message(&self, value: &Tx) -> Result<Message, CodecError> {
        let (body, fds) = encode_with_fds(&self.codec, value)?;
        Ok(Message::new(body).with_fds(fds))
    }

    /// The value that a message carries.
    ///
    /// # Errors
    /// As [`decode_with_fds`].
    pub fn value(&self, message: Message) -> Result<Rx, CodecError> {
        let Message { body, fds, .. } = message;
        decode_with_fds(&self.codec, &body, fds)
    }
}

impl<Tx, Rx, K: Clone> Clone for Typing<Tx, Rx, K> {
    fn clone(&self) -> Self {
        Self { codec: self.codec.clone(), types: PhantomData }
    }
}

impl<Tx, Rx, K: fmt::Debug> fmt::Debug for Typing<Tx, Rx, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Typing").field("codec", &self.codec).finish_non_exhaustive()
    }
}

/// Something that arrived, as a value.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever serves a connection must answer each")]
pub enum TypedDelivery<Rx> {
    /// A value.
    Value(Rx),
    /// A question, and what to answer it with.
    Request(Rx, Asked),
    /// A question that was given out is not wanted any more; an answer to it is dropped.
    Cancelled(ginnel_proto::CallId),
}

/// Something that happened at a server, as a value.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever serves must answer each")]
pub enum TypedHappening<Rx> {
    /// Somebody has connected.
    Joined(ConnId),
    /// A value came.
    Value(ConnId, Rx),
    /// A question, and what to answer it with.
    Request(Rx, Asked),
    /// A question that was given out is not wanted any more; an answer to it is dropped.
    Cancelled(ConnId, ginnel_proto::CallId),
    /// What came is no such value. That one was taken leave of, and [`Left`](Self::Left) follows.
    Invalid(ConnId, CodecError),
    /// It is gone, and nothing more comes of it.
    Left(ConnId, Reason),
}

/// A question whose value was taken. It is answered by giving it back, once.
#[derive(Debug)]
#[must_use = "whoever asked waits for an answer, or for a refusal"]
pub struct Asked(crate::Request);

impl Asked {
    /// Takes the message out of a request.
    pub fn of(mut request: crate::Request) -> (Self, Message) {
        let message = std::mem::replace(&mut request.message, Message::empty());
        (Self(request), message)
    }

    /// The request, without its message.
    pub fn into_request(self) -> crate::Request {
        self.0
    }

    /// The connection it came on.
    pub const fn connection(&self) -> ConnId {
        self.0.connection
    }

    /// Its number, as a cancellation names it.
    pub const fn id(&self) -> ginnel_proto::CallId {
        self.0.id
    }
}
