use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use ginnel_os::{
    self as os, ClientOptions, Delivery, Directions, Error, Message, Pace, Request, SendError, Status,
};
use ginnel_proto::{Answer, ToAddress};

use crate::driver::{Waits, wait_any};

/// A connection that comes back.
///
/// What is sent while there is no connection waits in its queue. What was handed to the kernel is never sent again by
/// itself; what was not, goes over the next connection. Like everything here it moves only while something is called on
/// it: it connects, reconnects and pings while it waits for something.
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
    os: os::Client,
    waits: Waits,
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
        Ok(Self { os: os::Client::new(address.to_address()?, options)?, waits: Waits::BY_POLL })
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
        wanted: impl FnMut(Status) -> bool,
        timeout: Duration,
    ) -> Result<Status, Error> {
        let mut wanted = wanted;
        let deadline = Instant::now().checked_add(timeout);
        let deadline = [deadline, self.waits.deadline()].into_iter().flatten().min();
        drive(&mut self.os, self.waits.until_moment(deadline), |os| os.reached(&mut wanted))
    }

    /// Waits for the next change of where it stands. Up to 64 that nobody has taken are kept.
    ///
    /// # Errors
    /// `TimedOut`: the deadline passed.
    pub fn changed(&mut self) -> Result<Status, Error> {
        drive(&mut self.os, self.waits, os::Client::changed)
    }

    /// As [`Connection::feed`](crate::Connection::feed): `Ok` means that it is queued for this connection or the next.
    ///
    /// # Errors
    /// As there, and [`Error::Stopped`] if no connection will come. The message comes back.
    pub fn feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = drive(&mut self.os, self.waits, |os| os.feed(&mut message));
        fed.map_err(|error: Error| SendError::with(error, message))
    }

    /// As [`Connection::flush`](crate::Connection::flush): waits for a connection too.
    ///
    /// # Errors
    /// As there. [`Error::Stopped`] if no connection will come, or if one was lost in the middle of a message.
    pub fn flush(&mut self) -> Result<(), SendError> {
        drive(&mut self.os, self.waits, os::Client::flushed)
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
    ///
    /// # Errors
    /// [`Error::Stopped`]: no connection will come. `TimedOut`: the deadline passed.
    pub fn recv(&mut self) -> Result<Message, Error> {
        loop {
            match self.next()? {
                Delivery::Message(message) => return Ok(message),
                Delivery::Request(Request { id, connection, .. }) => {
                    self.os.answer(connection, id, Answer::not_served());
                }
                Delivery::Cancelled(_) => {}
            }
        }
    }

    /// Receives the next message, request or cancellation.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[expect(clippy::should_implement_trait, reason = "it has no end, only errors")]
    pub fn next(&mut self) -> Result<Delivery, Error> {
        drive(&mut self.os, self.waits, os::Client::arrived)
    }

    /// As [`Connection::call`](crate::Connection::call), over this connection or the next.
    ///
    /// # Errors
    /// As there. [`Error::Stopped`]: the connection was lost after the question was handed over, and whether it was heard
    /// is not known; it is not asked again.
    pub fn call(&mut self, message: impl Into<Message>) -> Result<Message, SendError> {
        let mut message = Some(message.into());
        let asked = drive(&mut self.os, self.waits, |os| os.ask(&mut message));
        let id = asked.map_err(|error: Error| SendError::with(error, message))?;
        let answer = drive(&mut self.os, self.waits, |os| os.answered(id));
        answer.inspect_err(|_| self.os.forget(id))
    }

    /// As [`Connection::reply`](crate::Connection::reply), if the connection that asked still stands.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn reply(&mut self, request: Request, answer: impl Into<Message>) -> Result<(), SendError> {
        self.os.answer(request.connection, request.id, Answer::Response(answer.into()));
        self.flush()
    }

    /// As [`Connection::fail`](crate::Connection::fail), if the connection that asked still stands.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn fail(&mut self, request: Request, why: impl Into<Message>) -> Result<(), SendError> {
        self.os.answer(request.connection, request.id, Answer::Failure(why.into()));
        self.flush()
    }

    /// Connects again after it has stopped; a pause between attempts is cut short.
    pub fn reconnect(&mut self) {
        self.os.connect();
    }

    /// Ends the connection and does not come back. What waits in the queue comes back from the next
    /// [`flush`](Self::flush), one message at a time.
    pub fn disconnect(&mut self) {
        self.os.disconnect();
    }

    /// Lets every call from now on fail with `TimedOut` once this moment has come; `None`: wait for ever.
    pub const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.waits = self.waits.until_moment(deadline);
    }
}

/// Attempts until one is done, waiting between them for the engine.
fn drive<T, E: From<io::Error>>(
    os: &mut os::Client,
    waits: Waits,
    mut attempt: impl FnMut(&mut os::Client) -> Result<Pace<T>, E>,
) -> Result<T, E> {
    loop {
        match attempt(os)? {
            Pace::Done(value) => return Ok(value),
            Pace::Wait(look) => {
                waits.look_again(look, |first| wait_any(os.as_fd(), Directions::READ, first).map(drop))?;
            }
        }
    }
}

/// One descriptor, readable when there is something to do.
impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.os.as_fd()
    }
}
