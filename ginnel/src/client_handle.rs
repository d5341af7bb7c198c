use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ginnel_os::driven::{Awaited, Driven, Queued};
use ginnel_os::shared::{Seat, Shared};
use ginnel_os::{
    self as os, CallId, ConnId, Credentials, Delivery, Error, Greeting, Message, Request, SendError, Status,
};
use ginnel_proto::Answer;
use ginnel_proto::machine::SendId;

use crate::Driver;
use crate::driver::sit_until;

/// One of many handles of a [`Client`](crate::Client), or of a [`Connection`](crate::Connection) that many use.
///
/// It moves nothing by itself: whoever runs the [`Driver`] does. So it reconnects and pings also while nobody waits for
/// anything, and what many threads ask at the same time leaves in one write. Each message that arrives goes to one of
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
/// use ginnel::{Connection, Delivery};
/// let (left, mut right) = Connection::pair()?;
/// let (handle, driver) = left.shared()?;
/// std::thread::spawn(|| driver.run());
/// std::thread::scope(|threads| -> Result<(), ginnel::Error> {
///     for question in ["one", "two"] {
///         let handle = handle.clone();
///         threads.spawn(move || assert_eq!(handle.call(question).expect("an answer").body, question));
///     }
///     for _ in 0..2 {
///         let Some(Delivery::Request(request)) = right.next()? else { panic!("a question") };
///         let echo = request.message.body.clone();
///         right.reply(request, echo)?;
///     }
///     Ok(())
/// })?;
/// # Ok::<(), ginnel::Error>(())
/// ```
#[derive(Debug)]
pub struct ClientHandle {
    shared: Arc<Shared<os::Client>>,
    deadline: Option<Instant>,
}

impl ClientHandle {
    pub(crate) fn of(client: os::Client) -> (Self, Driver) {
        let shared = Shared::new(client);
        (Self { shared: Arc::clone(&shared), deadline: None }, Driver::of(shared))
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
    pub fn wait_for(
        &self,
        mut wanted: impl FnMut(Status) -> bool,
        timeout: Duration,
    ) -> Result<Status, Error> {
        // Judged outside the lock, so that the caller may use the handle.
        let mut changes = self.subscribe();
        let deadline = Instant::now().checked_add(timeout);
        changes.deadline = [deadline, self.deadline].into_iter().flatten().min();
        let mut status = self.status();
        while !wanted(status) {
            if let Status::Disconnected { reason } = status {
                return Err(reason.into());
            }
            status = changes.recv()?;
        }
        Ok(status)
    }

    /// Tells every change of where it stands from now on.
    pub fn subscribe(&self) -> Changes {
        let number = self.shared.with(os::Client::subscribe);
        Changes { shared: Arc::clone(&self.shared), deadline: self.deadline, number }
    }

    /// As [`Client::feed`](crate::Client::feed).
    ///
    /// # Errors
    /// As there.
    pub fn feed(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = sit_until(self.seat(Awaited::Room(CONNECTION)), self.deadline, |os| os.feed(&mut message));
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
    pub fn flush(&self) -> Result<(), SendError> {
        let last = self.shared.with(|os| os.last());
        sit_until(self.seat(Awaited::Sent(CONNECTION, last)), self.deadline, |os| os.flushed(last))
    }

    /// Sends a message: `Ok` means that the kernel has it, and everything that was queued before.
    ///
    /// # Errors
    /// As [`Client::send`](crate::Client::send), about this message alone.
    pub fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = sit_until(self.seat(Awaited::Room(CONNECTION)), self.deadline, |os| {
            Ok(os.feed(&mut message)?.inspect(|&id| os.claim(id)))
        });
        self.sent(fed.map_err(|error: Error| SendError::with(error, message))?)
    }

    /// Waits until the kernel has a message that was claimed.
    fn sent(&self, id: SendId) -> Result<(), SendError> {
        let sent = sit_until(self.seat(Awaited::Sent(CONNECTION, id)), self.deadline, |os| os.sent(id));
        self.shared.with(|os| os.disclaim(id));
        sent
    }

    /// As [`Client::recv`](crate::Client::recv). Of many who receive, each message goes to one.
    ///
    /// # Errors
    /// As there.
    pub fn recv(&self) -> Result<Option<Message>, Error> {
        self.arrive(os::Client::received)
    }

    /// As [`Client::next`](crate::Client::next). Of many who receive, each delivery goes to one.
    ///
    /// # Errors
    /// As there.
    pub fn next(&self) -> Result<Option<Delivery>, Error> {
        self.arrive(os::Client::arrived)
    }

    fn arrive<T>(
        &self,
        mut look: impl FnMut(&mut os::Client) -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        sit_until(self.seat(Awaited::Arrival), self.deadline, |os| {
            os.has_reader();
            look(os)
        })
    }

    /// As [`Client::call`](crate::Client::call). Any number may be under way at the same time, up to 1,024.
    ///
    /// # Errors
    /// As there.
    pub fn call(&self, message: impl Into<Message>) -> Result<Message, SendError> {
        let mut message = Some(message.into());
        let asked = sit_until(self.seat(Awaited::Room(CONNECTION)), self.deadline, |os| os.ask(&mut message));
        let id: CallId = asked.map_err(|error: Error| SendError::with(error, message))?;
        let answer =
            sit_until(self.seat(Awaited::Answer(CONNECTION, id)), self.deadline, |os| os.answered(id));
        answer.inspect_err(|_| self.shared.with(|os| os.forget(id)))
    }

    /// As [`Client::reply`](crate::Client::reply).
    ///
    /// # Errors
    /// As there.
    pub fn reply(&self, request: Request, answer: impl Into<Message>) -> Result<(), SendError> {
        self.answer(&request, Answer::Response(answer.into()))
    }

    /// As [`Client::fail`](crate::Client::fail).
    ///
    /// # Errors
    /// As there.
    pub fn fail(&self, request: Request, why: impl Into<Message>) -> Result<(), SendError> {
        self.answer(&request, Answer::Failure(why.into()))
    }

    fn answer(&self, request: &Request, answer: Answer<os::Carried>) -> Result<(), SendError> {
        let mut answer = Some(answer);
        let room = self.seat(Awaited::Room(CONNECTION));
        let queued = sit_until(room, self.deadline, |os| {
            Ok(os.answer(request, &mut answer)?.inspect(|queued| {
                if let Queued::As(id) = queued {
                    os.claim(*id);
                }
            }))
        });
        let failed = |error: Error| SendError::with(error, answer.map(Answer::into_message));
        match queued.map_err(failed)? {
            Queued::As(id) => self.sent(id),
            Queued::NotWanted => Ok(()),
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
    pub fn close(&self, drain: Duration) -> Result<(), Error> {
        let drained = Instant::now().checked_add(drain);
        let deadline = [drained, self.deadline].into_iter().flatten().min();
        self.shared.with(|os| os.set_drain(drain));
        let mut failed = None;
        let quiet = self.seat(Awaited::Quiet);
        sit_until(quiet, deadline, |os| Ok::<_, Error>(os.wind_down(&mut failed)))?;
        failed.map_or(Ok(()), |failed| Err(failed.error))
    }

    /// Lets every call on this handle fail with `TimedOut` once this moment has come; `None`: wait for ever. Other
    /// handles keep theirs.
    pub const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }
}

impl Clone for ClientHandle {
    fn clone(&self) -> Self {
        self.shared.add_handle();
        Self { shared: Arc::clone(&self.shared), deadline: self.deadline }
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
///
/// As an iterator it ends when nobody drives the client any more, or the handle's deadline has passed.
#[derive(Debug)]
pub struct Changes {
    shared: Arc<Shared<os::Client>>,
    deadline: Option<Instant>,
    number: u64,
}

impl Changes {
    /// Waits for the next.
    ///
    /// # Errors
    /// [`Error::Stopped`] with [`Reason::NotDriven`](crate::Reason::NotDriven): none will come. `TimedOut`: the
    /// handle's deadline passed.
    pub fn recv(&mut self) -> Result<Status, Error> {
        let Self { shared, deadline, number } = self;
        let seat = Seat::new(shared, Awaited::Change(*number));
        sit_until(seat, *deadline, |os| Ok::<_, Error>(os.changed(*number)))
    }
}

impl Iterator for Changes {
    type Item = Status;

    fn next(&mut self) -> Option<Status> {
        self.recv().ok()
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.shared.with(|os| os.unsubscribe(self.number));
    }
}
