use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ginnel_os::driven::{Awaited, Driven};
use ginnel_os::shared::{Seat, Shared};
use ginnel_os::{self as os, ConnId, Credentials, Error, Greeting, Happening, Message, Request, SendError};
use ginnel_proto::Answer;

use crate::Driver;
use crate::driver::sit_until;

/// One of many handles of a [`Server`](crate::Server).
///
/// It moves nothing by itself: whoever runs the [`Driver`] does. Each thing that happens is told to one of those who
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
#[derive(Debug)]
pub struct ServerHandle {
    shared: Arc<Shared<os::Server>>,
    deadline: Option<Instant>,
}

impl ServerHandle {
    pub(crate) fn of(server: os::Server) -> (Self, Driver) {
        let shared = Shared::new(server);
        (Self { shared: Arc::clone(&shared), deadline: None }, Driver::of(shared))
    }

    fn seat(&self, awaited: Awaited) -> Seat<'_, os::Server> {
        Seat::new(&self.shared, awaited)
    }

    /// As [`Server::next`](crate::Server::next). Of many who ask, each thing is told to one.
    ///
    /// # Errors
    /// `TimedOut`: the handle's deadline passed. [`Error::Stopped`] with
    /// [`Reason::NotDriven`](crate::Reason::NotDriven).
    pub fn next(&self) -> Result<Happening, Error> {
        self.arrive(os::Server::happened)
    }

    /// As [`Server::recv`](crate::Server::recv). Of many who receive, each message goes to one.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn recv(&self) -> Result<(ConnId, Message), Error> {
        self.arrive(os::Server::received)
    }

    fn arrive<T>(&self, mut look: impl FnMut(&mut os::Server) -> Option<T>) -> Result<T, Error> {
        sit_until(self.seat(Awaited::Arrival), self.deadline, |os| {
            os.has_reader();
            Ok(look(os))
        })
    }

    /// As [`Server::feed`](crate::Server::feed).
    ///
    /// # Errors
    /// As there.
    pub fn feed(&self, id: ConnId, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = sit_until(self.seat(Awaited::Room(id)), self.deadline, |os| os.feed(id, &mut message));
        fed.map(drop).map_err(|error: Error| SendError::with(error, message))
    }

    /// As [`feed`](Self::feed) without waiting: gives the message back if there is no room.
    ///
    /// # Errors
    /// As [`Server::try_feed`](crate::Server::try_feed).
    pub fn try_feed(&self, id: ConnId, message: impl Into<Message>) -> Result<(), SendError> {
        self.shared.with(|os| os.try_feed(id, message.into()))
    }

    /// Waits until the kernel has everything that was queued before for one, by whatever handle. What others
    /// [`send`](Self::send) is told to them alone.
    ///
    /// # Errors
    /// As [`Server::flush`](crate::Server::flush).
    pub fn flush(&self, id: ConnId) -> Result<(), SendError> {
        let last = self.shared.with(|os| os.last(id));
        sit_until(self.seat(Awaited::Sent(id, last)), self.deadline, |os| os.flushed(id, last))
    }

    /// As [`Server::send`](crate::Server::send).
    ///
    /// # Errors
    /// As there, about this message alone.
    pub fn send(&self, id: ConnId, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = sit_until(self.seat(Awaited::Room(id)), self.deadline, |os| {
            Ok(os.feed(id, &mut message)?.inspect(|&send| os.claim(id, send)))
        });
        let send = fed.map_err(|error: Error| SendError::with(error, message))?;
        let sent = sit_until(self.seat(Awaited::Sent(id, send)), self.deadline, |os| os.sent(id, send));
        self.shared.with(|os| os.disclaim(id, send));
        sent
    }

    /// As [`Server::call`](crate::Server::call). Any number may be under way at the same time, up to 1,024 with each.
    ///
    /// # Errors
    /// As there.
    pub fn call(&self, id: ConnId, message: impl Into<Message>) -> Result<Message, SendError> {
        let mut message = Some(message.into());
        let asked = sit_until(self.seat(Awaited::Room(id)), self.deadline, |os| os.ask(id, &mut message));
        let call = asked.map_err(|error: Error| SendError::with(error, message))?;
        let answer =
            sit_until(self.seat(Awaited::Answer(id, call)), self.deadline, |os| os.answered(id, call));
        answer.inspect_err(|_| self.shared.with(|os| os.forget(id, call)))
    }

    /// As [`Server::reply`](crate::Server::reply).
    pub fn reply(&self, request: Request, answer: impl Into<Message>) {
        self.shared.with(|os| os.answer(&request, Answer::Response(answer.into())));
    }

    /// As [`Server::fail`](crate::Server::fail).
    pub fn fail(&self, request: Request, why: impl Into<Message>) {
        self.shared.with(|os| os.answer(&request, Answer::Failure(why.into())));
    }

    /// As [`Server::broadcast`](crate::Server::broadcast).
    pub fn broadcast(&self, body: impl Into<Bytes>) -> Vec<ConnId> {
        self.shared.with(|os| os.broadcast(body.into()))
    }

    /// Who is connected, the oldest first.
    pub fn connections(&self) -> Vec<ConnId> {
        self.shared.with(|os| os.connections())
    }

    /// How many are connected.
    pub fn connection_count(&self) -> usize {
        self.shared.with(|os| os.connection_count())
    }

    /// Is this one connected?
    pub fn is_connected(&self, id: ConnId) -> bool {
        self.shared.with(|os| os.is_connected(id))
    }

    /// As [`Server::peer_credentials`](crate::Server::peer_credentials).
    ///
    /// # Errors
    /// As there.
    pub fn peer_credentials(&self, id: ConnId) -> io::Result<Credentials> {
        self.shared.with(|os| os.peer_credentials(id))
    }

    /// As [`Server::greeting`](crate::Server::greeting).
    pub fn greeting(&self, id: ConnId) -> Option<Greeting> {
        self.shared.with(|os| os.greeting(id))
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

    /// As [`Server::disconnect`](crate::Server::disconnect).
    pub fn disconnect(&self, id: ConnId) -> bool {
        self.shared.with(|os| os.disconnect(id))
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

    /// Lets every call on this handle fail with `TimedOut` once this moment has come; `None`: wait for ever. Other
    /// handles keep theirs.
    pub const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }
}

impl Clone for ServerHandle {
    fn clone(&self) -> Self {
        self.shared.add_handle();
        Self { shared: Arc::clone(&self.shared), deadline: self.deadline }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.shared.drop_handle();
    }
}
