//! The messaging patterns of nng, byte for byte as nng 2.0 speaks them, over any stream socket.
//!
//! ```
//! use ginnel::sp::{Rep, Req};
//! # let dir = tempfile::tempdir()?;
//! # let url = format!("ipc://{}", dir.path().join("app.sock").display());
//! let mut rep = Rep::new()?;
//! rep.listen(&url)?;
//! std::thread::spawn(move || {
//!     while let Ok(request) = rep.recv() {
//!         let answer = request.body.to_ascii_uppercase();
//!         rep.reply(request, answer);
//!     }
//! });
//! let mut req = Req::new()?;
//! req.dial(&url)?;
//! assert_eq!(req.request("hello")?, "HELLO");
//! # Ok::<(), ginnel::Error>(())
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
//! Nothing moves unless something is called here: an end that shall answer pings of the network, dial again and take in
//! pipes while nobody waits for it is [shared](Socket::shared), and its driver runs on a thread of its own.

mod device;
mod ends;
mod handle;

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use std::{fmt, io};

use ginnel_os::driven::Driven;
use ginnel_os::{self as os, AdoptError, ConnId, Credentials, Error};
use ginnel_proto::sp as proto;

use crate::Driver;
use crate::driver::turn_until;

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
    pub(crate) os: os::sp::Socket<P>,
    deadline: Option<Instant>,
    /// Messages that were fed since somebody looked after the pipes.
    fed: u8,
}

impl<P: Pattern> Socket<P> {
    /// An end without pipes, with nng's defaults.
    ///
    /// # Errors
    /// The kernel's, for the poller.
    pub fn new() -> io::Result<Self> {
        Self::with(&Options::new())
    }

    /// An end without pipes.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with(options: &Options) -> io::Result<Self> {
        Ok(Self { os: os::sp::Socket::new(options)?, deadline: None, fed: 0 })
    }

    /// Listens at this [`Url`]; at several, if it is called again. Whoever connects is let in while something is called
    /// here.
    ///
    /// A socket file is published as [`Stream::listen`](crate::Stream::listen) publishes it: a live listener is never
    /// displaced, a dead one is replaced. `socket://` only says that sockets will be [adopted](Self::adopt).
    ///
    /// # Errors
    /// [`Error::Address`]: it is no such URL. Else as there, or the kernel's for a port.
    pub fn listen(&mut self, url: &str) -> Result<ListenerId, Error> {
        self.os.listen(url)
    }

    /// The port of a listener at `tcp://`, which the kernel has chosen if it was 0.
    ///
    /// # Errors
    /// `Unsupported` for another transport, `NotFound` if it is closed.
    pub fn bound_port(&self, listener: ListenerId) -> io::Result<SocketAddr> {
        self.os.bound_port(listener)
    }

    /// Listens there no more; pipes stay. `false`: it is closed already.
    pub fn close_listener(&mut self, listener: ListenerId) -> bool {
        self.os.close_listener(listener)
    }

    /// Dials this [`Url`] and waits until there is a pipe. From then on it is dialled again whenever that is lost.
    ///
    /// # Errors
    /// Why the first attempt has failed; then it is not dialled again. [`Error::Address`]: it is no such URL.
    /// `Unsupported` for `socket://`. `TimedOut`: the deadline passed.
    pub fn dial(&mut self, url: &str) -> Result<DialerId, Error> {
        let dialer = self.os.dial(url)?;
        let dialled = turn_until(&mut self.os, self.deadline, |os| os.dialled(dialer).transpose());
        dialled.map(|_| dialer).inspect_err(|_| self.os.hang_up(dialer))
    }

    /// Dials this [`Url`], now and again until there is a pipe, and whenever it is lost, while something is called here.
    ///
    /// # Errors
    /// [`Error::Address`]: it is no such URL. `Unsupported` for `socket://`.
    pub fn keep_dialing(&mut self, url: &str) -> Result<DialerId, Error> {
        let dialer = self.os.dial(url)?;
        self.os.flush();
        Ok(dialer)
    }

    /// Dials no more, and closes the pipe.
    pub fn hang_up(&mut self, dialer: DialerId) {
        self.os.hang_up(dialer);
    }

    /// Takes in a connected stream socket: one of a pair, an accepted one, an inherited one, of whatever family. Both
    /// sides greet over it at once, as over `socket://`; what comes of that is [told](Self::next_event).
    ///
    /// ```
    /// use ginnel::sp::Pair1;
    /// let (near, far) = ginnel::Stream::pair()?; // one of them is for a child, as its standard input for instance
    /// std::thread::spawn(move || -> Result<(), ginnel::Error> {
    ///     let mut pair = Pair1::new()?;
    ///     pair.adopt(far)?;
    ///     pair.send("hello")?;
    ///     pair.flush()
    /// });
    /// let mut pair = Pair1::new()?;
    /// pair.adopt(near)?;
    /// assert_eq!(pair.recv()?, "hello");
    /// # Ok::<(), ginnel::Error>(())
    /// ```
    ///
    /// # Errors
    /// It is no socket, no stream, not connected, or it listens. It comes back untouched.
    pub fn adopt(&mut self, socket: impl Into<os::Handle>) -> Result<ConnId, AdoptError> {
        let pipe = self.os.adopt(socket.into())?;
        self.os.flush();
        Ok(pipe)
    }

    /// Waits for the next thing that happens to a pipe. Of what nobody takes, the last 1,024 are kept.
    ///
    /// # Errors
    /// `TimedOut`: the deadline passed. Else the poller's.
    pub fn next_event(&mut self) -> Result<Event, Error> {
        turn_until(&mut self.os, self.deadline, |os| Ok(os.event()))
    }

    /// What has happened to a pipe already.
    pub fn try_event(&mut self) -> Option<Event> {
        self.os.event()
    }

    /// The pipes that are attached.
    pub fn pipes(&self) -> Vec<ConnId> {
        self.os.pipes()
    }

    /// Who is at the other end of a pipe, as recorded when it was made: `uid`, `gid` and `pid`. Of a socket pair, who has
    /// made that.
    ///
    /// # Errors
    /// `NotConnected` if the pipe is gone; `Unsupported` over TCP; the kernel's, see unix(7) on `SO_PEERCRED`.
    pub fn peer_credentials(&self, pipe: ConnId) -> io::Result<Credentials> {
        self.os.peer_credentials(pipe)
    }

    /// The listener of this pipe, as [`listen`](Self::listen) has called it: that of `socket://` if it was adopted, since it
    /// came from no address. `None` if it was dialled, or is gone.
    pub fn listener_of(&self, pipe: ConnId) -> Option<ListenerId> {
        self.os.listener_of(pipe)
    }

    /// The dialer of this pipe, if it was dialled.
    pub fn dialer_of(&self, pipe: ConnId) -> Option<DialerId> {
        self.os.dialer_of(pipe)
    }

    /// Closes a pipe; a dialer dials again. `false`: it is gone already.
    pub fn close_pipe(&mut self, pipe: ConnId) -> bool {
        let was_there = self.os.close_pipe(pipe);
        self.os.flush();
        was_there
    }

    /// Messages that went nowhere, since the beginning.
    pub fn dropped(&self) -> Dropped {
        self.os.dropped()
    }

    /// Waits until the kernel has everything that was sent. What waits for a pipe waits for it here too.
    ///
    /// # Errors
    /// `TimedOut`: the deadline passed. Else the poller's.
    pub fn flush(&mut self) -> Result<(), Error> {
        turn_until(&mut self.os, self.deadline, |os| Ok(os.flushed()))
    }

    /// Lets every call from now on fail with `TimedOut` once this moment has come; `None`: wait for ever.
    pub const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// For many threads: a handle that can be cloned, and a driver that the caller runs.
    pub fn shared(self) -> (Handle<P>, Driver) {
        Handle::of(self.os)
    }

    /// Waits until the kernel has everything that was sent; then listens and dials no more, closes every pipe, and waits
    /// until they have ended over there too: for `drain` at most in all. What waits for a pipe while there is none is
    /// dropped.
    ///
    /// # Errors
    /// `TimedOut` if it took longer. All are closed all the same.
    pub fn close(mut self, drain: Duration) -> Result<(), Error> {
        let drained = Instant::now().checked_add(drain);
        let deadline = [drained, self.deadline].into_iter().flatten().min();
        self.os.set_drain(drain);
        let closed = turn_until(&mut self.os, deadline, |os| Ok(os.wind_down()));
        self.os.stop();
        self.os.flush();
        closed
    }
}

impl<P: Pattern> fmt::Debug for Socket<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("end", &P::END)
            .field("pipes", &self.os.pipe_count())
            .finish_non_exhaustive()
    }
}
