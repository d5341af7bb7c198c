use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ginnel_os::driven::{Awaited, Driven};
use ginnel_os::shared::{Seat, Shared};
use ginnel_os::{
    self as os, CallId, ConnId, Credentials, Error, Greeting, Happening, Message, Request, SendError,
};
use ginnel_proto::Answer;
use ginnel_proto::machine::SendId;

use crate::Driver;
use crate::driver::{Turning, in_time, sit_until};

/// One of many handles of a [`Server`](crate::Server).
///
/// It moves nothing by itself: whoever runs the [`Driver`] does. Each thing that happens is told to one of those who
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
#[derive(Debug)]
pub struct ServerHandle {
    shared: Arc<Shared<os::Server>>,
}

impl ServerHandle {
    pub(crate) fn of(turning: Turning<os::Server>) -> (Self, Driver) {
        let (shared, driver) = turning.shared();
        (Self { shared }, driver)
    }

    fn seat(&self, awaited: Awaited) -> Seat<'_, os::Server> {
        Seat::new(&self.shared, awaited)
    }

    /// As [`Server::next`](crate::Server::next). Of many who ask, each thing is told to one.
    ///
    /// # Errors
    /// [`Error::Stopped`] with [`Reason::NotDriven`](crate::Reason::NotDriven): nobody drives it any more.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn next(&self) -> Result<Happening, Error> {
        self.arrive(os::Server::happened).await
    }

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

    async fn arrive<T>(&self, mut look: impl FnMut(&mut os::Server) -> Option<T>) -> Result<T, Error> {
        sit_until(self.seat(Awaited::Arrival), |os| {
            os.has_reader();
            Ok(look(os))
        })
        .await
    }

    /// As [`Server::feed`](crate::Server::feed).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, the message was not queued, and is dropped.
    pub async fn feed(&self, id: ConnId, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = sit_until(self.seat(Awaited::Room(id)), |os| os.feed(id, &mut message)).await;
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
    ///
    /// # Cancel safety
    /// Cancelled, what was not written is still queued, whole.
    pub async fn flush(&self, id: ConnId) -> Result<(), SendError> {
        let last = self.shared.with(|os| os.last(id));
        sit_until(self.seat(Awaited::Sent(id, last)), |os| os.flushed(id, last)).await
    }

    /// As [`Server::send`](crate::Server::send).
    ///
    /// # Errors
    /// As there, about this message alone.
    ///
    /// # Cancel safety
    /// Cancelled, the message is queued whole, or not at all and dropped; if it cannot be sent, whoever
    /// [`flush`](Self::flush)es is told.
    pub async fn send(&self, id: ConnId, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = sit_until(self.seat(Awaited::Room(id)), |os| {
            Ok(os.feed(id, &mut message)?.map(|send| Claim::new(self, os, (id, send))))
        })
        .await;
        fed.map_err(|error: Error| SendError::with(error, message))?.sent().await
    }

    /// As [`Server::call`](crate::Server::call). Any number may be under way at the same time, up to 1,024 with each.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, by a timeout for instance, the other side is told that the answer is not wanted any more; if the
    /// question was not handed over yet, it never is.
    pub async fn call(&self, id: ConnId, message: impl Into<Message>) -> Result<Message, SendError> {
        let mut message = Some(message.into());
        let asked = sit_until(self.seat(Awaited::Room(id)), |os| os.ask(id, &mut message)).await;
        let call = asked.map_err(|error: Error| SendError::with(error, message))?;
        let open = OpenCall { handle: self, id, call };
        sit_until(open.handle.seat(Awaited::Answer(id, call)), |os| os.answered(id, call)).await
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

/// A message that somebody waits for alone, until the kernel has it.
struct Claim<'a> {
    handle: &'a ServerHandle,
    id: ConnId,
    send: SendId,
}

impl<'a> Claim<'a> {
    fn new(handle: &'a ServerHandle, os: &mut os::Server, (id, send): (ConnId, SendId)) -> Self {
        os.claim(id, send);
        Self { handle, id, send }
    }

    async fn sent(self) -> Result<(), SendError> {
        let Self { handle, id, send } = &self;
        sit_until(handle.seat(Awaited::Sent(*id, *send)), |os| os.sent(*id, *send)).await
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.handle.shared.with(|os| os.disclaim(self.id, self.send));
    }
}

/// A question whose answer is awaited. If nobody waits any more, the other side is told.
struct OpenCall<'a> {
    handle: &'a ServerHandle,
    id: ConnId,
    call: CallId,
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.handle.shared.with(|os| os.forget(self.id, self.call));
    }
}

impl Clone for ServerHandle {
    fn clone(&self) -> Self {
        self.shared.add_handle();
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.shared.drop_handle();
    }
}
