use std::io;
use std::time::Duration;

use ginnel_os::driven::Driven;
use ginnel_os::sys::Carried;
use ginnel_os::{
    self as os, CallId, ClientOptions, Credentials, Delivery, Error, Greeting, Message, Request, SendError,
    Status,
};
use ginnel_proto::{Answer, ToAddress};

use crate::driver::{Turning, in_time};
use crate::{ClientHandle, Driver};

/// A connection that comes back.
///
/// What is sent while there is no connection waits in its queue. What was handed to the kernel is never sent again by
/// itself; what was not, goes over the next connection. Like everything here it moves only while something is called on
/// it: it connects, reconnects and pings while it waits for something. With [`shared`](Self::shared) somebody drives it
/// all the time, and many tasks use it.
///
/// # Example
/// ```
/// use ginnel_tokio::{Client, Connection};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ginnel_tokio::Error> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.sock");
/// let mut client = Client::connect(&path)?; // nobody listens yet
/// client.feed("first").await?;
/// let listener = Connection::listen(&path)?;
/// let server = tokio::spawn(async move { listener.accept().await?.recv().await });
/// client.flush().await?;
/// assert_eq!(server.await.expect("no panic")?.expect("it came").body, "first");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client {
    pub(crate) turning: Turning<os::Client>,
}

impl Client {
    /// A client of whoever listens at `address`, now or later. It begins to connect, and does not wait for it.
    ///
    /// # Errors
    /// [`Error::Address`], or the kernel's for the poller, or tokio's if its reactor cannot watch it.
    ///
    /// # Panics
    /// Without a runtime that has I/O enabled.
    pub fn connect(address: impl ToAddress) -> Result<Self, Error> {
        Self::connect_with(address, &ClientOptions::new())
    }

    /// As [`connect`](Self::connect), behaving as told.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub fn connect_with(address: impl ToAddress, options: &ClientOptions) -> Result<Self, Error> {
        Ok(Self { turning: Turning::new(os::Client::new(address.to_address()?, options)?)? })
    }

    /// Where it stands. It changes only while something is called.
    pub const fn status(&self) -> Status {
        self.turning.driven.status()
    }

    /// Waits until it stands as wanted, for so long at most.
    ///
    /// # Errors
    /// `TimedOut`. [`Error::Stopped`]: it has stopped, and that is not what is wanted.
    ///
    /// # Panics
    /// Without a runtime that has time enabled.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn wait_for(
        &mut self,
        mut wanted: impl FnMut(Status) -> bool,
        timeout: Duration,
    ) -> Result<Status, Error> {
        in_time(timeout, self.turning.until(|os| os.reached(&mut wanted))).await
    }

    /// Waits for the next change of where it stands. Up to 64 that nobody has taken are kept.
    ///
    /// # Errors
    /// [`Error::Stopped`]: it has stopped, and every change was told. Else the poller's.
    ///
    /// # Cancel safety
    /// Cancelled, no change was taken.
    pub async fn changed(&mut self) -> Result<Status, Error> {
        self.turning.until(os::Client::changed_for_owner).await
    }

    /// As [`Connection::feed`](crate::Connection::feed): `Ok` means that it is queued for this connection or the next.
    ///
    /// # Errors
    /// As there, and [`Error::Stopped`] if no connection will come. The message comes back.
    ///
    /// # Cancel safety
    /// Cancelled, the message was not queued, and is dropped.
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        let fed = self.turning.until(|os| os.feed(&mut message)).await;
        fed.map(drop).map_err(|error: Error| SendError::with(error, message))
    }

    /// As [`feed`](Self::feed) without waiting: gives the message back if there is no room.
    ///
    /// # Errors
    /// [`Limit::Queue`](os::Limit::Queue): there is no room now. Else as there.
    pub fn try_feed(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.turning.driven.try_feed(message.into())
    }

    /// As [`Connection::flush`](crate::Connection::flush): waits for a connection too.
    ///
    /// # Errors
    /// As there. [`Error::Stopped`] if no connection will come, or if one was lost in the middle of a message.
    ///
    /// # Cancel safety
    /// Cancelled, what was not written is still queued, whole.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        let last = self.turning.driven.last();
        self.turning.until(|os| os.flushed(last)).await
    }

    /// As [`Connection::send`](crate::Connection::send): waits for a connection too.
    ///
    /// # Errors
    /// As [`feed`](Self::feed) and [`flush`](Self::flush).
    ///
    /// # Cancel safety
    /// Cancelled, the message is queued whole, or not at all and dropped.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Receives the next message, over this connection or a later one. Requests that come meanwhile are refused.
    /// `None`: it was [`disconnect`](Self::disconnect)ed, or the other side has ended the connection in order and it
    /// does not come back.
    ///
    /// # Errors
    /// [`Error::Stopped`]: no connection will come. Else the poller's.
    ///
    /// # Cancel safety
    /// Cancelled, no message was taken.
    pub async fn recv(&mut self) -> Result<Option<Message>, Error> {
        self.turning.until(os::Client::received).await
    }

    /// Receives the next message, request or cancellation; `None` as there.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn next(&mut self) -> Result<Option<Delivery>, Error> {
        self.turning.until(os::Client::arrived).await
    }

    /// As [`Connection::call`](crate::Connection::call), over this connection or the next.
    ///
    /// # Errors
    /// As there. [`Error::Stopped`]: the connection was lost after the question was handed over, and whether it was
    /// heard is not known; it is not asked again.
    ///
    /// # Cancel safety
    /// Cancelled, by a timeout for instance, the other side is told that the answer is not wanted any more; if the
    /// question was not handed over yet, it never is.
    pub async fn call(&mut self, message: impl Into<Message>) -> Result<Message, SendError> {
        let mut message = Some(message.into());
        let asked = self.turning.until(|os| os.ask(&mut message)).await;
        let id = asked.map_err(|error: Error| SendError::with(error, message))?;
        let open = OpenCall { client: self, id };
        open.client.turning.until(|os| os.answered(id)).await
    }

    /// As [`Connection::reply`](crate::Connection::reply), if the connection that asked still stands.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn reply(&mut self, request: Request, answer: impl Into<Message>) -> Result<(), SendError> {
        self.answer(&request, Answer::Response(answer.into())).await
    }

    /// As [`Connection::fail`](crate::Connection::fail), if the connection that asked still stands.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn fail(&mut self, request: Request, why: impl Into<Message>) -> Result<(), SendError> {
        self.answer(&request, Answer::Failure(why.into())).await
    }

    async fn answer(&mut self, request: &Request, answer: Answer<Carried>) -> Result<(), SendError> {
        let mut answer = Some(answer);
        let queued = self.turning.until(|os| os.answer(request, &mut answer)).await;
        queued.map_err(|error: Error| SendError::with(error, answer.map(Answer::into_message)))?;
        self.flush().await
    }

    /// Connects again after it has stopped; a pause between attempts is cut short.
    pub fn reconnect(&mut self) {
        self.turning.driven.connect();
    }

    /// Ends the connection and does not come back. What was handed to it is written, with a goodbye, as far as that
    /// needs no waiting. What waits in the queue comes back from the next [`flush`](Self::flush), one message at a
    /// time.
    pub fn disconnect(&mut self) {
        self.turning.driven.disconnect();
        self.turning.driven.flush();
    }

    /// Takes leave: sends what is queued and a goodbye, and waits until the other side has ended too, for `drain` at
    /// most.
    ///
    /// # Errors
    /// The first that could not be sent; what was behind it is sent all the same. `TimedOut` if it took longer; it is
    /// closed then.
    ///
    /// # Panics
    /// Without a runtime that has time enabled.
    ///
    /// # Cancel safety
    /// Cancelled, the connection is closed at once.
    pub async fn close(mut self, drain: Duration) -> Result<(), Error> {
        self.turning.driven.set_drain(drain);
        let mut failed = None;
        let over = self.turning.until(|os| Ok::<_, Error>(os.wind_down(&mut failed)));
        in_time(drain, over).await?;
        failed.map_or(Ok(()), |failed| Err(failed.error))
    }

    /// Who is at the other end, as recorded when the connection was made.
    ///
    /// # Errors
    /// `NotConnected` if there is none; the kernel's, see unix(7) on `SO_PEERCRED`.
    pub fn peer_credentials(&self) -> io::Result<Credentials> {
        self.turning.driven.peer_credentials()
    }

    /// What the other side takes and who it is, while there is a connection. Other wires than the native one have no
    /// greeting.
    pub fn greeting(&self) -> Option<Greeting> {
        self.turning.driven.greeting()
    }

    /// For many tasks: a handle that can be cloned, and a driver that the caller spawns.
    pub fn shared(mut self) -> (ClientHandle, Driver) {
        self.turning.driven.unsubscribe(os::Client::OWNER);
        ClientHandle::of(self.turning)
    }
}

/// A question whose answer is awaited. If nobody waits any more, the other side is told.
struct OpenCall<'a> {
    client: &'a mut Client,
    id: CallId,
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.client.turning.driven.forget(self.id);
        self.client.turning.driven.flush();
    }
}
