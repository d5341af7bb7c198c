use std::io;
use std::time::{Duration, Instant};

use ginnel_os::driven::Driven;
use ginnel_os::{
    self as os, ClientOptions, Credentials, Delivery, Error, Greeting, Message, Request, SendError, Status,
};
use ginnel_proto::{Answer, ToAddress};

use crate::driver::turn_until;
use crate::{ClientHandle, Driver};

/// A connection that comes back.
///
/// What is sent while there is no connection waits in its queue. What was handed to the kernel is never sent again by
/// itself; what was not, goes over the next connection. Like everything here it moves only while something is called on
/// it: it connects, reconnects and pings while it waits for something. With [`shared`](Self::shared) somebody drives it
/// all the time, and many threads use it.
///
/// # Example
/// ```
/// use ginnel::{Client, Connection};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let mut client = Client::connect(&path)?; // nobody listens yet
/// client.feed("first")?;
/// let listener = Connection::listen(&path)?;
/// let server = std::thread::spawn(move || listener.accept()?.recv());
/// client.flush()?;
/// assert_eq!(server.join().expect("no panic")?.expect("it came").body, "first");
/// # Ok::<(), ginnel::Error>(())
/// ```
#[derive(Debug)]
pub struct Client {
    pub(crate) os: os::Client,
    deadline: Option<Instant>,
}

impl Client {
    /// A client of whoever listens at `address`, now or later. It begins to connect, and does not wait for it.
    ///
    /// # Errors
    /// [`Error::Address`], or the kernel's for the poller.
    pub fn connect(address: impl ToAddress) -> Result<Self, Error> {
        Self::connect_with(address, &ClientOptions::new())
    }

    /// As [`connect`](Self::connect), behaving as told.
    ///
    /// # Errors
    /// As there.
    pub fn connect_with(address: impl ToAddress, options: &ClientOptions) -> Result<Self, Error> {
        Ok(Self { os: os::Client::new(address.to_address()?, options)?, deadline: None })
    }

    /// Where it stands. It changes only while something is called.
    pub const fn status(&self) -> Status {
        self.os.status()
    }

    /// Waits until it stands as wanted, for so long at most.
    ///
    /// # Errors
    /// `TimedOut`. [`Error::Stopped`]: it has stopped, and that is not what is wanted.
    pub fn wait_for(
        &mut self,
        mut wanted: impl FnMut(Status) -> bool,
        timeout: Duration,
    ) -> Result<Status, Error> {
        let deadline = Instant::now().checked_add(timeout);
        let deadline = [deadline, self.deadline].into_iter().flatten().min();
        turn_until(&mut self.os, deadline, |os| os.reached(&mut wanted))
    }

    /// Waits for the next change of where it stands. Up to 64 that nobody has taken are kept.
    ///
    /// # Errors
    /// [`Error::Stopped`]: it has stopped, and every change was told. `TimedOut`: the deadline passed.
    pub fn changed(&mut self) -> Result<Status, Error> {
        turn_until(&mut self.os, self.deadline, os::Client::changed_for_owner)
    }

    /// As [`Connection::feed`](crate::Connection::feed): `Ok` means that it is queued for this connection or the next.
    ///
    /// # Errors
    /// As there, and [`Error::Stopped`] if no connection will come. The message comes back.
    pub fn feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = turn_until(&mut self.os, self.deadline, |os| os.feed(&mut message));
        fed.map(drop).map_err(|error: Error| SendError::with(error, message))
    }

    /// As [`feed`](Self::feed) without waiting: gives the message back if there is no room.
    ///
    /// # Errors
    /// [`Limit::Queue`](os::Limit::Queue): there is no room now. Else as there.
    pub fn try_feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.os.try_feed(message.into())
    }

    /// As [`Connection::flush`](crate::Connection::flush): waits for a connection too.
    ///
    /// # Errors
    /// As there. [`Error::Stopped`] if no connection will come, or if one was lost in the middle of a message.
    pub fn flush(&mut self) -> Result<(), SendError> {
        let last = self.os.last();
        turn_until(&mut self.os, self.deadline, |os| os.flushed(last))
    }

    /// As [`Connection::send`](crate::Connection::send): waits for a connection too.
    ///
    /// # Errors
    /// As [`feed`](Self::feed) and [`flush`](Self::flush).
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.feed(message)?;
        self.flush()
    }

    /// Receives the next message, over this connection or a later one. Requests that come meanwhile are refused.
    /// `None`: it was [`disconnect`](Self::disconnect)ed, or the other side has ended the connection in order and it
    /// does not come back.
    ///
    /// # Errors
    /// [`Error::Stopped`]: no connection will come. `TimedOut`: the deadline passed.
    pub fn recv(&mut self) -> Result<Option<Message>, Error> {
        turn_until(&mut self.os, self.deadline, os::Client::received)
    }

    /// Receives the next message, request or cancellation; `None` as there.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator has no errors between its items and its end"
    )]
    pub fn next(&mut self) -> Result<Option<Delivery>, Error> {
        turn_until(&mut self.os, self.deadline, os::Client::arrived)
    }

    /// As [`Connection::call`](crate::Connection::call), over this connection or the next.
    ///
    /// # Errors
    /// As there. [`Error::Stopped`]: the connection was lost after the question was handed over, and whether it was
    /// heard is not known; it is not asked again.
    pub fn call(&mut self, message: impl Into<Message>) -> Result<Message, SendError> {
        let mut message = Some(message.into());
        let asked = turn_until(&mut self.os, self.deadline, |os| os.ask(&mut message));
        let id = asked.map_err(|error: Error| SendError::with(error, message))?;
        let answer = turn_until(&mut self.os, self.deadline, |os| os.answered(id));
        answer.inspect_err(|_| self.os.forget(id))
    }

    /// As [`Connection::reply`](crate::Connection::reply), if the connection that asked still stands.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn reply(&mut self, request: Request, answer: impl Into<Message>) -> Result<(), SendError> {
        self.answer(&request, Answer::Response(answer.into()))
    }

    /// As [`Connection::fail`](crate::Connection::fail), if the connection that asked still stands.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn fail(&mut self, request: Request, why: impl Into<Message>) -> Result<(), SendError> {
        self.answer(&request, Answer::Failure(why.into()))
    }

    fn answer(&mut self, request: &Request, answer: Answer<os::Carried>) -> Result<(), SendError> {
        let mut answer = Some(answer);
        let queued = turn_until(&mut self.os, self.deadline, |os| os.answer(request, &mut answer));
        queued.map_err(|error: Error| SendError::with(error, answer.map(Answer::into_message)))?;
        self.flush()
    }

    /// Connects again after it has stopped; a pause between attempts is cut short.
    pub fn reconnect(&mut self) {
        self.os.connect();
    }

    /// Ends the connection and does not come back. What was handed to it is written, with a goodbye, as far as that
    /// needs no waiting. What waits in the queue comes back from the next [`flush`](Self::flush), one message at a
    /// time.
    pub fn disconnect(&mut self) {
        self.os.disconnect();
        self.os.flush();
    }

    /// Takes leave: sends what is queued and a goodbye, and waits until the other side has ended too, for `drain` at
    /// most.
    ///
    /// # Errors
    /// The first that could not be sent; what was behind it is sent all the same. `TimedOut` if it took longer; it is
    /// closed then.
    pub fn close(mut self, drain: Duration) -> Result<(), Error> {
        let drained = Instant::now().checked_add(drain);
        let deadline = [drained, self.deadline].into_iter().flatten().min();
        self.os.set_drain(drain);
        let mut failed = None;
        turn_until(&mut self.os, deadline, |os| Ok::<_, Error>(os.wind_down(&mut failed)))?;
        failed.map_or(Ok(()), |failed| Err(failed.error))
    }

    /// Who is at the other end, as recorded when the connection was made.
    ///
    /// # Errors
    /// `NotConnected` if there is none; the kernel's, see unix(7) on `SO_PEERCRED`.
    pub fn peer_credentials(&self) -> io::Result<Credentials> {
        self.os.peer_credentials()
    }

    /// What the other side takes and who it is, while there is a connection. Other wires than the native one have no
    /// greeting.
    pub fn greeting(&self) -> Option<Greeting> {
        self.os.greeting()
    }

    /// For many threads: a handle that can be cloned, and a driver that the caller runs.
    pub fn shared(mut self) -> (ClientHandle, Driver) {
        self.os.unsubscribe(os::Client::OWNER);
        ClientHandle::of(self.os)
    }

    /// Lets every call from now on fail with `TimedOut` once this moment has come; `None`: wait for ever.
    pub const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }
}
