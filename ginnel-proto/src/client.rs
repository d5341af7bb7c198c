//! A connection that comes back.

mod frames;
mod led;
mod status;
mod words;

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use crate::calls::Calls;
use crate::lane::Lane;
use crate::limits::Load;
use crate::link::{Misuse, Refusal};
use crate::machine::{
    Action, ConnId, Failure, Input, Loss, Machine, NetEvent, Output, Outputs, Refused, SendId,
};
use crate::{Address, Backoff, CallId, Frame, Kind};

pub use status::{ClientOptions, Reason, Status};
pub use words::{Command, Event};

/// A connection that comes back.
///
/// ```text
///                    Connect                    Connected
///   Disconnected ──────────────▶ Connecting ──────────────▶ Connected
///        ▲   ▲                    │      ▲                      │
///        │   └── no more attempts ┤      │ the pause is over    │ Lost
///        │                        ▼      │                      │
///   Disconnect, from anywhere   Reconnecting ◀──────────────────┘
/// ```
///
/// Messages wait in one queue whatever the state is. What was handed to the kernel is never sent again by itself; what
/// was not, goes over the next connection.
#[derive(Debug)]
pub struct Client<F> {
    /// Where to connect; none if there never was more than the one connection that was adopted, or if it is led.
    address: Option<Address>,
    /// Somebody else connects for it.
    led: bool,
    options: ClientOptions,
    state: State,
    last: ConnId,
    backoff: Backoff,
    random: fastrand::Rng,
    lane: Lane<F>,
    /// Frames that the lost connection gave back, until they are back in the queue.
    came_back: Vec<(SendId, Frame<F>)>,
    calls: Calls<F>,
    outputs: VecDeque<Output<Event<F>, F>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Disconnected { reason: Reason },
    Connecting { connection: ConnId, attempt: u32 },
    Connected { connection: ConnId },
    Reconnecting { attempt: u32, next_in: Duration, at: Instant, reason: Reason },
}

/// How far a connection that is adopted has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "either the other side has greeted or not")]
pub enum Adopted {
    /// Frames may be exchanged, and the link holds so much.
    Open(Load),
    /// The other side has not greeted, and the link holds so much.
    Opening(Load),
}

impl<F> Client<F> {
    /// A client of whoever listens at this address. It connects when asked to.
    pub fn new(address: Address, options: ClientOptions) -> Self {
        Self::in_state(State::Disconnected { reason: Reason::Intentional }, Some(address), options)
    }

    /// A client of a connection that stands already, and does not come back: whatever the options say, there is nowhere
    /// to connect to. It goes on with the connection's calls, and with what its link holds, which is number 0.
    pub fn adopted(connection: ConnId, calls: Calls<F>, link: Adopted, options: ClientOptions) -> Self {
        let options = ClientOptions { attempts: Some(1), ..options };
        let (state, lane) = match link {
            Adopted::Open(held) => (State::Connected { connection }, Lane::behind(options.queue, held)),
            Adopted::Opening(held) => {
                (State::Connecting { connection, attempt: 1 }, Lane::behind(options.queue, held))
            }
        };
        Self { calls, lane, ..Self::in_state(state, None, options) }
    }

    fn in_state(state: State, address: Option<Address>, options: ClientOptions) -> Self {
        Self {
            address,
            led: false,
            state,
            last: ConnId(0),
            backoff: Backoff::new(options.base, options.cap),
            random: fastrand::Rng::with_seed(options.seed),
            lane: Lane::new(options.queue),
            came_back: Vec::new(),
            calls: Calls::default(),
            outputs: VecDeque::new(),
            options,
        }
    }

    /// Where it stands.
    pub const fn status(&self) -> Status {
        match self.state {
            State::Disconnected { reason } => Status::Disconnected { reason },
            State::Connecting { attempt, .. } => Status::Connecting { attempt },
            State::Connected { .. } => Status::Connected,
            State::Reconnecting { attempt, next_in, reason, .. } => {
                Status::Reconnecting { attempt, next_in, reason }
            }
        }
    }

    /// The connection, if there is one.
    pub const fn connection(&self) -> Option<ConnId> {
        match self.state {
            State::Connected { connection } => Some(connection),
            _ => None,
        }
    }

    /// The connection, or the attempt at one.
    const fn attempted(&self) -> Option<ConnId> {
        match self.state {
            State::Connecting { connection, .. } | State::Connected { connection } => Some(connection),
            State::Disconnected { .. } | State::Reconnecting { .. } => None,
        }
    }

    /// What is not with the kernel yet.
    pub const fn unsent(&self) -> Load {
        self.lane.load()
    }

    /// The number of the last frame that was queued.
    pub const fn last(&self) -> SendId {
        self.lane.last()
    }

    /// The first frame that is not with the kernel yet.
    pub fn first_unsent(&self) -> Option<SendId> {
        self.lane.first_unsent()
    }

    /// Is there room for at least one small message?
    pub fn has_room(&self) -> bool {
        self.lane.has_room()
    }

    /// Would this frame be queued now?
    ///
    /// # Errors
    /// [`Misuse::NoCalls`], [`Limit::Calls`](crate::link::Limit::Calls), or
    /// [`Limit::Queue`](crate::link::Limit::Queue).
    pub fn admit(&self, frame: &Frame<F>) -> Result<(), Refusal> {
        if frame.kind != Kind::Message && !self.options.wire.converses() {
            return Err(Misuse::NoCalls.into());
        }
        if matches!(frame.kind, Kind::Request(_)) {
            self.calls.admit()?;
        }
        Ok(self.lane.admit(frame)?)
    }

    /// The number that the next question will have.
    pub const fn upcoming(&self) -> CallId {
        self.calls.upcoming()
    }

    fn command(&mut self, command: Command<F>, now: Instant) {
        match command {
            Command::Connect => self.connect(now),
            Command::Disconnect => self.disconnect(),
            Command::Send(message) => self.lane.push(message.into()),
            Command::Ask(message) => {
                let id = self.calls.ask();
                self.lane.push(Frame::new(Kind::Request(id), message));
            }
            Command::Answer(connection, id, answer) => {
                if self.connection() == Some(connection) && self.calls.settle(id) {
                    self.lane.push(answer.into_frame(id));
                }
            }
            Command::Forget(id) => {
                if self.calls.forget(id)
                    && !self.lane.withdraw(Kind::Request(id))
                    && self.connection().is_some()
                {
                    self.lane.push(Frame::empty(Kind::Cancel(id)));
                }
            }
        }
    }

    fn connect(&mut self, now: Instant) {
        match self.state {
            State::Disconnected { .. } => self.attempt(1),
            // Asked for while it waits: it waits no longer.
            State::Reconnecting { attempt, reason, .. } => {
                self.state = State::Reconnecting { attempt, next_in: Duration::ZERO, at: now, reason }
            }
            State::Connecting { .. } | State::Connected { .. } => {}
        }
    }

    fn attempt(&mut self, attempt: u32) {
        let Some(address) = self.address.clone() else { return };
        self.last.0 += 1;
        let connection = self.last;
        self.outputs.push_back(Output::Net(Action::Connect(connection, address)));
        self.change(State::Connecting { connection, attempt });
    }

    fn disconnect(&mut self) {
        match self.state {
            State::Connecting { connection, .. } | State::Connected { connection } => {
                self.outputs.push_back(Output::Net(Action::Close(connection)));
            }
            State::Disconnected { .. } | State::Reconnecting { .. } => {}
        }
        self.stop(Reason::Intentional);
    }

    /// No connection will come by itself: nobody is to wait for one.
    fn stop(&mut self, reason: Reason) {
        self.returns(reason, Refused::Gone);
    }

    fn returns(&mut self, reason: Reason, why: Refused) {
        let frames = mem::take(&mut self.came_back);
        self.cut();
        self.lane.requeue(frames.into_iter());
        for (id, frame) in self.lane.clear() {
            if frame.kind == Kind::Message {
                self.outputs.push_back(Output::App(Event::Returned(id, frame.message, why)));
            }
        }
        self.calls_lost();
        self.backoff.reset();
        self.change(State::Disconnected { reason });
    }

    fn change(&mut self, state: State) {
        self.state = state;
        self.outputs.push_back(Output::App(Event::Status(self.status())));
    }

    fn net(&mut self, event: NetEvent<F>, now: Instant) {
        match event {
            NetEvent::Connected(id, _) => self.connected(id),
            NetEvent::ConnectFailed(id, failure) => self.failed(id, failure, now),
            NetEvent::Received(id, frame) if self.connection() == Some(id) => self.received(id, frame, now),
            NetEvent::Sent(id, send) if self.connection() == Some(id) => self.lane.sent(send),
            NetEvent::Room(id) if self.connection() == Some(id) => self.lane.room(),
            // Number 0 was in the link of an adopted connection before, which may not have been greeted yet.
            NetEvent::Refused(id, send @ SendId(0), frame, why) if self.attempted() == Some(id) => {
                self.refused(send, frame, why);
            }
            NetEvent::Refused(id, send, frame, why) if self.connection() == Some(id) => {
                if self.lane.took_back(send) {
                    self.refused(send, frame, why);
                }
            }
            NetEvent::Lost(id, loss) if self.connection() == Some(id) => self.lost(loss, now),
            // A client does not listen: whoever was accepted for it is none of its business.
            NetEvent::Accepted(id, _) => self.outputs.push_back(Output::Net(Action::Close(id))),
            // Late reports of connections that are closed already.
            NetEvent::Received(..) | NetEvent::Sent(..) | NetEvent::Room(_) | NetEvent::Refused(..) => {}
            NetEvent::Lost(..) | NetEvent::Listening | NetEvent::ListenFailed(_) => {}
            // It takes part in no election.
            NetEvent::NotAccepted(..) | NetEvent::Elected(_) | NetEvent::Disturbed => {}
        }
    }

    fn connected(&mut self, id: ConnId) {
        match self.state {
            State::Connecting { connection, .. } if connection == id => {
                self.backoff.reset();
                self.lane.room();
                self.change(State::Connected { connection });
            }
            State::Connected { connection } if connection == id => {}
            _ => self.outputs.push_back(Output::Net(Action::Close(id))),
        }
    }

    fn failed(&mut self, id: ConnId, failure: Failure, now: Instant) {
        if let State::Connecting { connection, attempt } = self.state
            && connection == id
        {
            self.retry(attempt, failure.into(), now);
        }
    }

    fn lost(&mut self, loss: Loss, now: Instant) {
        let frames = mem::take(&mut self.came_back);
        self.cut();
        self.lane.purge();
        self.lane.requeue(frames.into_iter());
        self.calls_lost();
        self.retry(0, loss.into(), now);
    }

    /// What the link has not given back may have been written or not.
    fn cut(&mut self) {
        for id in self.lane.lost() {
            self.outputs.push_back(Output::App(Event::Cut(id)));
        }
    }

    /// So many attempts in a row have failed, for this reason.
    fn retry(&mut self, attempt: u32, reason: Reason, now: Instant) {
        match self.options.attempts {
            _ if self.led => self.change(State::Disconnected { reason }),
            Some(1) => self.stop(reason),
            Some(most) if attempt >= most => self.stop(Reason::MaxRetriesExceeded { attempts: attempt }),
            _ => {
                let next_in = self.backoff.next(self.random.u32(..));
                let at = now.checked_add(next_in).unwrap_or_else(|| now + FAR);
                self.change(State::Reconnecting { attempt, next_in, at, reason });
            }
        }
    }

    /// Questions that were handed over on a connection that is gone have no answer; those in the queue go on.
    fn calls_lost(&mut self) {
        let lane = &self.lane;
        for id in self.calls.end(|id| lane.holds(Kind::Request(id))) {
            self.outputs.push_back(Output::App(Event::CallLost(id)));
        }
    }

    /// Gives the link what there is credit for.
    fn pump(&mut self) {
        let State::Connected { connection } = self.state else { return };
        while let Some((send, frame)) = self.lane.next() {
            self.outputs.push_back(Output::Net(Action::Send(connection, send, frame)));
        }
    }
}

impl<F: std::fmt::Debug> Machine for Client<F> {
    type Command = Command<F>;
    type Event = Event<F>;
    type Fd = F;

    fn handle(&mut self, input: Input<Command<F>, F>, now: Instant) -> Outputs<'_, Event<F>, F> {
        match input {
            Input::App(command) => self.command(command, now),
            Input::Net(event) => self.net(event, now),
            Input::Timeout => {
                if let State::Reconnecting { attempt, at, .. } = self.state
                    && at <= now
                {
                    self.attempt(attempt.saturating_add(1));
                }
            }
        }
        self.pump();
        Outputs::new(&mut self.outputs)
    }

    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Reconnecting { at, .. } => Some(at),
            _ => None,
        }
    }
}

/// For ever, as far as clocks can tell.
const FAR: Duration = Duration::from_secs(u32::MAX as u64);

#[cfg(test)]
mod tests;
