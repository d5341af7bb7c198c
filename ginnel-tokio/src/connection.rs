mod futures;

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Duration;

use ginnel_os::sys::{Carried, Handle};
use ginnel_os::{
    self as os, ConnectionOptions, Credentials, Delivery, Directions, Error, Greeting, Message, PeerFault,
    Request, SendError, SocketKind, Step, Wait,
};
use ginnel_proto::{Answer, CallId, ToAddress};
use tokio::task::coop;

use crate::driver::{Timer, Turning, Watched};
use crate::listener::{Listener, Socket};
use crate::{ClientHandle, Driver, Receiver, Sender, Stream};

/// Messages over a stream: framed, bounded, with descriptors, questions and answers.
///
/// Nothing happens behind your back: what you await is what moves, and there is no hidden task. A send that has to wait
/// also reads, into an inbox of 1,024 messages and 1 MiB, so that two ends that both send do not wait for each other
/// for ever; a receive that has to wait also writes what is queued.
///
/// It is also a [`Stream`](futures_core::Stream) and a [`Sink`](futures_sink::Sink) of messages.
///
/// # Example
/// ```
/// use ginnel_tokio::{Connection, Message};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ginnel_tokio::Error> {
/// let (mut left, mut right) = Connection::pair()?;
/// left.send("hello").await?;
/// let file = std::fs::File::open("/proc/version")?;
/// left.send(Message::new("and a file").with_fds(vec![file.into()])).await?;
/// assert_eq!(&right.recv().await?.expect("it came").body[..], b"hello");
/// assert_eq!(right.recv().await?.expect("it came").fds.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Connection {
    pub(crate) watched: Watched<os::Stream>,
    pub(crate) core: os::Connection,
    timer: Timer,
    /// As a `Stream` it has ended, by an error.
    failed: bool,
}

impl Connection {
    /// Connects to whoever listens at `address`, with the defaults of [`ConnectionOptions`]. The other side need not
    /// have accepted yet.
    ///
    /// # Errors
    /// [`Error::Io`] as [`Stream::connect`].
    ///
    /// # Panics
    /// As [`Stream::connect`].
    ///
    /// # Cancel safety
    /// Cancelled, no connection was made.
    pub async fn connect(address: impl ToAddress) -> Result<Self, Error> {
        Self::connect_with(address, &ConnectionOptions::new()).await
    }

    /// As [`connect`](Self::connect), behaving as told.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, no connection was made.
    pub async fn connect_with(address: impl ToAddress, options: &ConnectionOptions) -> Result<Self, Error> {
        Ok(Self::over(Stream::connect(address).await?, options))
    }

    /// Listens at `address`; each connection that is accepted has the defaults of [`ConnectionOptions`]. For others
    /// accept [`Stream`]s and use [`over`](Self::over).
    ///
    /// # Errors
    /// As [`ListenerBuilder::listen`](os::ListenerBuilder::listen).
    pub fn listen(address: impl ToAddress) -> io::Result<Listener<Self>> {
        Listener::builder().listen(address)
    }

    /// Two connections to each other.
    ///
    /// # Errors
    /// The kernel's, see socketpair(2).
    pub fn pair() -> Result<(Self, Self), Error> {
        let (left, right) = Stream::pair()?;
        Ok((left.into(), right.into()))
    }

    /// Speaks over a stream.
    pub fn over(stream: Stream, options: &ConnectionOptions) -> Self {
        let Stream { watched } = stream;
        let mut core = os::Connection::new(options);
        core.try_write(watched.get());
        Self { watched, core, timer: Timer::default(), failed: false }
    }

    /// Queues a message, waiting for room: `Ok` means that it is queued for this connection. It leaves with
    /// [`flush`](Self::flush), or while something else waits; one system call carries dozens of small ones.
    ///
    /// The queue takes 1 MiB, 1,024 messages and 64 descriptors, see [`ConnectionOptions::queue`]; a message larger
    /// than that is taken when nothing else is queued.
    ///
    /// # Errors
    /// The message comes back with every error: [`Error::Misuse`] and [`Error::Limit`] if it cannot be sent at all,
    /// [`Limit::Inbox`](os::Limit::Inbox) if more arrived meanwhile than the inbox takes ([`recv`](Self::recv) makes
    /// room), [`Error::Io`] if the connection is broken.
    ///
    /// # Cancel safety
    /// Cancelled, the message was not queued, and is dropped.
    #[inline]
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        let message = message.into();
        if self.core.session().quick_push(&message) {
            return Ok(());
        }
        let refused = match self.core.session().push(message) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        if !refused.refusal.passes() {
            return Err(refused.into());
        }
        let mut message = Some(refused.into_message());
        let fed =
            self.drive(Directions::WRITE, |core, stream, ready| core.feed(stream, ready, &mut message)).await;
        fed.map_err(|error: Error| SendError::with(error, message))
    }

    /// As [`feed`](Self::feed) without waiting: gives the message back if there is no room.
    ///
    /// # Errors
    /// [`Limit::Queue`](os::Limit::Queue): there is no room now. Else as there.
    #[inline]
    pub fn try_feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.core.session().push(message.into()).map_err(SendError::from)
    }

    /// Waits until the kernel has every message that was queued.
    ///
    /// # Errors
    /// [`Error::Io`]: the connection is broken; with `EPERM` the other side accepts no descriptors, the message that
    /// has some comes back, and those behind it are still queued. [`Error::Limit`]: more arrived meanwhile than the
    /// inbox takes; everything is still queued.
    ///
    /// # Cancel safety
    /// Cancelled, what was not written is still queued, whole.
    #[inline]
    pub async fn flush(&mut self) -> Result<(), SendError> {
        self.drive(Directions::WRITE, |core, stream, ready| core.flush(stream, ready)).await
    }

    /// Sends a message: `Ok` means that the kernel has it, and everything that was queued before.
    ///
    /// # Errors
    /// As [`feed`](Self::feed), and as [`flush`](Self::flush).
    ///
    /// # Cancel safety
    /// Cancelled, the message is queued whole, or not at all and dropped.
    #[inline]
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Receives the next message; `None`: the other side has ended the connection. Requests that come meanwhile are
    /// refused; whoever serves some uses [`next`](Self::next).
    ///
    /// # Errors
    /// [`Error::Peer`] and [`Error::Io`], after every message that arrived before.
    ///
    /// # Cancel safety
    /// Cancelled, no message was taken.
    #[inline]
    pub async fn recv(&mut self) -> Result<Option<Message>, Error> {
        coop::consume_budget().await;
        if let Some(message) = self.core.session().take_message() {
            return Ok(Some(message));
        }
        self.drive(Directions::READ, |core, stream, ready| core.recv(stream, ready, Wait::Never)).await
    }

    /// Receives the next message, request or cancellation; `None`: the other side has ended the connection.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn next(&mut self) -> Result<Option<Delivery>, Error> {
        self.drive(Directions::READ, |core, stream, ready| core.next(stream, ready, Wait::Never)).await
    }

    /// Asks, and waits for the answer. Messages that come meanwhile are kept for [`recv`](Self::recv).
    ///
    /// # Errors
    /// [`Error::Failure`]: the other side answered that it went wrong. [`Error::Stopped`]: the connection ended before
    /// the answer came. [`Error::Misuse`] on wires that have no calls. Else as [`feed`](Self::feed),
    /// [`flush`](Self::flush) and [`recv`](Self::recv). With an error of the queue the message comes back.
    ///
    /// # Cancel safety
    /// Cancelled, by a timeout for instance, the other side is told that the answer is not wanted any more; if the
    /// question was not queued yet, it never is.
    pub async fn call(&mut self, message: impl Into<Message>) -> Result<Message, SendError> {
        let mut message = Some(message.into());
        let asked =
            self.drive(Directions::WRITE, |core, stream, ready| core.ask(stream, ready, &mut message)).await;
        let id = asked.map_err(|error: Error| SendError::with(error, message))?;
        let open = OpenCall { connection: self, id };
        let answered = open
            .connection
            .drive(Directions::WRITE, |core, stream, ready| core.answered(stream, ready, (id, Wait::Never)));
        answered.await
    }

    /// Answers a request: `Ok` means that the kernel has the answer. One that is not wanted any more is dropped.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn reply(&mut self, request: Request, answer: impl Into<Message>) -> Result<(), SendError> {
        self.answer(request.id, Answer::Response(answer.into())).await
    }

    /// Answers a request with a failure: whoever asked gets [`Error::Failure`] with these bytes.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn fail(&mut self, request: Request, why: impl Into<Message>) -> Result<(), SendError> {
        self.answer(request.id, Answer::Failure(why.into())).await
    }

    async fn answer(&mut self, id: CallId, answer: Answer<Carried>) -> Result<(), SendError> {
        let mut answer = Some(answer);
        let queued = self
            .drive(Directions::WRITE, |core, stream, ready| core.answer(stream, ready, (id, &mut answer)))
            .await;
        queued.map_err(|error: Error| SendError::with(error, answer.map(Answer::into_message)))?;
        self.flush().await
    }

    /// Takes leave: sends what is queued and a goodbye, ends the writing direction, and waits until the other side has
    /// ended too, for `drain` at most. What still comes is dropped. A socket that is closed with something unread in it
    /// would reset the other side, and could cost it what was just sent.
    ///
    /// # Errors
    /// `TimedOut` if the other side took longer; [`Error::Io`] if the connection broke before everything was
    /// sent, or if the other side refused the descriptors of a message (`EPERM`), which was dropped.
    ///
    /// # Panics
    /// Without a runtime that has time enabled.
    ///
    /// # Cancel safety
    /// Cancelled, the connection is closed at once.
    pub async fn close(mut self, drain: Duration) -> Result<(), Error> {
        let closing = self.drive(Directions::WRITE, |core, stream, ready| core.close(stream, ready));
        tokio::time::timeout(drain, closing).await.map_err(|_| Error::Io(io::ErrorKind::TimedOut.into()))?
    }

    /// For many tasks: a handle that can be cloned, and a driver that the caller spawns. What was queued goes first,
    /// what has arrived comes first. The handle is that of a client that does not come back.
    ///
    /// # Errors
    /// The kernel's, for the poller, or tokio's if its reactor cannot watch it.
    ///
    /// # Panics
    /// Without a runtime that has I/O enabled.
    pub fn shared(self) -> io::Result<(ClientHandle, Driver)> {
        let (watched, core) = self.into_parts();
        Ok(ClientHandle::of(Turning::new(os::Client::adopt(core, watched.into_inner())?)?))
    }

    /// Ends the connection at once: nothing goes or comes any more.
    pub fn abort(&mut self) {
        // It fails if the other side has gone already.
        let _ = self.watched.get().shutdown(Shutdown::Both);
    }

    /// Two halves for two tasks: one that sends, one that receives. Calls belong to the whole.
    pub fn split(self) -> (Sender, Receiver) {
        crate::message_halves::split(self)
    }

    /// What the other side takes and who it is, once its greeting has come. Other wires than the native one have none.
    pub const fn greeting(&self) -> Option<&Greeting> {
        self.core.greeting()
    }

    /// Has the other side said that nothing more will come, as opposed to just having gone?
    pub const fn said_goodbye(&self) -> bool {
        self.core.said_goodbye()
    }

    /// Who is at the other end, as recorded when the connection was made.
    ///
    /// # Errors
    /// The kernel's, see unix(7) on `SO_PEERCRED`.
    pub fn peer_credentials(&self) -> io::Result<Credentials> {
        Credentials::of(self.watched.get().borrowed())
    }

    pub(crate) fn into_parts(self) -> (Watched<os::Stream>, os::Connection) {
        (self.watched, self.core)
    }

    #[inline]
    async fn drive<T, E: From<io::Error> + From<PeerFault>>(
        &mut self,
        first: Directions,
        mut attempt: impl FnMut(&mut os::Connection, &os::Stream, Directions) -> Result<Step<T>, E>,
    ) -> Result<T, E> {
        poll_fn(|cx| self.poll(cx, first, &mut attempt)).await
    }

    fn poll<T, E: From<io::Error> + From<PeerFault>>(
        &mut self,
        cx: &mut Context<'_>,
        first: Directions,
        mut attempt: impl FnMut(&mut os::Connection, &os::Stream, Directions) -> Result<Step<T>, E>,
    ) -> Poll<Result<T, E>> {
        let Self { watched, core, timer, .. } = self;
        let polled =
            watched.poll_drive(cx, (core, timer, first), |core, ready| attempt(core, watched.get(), ready));
        if polled.is_ready() && timer.is_set() && core.is_calm() {
            timer.clear();
        }
        polled
    }
}

/// A question whose answer is awaited. If nobody waits any more, the other side is told.
struct OpenCall<'a> {
    connection: &'a mut Connection,
    id: CallId,
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        let Connection { watched, core, .. } = &mut *self.connection;
        core.forget(self.id, watched.get());
    }
}

/// With the defaults of [`ConnectionOptions`].
impl From<Stream> for Connection {
    fn from(stream: Stream) -> Self {
        Self::over(stream, &ConnectionOptions::new())
    }
}

impl Socket for Connection {
    const KIND: SocketKind = SocketKind::Stream;

    fn accepted(fd: Handle, ours: bool) -> io::Result<Self> {
        Stream::accepted(fd, ours).map(Self::from)
    }
}
