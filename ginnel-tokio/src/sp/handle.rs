use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ginnel_os::driven::{Awaited, Driven};
use ginnel_os::shared::{Seat, Shared};
use ginnel_os::sp::{DialerId, ListenerId};
use ginnel_os::{self as os, CallId, ConnId, Credentials, Error, Message, Reason, SendError};
use ginnel_proto::machine::SendId;
use ginnel_proto::sp::{
    self as proto, Answered, AskId, Asks, Dropped, Event, Pattern, Receives, Replies, Request, Sends,
};

use super::ends::answer;
use crate::Driver;
use crate::driver::{Turning, in_time, sit_until};

/// One of many handles of a [`Socket`](super::Socket).
///
/// It moves nothing by itself: whoever runs the [`Driver`] does. Each message, question and event is told to one of those
/// who ask for it. When the last handle is dropped the driver closes every pipe and ends: what each was given is still
/// written, for 1 s at most.
///
/// ```
/// use ginnel_tokio::sp::{Rep, Req};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ginnel_tokio::Error> {
/// # let dir = tempfile::tempdir()?;
/// # let url = format!("ipc://{}", dir.path().join("app.sock").display());
/// # let mut rep = Rep::new()?;
/// # rep.listen(&url)?;
/// # tokio::spawn(async move {
/// #     while let Ok(request) = rep.recv().await { let body = request.body.clone(); rep.reply(request, body) }
/// # });
/// let (req, driver) = Req::new()?.shared();
/// tokio::spawn(driver);
/// req.dial(&url).await?;
/// let (a, b) = tokio::try_join!(req.request("a"), req.request("b"))?;
/// assert_eq!((&a[..], &b[..]), (&b"a"[..], &b"b"[..]));
/// # Ok(())
/// # }
/// ```
pub struct Handle<P: Pattern> {
    pub(crate) shared: Arc<Shared<os::sp::Socket<P>>>,
}

impl<P: Pattern> Handle<P> {
    pub(super) fn of(turning: Turning<os::sp::Socket<P>>) -> (Self, Driver) {
        let (shared, driver) = turning.shared();
        (Self { shared }, driver)
    }

    /// Once the end is closed, what is not there will never come.
    async fn sit<T, E: From<io::Error> + From<Reason>>(
        &self,
        awaited: Awaited,
        mut look: impl FnMut(&mut os::sp::Socket<P>) -> Result<Option<T>, E>,
    ) -> Result<T, E> {
        let look = |os: &mut os::sp::Socket<P>| match (look(os)?, os.ended()) {
            (None, Some(reason)) => Err(reason.into()),
            (found, _) => Ok(found),
        };
        sit_until(Seat::new(&self.shared, awaited), look).await
    }

    /// As [`Socket::listen`](super::Socket::listen).
    ///
    /// # Errors
    /// As there.
    pub fn listen(&self, url: &str) -> Result<ListenerId, Error> {
        self.shared.with(|os| os.listen(url))
    }

    /// As [`Socket::bound_port`](super::Socket::bound_port).
    ///
    /// # Errors
    /// As there.
    pub fn bound_port(&self, listener: ListenerId) -> io::Result<SocketAddr> {
        self.shared.with(|os| os.bound_port(listener))
    }

    /// As [`Socket::close_listener`](super::Socket::close_listener).
    pub fn close_listener(&self, listener: ListenerId) -> bool {
        self.shared.with(|os| os.close_listener(listener))
    }

    /// As [`Socket::dial`](super::Socket::dial).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn dial(&self, url: &str) -> Result<DialerId, Error> {
        let dialer = self.keep_dialing(url)?;
        let mut dialing = Dialing { handle: self, dialer: Some(dialer) };
        self.sit(Awaited::Change(dialer.0), |os| os.dialled(dialer).transpose()).await?;
        dialing.dialer = None;
        Ok(dialer)
    }

    /// As [`Socket::keep_dialing`](super::Socket::keep_dialing).
    ///
    /// # Errors
    /// As there.
    pub fn keep_dialing(&self, url: &str) -> Result<DialerId, Error> {
        self.shared.with(|os| os.dial(url))
    }

    /// As [`Socket::hang_up`](super::Socket::hang_up).
    pub fn hang_up(&self, dialer: DialerId) {
        self.shared.with(|os| os.hang_up(dialer));
    }

    /// As [`Socket::next_event`](super::Socket::next_event).
    ///
    /// # Errors
    /// As there. [`Error::Stopped`] with [`Reason::NotDriven`].
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn next_event(&self) -> Result<Event, Error> {
        self.sit(Awaited::Change(0), |os| Ok(os.event())).await
    }

    /// What has happened to a pipe already.
    pub fn try_event(&self) -> Option<Event> {
        self.shared.with(|os| os.event())
    }

    /// As [`Socket::listener_of`](super::Socket::listener_of).
    pub fn listener_of(&self, pipe: ConnId) -> Option<ListenerId> {
        self.shared.with(|os| os.listener_of(pipe))
    }

    /// The dialer of this pipe, if it was dialled.
    pub fn dialer_of(&self, pipe: ConnId) -> Option<DialerId> {
        self.shared.with(|os| os.dialer_of(pipe))
    }

    /// The pipes that are attached.
    pub fn pipes(&self) -> Vec<ConnId> {
        self.shared.with(|os| os.pipes())
    }

    /// As [`Socket::peer_credentials`](super::Socket::peer_credentials).
    ///
    /// # Errors
    /// As there.
    pub fn peer_credentials(&self, pipe: ConnId) -> io::Result<Credentials> {
        self.shared.with(|os| os.peer_credentials(pipe))
    }

    /// As [`Socket::close_pipe`](super::Socket::close_pipe).
    pub fn close_pipe(&self, pipe: ConnId) -> bool {
        self.shared.with(|os| os.close_pipe(pipe))
    }

    /// As [`Socket::dropped`](super::Socket::dropped).
    pub fn dropped(&self) -> Dropped {
        self.shared.with(|os| os.dropped())
    }

    /// As [`Socket::flush`](super::Socket::flush): until nothing is left of what this handle, or another, has sent.
    ///
    /// # Errors
    /// As there. [`Error::Stopped`] with [`Reason::NotDriven`].
    ///
    /// # Cancel safety
    /// Cancelled, what was not written is still queued, whole.
    pub async fn flush(&self) -> Result<(), Error> {
        self.sit(Awaited::Sent(ConnId(0), SendId(0)), |os| Ok(os.flushed())).await
    }

    /// As [`Socket::close`](super::Socket::close), for all handles: whoever waits at one of them for something that has
    /// not come fails with [`Error::Stopped`], and nothing can be sent, dialled or listened for any more. What had arrived
    /// is still received.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// Without a runtime that has time enabled.
    ///
    /// # Cancel safety
    /// Cancelled, it goes on as before if something was unsent still; else it is closed.
    pub async fn close(&self, drain: Duration) -> Result<(), Error> {
        self.shared.with(|os| os.set_drain(drain));
        let quiet = Seat::new(&self.shared, Awaited::Quiet);
        let closed = in_time(drain, sit_until(quiet, |os| Ok::<_, Error>(os.wind_down()))).await;
        self.shared.with(os::sp::Socket::stop);
        closed
    }
}

/// A first attempt. Dropped before it has succeeded, nobody is dialled.
struct Dialing<'a, P: Pattern> {
    handle: &'a Handle<P>,
    dialer: Option<DialerId>,
}

impl<P: Pattern> Drop for Dialing<'_, P> {
    fn drop(&mut self) {
        if let Some(dialer) = self.dialer.take() {
            self.handle.hang_up(dialer);
        }
    }
}

impl<P: Sends> Handle<P> {
    /// As [`Socket::send`](super::Socket::send). What many tasks send at the same time leaves together.
    ///
    /// # Errors
    /// As there. [`Error::Stopped`] with [`Reason::NotDriven`].
    ///
    /// # Cancel safety
    /// Cancelled, the message was not sent, and is dropped.
    pub async fn send(&self, body: impl Into<Bytes>) -> Result<(), SendError> {
        let mut body = Some(body.into());
        let sent = self.sit(Awaited::Room(ConnId(0)), |os| Ok::<_, Error>(os.feed(&mut body))).await;
        sent.map_err(|error| SendError::with(error, body.map(Message::new)))
    }

    /// As [`Socket::try_send`](super::Socket::try_send).
    ///
    /// # Errors
    /// As there.
    pub fn try_send(&self, body: impl Into<Bytes>) -> Result<(), SendError> {
        let mut body = Some(body.into());
        let (fed, ended) = self.shared.with(|os| (os.feed(&mut body), os.ended()));
        let busy = || Error::Io(io::ErrorKind::WouldBlock.into());
        fed.ok_or_else(|| SendError::with(ended.map_or_else(busy, Error::from), body.map(Message::new)))
    }
}

impl<P: Receives> Handle<P> {
    /// As [`Socket::recv`](super::Socket::recv).
    ///
    /// # Errors
    /// As there. [`Error::Stopped`] with [`Reason::NotDriven`].
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn recv(&self) -> Result<P::Item, Error> {
        self.sit(Awaited::Arrival, |os| Ok(os.received())).await
    }

    /// The next message, if the driver has read one already.
    pub fn try_recv(&self) -> Option<P::Item> {
        self.shared.with(|os| os.received())
    }
}

impl Handle<proto::Sub> {
    /// As [`Sub::subscribe`](super::Sub::subscribe).
    ///
    /// # Errors
    /// As there.
    pub fn subscribe(&self, prefix: impl Into<Bytes>) -> Result<(), Error> {
        self.shared.with(|os| os.subscribe(prefix.into()))
    }

    /// As [`Sub::unsubscribe`](super::Sub::unsubscribe).
    pub fn unsubscribe(&self, prefix: impl AsRef<[u8]>) -> bool {
        self.shared.with(|os| os.unsubscribe(prefix.as_ref()))
    }
}

impl<P: Asks> Handle<P> {
    async fn ask(&self, body: impl Into<Bytes>) -> Result<Open<'_, P>, SendError> {
        let mut body = Some(body.into());
        let asked = self.sit(Awaited::Room(ConnId(0)), |os| Ok::<_, Error>(os.ask(&mut body))).await;
        let id = asked.map_err(|error| SendError::with(error, body.map(Message::new)))?;
        Ok(Open { handle: self, id })
    }
}

/// A question that is open. Dropping it ends that.
struct Open<'a, P: Asks> {
    handle: &'a Handle<P>,
    id: AskId,
}

impl<P: Asks> Open<'_, P> {
    async fn answered(&self) -> Result<Answered, Error> {
        let (id, call) = (self.id, CallId(self.id.0.into()));
        self.handle.sit(Awaited::Answer(ConnId(0), call), |os| Ok(os.answered(id))).await
    }
}

impl<P: Asks> Drop for Open<'_, P> {
    fn drop(&mut self) {
        self.handle.shared.with(|os| os.forget(self.id));
    }
}

impl Handle<proto::Req> {
    /// As [`Req::request`](super::Req::request). Any number may be open at the same time, up to
    /// [16,384](super::Options::open_requests).
    ///
    /// # Errors
    /// As there. [`Error::Stopped`] with [`Reason::NotDriven`].
    ///
    /// # Cancel safety
    /// Cancelled, it is not asked again, and an answer that comes later is dropped.
    pub async fn request(&self, body: impl Into<Bytes>) -> Result<Bytes, SendError> {
        match self.ask(body).await?.answered().await.map_err(SendError::queued)? {
            Answered::Answer(body) => Ok(body),
            Answered::Over | Answered::Lost => Err(Reason::Gone.into()),
        }
    }
}

impl Handle<proto::Surveyor> {
    /// As [`Surveyor::survey`](super::Surveyor::survey). Several may be open at the same time.
    ///
    /// # Errors
    /// As there. [`Error::Stopped`] with [`Reason::NotDriven`].
    ///
    /// # Cancel safety
    /// Cancelled, nobody was asked.
    pub async fn survey(&self, body: impl Into<Bytes>) -> Result<SharedSurvey<'_>, SendError> {
        self.ask(body).await.map(SharedSurvey)
    }
}

/// A survey of a handle's, which is open. Dropping it ends it.
#[must_use = "dropping it ends the survey"]
pub struct SharedSurvey<'a>(Open<'a, proto::Surveyor>);

impl SharedSurvey<'_> {
    /// Waits for the next answer. `None`: the survey is over.
    ///
    /// # Errors
    /// [`Error::Stopped`] with [`Reason::NotDriven`].
    ///
    /// # Cancel safety
    /// Cancelled, no answer was taken.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(answer(self.0.answered().await?))
    }
}

impl fmt::Debug for SharedSurvey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedSurvey").field(&self.0.id).finish()
    }
}

impl<P: Replies> Handle<P> {
    /// As [`Socket::reply`](super::Socket::reply).
    pub fn reply(&self, request: Request, body: impl Into<Bytes>) {
        self.shared.with(|os| os.reply(request, body.into()));
    }
}

impl<P: Pattern> Clone for Handle<P> {
    fn clone(&self) -> Self {
        self.shared.add_handle();
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<P: Pattern> Drop for Handle<P> {
    fn drop(&mut self) {
        self.shared.drop_handle();
    }
}

impl<P: Pattern> fmt::Debug for Handle<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("end", &P::END).finish_non_exhaustive()
    }
}
