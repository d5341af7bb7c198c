//! Many connections, one inbox.

mod frames;
mod words;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use crate::calls::{Answer, Calls};
use crate::lane::{self, Lane};
use crate::limits::Load;
use crate::link::{Misuse, Refusal};
use crate::machine::{
    Action, CREDIT, ConnId, Crowd, Input, Loss, Machine, NetEvent, Output, Outputs, Refused, SendId,
};
use crate::{Address, CallId, Frame, Kind, Message};

pub use words::{Command, Event, ServerOptions};

/// Many connections, one inbox.
///
/// ```text
///            Listen               Listening
///   closed ─────────▶ opening ───────────────▶ listening     connections come and go in each of these states,
///     ▲                  │ ListenFailed            │         and stay when listening ends
///     └──────────────────┴─────────────────────────┘ Stop
/// ```
///
/// Each connection has a queue of its own, so one that does not read holds up nobody else; together they hold no more
/// than the server's bound.
#[derive(Debug)]
pub struct Server<F> {
    options: ServerOptions,
    state: State,
    peers: BTreeMap<ConnId, Box<Peer<F>>>,
    /// What all queues weigh.
    held: usize,
    outputs: VecDeque<Output<Event<F>, F>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed,
    Opening,
    Listening,
}

#[derive(Debug)]
struct Peer<F> {
    lane: Lane<F>,
    calls: Calls<F>,
}

impl<F> Server<F> {
    /// A server that does not listen yet.
    pub const fn new(options: ServerOptions) -> Self {
        Self { options, state: State::Closed, peers: BTreeMap::new(), held: 0, outputs: VecDeque::new() }
    }

    /// A server that listens already.
    pub fn listening(options: ServerOptions) -> Self {
        Self { state: State::Listening, ..Self::new(options) }
    }

    /// Can others connect?
    pub fn is_listening(&self) -> bool {
        self.state == State::Listening
    }

    fn admit_to(&self, peer: &Peer<F>, frame: &Frame<F>) -> Result<(), Refusal> {
        if frame.kind != Kind::Message && !self.options.wire.converses() {
            return Err(Misuse::NoCalls.into());
        }
        if matches!(frame.kind, Kind::Request(_)) {
            peer.calls.admit()?;
        }
        peer.lane.admit(frame)?;
        if self.fits(peer, frame) { Ok(()) } else { Err(peer.lane.full().into()) }
    }

    /// Is there room in all queues together? Half of it is for whoever comes first. Of the other half each has the
    /// same share, however much the others hold, so that one who reads has room beside many who do not.
    fn fits(&self, peer: &Peer<F>, frame: &Frame<F>) -> bool {
        let load = peer.lane.load();
        let more = weight(lane::load(frame));
        let held = self.held.saturating_add(more);
        let half = self.options.total / 2;
        let share = (half / self.peers.len().max(1)).min(CREDIT);
        let within_share = weight(load).saturating_add(more) <= share && held <= self.options.total;
        load.messages == 0 || held <= half || within_share
    }

    fn command(&mut self, command: Command<F>) {
        match command {
            Command::Listen(address) => self.listen(address),
            Command::StopListening => self.stop_listening(),
            Command::Stop => {
                self.stop_listening();
                for id in self.peers.keys().copied().collect::<Vec<_>>() {
                    self.leave(id);
                }
            }
            Command::Send(id, message) => self.push(id, message.into()),
            Command::Ask(id, message) => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    let call = peer.calls.ask();
                    self.push(id, Frame::new(Kind::Request(call), message));
                }
            }
            Command::Answer(id, call, answer) => self.answer(id, call, answer),
            Command::Forget(id, call) => self.forget(id, call),
            Command::Broadcast(body) => self.broadcast(&body),
            Command::Disconnect(id) => {
                if self.peers.contains_key(&id) {
                    self.pump(id);
                    self.leave(id);
                }
            }
        }
    }

    /// An answer may exceed the bound of the queue: there are no more of them than the other side has asked for and
    /// holds open. What would be too much nevertheless, is not kept for it.
    fn answer(&mut self, id: ConnId, call: CallId, answer: Answer<F>) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !peer.calls.settle(call) {
            return;
        }
        let frame = answer.into_frame(call);
        let Some(peer) = self.peers.get(&id) else { return };
        let load = peer.lane.load();
        let (bytes, fds) = (frame.message.body.len(), frame.message.fds.len());
        let few = load.messages == 0
            || load.bytes.saturating_add(bytes) <= self.options.answers
                && load.fds.saturating_add(fds) <= self.options.queue.fds.saturating_mul(FDS_OF_ANSWERS);
        if few && self.fits(peer, &frame) {
            return self.push(id, frame);
        }
        let why = Refused::Refusal(peer.lane.full().into());
        self.undelivered(id, call, why);
    }

    /// Whoever asked must not wait for ever.
    fn undelivered(&mut self, id: ConnId, call: CallId, why: Refused) {
        self.push(id, Answer::undeliverable(why).into_frame(call));
        self.tell(Event::Undelivered(id, call, why));
    }

    fn listen(&mut self, address: Address) {
        if self.state == State::Closed {
            self.state = State::Opening;
            self.outputs.push_back(Output::Net(Action::Listen(address)));
        }
    }

    fn stop_listening(&mut self) {
        if self.state != State::Closed {
            self.state = State::Closed;
            self.outputs.push_back(Output::Net(Action::Unlisten));
        }
    }

    /// Takes leave of one; what its link holds is still written, what waits in its queue comes back.
    fn leave(&mut self, id: ConnId) {
        self.outputs.push_back(Output::Net(Action::Close(id)));
        self.gone(id);
    }

    fn push(&mut self, id: ConnId, frame: Frame<F>) {
        if self.is_connected(id) {
            let given = self.change(id, |peer| peer.lane.offer(frame));
            if let Some((send, frame)) = given.flatten() {
                self.outputs.push_back(Output::Net(Action::Send(id, send, frame)));
            }
        } else if frame.kind == Kind::Message {
            self.tell(Event::Returned(id, SendId(0), frame.message, Refused::Gone));
        }
    }

    /// Does something to one, and keeps count of what waits for all.
    fn change<T>(&mut self, id: ConnId, change: impl FnOnce(&mut Peer<F>) -> T) -> Option<T> {
        let peer = self.peers.get_mut(&id)?;
        let before = weight(peer.lane.load());
        let changed = change(peer);
        self.held = self.held - before + weight(peer.lane.load());
        Some(changed)
    }

    fn forget(&mut self, id: ConnId, call: CallId) {
        let asked =
            self.change(id, |peer| peer.calls.forget(call) && !peer.lane.withdraw(Kind::Request(call)));
        if asked == Some(true) {
            self.push(id, Frame::empty(Kind::Cancel(call)));
        }
    }

    /// The same body to everybody, shared and not copied. Whoever's queue is full misses it, and that is told.
    fn broadcast(&mut self, body: &Bytes) {
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            let frame = Frame::from(Message::new(body.clone()));
            match self.admit(id, &frame) {
                Some(Ok(())) => self.push(id, frame),
                Some(Err(_)) => self.tell(Event::Missed(id)),
                None => {}
            }
        }
    }

    fn net(&mut self, event: NetEvent<F>) {
        match event {
            NetEvent::Listening if self.state == State::Opening => {
                self.state = State::Listening;
                self.tell(Event::Listening);
            }
            NetEvent::ListenFailed(failure) if self.state == State::Opening => {
                self.state = State::Closed;
                self.tell(Event::ListenFailed(failure));
            }
            // It was stopped meanwhile.
            NetEvent::Listening => self.outputs.push_back(Output::Net(Action::Unlisten)),
            NetEvent::ListenFailed(_) => {}
            NetEvent::Accepted(id, _) => self.accepted(id),
            NetEvent::Received(id, frame) => self.received(id, frame),
            NetEvent::Sent(id, send) => {
                self.change(id, |peer| peer.lane.sent(send));
            }
            NetEvent::Room(id) => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.lane.room();
                    self.pump(id);
                }
            }
            NetEvent::Refused(id, send, frame, why) => self.refused(id, (send, frame), why),
            NetEvent::Lost(id, loss) => {
                if self.peers.contains_key(&id) {
                    self.lost(id, loss);
                }
            }
            // A server connects to nobody.
            NetEvent::Connected(id, _) => self.outputs.push_back(Output::Net(Action::Close(id))),
            NetEvent::ConnectFailed(..) | NetEvent::NotAccepted(..) => {}
            // It takes part in no election.
            NetEvent::Elected(_) | NetEvent::Disturbed => {}
        }
    }

    fn accepted(&mut self, id: ConnId) {
        if self.state == State::Closed || self.peers.contains_key(&id) {
            return self.outputs.push_back(Output::Net(Action::Close(id)));
        }
        let mut lane = Lane::new(self.options.queue);
        lane.room();
        let peer = Peer { lane, calls: Calls::default() };
        self.peers.insert(id, Box::new(peer));
        self.tell(Event::Joined(id));
    }

    fn lost(&mut self, id: ConnId, loss: Loss) {
        self.gone(id);
        self.tell(Event::Left(id, loss));
    }

    /// Nothing more can be sent to this one: what waited for it comes back.
    fn gone(&mut self, id: ConnId) {
        let Some(mut peer) = self.peers.remove(&id) else { return };
        self.held -= weight(peer.lane.load());
        for call in peer.calls.end(|_| false) {
            self.tell(Event::CallLost(id, call));
        }
        for send in peer.lane.lost() {
            self.tell(Event::Cut(id, send));
        }
        for (send, frame) in peer.lane.clear() {
            if frame.kind == Kind::Message {
                self.outputs.push_back(Output::App(Event::Returned(id, send, frame.message, Refused::Gone)));
            }
        }
    }

    /// Gives a link what there is credit for.
    fn pump(&mut self, id: ConnId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        while let Some((send, frame)) = peer.lane.next() {
            self.outputs.push_back(Output::Net(Action::Send(id, send, frame)));
        }
    }

    /// What it has to say.
    pub(crate) const fn outputs(&mut self) -> Outputs<'_, Event<F>, F> {
        Outputs::new(&mut self.outputs)
    }

    fn tell(&mut self, event: Event<F>) {
        self.outputs.push_back(Output::App(event));
    }
}

impl<F> Crowd<F> for Server<F> {
    fn connection_count(&self) -> usize {
        self.peers.len()
    }

    fn connections(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.peers.keys().copied()
    }

    fn is_connected(&self, id: ConnId) -> bool {
        self.peers.contains_key(&id)
    }

    fn unsent(&self, id: ConnId) -> Load {
        self.peers.get(&id).map(|peer| peer.lane.load()).unwrap_or_default()
    }

    fn last(&self, id: ConnId) -> Option<SendId> {
        Some(self.peers.get(&id)?.lane.last())
    }

    fn first_unsent(&self, id: ConnId) -> Option<SendId> {
        self.peers.get(&id)?.lane.first_unsent()
    }

    fn upcoming(&self, id: ConnId) -> Option<CallId> {
        Some(self.peers.get(&id)?.calls.upcoming())
    }

    fn has_room(&self, id: ConnId) -> bool {
        self.peers.get(&id).is_none_or(|peer| peer.lane.has_room())
    }

    fn admit(&self, id: ConnId, frame: &Frame<F>) -> Option<Result<(), Refusal>> {
        let peer = self.peers.get(&id)?;
        Some(self.admit_to(peer, frame))
    }
}

impl<F: std::fmt::Debug> Machine for Server<F> {
    type Command = Command<F>;
    type Event = Event<F>;
    type Fd = F;

    fn handle(&mut self, input: Input<Command<F>, F>, _now: Instant) -> Outputs<'_, Event<F>, F> {
        match input {
            Input::App(command) => self.command(command),
            Input::Net(event) => self.net(event),
            Input::Timeout => {}
        }
        Outputs::new(&mut self.outputs)
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// What waits costs more than its bytes: ten thousand queues of tiny messages would be several times as large as they
/// count for.
const fn weight(load: Load) -> usize {
    load.bytes.saturating_add(load.messages.saturating_mul(EACH))
}

/// Bytes that are known of each message while it waits, at most: its place in the queue and in the link.
const EACH: usize = 128;

/// Descriptors of answers that may wait for one connection: so many times the queue's bound.
const FDS_OF_ANSWERS: usize = 4;

#[cfg(test)]
mod tests;
