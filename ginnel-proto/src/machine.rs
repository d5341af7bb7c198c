//! The vocabulary between machines, which decide, and engines, which do.
//!
//! Five laws hold for every machine:
//!
//! * **Pure.** Time and random numbers are arguments; the same inputs give the same outputs.
//! * **Total.** Every state answers every input; what does not fit is ignored, or answered with [`Action::Close`].
//! * **Numbered.** A [`ConnId`] is never used twice, so a late report is recognised, and closed.
//! * **Effects are data.** Inside [`Machine::handle`] nothing happens but moving values.
//! * **Owned.** A queued message owns its descriptors; dropping the machine closes them.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::Instant;

use bytes::Bytes;

use crate::election::{Seen, Step};
use crate::limits::Load;
use crate::link::{Greeting, Refusal};
use crate::{Address, CallId, Frame, PeerFault};

/// A connection, or an attempt at one. Never used twice by one machine; those that come in through a listener are
/// numbered by the engine, from [`ConnId::FIRST_ACCEPTED`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a number, and nothing else")]
pub struct ConnId(pub u64);

impl ConnId {
    /// Machines number up to this, engines from here on.
    pub const FIRST_ACCEPTED: Self = Self(1 << 63);

    /// Among peers: whoever listens, also while that changes. No connection has this number.
    pub const LISTENER: Self = Self(0);
}

/// A frame that was given to a connection's link. They rise on each connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a number, and nothing else")]
pub struct SendId(pub u64);

/// Something that decides: what it is told goes in, what is to be told and done comes out.
pub trait Machine {
    /// What the application asks.
    type Command: Debug;
    /// What the application is told.
    type Event: Debug;
    /// What a descriptor is: an owned one, or a number in tests.
    type Fd: Debug;

    /// Takes one input. What it lends must be drained before the next.
    fn handle(
        &mut self,
        input: Input<Self::Command, Self::Fd>,
        now: Instant,
    ) -> Outputs<'_, Self::Event, Self::Fd>;

    /// When [`Input::Timeout`] is due.
    fn deadline(&self) -> Option<Instant>;
}

/// A machine of many connections, each with a queue of its own.
pub trait Crowd<F> {
    /// Who is connected, the oldest first.
    fn connections(&self) -> impl Iterator<Item = ConnId> + '_;

    /// How many are connected.
    fn connection_count(&self) -> usize;

    /// Is this one connected?
    fn is_connected(&self, id: ConnId) -> bool;

    /// What is not with the kernel yet for this one; nothing if it is gone.
    fn unsent(&self, id: ConnId) -> Load;

    /// The number of the last frame that was queued for this one.
    fn last(&self, id: ConnId) -> Option<SendId>;

    /// The first frame for this one that is not with the kernel yet.
    fn first_unsent(&self, id: ConnId) -> Option<SendId>;

    /// The number that the next question to this one will have.
    fn upcoming(&self, id: ConnId) -> Option<CallId>;

    /// Is there room for at least one small message for this one, or is it gone?
    fn has_room(&self, id: ConnId) -> bool;

    /// Would this frame be queued now? `None`: this one is gone.
    fn admit(&self, id: ConnId, frame: &Frame<F>) -> Option<Result<(), Refusal>>;
}

/// What a machine is told.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "machines answer each")]
pub enum Input<C, F> {
    /// The application asks for something.
    App(C),
    /// Something happened to a socket.
    Net(NetEvent<F>),
    /// The deadline has come.
    Timeout,
}

/// What a machine says.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an engine passes on the one and carries out the other")]
pub enum Output<E, F> {
    /// The application is told.
    App(E),
    /// The engine is ordered.
    Net(Action<F>),
}

/// What an engine is ordered to do.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "engines carry out each")]
pub enum Action<F> {
    /// Connect. Answered by [`NetEvent::Connected`] or [`NetEvent::ConnectFailed`].
    Connect(ConnId, Address),
    /// Listen. Answered by [`NetEvent::Listening`] or [`NetEvent::ListenFailed`].
    Listen(Address),
    /// Listen no more; connections stay.
    Unlisten,
    /// Give a frame to the connection's link. Only with credit: [`CREDIT`] bytes at first and at each
    /// [`NetEvent::Room`], of which each frame takes its length; the last may take more than there is. Answered by
    /// [`NetEvent::Sent`] or [`NetEvent::Refused`], or by neither if the connection is lost in the middle of it.
    Send(ConnId, SendId, Frame<F>),
    /// Read no more from it for now.
    Pause(ConnId),
    /// Read on.
    Resume(ConnId),
    /// Carry out a step of an election. Answered by [`NetEvent::Elected`].
    Elect(Step),
    /// Connect to the socket file that the election has looked at. Answered as [`Connect`](Self::Connect).
    Probe(ConnId),
    /// Keep the duplicate of somebody's listening socket, for the election.
    Keep(F),
    /// Whoever is connected with from now on is told who this is, see [`Line::introduce`](crate::Line::introduce).
    Introduce(Bytes),
    /// This process is at the other end. Once it has ended the connection is [lost](NetEvent::Lost), whoever keeps it.
    Watch(ConnId, ProcessId),
    /// Say a word in a control frame, which always finds room and is not counted.
    Tell(ConnId, Bytes),
    /// The same, with a duplicate of the listening socket. If this one is not to have it, or refuses descriptors, the frame
    /// is [refused](NetEvent::Refused) under number 0.
    Bequeath(ConnId, Bytes),
    /// Take leave: what the link holds is still written, for a while. Nothing more is reported of it.
    Close(ConnId),
}

/// Which process: whoever has its number later has another id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "these two tell one process from all others")]
pub struct ProcessId {
    /// Its number, in its own pid namespace.
    pub pid: u32,
    /// The inode number of its pidfd, which no other process of the machine has before it restarts. Before Linux 6.9 all
    /// have the same.
    pub id: u64,
}

/// What an engine reports.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "machines answer each")]
pub enum NetEvent<F> {
    /// A connection stands, and the other side has greeted where the wire has greetings.
    Connected(ConnId, Option<Greeting>),
    /// It does not; the number is spent.
    ConnectFailed(ConnId, Failure),
    /// Others can connect.
    Listening,
    /// They cannot.
    ListenFailed(Failure),
    /// Somebody connected, and has greeted where the wire has greetings.
    Accepted(ConnId, Option<Greeting>),
    /// Somebody connected, or was adopted, and has not greeted as the wire demands.
    NotAccepted(ConnId, Failure),
    /// What a step of an election has shown.
    Elected(Seen),
    /// Something may have happened to the name that was published, or to its lock.
    Disturbed,
    /// A frame came.
    Received(ConnId, Frame<F>),
    /// The kernel has this frame, and all before it.
    Sent(ConnId, SendId),
    /// This frame was not sent, and here it is again.
    Refused(ConnId, SendId, Frame<F>, Refused),
    /// The link is empty: there is full credit again.
    Room(ConnId),
    /// The connection is gone. Frames that were neither sent nor refused were cut: some of their bytes were written.
    Lost(ConnId, Loss),
}

/// Bytes that a link takes before it has to be empty again.
pub const CREDIT: usize = 64 << 10;

/// Why there is no connection, or no listener.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "either it passes or the system says why")]
pub enum Failure {
    /// The other side's queue is full: it lives, and may be tried again after a pause.
    Busy,
    /// The other side broke a rule before it had greeted.
    Fault(PeerFault),
    /// It ended the connection before it had greeted.
    Closed,
    /// The system's reason, a number of errno(3), on Windows of `GetLastError`.
    Errno(i32),
}

/// Why a frame came back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "machines answer each")]
pub enum Refused {
    /// The connection was lost before any of it was written.
    Gone,
    /// The other side takes no descriptors.
    Descriptors,
    /// It cannot be sent on this connection.
    Refusal(Refusal),
}

/// Why a connection is gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "who ended it decides what is done")]
pub enum Loss {
    /// The other side ended it, after a goodbye or without.
    Closed {
        /// Did it say goodbye?
        goodbye: bool,
    },
    /// The other side broke a rule.
    Fault(PeerFault),
    /// Its process has ended, though something keeps the connection.
    Died,
    /// The system's reason, a number of errno(3), on Windows of `GetLastError`.
    Errno(i32),
}

/// What one input led to. It keeps the machine borrowed: one input, then all of its outputs.
///
/// What is not taken is not lost: it comes first the next time.
#[derive(Debug)]
#[must_use = "outputs are orders, and nobody else carries them out"]
pub struct Outputs<'a, E, F> {
    queue: &'a mut VecDeque<Output<E, F>>,
}

impl<'a, E, F> Outputs<'a, E, F> {
    /// Lends what a machine has queued.
    pub const fn new(queue: &'a mut VecDeque<Output<E, F>>) -> Self {
        Self { queue }
    }
}

impl<E, F> Iterator for Outputs<'_, E, F> {
    type Item = Output<E, F>;

    #[inline]
    fn next(&mut self) -> Option<Output<E, F>> {
        self.queue.pop_front()
    }
}
