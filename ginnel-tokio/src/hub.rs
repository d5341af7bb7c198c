use std::io;

use bytes::Bytes;
use ginnel_os::driven::Driven;
use ginnel_os::{
    self as os, CallId, ConnId, Credentials, Error, Greeting, Many, Message, Request, SendError,
};
use ginnel_proto::Answer;

use crate::driver::Turning;
use crate::{Driver, Handle};

/// Many connections, one inbox: what a [`Server`](crate::Server) and a [`Peer`](crate::Peer) have in common.
#[derive(Debug)]
pub struct Hub<M: Many> {
    pub(crate) turning: Turning<os::Hub<M>>,
}

impl<M: Many> Hub<M> {
    /// Waits for the next thing that happens.
    ///
    /// # Errors
    /// The poller's.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn next(&mut self) -> Result<M::Happening, Error> {
        self.turning.until(|os| Ok(os.happened())).await
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
        let open = OpenCall { hub: self, id, call };
        open.hub.turning.until(|os| os.answered(id, call)).await
    }

    /// Answers a request. It waits for nobody: the answer is written as far as there is room now, and waits in that
    /// one's queue otherwise, within the bound of [`ServerOptions::answers`](crate::ServerOptions::answers); what would exceed it becomes a failure
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

    /// Takes leave of one: what its link holds and a goodbye are still written, for 1 s at most, while something is
    /// called here. `false`: it is gone already, or it is the listener
    /// that a [`Peer`](crate::Peer) follows: a connector stays with it.
    pub fn disconnect(&mut self, id: ConnId) -> bool {
        let was_there = self.turning.driven.disconnect(id);
        self.turning.driven.flush();
        was_there
    }

    /// For many tasks: a handle that can be cloned, and a driver that the caller spawns.
    pub fn shared(self) -> (Handle<M>, Driver) {
        Handle::of(self.turning)
    }
}

/// A question whose answer is awaited. If nobody waits any more, the other side is told.
struct OpenCall<'a, M: Many> {
    hub: &'a mut Hub<M>,
    id: ConnId,
    call: CallId,
}

impl<M: Many> Drop for OpenCall<'_, M> {
    fn drop(&mut self) {
        self.hub.turning.driven.forget(self.id, self.call);
        self.hub.turning.driven.flush();
    }
}
