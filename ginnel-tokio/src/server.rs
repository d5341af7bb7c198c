use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use bytes::Bytes;
use ginnel_os::driven::Driven;
use ginnel_os::{
    self as os, CallId, ConnId, Credentials, Error, Greeting, Happening, Message, Request, SendError,
    ServerOptions,
};
use ginnel_proto::{Answer, ToAddress};

use crate::driver::{Turning, in_time};
use crate::{Driver, Listener, ServerHandle, Stream};

/// Many connections, one inbox.
///
/// It accepts, reads and writes while something is called on it. Each connection has a queue of its own, so whoever
/// does not read holds up nobody: what is sent to *one* with [`feed`](Self::feed), [`flush`](Self::flush),
/// [`send`](Self::send) and [`call`](Self::call) waits for that one, and meanwhile the others are served into the
/// inbox; [`reply`](Self::reply), [`fail`](Self::fail), [`broadcast`](Self::broadcast) and
/// [`disconnect`](Self::disconnect) wait for nobody. With [`shared`](Self::shared) many tasks serve.
///
/// # Example
/// ```
/// use ginnel_tokio::{Connection, Happening, Server};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ginnel_tokio::Error> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let mut server = Server::listen(&path)?;
/// let client = tokio::spawn(async move {
///     let mut connection = Connection::connect(&path).await.expect("it listens");
///     connection.call("how many?").await
/// });
/// loop {
///     match server.next().await? {
///         Happening::Request(request) => {
///             let answer = server.connection_count().to_string();
///             server.reply(request, answer);
///         }
///         Happening::Left(..) => break,
///         Happening::Joined(_) | Happening::Message(..) | Happening::Cancelled(..) => {}
///     }
/// }
/// assert_eq!(client.await.expect("no panic")?.body, "1");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    turning: Turning<os::Server>,
}

impl Server {
    /// Listens at `address`, with the defaults of [`ServerOptions`]. For a mode, a policy or an abstract name make a
    /// [`Listener`] of [`Stream`]s, and serve [`over`](Self::over) it.
    ///
    /// # Errors
    /// As [`ListenerBuilder::listen`](os::ListenerBuilder::listen).
    pub fn listen(address: impl ToAddress) -> io::Result<Self> {
        Self::listen_with(address, &ServerOptions::new())
    }

    /// As [`listen`](Self::listen), behaving as told.
    ///
    /// # Errors
    /// As there.
    pub fn listen_with(address: impl ToAddress, options: &ServerOptions) -> io::Result<Self> {
        Self::over(Stream::listen(address)?, options)
    }

    /// Serves whoever connects to a listener, which was made with permissions and a policy of its own, or passed by a
    /// service manager. It becomes non-blocking for everyone who holds it.
    ///
    /// # Errors
    /// The kernel's, for the poller, or tokio's if its reactor cannot watch it.
    pub fn over(listener: Listener<Stream>, options: &ServerOptions) -> io::Result<Self> {
        Ok(Self { turning: Turning::new(os::Server::new(listener.into_os(), options)?)? })
    }

    /// Waits for the next thing that happens.
    ///
    /// # Errors
    /// The poller's.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn next(&mut self) -> Result<Happening, Error> {
        self.turning.until(|os| Ok(os.happened())).await
    }

    /// Receives the next message, and says from whom. Requests that come meanwhile are refused, and nobody is told who
    /// comes and goes; whoever wants to know uses [`next`](Self::next).
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Cancelled, no message was taken.
    pub async fn recv(&mut self) -> Result<(ConnId, Message), Error> {
        self.turning.until(|os| Ok(os.received())).await
    }

    /// Queues a message for one, waiting for room.
    ///
    /// # Errors
    /// The message comes back with every error: [`Error::Stopped`] if that one is gone,
    /// [`Limit::Inbox`](os::Limit::Inbox) if more arrived meanwhile than the inbox takes; else as
    /// [`Connection::feed`](crate::Connection::feed).
    ///
    /// # Cancel safety
    /// Cancelled, the message was not queued, and is dropped.
    pub async fn feed(&mut self, id: ConnId, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = self.turning.until(|os| os.feed(id, &mut message)).await;
        fed.map(drop).map_err(|error: Error| SendError::with(error, message))
    }

    /// As [`feed`](Self::feed) without waiting: gives the message back if there is no room.
    ///
    /// # Errors
    /// [`Limit::Queue`](os::Limit::Queue): there is no room now. Else as there.
    pub fn try_feed(&mut self, id: ConnId, message: impl Into<Message>) -> Result<(), SendError> {
        self.turning.driven.try_feed(id, message.into())
    }

    /// Waits until the kernel has every message that was queued for one.
    ///
    /// # Errors
    /// The first that could not be sent, with the message if nothing of it was. [`Error::Stopped`] if that one is gone.
    ///
    /// # Cancel safety
    /// Cancelled, what was not written is still queued, whole.
    pub async fn flush(&mut self, id: ConnId) -> Result<(), SendError> {
        let last = self.turning.driven.last(id);
        self.turning.until(|os| os.flushed(id, last)).await
    }

    /// Sends a message to one: `Ok` means that the kernel has it, and everything that was queued before for that one.
    ///
    /// # Errors
    /// As [`feed`](Self::feed) and [`flush`](Self::flush).
    ///
    /// # Cancel safety
    /// Cancelled, the message is queued whole, or not at all and dropped.
    pub async fn send(&mut self, id: ConnId, message: impl Into<Message>) -> Result<(), SendError> {
        self.feed(id, message).await?;
        self.flush(id).await
    }

    /// Asks one, and waits for the answer.
    ///
    /// # Errors
    /// As [`Connection::call`](crate::Connection::call). [`Error::Stopped`] if that one is gone.
    ///
    /// # Cancel safety
    /// Cancelled, by a timeout for instance, the other side is told that the answer is not wanted any more; if the
    /// question was not handed over yet, it never is.
    pub async fn call(&mut self, id: ConnId, message: impl Into<Message>) -> Result<Message, SendError> {
        let mut message = Some(message.into());
        let asked = self.turning.until(|os| os.ask(id, &mut message)).await;
        let call = asked.map_err(|error: Error| SendError::with(error, message))?;
        let open = OpenCall { server: self, id, call };
        open.server.turning.until(|os| os.answered(id, call)).await
    }

    /// Answers a request. It waits for nobody: the answer is written as far as there is room now, and waits in that
    /// one's queue otherwise, within the bound of [`ServerOptions::answers`]; what would exceed it becomes a failure
    /// for whoever asked. An answer that is not wanted any more, or whose connection is gone, is dropped.
    pub fn reply(&mut self, request: Request, answer: impl Into<Message>) {
        self.turning.driven.answer(&request, Answer::Response(answer.into()));
        self.turning.driven.flush();
    }

    /// Answers a request with a failure, as [`reply`](Self::reply): whoever asked gets [`Error::Failure`] with these
    /// bytes.
    pub fn fail(&mut self, request: Request, why: impl Into<Message>) {
        self.turning.driven.answer(&request, Answer::Failure(why.into()));
        self.turning.driven.flush();
    }

    /// Sends the same bytes to everybody who is connected, and waits for nobody: whoever's queue is full misses it, and
    /// is among those that are returned. A body over 4 KiB is shared by all of them, not copied. It carries no
    /// descriptors.
    pub fn broadcast(&mut self, body: impl Into<Bytes>) -> Vec<ConnId> {
        let missed = self.feed_all(body);
        self.turning.driven.flush();
        missed
    }

    /// As [`broadcast`](Self::broadcast), but it writes nothing: it leaves with the next broadcast or answer, or while
    /// something waits; one system call carries dozens of small ones.
    pub fn feed_all(&mut self, body: impl Into<Bytes>) -> Vec<ConnId> {
        self.turning.driven.broadcast(body.into())
    }

    /// Who is connected, the oldest first.
    pub fn connections(&self) -> Vec<ConnId> {
        self.turning.driven.connections()
    }

    /// How many are connected.
    pub fn connection_count(&self) -> usize {
        self.turning.driven.connection_count()
    }

    /// Is this one connected?
    pub fn is_connected(&self, id: ConnId) -> bool {
        self.turning.driven.is_connected(id)
    }

    /// Who is at the other end, as recorded when the connection was made.
    ///
    /// # Errors
    /// `NotConnected` if it is gone; the kernel's, see unix(7) on `SO_PEERCRED`.
    pub fn peer_credentials(&self, id: ConnId) -> io::Result<Credentials> {
        self.turning.driven.peer_credentials(id)
    }

    /// What this one takes and who it is. Other wires than the native one have no greeting.
    pub fn greeting(&self, id: ConnId) -> Option<Greeting> {
        self.turning.driven.greeting(id)
    }

    /// Does the path still name this server? Somebody may have removed or replaced it.
    ///
    /// # Errors
    /// The kernel's, see stat(2).
    pub fn is_published(&self) -> io::Result<bool> {
        self.turning.driven.is_published()
    }

    /// Publishes the name again if somebody removed or replaced it. Connections stay, and none that waits is lost.
    ///
    /// # Errors
    /// `AddrInUse`: somebody else listens there by now. `AddrNotAvailable`: the lock file was replaced too, so the
    /// right to the path is lost. The server goes on with what it has.
    pub fn republish(&mut self) -> io::Result<()> {
        self.turning.driven.republish()
    }

    /// Takes leave of one: what its link holds and a goodbye are still written, for 1 s at most, while something is
    /// called here. `false`: it is gone already.
    pub fn disconnect(&mut self, id: ConnId) -> bool {
        let was_there = self.turning.driven.disconnect(id);
        self.turning.driven.flush();
        was_there
    }

    /// Listens no more, takes leave of each once everything that was queued for it is sent, and waits until all have
    /// ended too, for `drain` at most.
    ///
    /// # Errors
    /// `TimedOut` if it took longer. All are closed all the same.
    ///
    /// # Panics
    /// Without a runtime that has time enabled.
    ///
    /// # Cancel safety
    /// Cancelled, all connections are closed at once.
    pub async fn close(mut self, drain: Duration) -> Result<(), Error> {
        self.turning.driven.set_drain(drain);
        self.turning.driven.stop_listening();
        let closed = in_time(drain, self.turning.until(|os| Ok(os.wind_down()))).await;
        // Whoever does not read gets what its link takes.
        self.turning.driven.stop();
        self.turning.driven.flush();
        closed
    }

    /// For many tasks: a handle that can be cloned, and a driver that the caller spawns.
    pub fn shared(self) -> (ServerHandle, Driver) {
        ServerHandle::of(self.turning)
    }
}

/// A question whose answer is awaited. If nobody waits any more, the other side is told.
struct OpenCall<'a> {
    server: &'a mut Server,
    id: ConnId,
    call: CallId,
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.server.turning.driven.forget(self.id, self.call);
        self.server.turning.driven.flush();
    }
}

/// One descriptor, readable when there is something to do.
impl AsFd for Server {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.turning.driven.as_fd()
    }
}
