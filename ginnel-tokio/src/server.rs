use std::io;
use std::time::Duration;

use ginnel_os::driven::{Awaited, Driven};
use ginnel_os::{self as os, ConnId, Error, Message, ServerMachine, ServerOptions};
use ginnel_proto::ToAddress;

use crate::driver::{Turning, in_time, sit_until};
use crate::{Handle, Hub, Listener, Stream};

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
pub type Server = Hub<ServerMachine>;

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
}

/// One of many handles of a [`Server`](crate::Server).
///
/// It moves nothing by itself: whoever runs the [`Driver`](crate::Driver) does. Each thing that happens is told to one of those who
/// ask for the [`next`](Self::next). When the last handle is dropped the driver takes leave of everybody and ends: what
/// each connection was given is still written, for 1 s at most; see [`close`](Self::close).
///
/// # Example
/// ```
/// use ginnel_tokio::{Connection, Happening, Server};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ginnel_tokio::Error> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let (server, driver) = Server::listen(&path)?.shared();
/// tokio::spawn(driver);
/// tokio::spawn(async move {
///     while let Ok(happening) = server.next().await {
///         if let Happening::Request(request) = happening {
///             let server = server.clone();
///             tokio::spawn(async move { server.reply(request, "done") });
///         }
///     }
/// });
/// assert_eq!(Connection::connect(&path).await?.call("do it").await?.body, "done");
/// # Ok(())
/// # }
/// ```
pub type ServerHandle = Handle<ServerMachine>;

impl ServerHandle {
    /// As [`Server::recv`](crate::Server::recv). Of many who receive, each message goes to one.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Cancelled, no message was taken.
    pub async fn recv(&self) -> Result<(ConnId, Message), Error> {
        self.arrive(os::Server::received).await
    }

    /// As [`Server::is_published`](crate::Server::is_published).
    ///
    /// # Errors
    /// As there.
    pub fn is_published(&self) -> io::Result<bool> {
        self.shared.with(|os| os.is_published())
    }

    /// As [`Server::republish`](crate::Server::republish).
    ///
    /// # Errors
    /// As there.
    pub fn republish(&self) -> io::Result<()> {
        self.shared.with(os::Server::republish)
    }

    /// Listens no more, and closes as [`Server::close`](crate::Server::close), for all handles.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// Without a runtime that has time enabled.
    ///
    /// # Cancel safety
    /// Cancelled, nobody is listened to any more, and those are left from whom leave was taken.
    pub async fn close(&self, drain: Duration) -> Result<(), Error> {
        self.shared.with(|os| {
            os.set_drain(drain);
            os.stop_listening();
        });
        let quiet = self.seat(Awaited::Quiet);
        let closed = in_time(drain, sit_until(quiet, |os| Ok::<_, Error>(os.wind_down()))).await;
        self.shared.with(os::Server::stop);
        closed
    }
}
