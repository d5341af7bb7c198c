use std::io;
use std::time::{Duration, Instant};

use ginnel_os::driven::{Awaited, Driven};
use ginnel_os::{self as os, ConnId, Error, Message, ServerMachine, ServerOptions};
use ginnel_proto::ToAddress;

use crate::driver::{sit_until, turn_until};
use crate::{Handle, Hub, Listener, Stream};

/// Many connections, one inbox.
///
/// It accepts, reads and writes while something is called on it. Each connection has a queue of its own, so whoever
/// does not read holds up nobody: what is sent to *one* with [`feed`](Self::feed), [`flush`](Self::flush),
/// [`send`](Self::send) and [`call`](Self::call) waits for that one, and meanwhile the others are served into the
/// inbox; [`reply`](Self::reply), [`fail`](Self::fail), [`broadcast`](Self::broadcast) and
/// [`disconnect`](Self::disconnect) wait for nobody. With [`shared`](Self::shared) many threads serve.
///
/// # Example
/// ```
/// use ginnel::{Connection, Happening, Server};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let mut server = Server::listen(&path)?;
/// let client = std::thread::spawn(move || Connection::connect(&path).expect("it listens").call("how many?"));
/// loop {
///     match server.next()? {
///         Happening::Request(request) => {
///             let answer = server.connection_count().to_string();
///             server.reply(request, answer);
///         }
///         Happening::Left(..) => break,
///         Happening::Joined(_) | Happening::Message(..) | Happening::Cancelled(..) => {}
///     }
/// }
/// assert_eq!(client.join().expect("no panic")?.body, "1");
/// # Ok::<(), ginnel::Error>(())
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
    /// The kernel's, for the poller.
    pub fn over(listener: Listener<Stream>, options: &ServerOptions) -> io::Result<Self> {
        Ok(Self { os: os::Server::new(listener.into_os(), options)?, deadline: None })
    }

    /// Receives the next message, and says from whom. Requests that come meanwhile are refused, and nobody is told who
    /// comes and goes; whoever wants to know uses [`next`](Self::next).
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn recv(&mut self) -> Result<(ConnId, Message), Error> {
        turn_until(&mut self.os, self.deadline, |os| Ok(os.received()))
    }

    /// Does the path still name this server? Somebody may have removed or replaced it.
    ///
    /// # Errors
    /// The kernel's, see stat(2).
    pub fn is_published(&self) -> io::Result<bool> {
        self.os.is_published()
    }

    /// Publishes the name again if somebody removed or replaced it. Connections stay, and none that waits is lost.
    ///
    /// # Errors
    /// `AddrInUse`: somebody else listens there by now. `AddrNotAvailable`: the lock file was replaced too, so the
    /// right to the path is lost. The server goes on with what it has.
    pub fn republish(&mut self) -> io::Result<()> {
        self.os.republish()
    }

    /// Listens no more, takes leave of each once everything that was queued for it is sent, and waits until all have
    /// ended too, for `drain` at most.
    ///
    /// # Errors
    /// `TimedOut` if it took longer. All are closed all the same.
    pub fn close(mut self, drain: Duration) -> Result<(), Error> {
        let drained = Instant::now().checked_add(drain);
        let deadline = [drained, self.deadline].into_iter().flatten().min();
        self.os.set_drain(drain);
        self.os.stop_listening();
        let closed = turn_until(&mut self.os, deadline, |os| Ok(os.wind_down()));
        // Whoever does not read gets what its link takes.
        self.os.stop();
        self.os.flush();
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
/// use ginnel::{Connection, Happening, Server};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let (server, driver) = Server::listen(&path)?.shared();
/// std::thread::spawn(|| driver.run());
/// for _ in 0..4 {
///     let server = server.clone();
///     std::thread::spawn(move || {
///         while let Ok(happening) = server.next() {
///             if let Happening::Request(request) = happening {
///                 server.reply(request, "done");
///             }
///         }
///     });
/// }
/// assert_eq!(Connection::connect(&path)?.call("do it")?.body, "done");
/// # Ok::<(), ginnel::Error>(())
/// ```
pub type ServerHandle = Handle<ServerMachine>;

impl ServerHandle {
    /// As [`Server::recv`](crate::Server::recv). Of many who receive, each message goes to one.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn recv(&self) -> Result<(ConnId, Message), Error> {
        self.arrive(os::Server::received)
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
    pub fn close(&self, drain: Duration) -> Result<(), Error> {
        let drained = Instant::now().checked_add(drain);
        let deadline = [drained, self.deadline].into_iter().flatten().min();
        self.shared.with(|os| {
            os.set_drain(drain);
            os.stop_listening();
        });
        let closed = sit_until(self.seat(Awaited::Quiet), deadline, |os| Ok(os.wind_down()));
        self.shared.with(os::Server::stop);
        closed
    }
}
