use std::time::Duration;

use bytes::Bytes;
use ginnel_proto::client::{ClientOptions, Reason};
use ginnel_proto::machine::ConnId;
use ginnel_proto::peer::{Hello, HelloError, Role};
use ginnel_proto::server::ServerOptions;
use ginnel_proto::{CallId, Request};

use crate::Message;
use crate::connection::{ConnectionOptions, Error};
use crate::credentials::Policy;
use crate::listener::ListenerOptions;
use crate::sys::{Carried, PeerIds};

/// How a peer takes part.
///
/// ```
/// use std::time::Duration;
/// use ginnel_os::PeerOptions;
/// let options = PeerOptions::new().name("worker 3")?.data("v2")?.pauses(Duration::from_millis(5), Duration::from_secs(1));
/// # let _ = options;
/// # Ok::<(), ginnel_os::HelloError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PeerOptions {
    pub(super) hello: Hello,
    pub(super) connection: ConnectionOptions,
    pub(super) client: ClientOptions,
    pub(super) server: ServerOptions,
    pub(super) standby: bool,
    pub(super) listener: ListenerOptions,
}

impl PeerOptions {
    /// Without a name; a standby; pauses from 20 ms to 1 s; a socket file for its owner alone; connections with the
    /// defaults of [`ConnectionOptions`].
    #[expect(clippy::missing_panics_doc, reason = "an empty name is not too long")]
    pub fn new() -> Self {
        Self {
            hello: Hello::new("").expect("an empty name is not too long"),
            connection: ConnectionOptions::new(),
            client: ClientOptions::default(),
            server: ServerOptions::default(),
            // Where sockets cannot be given away there is nothing to keep.
            standby: cfg!(unix),
            listener: ListenerOptions::default(),
        }
    }

    /// What others see it by. It need not be its alone.
    ///
    /// # Errors
    /// [`HelloError::Name`]: more than 255 bytes.
    pub fn name(self, name: &str) -> Result<Self, HelloError> {
        let hello = Hello::new(name)?.with_data(self.hello.data().clone())?;
        Ok(Self { hello, ..self })
    }

    /// What it has to say to whoever it is connected with, before anything else.
    ///
    /// # Errors
    /// [`HelloError::Data`]: more than 16 KiB.
    pub fn data(self, data: impl Into<Bytes>) -> Result<Self, HelloError> {
        Ok(Self { hello: self.hello.clone().with_data(data)?, ..self })
    }

    /// The pause after a failed attempt, which doubles from `base` to `cap`. Attempts fail when something is wrong with
    /// the path, or a queue is full; no pause is made when a listener has died.
    pub const fn pauses(mut self, base: Duration, cap: Duration) -> Self {
        (self.client.base, self.client.cap) = (base, cap);
        self
    }

    /// May one of those who connect keep a duplicate of the listening socket, and may this one? On unless told otherwise:
    /// then nobody who connects is refused while the listener changes.
    #[cfg(unix)]
    pub const fn standby(mut self, standby: bool) -> Self {
        self.standby = standby;
        self
    }

    /// What each connection is like.
    pub const fn connection(mut self, options: ConnectionOptions) -> Self {
        self.connection = options;
        self
    }

    /// As [`ServerOptions::total`](crate::ServerOptions::total), while it listens.
    pub const fn total(mut self, bytes: usize) -> Self {
        self.server.total = bytes;
        self
    }

    /// Permission bits of the socket file: 0600 unless told otherwise.
    #[cfg(unix)]
    pub const fn mode(mut self, mode: u32) -> Self {
        self.listener.mode = mode;
        self
    }

    /// Who may connect beside what the permissions say.
    pub fn allow(mut self, policy: Policy) -> Self {
        self.listener.allow = Some(policy);
        self
    }
}

impl Default for PeerOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Somebody with whom a peer is connected.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Neighbour {
    /// The connection.
    pub id: ConnId,
    /// Process id; `None` if it cannot be seen from here, or the kernel names another than it says it is, as it does while
    /// a standby takes over. Never decide by it.
    pub pid: Option<u32>,
    /// Effective user id, as recorded when the connection was made; `None` if it has gone already.
    #[cfg(unix)]
    pub uid: Option<u32>,
    /// Effective group id, likewise.
    #[cfg(unix)]
    pub gid: Option<u32>,
    /// The security identifier of its user, as text; `None` if it has gone already.
    #[cfg(windows)]
    pub sid: Option<String>,
    hello: Hello,
}

impl Neighbour {
    pub(super) fn new(id: ConnId, hello: Hello, ids: Option<PeerIds>) -> Self {
        // Of a standby that has just taken over the kernel says that it is the one before.
        let is_said = |pid: &u32| hello.process().is_none_or(|process| process.pid == *pid);
        let pid = ids.as_ref().and_then(|ids| ids.pid).filter(is_said);
        Self {
            id,
            pid,
            #[cfg(unix)]
            uid: ids.map(|ids| ids.uid),
            #[cfg(unix)]
            gid: ids.map(|ids| ids.gid),
            #[cfg(windows)]
            sid: ids.map(|ids| ids.sid),
            hello,
        }
    }

    /// Is it whoever listens?
    pub fn listens(&self) -> bool {
        self.id < ConnId::FIRST_ACCEPTED
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        self.hello.name()
    }

    /// What its application had to say.
    pub const fn data(&self) -> &Bytes {
        self.hello.data()
    }
}

/// Something that happened to a peer.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever takes part must answer each")]
pub enum PeerEvent {
    /// It is somebody else among its like now.
    Role(Role),
    /// Somebody has connected; for a connector, it has connected to whoever listens.
    Joined(Neighbour),
    /// A message came.
    Message(ConnId, Message),
    /// A question came.
    Request(Request<Carried>),
    /// A question that was given out is not wanted any more; an answer to it is dropped.
    Cancelled(ConnId, CallId),
    /// That one is gone. Each that has joined leaves once.
    Left(ConnId, Reason),
    /// Nobody can be followed and the path cannot be owned, for now: it is tried again after a pause. Of many attempts in
    /// a row that fail alike the first is told.
    Trouble(Error),
}
