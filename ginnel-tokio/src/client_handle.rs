use std::io;
use std::sync::Arc;
use std::time::Duration;

use ginnel_os::driven::{Awaited, Driven, Queued};
use ginnel_os::shared::{Seat, Shared};
use ginnel_os::sys::Carried;
use ginnel_os::{
    self as os, CallId, ConnId, Credentials, Delivery, Error, Greeting, Message, Request, SendError, Status,
};
use ginnel_proto::Answer;
use ginnel_proto::machine::SendId;

use crate::Driver;
use crate::driver::{Turning, in_time, sit_until};

/// One of many handles of a [`Client`](crate::Client), or of a [`Connection`](crate::Connection) that many use.
///
/// It moves nothing by itself: whoever runs the [`Driver`] does. So it reconnects and pings also while nobody waits for
/// anything, and what many tasks ask at the same time leaves in one write. Each message that arrives goes to one of
/// those who receive. Once somebody has received, keep receiving: when the inbox is full, those who send and ask wait
/// for whoever receives, and are told [`Limit::Inbox`](os::Limit::Inbox) no longer.
///
/// When the last handle is dropped the driver takes leave and ends: what the connection was given is still written, for
/// 1 s at most; what waits in the queue is lost, so [`flush`](Self::flush) first.
///
/// A connection that was shared is a client that does not come back.
///
/// # Example
/// ```
/// use ginnel_tokio::{Connection, Delivery};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ginnel_tokio::Error> {
/// let (left, mut right) = Connection::pair()?;
/// let (handle, driver) = left.shared()?;
/// tokio::spawn(driver);
/// let asking = async { tokio::join!(handle.call("one"), handle.call("two")) };
/// let answering = async {
///     for _ in 0..2 {
///         let Some(Delivery::Request(request)) = right.next().await? else { panic!("a question") };
///         let echo = request.message.body.clone();
///         right.reply(request, echo).await?;
///     }
///     Ok::<(), ginnel_tokio::Error>(())
/// };
/// let ((one, two), answered) = tokio::join!(asking, answering);
/// answered?;
/// assert_eq!(one?.body, "one");
/// assert_eq!(two?.body, "two");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ClientHandle {
    shared: Arc<Shared<os::Client>>,
}

impl ClientHandle {
    pub(crate) fn of(turning: Turning<os::Client>) -> (Self, Driver) {
        let (shared, driver) = turning.shared();
        (Self { shared }, driver)
    }

    fn seat(&self, awaited: Awaited) -> Seat<'_, os::Client> {
        Seat::new(&self.shared, awaited)
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.shared.with(|os| os.status())
    }

    /// Waits until it stands as wanted, for so long at most.
    ///
    /// # Errors
    /// As [`Client::wait_for`](crate::Client::wait_for).
    ///
    /// # Panics
    /// Without a runtime that has time enabled.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn wait_for(
        &self,
        mut wanted: impl FnMut(Status) -> bool,
        timeout: Duration,
    ) -> Result<Status, Error> {
        // Judged outside the lock, so that the caller may use the handle.
        let mut changes = self.subscribe();
        in_time(timeout, async {
            let mut status = self.status();
            while !wanted(status) {
                if let Status::Disconnected { reason } = status {
                    return Err(reason.into());
                }
                status = changes.recv().await?;
            }
            Ok(status)
        })
        .await
    }

    /// Tells every change of where it stands from now on.
    pub fn subscribe(&self) -> Changes {
        let number = self.shared.with(os::Client::subscribe);
        Changes { shared: Arc::clone(&self.shared), number }
    }

    /// As [`Client::feed`](crate::Client::feed).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, the message was not queued, and is dropped.
    pub async fn feed(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = sit_until(self.seat(Awaited::Room(CONNECTION)), |os| os.feed(&mut message)).await;
        fed.map(drop).map_err(|error: Error| SendError::with(error, message))
    }

    /// As [`feed`](Self::feed) without waiting: gives the message back if there is no room.
    ///
    /// # Errors
    /// As [`Client::try_feed`](crate::Client::try_feed).
    pub fn try_feed(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.shared.with(|os| os.try_feed(message.into()))
    }

    /// Waits until the kernel has everything that was queued before, by whatever handle. What others
    /// [`send`](Self::send) is told to them alone.
    ///
    /// # Errors
    /// As [`Client::flush`](crate::Client::flush).
    ///
    /// # Cancel safety
    /// Cancelled, what was not written is still queued, whole.
    pub async fn flush(&self) -> Result<(), SendError> {
        let last = self.shared.with(|os| os.last());
        sit_until(self.seat(Awaited::Sent(CONNECTION, last)), |os| os.flushed(last)).await
    }

    /// Sends a message: `Ok` means that the kernel has it, and everything that was queued before.
    ///
    /// # Errors
    /// As [`Client::send`](crate::Client::send), about this message alone.
    ///
    /// # Cancel safety
    /// Cancelled, the message is queued whole, or not at all and dropped; if it cannot be sent, whoever
    /// [`flush`](Self::flush)es is told.
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = sit_until(self.seat(Awaited::Room(CONNECTION)), |os| {
            Ok(os.feed(&mut message)?.map(|id| Claim::new(self, os, id)))
        })
        .await;
        fed.map_err(|error: Error| SendError::with(error, message))?.sent().await
    }

    /// As [`Client::recv`](crate::Client::recv). Of many who receive, each message goes to one.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, no message was taken.
    pub async fn recv(&self) -> Result<Option<Message>, Error> {
        self.arrive(os::Client::received).await
    }

    /// As [`Client::next`](crate::Client::next). Of many who receive, each delivery goes to one.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn next(&self) -> Result<Option<Delivery>, Error> {
        self.arrive(os::Client::arrived).await
    }

    async fn arrive<T>(
        &self,
        mut look: impl FnMut(&mut os::Client) -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        sit_until(self.seat(Awaited::Arrival), |os| {
            os.has_reader();
            look(os)
        })
        .await
    }

    /// As [`Client::call`](crate::Client::call). Any number may be under way at the same time, up to 1,024.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Cancelled, by a timeout for instance, the other side is told that the answer is not wanted any more; if the
    /// question was not handed over yet, it never is.
    pub async fn call(&self, message: impl Into<Message>) -> Result<Message, SendError> {
        let mut message = Some(message.into());
        let asked = sit_until(self.seat(Awaited::Room(CONNECTION)), |os| os.ask(&mut message)).await;
        let id: CallId = asked.map_err(|error: Error| SendError::with(error, message))?;
        let open = OpenCall { handle: self, id };
        sit_until(open.handle.seat(Awaited::Answer(CONNECTION, id)), |os| os.answered(id)).await
    }

    /// As [`Client::reply`](crate::Client::reply).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn reply(&self, request: Request, answer: impl Into<Message>) -> Result<(), SendError> {
        self.answer(&request, Answer::Response(answer.into())).await
    }

    /// As [`Client::fail`](crate::Client::fail).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn fail(&self, request: Request, why: impl Into<Message>) -> Result<(), SendError> {
        self.answer(&request, Answer::Failure(why.into())).await
    }

    async fn answer(&self, request: &Request, answer: Answer<Carried>) -> Result<(), SendError> {
        let mut answer = Some(answer);
        let queued = sit_until(self.seat(Awaited::Room(CONNECTION)), |os| {
            Ok(os.answer(request, &mut answer)?.map(|queued| match queued {
                Queued::As(id) => Some(Claim::new(self, os, id)),
                Queued::NotWanted => None,
            }))
        })
        .await;
        let failed = |error: Error| SendError::with(error, answer.map(Answer::into_message));
        match queued.map_err(failed)? {
            Some(claim) => claim.sent().await,
            None => Ok(()),
        }
    }

    /// As [`Client::reconnect`](crate::Client::reconnect). A connection that was shared has nowhere to connect to.
    pub fn reconnect(&self) {
        self.shared.with(os::Client::connect);
    }

    /// As [`Client::disconnect`](crate::Client::disconnect).
    pub fn disconnect(&self) {
        self.shared.with(os::Client::disconnect);
    }

    /// As [`Client::peer_credentials`](crate::Client::peer_credentials).
    ///
    /// # Errors
    /// As there.
    pub fn peer_credentials(&self) -> io::Result<Credentials> {
        self.shared.with(|os| os.peer_credentials())
    }

    /// As [`Client::greeting`](crate::Client::greeting).
    pub fn greeting(&self) -> Option<Greeting> {
        self.shared.with(|os| os.greeting())
    }

    /// Takes leave for all handles: sends what is queued and a goodbye, and waits until the other side has ended too,
    /// for `drain` at most.
    ///
    /// # Errors
    /// As [`Client::close`](crate::Client::close).
    ///
    /// # Panics
    /// Without a runtime that has time enabled.
    ///
    /// # Cancel safety
    /// Cancelled, leave is taken no further; the connection may stand or not.
    pub async fn close(&self, drain: Duration) -> Result<(), Error> {
        self.shared.with(|os| os.set_drain(drain));
        let mut failed = None;
        let quiet = self.seat(Awaited::Quiet);
        in_time(drain, sit_until(quiet, |os| Ok::<_, Error>(os.wind_down(&mut failed)))).await?;
        failed.map_or(Ok(()), |failed| Err(failed.error))
    }
}

/// A message that somebody waits for alone, until the kernel has it.
struct Claim<'a> {
    handle: &'a ClientHandle,
    id: SendId,
}

impl<'a> Claim<'a> {
    fn new(handle: &'a ClientHandle, os: &mut os::Client, id: SendId) -> Self {
        os.claim(id);
        Self { handle, id }
    }

    async fn sent(self) -> Result<(), SendError> {
        sit_until(self.handle.seat(Awaited::Sent(CONNECTION, self.id)), |os| os.sent(self.id)).await
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.handle.shared.with(|os| os.disclaim(self.id));
    }
}

/// A question whose answer is awaited. If nobody waits any more, the other side is told.
struct OpenCall<'a> {
    handle: &'a ClientHandle,
    id: CallId,
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.handle.shared.with(|os| os.forget(self.id));
    }
}

impl Clone for ClientHandle {
    fn clone(&self) -> Self {
        self.shared.add_handle();
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for ClientHandle {
    fn drop(&mut self) {
        self.shared.drop_handle();
    }
}

/// A client has one connection at a time.
const CONNECTION: ConnId = ConnId(0);

/// Changes of where a client stands, from a moment on. Up to 64 that nobody has taken are kept.
#[derive(Debug)]
pub struct Changes {
    shared: Arc<Shared<os::Client>>,
    number: u64,
}

impl Changes {
    /// Waits for the next.
    ///
    /// # Errors
    /// [`Error::Stopped`] with [`Reason::NotDriven`](crate::Reason::NotDriven): none will come.
    ///
    /// # Cancel safety
    /// Cancelled, no change was taken.
    pub async fn recv(&mut self) -> Result<Status, Error> {
        let Self { shared, number } = self;
        let seat = Seat::new(shared, Awaited::Change(*number));
        sit_until(seat, |os| Ok::<_, Error>(os.changed(*number))).await
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.shared.with(|os| os.unsubscribe(self.number));
    }
}
