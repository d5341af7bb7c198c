use std::io;
use std::time::{Duration, Instant};

use ginnel_os::{
    self as os, ConnectionOptions, Credentials, Delivery, Error, Greeting, Message, Request, SendError,
    SocketKind,
};
use ginnel_proto::{Answer, CallId, ToAddress};

use crate::driver::{self, Waits};
use crate::listener::{Listener, Socket};
use crate::{ClientHandle, Driver, Receiver, Sender, Stream};

/// Messages over a stream: framed, bounded, with descriptors, questions and answers.
///
/// Nothing happens behind your back: what you call is what moves. A send that has to wait also reads, into an inbox of
/// 1,024 messages and 1 MiB, so that two ends that both send do not wait for each other for ever; a receive that has to
/// wait also writes what is queued.
///
/// # Example
/// ```
/// use ginnel::{Connection, Message};
/// let (mut left, mut right) = Connection::pair()?;
/// left.send("hello")?;
/// let file = std::fs::File::open("/proc/version")?;
/// left.send(Message::new("and a file").with_fds(vec![file.into()]))?;
/// assert_eq!(&right.recv()?.expect("it came").body[..], b"hello");
/// assert_eq!(right.recv()?.expect("it came").fds.len(), 1);
/// # Ok::<(), ginnel::Error>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    pub(crate) os: os::Stream,
    pub(crate) waits: Waits,
    pub(crate) core: os::Connection,
}

impl Connection {
    /// Connects to whoever listens at `address`, with the defaults of [`ConnectionOptions`]. The other side need not
    /// have accepted yet.
    ///
    /// # Errors
    /// [`Error::Io`] as [`Stream::connect`].
    pub fn connect(address: impl ToAddress) -> Result<Self, Error> {
        Self::connect_with(address, &ConnectionOptions::new())
    }

    /// As [`connect`](Self::connect), behaving as told.
    ///
    /// # Errors
    /// As there.
    pub fn connect_with(address: impl ToAddress, options: &ConnectionOptions) -> Result<Self, Error> {
        Ok(Self::over(Stream::connect(address)?, options))
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

    /// Speaks over a stream. A deadline that the stream has is kept.
    pub fn over(stream: Stream, options: &ConnectionOptions) -> Self {
        let Stream { os, waits } = stream;
        let mut core = os::Connection::new(options);
        core.try_write(&os);
        Self { os, waits, core }
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
    /// room), [`Error::Io`] if the connection is broken or the deadline passed.
    #[inline]
    pub fn feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
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
        let fed = driver::drive((&mut self.core, &self.os), self.waits, |core, ready, _| {
            core.feed(&self.os, ready, &mut message)
        });
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
    /// [`Error::Io`]: the connection is broken, or the deadline passed; with `EPERM` the other side accepts no
    /// descriptors, the message that has some comes back, and those behind it are still queued. [`Error::Limit`]: more
    /// arrived meanwhile than the inbox takes; everything is still queued.
    #[inline]
    pub fn flush(&mut self) -> Result<(), SendError> {
        driver::drive((&mut self.core, &self.os), self.waits, |core, ready, _| core.flush(&self.os, ready))
    }

    /// Sends a message: `Ok` means that the kernel has it, and everything that was queued before.
    ///
    /// # Errors
    /// As [`feed`](Self::feed), and as [`flush`](Self::flush).
    #[inline]
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.feed(message)?;
        self.flush()
    }

    /// Receives the next message; `None`: the other side has ended the connection. Requests that come meanwhile are
    /// refused; whoever serves some uses [`next`](Self::next).
    ///
    /// # Errors
    /// [`Error::Peer`] and [`Error::Io`], after every message that arrived before.
    #[inline]
    pub fn recv(&mut self) -> Result<Option<Message>, Error> {
        if let Some(message) = self.core.session().take_message() {
            return Ok(Some(message));
        }
        driver::drive((&mut self.core, &self.os), self.waits, |core, ready, wait| {
            core.recv(&self.os, ready, wait)
        })
    }

    /// Receives the next message, request or cancellation; `None`: the other side has ended the connection.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator has no errors between its items and its end"
    )]
    pub fn next(&mut self) -> Result<Option<Delivery>, Error> {
        driver::drive((&mut self.core, &self.os), self.waits, |core, ready, wait| {
            core.next(&self.os, ready, wait)
        })
    }

    /// Asks, and waits for the answer. Messages that come meanwhile are kept for [`recv`](Self::recv).
    ///
    /// If the deadline passes, the other side is told that the answer is not wanted any more.
    ///
    /// # Errors
    /// [`Error::Failure`]: the other side answered that it went wrong. [`Error::Stopped`]: the connection ended before
    /// the answer came. [`Error::Misuse`] on wires that have no calls. Else as [`feed`](Self::feed),
    /// [`flush`](Self::flush) and [`recv`](Self::recv). With an error of the queue the message comes back.
    pub fn call(&mut self, message: impl Into<Message>) -> Result<Message, SendError> {
        let id = self.ask(message.into())?;
        let answer = driver::drive((&mut self.core, &self.os), self.waits, |core, ready, wait| {
            core.answered(&self.os, ready, (id, wait))
        });
        answer.inspect_err(|_| self.core.forget(id, &self.os))
    }

    fn ask(&mut self, message: Message) -> Result<CallId, SendError> {
        let mut message = Some(message);
        let asked = driver::drive((&mut self.core, &self.os), self.waits, |core, ready, _| {
            core.ask(&self.os, ready, &mut message)
        });
        asked.map_err(|error: Error| SendError::with(error, message))
    }

    /// Answers a request: `Ok` means that the kernel has the answer. One that is not wanted any more is dropped.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn reply(&mut self, request: Request, answer: impl Into<Message>) -> Result<(), SendError> {
        self.answer(request.id, Answer::Response(answer.into()))
    }

    /// Answers a request with a failure: whoever asked gets [`Error::Failure`] with these bytes.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn fail(&mut self, request: Request, why: impl Into<Message>) -> Result<(), SendError> {
        self.answer(request.id, Answer::Failure(why.into()))
    }

    fn answer(&mut self, id: CallId, answer: Answer<os::Carried>) -> Result<(), SendError> {
        let mut answer = Some(answer);
        let queued = driver::drive((&mut self.core, &self.os), self.waits, |core, ready, _| {
            core.answer(&self.os, ready, (id, &mut answer))
        });
        queued.map_err(|error: Error| SendError::with(error, answer.map(Answer::into_message)))?;
        self.flush()
    }

    /// Takes leave: sends what is queued and a goodbye, ends the writing direction, and waits until the other side has
    /// ended too, for `drain` at most. What still comes is dropped. A socket that is closed with something unread in it
    /// would reset the other side, and could cost it what was just sent.
    ///
    /// # Errors
    /// `TimedOut` if the other side took longer; [`Error::Io`] if the connection broke before everything was
    /// sent, or if the other side refused the descriptors of a message (`EPERM`), which was dropped.
    pub fn close(mut self, drain: Duration) -> Result<(), Error> {
        let latest = Instant::now().checked_add(drain);
        let deadline = [latest, self.waits.deadline()].into_iter().flatten().min();
        let waits = deadline.map_or(self.waits, |deadline| self.waits.by(deadline));
        driver::drive((&mut self.core, &self.os), waits, |core, ready, _| core.close(&self.os, ready))
    }

    /// For many threads: a handle that can be cloned, and a driver that the caller runs. What was queued goes first,
    /// what has arrived comes first. The handle is that of a client that does not come back.
    ///
    /// # Errors
    /// The kernel's, for the poller.
    pub fn shared(self) -> io::Result<(ClientHandle, Driver)> {
        Ok(ClientHandle::of(os::Client::adopt(self.core, self.os)?))
    }

    /// Ends the connection at once: nothing goes or comes any more.
    pub fn abort(&mut self) {
        // It fails if the other side has gone already.
        let _ = self.os.shutdown(std::net::Shutdown::Both);
    }

    /// Two halves for two threads: one that sends, one that receives. Calls belong to the whole.
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
        Credentials::of(self.os.borrowed())
    }

    /// Lets every call from now on fail with `TimedOut` once this moment has come; `None`: wait for ever.
    pub const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.waits = self.waits.until_moment(deadline);
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

    fn accepted(fd: os::Handle, ours: bool) -> Self {
        Stream::accepted(fd, ours).into()
    }
}
