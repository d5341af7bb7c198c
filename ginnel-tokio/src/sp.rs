//! The messaging patterns of nng, byte for byte as nng 2.0 speaks them, over any stream socket.
//!
//! ```
//! use ginnel_tokio::sp::{Rep, Req};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ginnel_tokio::Error> {
//! # let dir = tempfile::tempdir()?;
//! # let url = format!("ipc://{}", dir.path().join("app.sock").display());
//! let mut rep = Rep::new()?;
//! rep.listen(&url)?;
//! tokio::spawn(async move {
//!     while let Ok(request) = rep.recv().await {
//!         let answer = request.body.to_ascii_uppercase();
//!         rep.reply(request, answer);
//!     }
//! });
//! let mut req = Req::new()?;
//! req.dial(&url).await?;
//! assert_eq!(req.request("hello").await?, "HELLO");
//! # Ok(())
//! # }
//! ```
//!
//! | End | Its other end | A message goes to | Too fast? |
//! |---|---|---|---|
//! | [`Req`] | [`Rep`] | one who answers, in turn | waits |
//! | [`Push`] | [`Pull`] | one who takes work, in turn | waits |
//! | [`Pub`] | [`Sub`] | everybody who has subscribed to its beginning | the oldest is dropped |
//! | [`Surveyor`] | [`Respondent`] | everybody, who may answer for a while | the latest is dropped |
//! | [`Bus`] | [`Bus`] | all neighbours | the latest is dropped |
//! | [`Pair0`], [`Pair1`] | the same | the other one | waits |
//!
//! Every end can [listen](Socket::listen), [dial](Socket::dial) and [adopt](Socket::adopt) sockets, as often as it likes.
//! Nothing moves unless something is awaited here: an end that shall dial again and take in pipes while nobody waits for it
//! is [shared](Socket::shared), and its driver is spawned.

mod device;
mod ends;
mod futures;
mod handle;

use std::net::SocketAddr;
use std::time::Duration;
use std::{fmt, io};

use ginnel_os::driven::Driven;
use ginnel_os::{self as os, ConnId, Credentials, Error};
use ginnel_proto::sp as proto;

use crate::Driver;
use crate::driver::{Turning, in_time};

pub use device::Device;
pub use ends::Survey;
pub use ginnel_os::sp::{DialerId, ListenerId, Options};
pub use ginnel_proto::machine::Failure;
pub use ginnel_proto::sp::{
    Asks, Dropped, Event, Family, Forwards, Gone, Pattern, Protocol, Receives, Replies, Request, Sends,
    SpFault, Trace, Url,
};
pub use handle::{Handle, SharedSurvey};

/// What the messages of each end mean, for whoever has to name a [`Handle`]: `Handle<pattern::Req>`.
pub mod pattern {
    pub use ginnel_proto::sp::{Bus, Pair0, Pair1, Pub, Pull, Push, Rep, Req, Respondent, Sub, Surveyor};
}

/// Asks one of those who answer.
pub type Req = Socket<proto::Req>;
/// Answers whoever asks.
pub type Rep = Socket<proto::Rep>;
/// Tells everybody.
pub type Pub = Socket<proto::Pub>;
/// Hears what it has subscribed to.
pub type Sub = Socket<proto::Sub>;
/// Gives work to one of many.
pub type Push = Socket<proto::Push>;
/// Takes work.
pub type Pull = Socket<proto::Pull>;
/// Talks with one other, version 0.
pub type Pair0 = Socket<proto::Pair0>;
/// Talks with one other, version 1, which counts hops.
pub type Pair1 = Socket<proto::Pair1>;
/// Asks everybody.
pub type Surveyor = Socket<proto::Surveyor>;
/// Answers surveys.
pub type Respondent = Socket<proto::Respondent>;
/// Tells all neighbours, and hears them.
pub type Bus = Socket<proto::Bus>;

/// The front of a [`Device`] for requests.
pub type RawRep = Socket<proto::RawRep>;
/// The back of a [`Device`] for requests.
pub type RawReq = Socket<proto::RawReq>;
/// The front of a [`Device`] for surveys.
pub type RawRespondent = Socket<proto::RawRespondent>;
/// The back of a [`Device`] for surveys.
pub type RawSurveyor = Socket<proto::RawSurveyor>;
/// Either side of a [`Device`] between pairs of version 1.
pub type RawPair1 = Socket<proto::RawPair1>;

/// One end, with any number of pipes.
pub struct Socket<P: Pattern> {
    pub(crate) turning: Turning<os::sp::Socket<P>>,
}

impl<P: Pattern> Socket<P> {
    /// An end without pipes, with nng's defaults.
    ///
    /// # Errors
    /// The kernel's, for the poller, or tokio's if its reactor cannot watch it.
    ///
    /// # Panics
    /// Outside a runtime that has I/O and time enabled.
    pub fn new() -> io::Result<Self> {
        Self::with(&Options::new())
    }

    /// An end without pipes.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// # Panics
    /// As there.
    pub fn with(options: &Options) -> io::Result<Self> {
        Ok(Self { turning: Turning::new(os::sp::Socket::new(options)?)? })
    }

    /// Listens at this [`Url`]; at several, if it is called again. Whoever connects is let in while something is awaited
    /// here.
    ///
    /// A socket file is published as [`Stream::listen`](crate::Stream::listen) publishes it: a live listener is never
    /// displaced, a dead one is replaced. `socket://` only says that sockets will be [adopted](Self::adopt).
    ///
    /// # Errors
    /// [`Error::Address`]: it is no such URL. Else as there, or the kernel's for a port.
    pub fn listen(&mut self, url: &str) -> Result<ListenerId, Error> {
        self.turning.driven.listen(url)
    }

    /// The port of a listener at `tcp://`, which the kernel has chosen if it was 0.
    ///
    /// # Errors
    /// `Unsupported` for another transport, `NotFound` if it is closed.
    pub fn bound_port(&self, listener: ListenerId) -> io::Result<SocketAddr> {
        self.turning.driven.bound_port(listener)
    }

    /// Listens there no more; pipes stay. `false`: it is closed already.
    pub fn close_listener(&mut self, listener: ListenerId) -> bool {
        self.turning.driven.close_listener(listener)
    }

    /// Dials this [`Url`] and waits until there is a pipe. From then on it is dialled again whenever that is lost.
    ///
    /// # Errors
    /// Why the first attempt has failed; then it is not dialled again. [`Error::Address`]: it is no such URL.
    /// `Unsupported` for `socket://`.
    ///
    /// # Cancel safety
    /// Cancelled, it is not dialled any more.
    pub async fn dial(&mut self, url: &str) -> Result<DialerId, Error> {
        let dialer = self.turning.driven.dial(url)?;
        let mut dialing = Dialing { socket: self, dialer: Some(dialer) };
        dialing.socket.turning.until(|os| os.dialled(dialer).transpose()).await?;
        dialing.dialer = None;
        Ok(dialer)
    }

    /// Dials this [`Url`], now and again until there is a pipe, and whenever it is lost, while something is awaited here.
    ///
    /// # Errors
    /// [`Error::Address`]: it is no such URL. `Unsupported` for `socket://`.
    pub fn keep_dialing(&mut self, url: &str) -> Result<DialerId, Error> {
        let dialer = self.turning.driven.dial(url)?;
        self.turning.driven.flush();
        Ok(dialer)
    }

    /// Dials no more, and closes the pipe.
    pub fn hang_up(&mut self, dialer: DialerId) {
        self.turning.driven.hang_up(dialer);
    }

    /// Waits for the next thing that happens to a pipe. Of what nobody takes, the last 1,024 are kept.
    ///
    /// # Errors
    /// The poller's.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn next_event(&mut self) -> Result<Event, Error> {
        self.turning.until(|os| Ok(os.event())).await
    }

    /// What has happened to a pipe already.
    pub fn try_event(&mut self) -> Option<Event> {
        self.turning.driven.event()
    }

    /// The pipes that are attached.
    pub fn pipes(&self) -> Vec<ConnId> {
        self.turning.driven.pipes()
    }

    /// Who is at the other end of a pipe, as recorded when it was made: `uid`, `gid` and `pid`. Of a socket pair, who has
    /// made that.
    ///
    /// # Errors
    /// `NotConnected` if the pipe is gone; `Unsupported` over TCP; the kernel's, see unix(7) on `SO_PEERCRED`.
    pub fn peer_credentials(&self, pipe: ConnId) -> io::Result<Credentials> {
        self.turning.driven.peer_credentials(pipe)
    }

    /// The listener of this pipe, as [`listen`](Self::listen) has called it: that of `socket://` if it was adopted, since it
    /// came from no address. `None` if it was dialled, or is gone.
    pub fn listener_of(&self, pipe: ConnId) -> Option<ListenerId> {
        self.turning.driven.listener_of(pipe)
    }

    /// The dialer of this pipe, if it was dialled.
    pub fn dialer_of(&self, pipe: ConnId) -> Option<DialerId> {
        self.turning.driven.dialer_of(pipe)
    }

    /// Closes a pipe; a dialer dials again. `false`: it is gone already.
    pub fn close_pipe(&mut self, pipe: ConnId) -> bool {
        let was_there = self.turning.driven.close_pipe(pipe);
        self.turning.driven.flush();
        was_there
    }

    /// Messages that went nowhere, since the beginning.
    pub fn dropped(&self) -> Dropped {
        self.turning.driven.dropped()
    }

    /// Waits until the kernel has everything that was sent. What waits for a pipe waits for it here too.
    ///
    /// # Errors
    /// The poller's.
    ///
    /// # Cancel safety
    /// Cancelled, what was not written is still queued, whole.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.turning.until(|os| Ok(os.flushed())).await
    }

    /// For many tasks: a handle that can be cloned, and a driver that the caller spawns.
    pub fn shared(self) -> (Handle<P>, Driver) {
        Handle::of(self.turning)
    }

    /// Waits until the kernel has everything that was sent; then listens and dials no more, closes every pipe, and waits
    /// until they have ended over there too: for `drain` at most in all. What waits for a pipe while there is none is
    /// dropped.
    ///
    /// # Errors
    /// `TimedOut` if it took longer. All are closed all the same.
    ///
    /// # Panics
    /// Without a runtime that has time enabled.
    ///
    /// # Cancel safety
    /// Cancelled, all pipes are closed at once.
    pub async fn close(mut self, drain: Duration) -> Result<(), Error> {
        self.turning.driven.set_drain(drain);
        let closed = in_time(drain, self.turning.until(|os| Ok(os.wind_down()))).await;
        self.turning.driven.stop();
        self.turning.driven.flush();
        closed
    }
}

/// A first attempt. Dropped before it has succeeded, nobody is dialled.
struct Dialing<'a, P: Pattern> {
    socket: &'a mut Socket<P>,
    dialer: Option<DialerId>,
}

impl<P: Pattern> Drop for Dialing<'_, P> {
    fn drop(&mut self) {
        if let Some(dialer) = self.dialer.take() {
            self.socket.turning.driven.hang_up(dialer);
        }
    }
}

impl<P: Pattern> fmt::Debug for Socket<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("end", &P::END)
            .field("pipes", &self.turning.driven.pipe_count())
            .finish_non_exhaustive()
    }
}
