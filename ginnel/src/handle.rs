use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ginnel_os::driven::Awaited;
use ginnel_os::shared::{Seat, Shared};
use ginnel_os::{self as os, ConnId, Credentials, Error, Greeting, Many, Message, Request, SendError};
use ginnel_proto::Answer;

use crate::Driver;
use crate::driver::sit_until;

/// One of many handles of a [`Hub`](crate::Hub): of a [`Server`](crate::Server) or a [`Peer`](crate::Peer).
///
/// It moves nothing by itself: whoever runs the [`Driver`] does. When the last handle is dropped the driver takes leave of
/// everybody and ends: what each connection was given is still written, for 1 s at most.
#[derive(Debug)]
pub struct Handle<M: Many> {
    pub(crate) shared: Arc<Shared<os::Hub<M>>>,
    pub(crate) deadline: Option<Instant>,
}

impl<M: Many> Handle<M> {
    pub(crate) fn of(hub: os::Hub<M>) -> (Self, Driver) {
        let shared = Shared::new(hub);
        (Self { shared: Arc::clone(&shared), deadline: None }, Driver::of(shared))
    }

    pub(crate) fn seat(&self, awaited: Awaited) -> Seat<'_, os::Hub<M>> {
        Seat::new(&self.shared, awaited)
    }

    /// As [`Hub::next`](crate::Hub::next). Of many who ask, each thing is told to one.
    ///
    /// # Errors
    /// `TimedOut`: the handle's deadline passed. [`Error::Stopped`] with
    /// [`Reason::NotDriven`](crate::Reason::NotDriven).
    pub fn next(&self) -> Result<M::Happening, Error> {
        self.arrive(os::Hub::happened)
    }

    pub(crate) fn arrive<T>(&self, mut look: impl FnMut(&mut os::Hub<M>) -> Option<T>) -> Result<T, Error> {
        sit_until(self.seat(Awaited::Arrival), self.deadline, |os| {
            os.has_reader();
            Ok(look(os))
        })
    }

    /// As [`Hub::feed`](crate::Hub::feed).
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
    /// As [`Hub::try_feed`](crate::Hub::try_feed).
    pub fn try_feed(&self, id: ConnId, message: impl Into<Message>) -> Result<(), SendError> {
        self.shared.with(|os| os.try_feed(id, message.into()))
    }

    /// Waits until the kernel has everything that was queued before for one, by whatever handle. What others
    /// [`send`](Self::send) is told to them alone.
    ///
    /// # Errors
    /// As [`Hub::flush`](crate::Hub::flush).
    pub fn flush(&self, id: ConnId) -> Result<(), SendError> {
        let last = self.shared.with(|os| os.last(id));
        sit_until(self.seat(Awaited::Sent(id, last)), self.deadline, |os| os.flushed(id, last))
    }

    /// As [`Hub::send`](crate::Hub::send).
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

    /// As [`Hub::call`](crate::Hub::call). Any number may be under way at the same time, up to 1,024 with each.
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

    /// Lets every call on this handle fail with `TimedOut` once this moment has come; `None`: wait for ever. Other
    /// handles keep theirs.
    pub const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }
}

impl<M: Many> Clone for Handle<M> {
    fn clone(&self) -> Self {
        self.shared.add_handle();
        Self { shared: Arc::clone(&self.shared), deadline: self.deadline }
    }
}

impl<M: Many> Drop for Handle<M> {
    fn drop(&mut self) {
        self.shared.drop_handle();
    }
}
