use std::io;
use std::sync::Arc;

use bytes::Bytes;
use ginnel_os::driven::Awaited;
use ginnel_os::shared::{Seat, Shared};
use ginnel_os::{
    self as os, CallId, ConnId, Credentials, Error, Greeting, Many, Message, Request, SendError,
};
use ginnel_proto::Answer;
use ginnel_proto::machine::SendId;

use crate::Driver;
use crate::driver::{Turning, sit_until};

/// One of many handles of a [`Hub`](crate::Hub): of a [`Server`](crate::Server) or a [`Peer`](crate::Peer).
///
/// It moves nothing by itself: whoever runs the [`Driver`] does. When the last handle is dropped the driver takes leave of
/// everybody and ends: what each connection was given is still written, for 1 s at most.
#[derive(Debug)]
pub struct Handle<M: Many> {
    pub(crate) shared: Arc<Shared<os::Hub<M>>>,
}

impl<M: Many> Handle<M> {
    pub(crate) fn of(turning: Turning<os::Hub<M>>) -> (Self, Driver) {
        let (shared, driver) = turning.shared();
        (Self { shared }, driver)
    }

    pub(crate) fn seat(&self, awaited: Awaited) -> Seat<'_, os::Hub<M>> {
        Seat::new(&self.shared, awaited)
    }

    /// As [`Hub::next`](crate::Hub::next). Of many who ask, each thing is told to one.
    ///
    /// # Errors
    /// [`Error::Stopped`] with [`Reason::NotDriven`](crate::Reason::NotDriven): nobody drives it any more.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn next(&self) -> Result<M::Happening, Error> {
        self.arrive(os::Hub::happened).await
    }

    pub(crate) async fn arrive<T>(
        &self,
        mut look: impl FnMut(&mut os::Hub<M>) -> Option<T>,
    ) -> Result<T, Error> {
        sit_until(self.seat(Awaited::Arrival), |os| {
            os.has_reader();
            Ok(look(os))
        })
        .await
    }

    /// As [`Hub::feed`](crate::Hub::feed).
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
    /// As [`Hub::try_feed`](crate::Hub::try_feed).
    pub fn try_feed(&self, id: ConnId, message: impl Into<Message>) -> Result<(), SendError> {
        self.shared.with(|os| os.try_feed(id, message.into()))
    }

    /// Waits until the kernel has everything that was queued before for one, by whatever handle. What others
    /// [`send`](Self::send) is told to them alone.
    ///
    /// # Errors
    /// As [`Hub::flush`](crate::Hub::flush).
    ///
    /// # Cancel safety
    /// Cancelled, what was not written is still queued, whole.
    pub async fn flush(&self, id: ConnId) -> Result<(), SendError> {
        let last = self.shared.with(|os| os.last(id));
        sit_until(self.seat(Awaited::Sent(id, last)), |os| os.flushed(id, last)).await
    }

    /// As [`Hub::send`](crate::Hub::send).
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

    /// As [`Hub::call`](crate::Hub::call). Any number may be under way at the same time, up to 1,024 with each.
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

    /// As [`Hub::reply`](crate::Hub::reply).
    pub fn reply(&self, request: Request, answer: impl Into<Message>) {
        self.shared.with(|os| os.answer(&request, Answer::Response(answer.into())));
    }

    /// As [`Hub::fail`](crate::Hub::fail).
    pub fn fail(&self, request: Request, why: impl Into<Message>) {
        self.shared.with(|os| os.answer(&request, Answer::Failure(why.into())));
    }

    /// As [`Hub::broadcast`](crate::Hub::broadcast).
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

    /// As [`Hub::peer_credentials`](crate::Hub::peer_credentials).
    ///
    /// # Errors
    /// As there.
    pub fn peer_credentials(&self, id: ConnId) -> io::Result<Credentials> {
        self.shared.with(|os| os.peer_credentials(id))
    }

    /// As [`Hub::greeting`](crate::Hub::greeting).
    pub fn greeting(&self, id: ConnId) -> Option<Greeting> {
        self.shared.with(|os| os.greeting(id))
    }

    /// As [`Hub::disconnect`](crate::Hub::disconnect).
    pub fn disconnect(&self, id: ConnId) -> bool {
        self.shared.with(|os| os.disconnect(id))
    }
}

/// A message that somebody waits for alone, until the kernel has it.
struct Claim<'a, M: Many> {
    handle: &'a Handle<M>,
    id: ConnId,
    send: SendId,
}

impl<'a, M: Many> Claim<'a, M> {
    fn new(handle: &'a Handle<M>, os: &mut os::Hub<M>, (id, send): (ConnId, SendId)) -> Self {
        os.claim(id, send);
        Self { handle, id, send }
    }

    async fn sent(self) -> Result<(), SendError> {
        let Self { handle, id, send } = &self;
        sit_until(handle.seat(Awaited::Sent(*id, *send)), |os| os.sent(*id, *send)).await
    }
}

impl<M: Many> Drop for Claim<'_, M> {
    fn drop(&mut self) {
        self.handle.shared.with(|os| os.disclaim(self.id, self.send));
    }
}

/// A question whose answer is awaited. If nobody waits any more, the other side is told.
struct OpenCall<'a, M: Many> {
    handle: &'a Handle<M>,
    id: ConnId,
    call: CallId,
}

impl<M: Many> Drop for OpenCall<'_, M> {
    fn drop(&mut self) {
        self.handle.shared.with(|os| os.forget(self.id, self.call));
    }
}

impl<M: Many> Clone for Handle<M> {
    fn clone(&self) -> Self {
        self.shared.add_handle();
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<M: Many> Drop for Handle<M> {
    fn drop(&mut self) {
        self.shared.drop_handle();
    }
}
