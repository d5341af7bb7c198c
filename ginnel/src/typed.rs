mod channel;
mod server;

use ginnel_os::{Asked, Error, SendError, TypedDelivery, Typing};
use ginnel_proto::codec::{Cbor, Codec, CodecError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Delivery, Message};

pub use channel::{Channel, Serves};
pub use server::TypedServer;

/// Values instead of bytes: those of type `Tx` go, those of type `Rx` come. Over a [`Connection`](crate::Connection), a
/// [`Client`](crate::Client), or a handle of either; [`TypedServer`] is for servers.
///
/// A value is one message. Descriptors inside it are [`Fd`](crate::Fd)s. Both sides must use the same codec: CBOR
/// unless told otherwise. Bytes that are no `Rx` are a [`Error::Codec`], and end the connection: the two sides do not
/// mean the same. A client is disconnected then, for all of its handles, and does not come back unless it is told to.
///
/// Over a handle, whoever has several calls under way clones it.
///
/// # Example
/// ```
/// use ginnel::{Connection, Fd, Typed};
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Job {
///     name: String,
///     log: Fd,
/// }
/// let (left, right) = Connection::pair()?;
/// let mut left: Typed<Connection, Job, Job> = Typed::new(left);
/// let mut right: Typed<Connection, Job, Job> = Typed::new(right);
/// let log = std::fs::File::open("/dev/null")?.into();
/// left.send(&Job { name: "build".into(), log })?;
/// assert_eq!(right.recv()?.expect("it came").name, "build");
/// # Ok::<(), ginnel::Error>(())
/// ```
#[derive(Debug)]
pub struct Typed<C, Tx, Rx, K = Cbor> {
    inner: C,
    typing: Typing<Tx, Rx, K>,
}

impl<C: Channel, Tx: Serialize, Rx: DeserializeOwned> Typed<C, Tx, Rx> {
    /// Values over a connection, as CBOR.
    pub const fn new(connection: C) -> Self {
        Self::with_codec(connection, Cbor::new())
    }
}

impl<C: Channel, Tx: Serialize, Rx: DeserializeOwned, K: Codec> Typed<C, Tx, Rx, K> {
    /// Values over a connection, written by this codec.
    pub const fn with_codec(connection: C, codec: K) -> Self {
        Self { inner: connection, typing: Typing::new(codec) }
    }

    /// As [`Connection::feed`](crate::Connection::feed).
    ///
    /// # Errors
    /// As there, and [`Error::Codec`] if the value cannot be written. The value stays the caller's.
    pub fn feed(&mut self, value: &Tx) -> Result<(), Error> {
        let message = self.typing.message(value)?;
        Ok(self.inner.feed(message)?)
    }

    /// As [`Connection::flush`](crate::Connection::flush).
    ///
    /// # Errors
    /// As there.
    pub fn flush(&mut self) -> Result<(), SendError> {
        self.inner.flush()
    }

    /// As [`Connection::send`](crate::Connection::send).
    ///
    /// # Errors
    /// As there, and [`Error::Codec`] if the value cannot be written. The value stays the caller's.
    pub fn send(&mut self, value: &Tx) -> Result<(), Error> {
        let message = self.typing.message(value)?;
        Ok(self.inner.send(message)?)
    }

    /// As [`Connection::recv`](crate::Connection::recv).
    ///
    /// # Errors
    /// As there, and [`Error::Codec`] if what came is no `Rx`; then the connection ends.
    pub fn recv(&mut self) -> Result<Option<Rx>, Error> {
        match self.inner.recv()? {
            Some(message) => self.value(message).map(Some),
            None => Ok(None),
        }
    }

    /// As [`Connection::next`](crate::Connection::next).
    ///
    /// # Errors
    /// As there, and [`Error::Codec`] if what came is no `Rx`; then the connection ends.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator has no errors between its items and its end"
    )]
    pub fn next(&mut self) -> Result<Option<TypedDelivery<Rx>>, Error> {
        Ok(match self.inner.next()? {
            None => None,
            Some(Delivery::Message(message)) => Some(TypedDelivery::Value(self.value(message)?)),
            Some(Delivery::Request(request)) => {
                let (asked, message) = Asked::of(request);
                Some(TypedDelivery::Request(self.value(message)?, asked))
            }
            Some(Delivery::Cancelled(id)) => Some(TypedDelivery::Cancelled(id)),
        })
    }

    /// As [`Connection::call`](crate::Connection::call).
    ///
    /// # Errors
    /// As there, and [`Error::Codec`] if the question cannot be written, or the answer is no `Rx`; then the connection
    /// ends.
    pub fn call(&mut self, question: &Tx) -> Result<Rx, Error> {
        let message = self.typing.message(question)?;
        let answer = self.inner.call(message)?;
        self.value(answer)
    }

    /// As [`Connection::reply`](crate::Connection::reply).
    ///
    /// # Errors
    /// As there. With [`Error::Codec`] whoever asked was told that there is no answer.
    pub fn reply(&mut self, asked: Asked, answer: &Tx) -> Result<(), Error> {
        match self.typing.message(answer) {
            Ok(message) => Ok(self.inner.reply(asked.into_request(), message)?),
            Err(error) => {
                self.inner.fail(asked.into_request(), Message::new(NO_ANSWER))?;
                Err(error.into())
            }
        }
    }

    /// As [`Connection::fail`](crate::Connection::fail): what went wrong, as text for people.
    ///
    /// # Errors
    /// As there.
    pub fn fail(&mut self, asked: Asked, why: impl Into<String>) -> Result<(), SendError> {
        self.inner.fail(asked.into_request(), Message::new(why.into()))
    }

    /// The connection, to close it or to ask about the other side.
    pub fn into_inner(self) -> C {
        self.inner
    }

    /// The connection, to set its deadline or to ask about the other side.
    pub const fn inner(&mut self) -> &mut C {
        &mut self.inner
    }

    fn value(&mut self, message: Message) -> Result<Rx, Error> {
        self.typing.value(message).map_err(|error: CodecError| {
            self.inner.abort();
            error.into()
        })
    }
}

impl<C: Clone, Tx, Rx, K: Clone> Clone for Typed<C, Tx, Rx, K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), typing: self.typing.clone() }
    }
}

const NO_ANSWER: &str = "the answer could not be written";
