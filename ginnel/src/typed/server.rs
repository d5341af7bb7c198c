use ginnel_os::{Asked, ConnId, Error, Happening, Message, Misuse, SendError, TypedHappening, Typing};
use ginnel_proto::codec::{Cbor, Codec, CodecError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::NO_ANSWER;
use super::channel::Serves;

/// A [`Server`](crate::Server), or a handle of one, that speaks values instead of bytes: those of type `Tx` go, those
/// of type `Rx` come. As [`Typed`](crate::Typed) for whoever is at the other end.
///
/// Whoever sends what is no `Rx` is taken leave of; the others are served.
///
/// # Example
/// ```
/// use ginnel::{Client, Server, Typed, TypedHappening, TypedServer};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let mut server: TypedServer<Server, usize, String> = TypedServer::new(Server::listen(&path)?);
/// let client = std::thread::spawn(move || {
///     let mut client: Typed<Client, String, usize> = Typed::new(Client::connect(&path)?);
///     client.call(&"how long?".into())
/// });
/// loop {
///     match server.next()? {
///         TypedHappening::Request(text, asked) => server.reply(asked, &text.len())?,
///         TypedHappening::Left(..) => break,
///         _ => {}
///     }
/// }
/// assert_eq!(client.join().expect("no panic")?, 9);
/// # Ok::<(), ginnel::Error>(())
/// ```
#[derive(Debug)]
pub struct TypedServer<S, Tx, Rx, K = Cbor> {
    inner: S,
    typing: Typing<Tx, Rx, K>,
}

impl<S: Serves, Tx: Serialize, Rx: DeserializeOwned> TypedServer<S, Tx, Rx> {
    /// Values over a server, as CBOR.
    pub const fn new(server: S) -> Self {
        Self::with_codec(server, Cbor::new())
    }
}

impl<S: Serves, Tx: Serialize, Rx: DeserializeOwned, K: Codec> TypedServer<S, Tx, Rx, K> {
    /// Values over a server, written by this codec.
    pub const fn with_codec(server: S, codec: K) -> Self {
        Self { inner: server, typing: Typing::new(codec) }
    }

    /// As [`Server::next`](crate::Server::next).
    ///
    /// # Errors
    /// As there.
    #[expect(clippy::should_implement_trait, reason = "it has no end, only errors")]
    pub fn next(&mut self) -> Result<TypedHappening<Rx>, Error> {
        Ok(match self.inner.next()? {
            Happening::Joined(id) => TypedHappening::Joined(id),
            Happening::Message(id, message) => match self.value(id, message) {
                Ok(value) => TypedHappening::Value(id, value),
                Err(error) => TypedHappening::Invalid(id, error),
            },
            Happening::Request(request) => {
                let id = request.connection;
                let (asked, message) = Asked::of(request);
                match self.value(id, message) {
                    Ok(value) => TypedHappening::Request(value, asked),
                    Err(error) => TypedHappening::Invalid(id, error),
                }
            }
            Happening::Cancelled(id, call) => TypedHappening::Cancelled(id, call),
            Happening::Left(id, reason) => TypedHappening::Left(id, reason),
        })
    }

    /// As [`Server::feed`](crate::Server::feed).
    ///
    /// # Errors
    /// As there, and [`Error::Codec`] if the value cannot be written. The value stays the caller's.
    pub fn feed(&mut self, id: ConnId, value: &Tx) -> Result<(), Error> {
        let message = self.typing.message(value)?;
        Ok(self.inner.feed(id, message)?)
    }

    /// As [`Server::flush`](crate::Server::flush).
    ///
    /// # Errors
    /// As there.
    pub fn flush(&mut self, id: ConnId) -> Result<(), SendError> {
        self.inner.flush(id)
    }

    /// As [`Server::send`](crate::Server::send).
    ///
    /// # Errors
    /// As there, and [`Error::Codec`] if the value cannot be written. The value stays the caller's.
    pub fn send(&mut self, id: ConnId, value: &Tx) -> Result<(), Error> {
        let message = self.typing.message(value)?;
        Ok(self.inner.send(id, message)?)
    }

    /// As [`Server::call`](crate::Server::call).
    ///
    /// # Errors
    /// As there, and [`Error::Codec`] if the question cannot be written, or the answer is no `Rx`; then that one is
    /// taken leave of.
    pub fn call(&mut self, id: ConnId, question: &Tx) -> Result<Rx, Error> {
        let message = self.typing.message(question)?;
        let answer = self.inner.call(id, message)?;
        Ok(self.value(id, answer)?)
    }

    /// As [`Server::reply`](crate::Server::reply).
    ///
    /// # Errors
    /// [`Error::Codec`] if the answer cannot be written; whoever asked was told that there is none.
    pub fn reply(&mut self, asked: Asked, answer: &Tx) -> Result<(), Error> {
        match self.typing.message(answer) {
            Ok(message) => {
                self.inner.reply(asked.into_request(), message);
                Ok(())
            }
            Err(error) => {
                self.inner.fail(asked.into_request(), Message::new(NO_ANSWER));
                Err(error.into())
            }
        }
    }

    /// As [`Server::fail`](crate::Server::fail): what went wrong, as text for people.
    pub fn fail(&mut self, asked: Asked, why: impl Into<String>) {
        self.inner.fail(asked.into_request(), Message::new(why.into()));
    }

    /// As [`Server::broadcast`](crate::Server::broadcast): the value is written once.
    ///
    /// # Errors
    /// [`Error::Codec`] if it cannot be written; [`Misuse::NoFds`] if it has descriptors.
    pub fn broadcast(&mut self, value: &Tx) -> Result<Vec<ConnId>, Error> {
        let message = self.typing.message(value)?;
        if message.fds.is_empty() { Ok(self.inner.broadcast(message)) } else { Err(Misuse::NoFds.into()) }
    }

    /// The server, to close it.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The server, to ask who is connected.
    pub const fn inner(&mut self) -> &mut S {
        &mut self.inner
    }

    fn value(&mut self, id: ConnId, message: Message) -> Result<Rx, CodecError> {
        self.typing.value(message).inspect_err(|_| {
            self.inner.disconnect(id);
        })
    }
}

impl<S: Clone, Tx, Rx, K: Clone> Clone for TypedServer<S, Tx, Rx, K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), typing: self.typing.clone() }
    }
}
