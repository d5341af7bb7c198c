use std::time::{Duration, Instant};

use super::dialers::Dialers;
use super::pipes::Left;
use super::{DialerId, Dropped, Grant, Options, Pattern, Pipes};
use crate::machine::{Action, ConnId, Failure, Input, Loss, Machine, NetEvent, Outputs, Refused, SendId};
use crate::{Address, Frame, PeerFault};

/// One end, with any number of pipes.
///
/// ```text
///   a dialer connects, somebody connects, or a socket is adopted
///       │ both have greeted, and the ends go together              lost, closed, or a rule is broken
///       ▼                                                                │
///   attached ────────────────────────────────────────────────────────────▼ gone; a dialer's is dialled again
/// ```
#[derive(Debug)]
pub struct Socket<P, F> {
    pattern: P,
    pipes: Pipes<F>,
    dialers: Dialers,
}

/// What the application asks of an end.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the machine carries out each")]
pub enum Command<C> {
    /// Connect to this address, and again whenever that is lost.
    Dial(Address),
    /// Dial no more; its pipe is closed.
    HangUp(DialerId),
    /// Close a pipe.
    Close(ConnId),
    /// Dial no more, and close every pipe.
    Stop,
    /// What only this protocol has.
    Pattern(C),
}

/// What the application is told of an end's pipes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever looks after an end must see each")]
pub enum Event {
    /// There is one more.
    Attached(ConnId),
    /// There is one less.
    Detached(ConnId, Gone),
    /// Somebody connected, or was adopted, and did not become a pipe.
    Rejected(ConnId, Gone),
    /// An attempt has failed; the next follows after this pause.
    DialFailed(DialerId, Failure, Duration),
}

/// Why a pipe is gone, or did not come to be.
///
/// ```
/// use ginnel_proto::sp::Gone;
/// assert_eq!(Gone::There.to_string(), "the other side has ended the connection");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[expect(clippy::exhaustive_enums, reason = "who ended it decides what is done")]
pub enum Gone {
    /// It was closed here.
    #[error("closed on purpose")]
    Here,
    /// The other side ended it.
    #[error("the other side has ended the connection")]
    There,
    /// The other side broke a rule.
    #[error("the other side broke a rule: {0}")]
    Fault(PeerFault),
    /// There is a pipe already, and a pair has one.
    #[error("there is a pipe already, and a pair has one")]
    Paired,
    /// The system's reason, a number of errno(3), on Windows of `GetLastError`.
    #[error("the system says no: {}", std::io::Error::from_raw_os_error(*.0))]
    Errno(i32),
}

impl<P: Pattern, F> Socket<P, F> {
    /// An end without pipes.
    pub fn new(options: &Options) -> Self {
        Self { pattern: P::new(options), pipes: Pipes::new(), dialers: Dialers::new(options) }
    }

    /// What its messages mean.
    pub const fn pattern(&self) -> &P {
        &self.pattern
    }

    /// What its messages mean. What waits in it can be taken at any time: that is no input, and nothing comes of it.
    pub const fn pattern_mut(&mut self) -> &mut P {
        &mut self.pattern
    }

    /// Its pipes.
    pub const fn pipes(&self) -> &Pipes<F> {
        &self.pipes
    }

    /// As [`Pattern::grant`].
    #[inline]
    pub fn grant(&mut self, bytes: usize) -> Option<Grant> {
        self.pattern.grant(&mut self.pipes, bytes)
    }

    /// Has a pipe taken all that it takes, since somebody last asked? Then it is time to write.
    pub const fn take_choked(&mut self) -> bool {
        self.pipes.take_choked()
    }

    /// Messages that are not with the kernel: those that wait for a pipe, and those that were given to one.
    pub fn unsent(&self) -> usize {
        self.pattern.waiting() + self.pipes.unsent()
    }

    /// What went nowhere so far.
    pub const fn dropped(&self) -> Dropped {
        self.pipes.dropped
    }

    /// The number that the next dialer will have.
    pub const fn upcoming_dialer(&self) -> DialerId {
        self.dialers.upcoming()
    }

    /// How the last attempt of this dialer went: its pipe, or why there is none. `None`: it is under way.
    pub fn dialled(&self, dialer: DialerId) -> Option<Result<ConnId, Failure>> {
        self.dialers.outcome(dialer)
    }

    /// The dialer of this pipe, if it was dialled.
    pub fn dialer_of(&self, pipe: ConnId) -> Option<DialerId> {
        self.dialers.of(pipe)
    }

    fn command(&mut self, command: Command<P::Command>, now: Instant) {
        match command {
            Command::Pattern(command) => self.pattern.command(&mut self.pipes, command, now),
            Command::Dial(address) => {
                let (conn, address) = self.dialers.dial(address);
                self.pipes.act(Action::Connect(conn, address));
            }
            Command::HangUp(dialer) => self.hang_up(dialer, now),
            Command::Close(pipe) => self.close(pipe, Gone::Here, now),
            Command::Stop => {
                self.dialers.ids().into_iter().for_each(|dialer| self.hang_up(dialer, now));
                let pipes: Vec<_> = self.pipes.ids().collect();
                pipes.into_iter().for_each(|pipe| self.close(pipe, Gone::Here, now));
            }
        }
    }

    fn hang_up(&mut self, dialer: DialerId, now: Instant) {
        let Some(conn) = self.dialers.hang_up(dialer) else { return };
        if self.pipes.contains(conn) {
            self.close(conn, Gone::Here, now);
        } else {
            self.pipes.act(Action::Close(conn));
        }
    }

    fn net(&mut self, event: NetEvent<F>, now: Instant) {
        match event {
            NetEvent::Connected(id, _) => {
                if !self.dialers.connected(id) {
                    self.pipes.act(Action::Close(id));
                } else if !self.attach(id, now) {
                    self.dialers.ended(id, Some(Failure::Busy), now);
                }
            }
            NetEvent::ConnectFailed(id, failure) => {
                if let Some((dialer, pause)) = self.dialers.ended(id, Some(failure), now) {
                    self.pipes.tell(Event::DialFailed(dialer, failure, pause));
                }
            }
            NetEvent::Accepted(id, _) => {
                self.attach(id, now);
            }
            NetEvent::NotAccepted(id, failure) => self.pipes.tell(Event::Rejected(id, failure.into())),
            NetEvent::Received(id, frame) => self.received(id, frame, now),
            NetEvent::Sent(id, send) => self.pipes.sent(id, send),
            NetEvent::Room(id) => {
                if self.pipes.room(id) {
                    self.pattern.room(&mut self.pipes, id, now);
                }
            }
            NetEvent::Refused(id, send, frame, why) => self.refused(id, (send, frame), why),
            NetEvent::Lost(id, loss) => self.gone(id, loss.into(), now),
            // An end has no listener of its own, and takes part in no election.
            NetEvent::Listening | NetEvent::ListenFailed(_) | NetEvent::Elected(_) | NetEvent::Disturbed => {}
        }
    }

    fn attach(&mut self, id: ConnId, now: Instant) -> bool {
        if self.pipes.contains(id) || !self.pattern.admits(&self.pipes) {
            self.pipes.act(Action::Close(id));
            self.pipes.tell(Event::Rejected(id, Gone::Paired));
            return false;
        }
        self.pipes.attach(id);
        self.pattern.attached(&mut self.pipes, id, now);
        true
    }

    #[inline]
    fn received(&mut self, id: ConnId, frame: Frame<F>, now: Instant) {
        // What comes of a pipe that was closed here is not heard.
        if !self.pipes.contains(id) {
            return;
        }
        if let Err(fault) = self.pattern.received(&mut self.pipes, id, frame.message.body) {
            self.close(id, Gone::Fault(PeerFault::Sp(fault)), now);
        }
    }

    fn refused(&mut self, id: ConnId, (send, frame): (SendId, Frame<F>), why: Refused) {
        match why {
            Refused::Gone | Refused::Descriptors => self.pipes.returned(id, send, frame),
            // It would be refused by every pipe.
            Refused::Refusal(_) => self.pipes.unsendable(id, send),
        }
    }

    fn close(&mut self, id: ConnId, why: Gone, now: Instant) {
        if self.pipes.contains(id) {
            self.pipes.close(id);
            self.gone(id, why, now);
        }
    }

    fn gone(&mut self, id: ConnId, why: Gone, now: Instant) {
        let Some(Left { returned, cut }) = self.pipes.detach(id, why) else { return };
        self.pattern.cut(&mut self.pipes, cut);
        self.pattern.detached(&mut self.pipes, id, returned, now);
        self.dialers.ended(id, None, now);
    }

    fn timeout(&mut self, now: Instant) {
        while let Some((conn, address)) = self.dialers.due(now) {
            self.pipes.act(Action::Connect(conn, address));
        }
        if self.pattern.deadline().is_some_and(|deadline| deadline <= now) {
            self.pattern.timeout(&mut self.pipes, now);
        }
    }
}

impl<P: Pattern, F: std::fmt::Debug> Machine for Socket<P, F> {
    type Command = Command<P::Command>;
    type Event = Event;
    type Fd = F;

    #[inline]
    fn handle(&mut self, input: Input<Self::Command, F>, now: Instant) -> Outputs<'_, Event, F> {
        match input {
            Input::App(command) => self.command(command, now),
            Input::Net(event) => self.net(event, now),
            Input::Timeout => self.timeout(now),
        }
        Outputs::new(self.pipes.outputs())
    }

    fn deadline(&self) -> Option<Instant> {
        [self.pattern.deadline(), self.dialers.deadline()].into_iter().flatten().min()
    }
}

impl From<Loss> for Gone {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::Closed { .. } | Loss::Died => Self::There,
            Loss::Fault(fault) => Self::Fault(fault),
            Loss::Errno(errno) => Self::Errno(errno),
        }
    }
}

impl From<Failure> for Gone {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Closed | Failure::Busy => Self::There,
            Failure::Fault(fault) => Self::Fault(fault),
            Failure::Errno(errno) => Self::Errno(errno),
        }
    }
}
