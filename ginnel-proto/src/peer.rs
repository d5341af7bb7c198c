//! Peers without a leader: whoever comes first listens, all others connect, and when the listener is gone one of them
//! takes its place.
//!
//! Who listens is the business of a [`Contest`]; what is sent as a connector that of a [`Client`], and as the listener
//! that of a [`Server`].

mod contend;
mod route;
mod word;
mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::client::{Client, ClientOptions, Reason};
use crate::election::{Contest, Inode};
use crate::machine::{
    Action, ConnId, Failure, Input, Loss, Machine, NetEvent, Output, Outputs, Refused, SendId,
};
use crate::server::{self, Server};
use crate::{CallId, Frame, Kind, PeerFault};

use word::Word;

pub use word::{Hello, HelloError};
pub use words::{Command, Event, PeerOptions, Role, Trouble};

/// One of many who share a listener.
///
/// ```text
///          Join                  somebody greets
///   out ─────────▶ Negotiating ──────────────────▶ Connector
///    ▲                │  ▲                             │
///    │                │  └── the listener is gone ─────┤
///    │                │  ▲                             │ it was the standby
///    │ Leave          │  └── the path is lost ──┐      ▼
///    └── from any     └───── nobody is there ──▶ Listener
/// ```
///
/// A connector's only neighbour is the listener, and nothing is passed on between others. What is addressed to
/// [`ConnId::LISTENER`] waits while that changes, and goes to the next; what is addressed to one neighbour comes back when
/// that one is gone.
#[derive(Debug)]
pub struct Peer<F> {
    options: PeerOptions,
    contest: Contest,
    role: Role,
    /// Towards the listener.
    client: Client<F>,
    /// As the listener.
    server: Server<F>,
    attempt: Option<Attempt<F>>,
    listener: Option<ConnId>,
    /// Who is connected to this listener, the oldest first.
    neighbours: BTreeMap<ConnId, Hello>,
    /// Who has a duplicate of which socket.
    heir: Option<(ConnId, Inode)>,
    /// Who cannot have one.
    declined: BTreeSet<ConnId>,
    /// What was sent and asked towards this listener alone, not the next.
    addressed: BTreeMap<SendId, ConnId>,
    asked: BTreeMap<CallId, ConnId>,
    last: ConnId,
    epoch: u64,
    timer: Option<(Instant, Timer)>,
    /// Between attempts that have failed.
    backoff: Backoff,
    /// While it is being found out who listens.
    look: Backoff,
    random: fastrand::Rng,
    /// Why whoever is there could not be reached by the last attempt.
    trouble: Option<Reason>,
    /// What was told of that last.
    told: Option<Trouble>,
    outputs: VecDeque<Output<Event<F>, F>>,
}

/// A connection on which a greeting is awaited.
#[derive(Debug)]
struct Attempt<F> {
    id: ConnId,
    hello: Option<Hello>,
    /// What came after the greeting, before it was decided to follow.
    early: Vec<NetEvent<F>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timer {
    Silence,
    Pause,
    Retry,
}

impl<F> Peer<F> {
    /// A peer that takes no part yet.
    pub fn new(options: PeerOptions) -> Self {
        let ClientOptions { base, cap, seed, .. } = options.client;
        Self {
            contest: Contest::new(),
            role: Role::Negotiating,
            client: Client::led(options.client.clone()),
            server: Server::listening(options.server.clone()),
            attempt: None,
            listener: None,
            neighbours: BTreeMap::new(),
            heir: None,
            declined: BTreeSet::new(),
            addressed: BTreeMap::new(),
            asked: BTreeMap::new(),
            last: ConnId(0),
            epoch: 0,
            timer: None,
            backoff: Backoff::new(base, cap),
            look: Backoff::new(SHORTEST_LOOK, LONGEST_LOOK),
            random: fastrand::Rng::with_seed(seed),
            trouble: None,
            told: None,
            outputs: VecDeque::new(),
            options,
        }
    }

    /// Who it is among its like.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The connection to whoever listens.
    pub const fn listener(&self) -> Option<ConnId> {
        self.listener
    }

    /// The so-manieth socket at the path, as far as it knows.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// As the listener: who has a duplicate of its socket.
    pub fn standby(&self) -> Option<ConnId> {
        self.heir.map(|(id, _)| id)
    }
}

impl<F: std::fmt::Debug> Peer<F> {
    fn net(&mut self, event: NetEvent<F>, now: Instant) {
        match event {
            NetEvent::NotAccepted(..) => {}
            NetEvent::Elected(seen) => self.elected(seen, now),
            NetEvent::Disturbed => {
                let order = self.contest.disturbed();
                self.obey(order, now);
            }
            NetEvent::ConnectFailed(id, failure) if self.is_attempt(id) => self.unreached(failure, now),
            NetEvent::Connected(id, Some(greeting))
                if self.is_attempt(id) && greeting.incarnation == self.options.incarnation =>
            {
                self.act(Action::Close(id));
                self.unreached(Failure::Fault(PeerFault::Echo), now);
            }
            NetEvent::Connected(id, _) | NetEvent::ConnectFailed(id, _) => {
                if !self.is_attempt(id) {
                    self.act(Action::Close(id));
                }
            }
            NetEvent::Accepted(id, _) => {
                if self.role != Role::Listener {
                    self.act(Action::Close(id));
                }
            }
            NetEvent::Received(id, frame) if frame.kind == Kind::Control && !self.has_greeted(id) => {
                self.heard(id, frame, now);
            }
            NetEvent::Received(id, frame) => self.bring(id, NetEvent::Received(id, frame), now),
            NetEvent::Sent(id, send) => {
                self.bring(id, NetEvent::Sent(id, send), now);
                self.prune();
            }
            NetEvent::Refused(id, SendId(0), Frame { kind: Kind::Control, .. }, _) => self.declined(id),
            NetEvent::Refused(id, send, frame, why) => {
                self.bring(id, NetEvent::Refused(id, send, frame, why), now);
            }
            NetEvent::Room(id) => self.bring(id, NetEvent::Room(id), now),
            NetEvent::Lost(id, loss) => self.lost(id, loss, now),
            // It asks for its sockets in another way.
            NetEvent::Listening | NetEvent::ListenFailed(_) => {}
        }
    }

    fn is_attempt(&self, id: ConnId) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.id == id)
    }

    /// Was it reached for and has it said who it is, and is not followed yet?
    fn has_greeted(&self, id: ConnId) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.id == id && attempt.hello.is_some())
    }

    /// Brings a report to whom it concerns.
    fn bring(&mut self, id: ConnId, event: NetEvent<F>, now: Instant) {
        if let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.id == id) {
            attempt.early.push(event);
        } else if self.listener == Some(id) {
            self.tell_client(Input::Net(event), now);
        } else {
            self.tell_server(Input::Net(event), now);
        }
    }

    fn act(&mut self, action: Action<F>) {
        self.outputs.push_back(Output::Net(action));
    }

    fn tell(&mut self, event: Event<F>) {
        self.outputs.push_back(Output::App(event));
    }

    fn tell_many(&mut self, event: server::Event<F>) {
        self.tell(Event::Many(event));
    }

    /// A word between peers.
    fn heard(&mut self, id: ConnId, frame: Frame<F>, now: Instant) {
        let message = frame.message;
        let from_listener = self.listener == Some(id);
        let is_met = from_listener || self.neighbours.contains_key(&id);
        let word = match Word::decode(&message.body) {
            Ok(Some(word)) if is_met || matches!(word, Word::Hello(_)) => word,
            Ok(None) if is_met => return,
            // Whoever says anything before its hello could stay unknown for ever.
            Ok(_) => return self.blame(id, PeerFault::NotAPeer, now),
            Err(fault) => return self.blame(id, fault, now),
        };
        match word {
            Word::Hello(hello) if self.is_attempt(id) => self.greeted(hello, now),
            Word::Hello(hello) => self.joined(id, hello, now),
            Word::Standby(socket) if from_listener && self.options.standby && self.contest.may_stand() => {
                let mut fds = message.fds;
                if let (Some(socket_fd), true) = (fds.pop(), fds.is_empty()) {
                    self.act(Action::Keep(socket_fd));
                    let order = self.contest.offered(socket);
                    self.obey(order, now);
                }
            }
            Word::StepDown if from_listener => {
                self.act(Action::Close(id));
                self.lost(id, Loss::Closed { goodbye: true }, now);
            }
            Word::Standby(_) | Word::StepDown => {}
        }
    }

    /// This one broke a rule.
    fn blame(&mut self, id: ConnId, fault: PeerFault, now: Instant) {
        self.act(Action::Close(id));
        self.lost(id, Loss::Fault(fault), now);
    }

    /// Somebody has connected to this listener and said who it is.
    fn joined(&mut self, id: ConnId, hello: Hello, now: Instant) {
        let is_known = self.neighbours.contains_key(&id) || self.listener == Some(id);
        if is_known || self.role != Role::Listener || id < ConnId::FIRST_ACCEPTED {
            return;
        }
        self.neighbours.insert(id, hello.clone());
        self.tell(Event::Joined(id, hello));
        self.tell_server(Input::Net(NetEvent::Accepted(id, None)), now);
        self.bequeath();
    }

    /// This one cannot keep a duplicate.
    fn declined(&mut self, id: ConnId) {
        self.declined.insert(id);
        if self.heir.is_some_and(|(heir, _)| heir == id) {
            self.heir = None;
            self.bequeath();
        }
    }

    /// Gives a duplicate of the listening socket to the oldest of those who take one, if nobody has it.
    fn bequeath(&mut self) {
        let Some(socket) = self.contest.socket().filter(|_| self.options.standby) else { return };
        if let Some((_, given)) = self.heir
            && given == socket
        {
            return;
        }
        let takes = |(id, hello): &(&ConnId, &Hello)| hello.takes_over && !self.declined.contains(id);
        self.heir = self.neighbours.iter().find(takes).map(|(&id, _)| (id, socket));
        if let Some((id, socket)) = self.heir {
            self.act(Action::Bequeath(id, Word::Standby(socket).encode()));
        }
    }
}

impl<F: std::fmt::Debug> Machine for Peer<F> {
    type Command = Command<F>;
    type Event = Event<F>;
    type Fd = F;

    fn handle(&mut self, input: Input<Command<F>, F>, now: Instant) -> Outputs<'_, Event<F>, F> {
        match input {
            Input::App(Command::Join) => self.join(now),
            Input::App(Command::Leave) => self.leave(now),
            Input::App(Command::Many(command)) => self.route(command, now),
            Input::Net(event) => self.net(event, now),
            Input::Timeout => self.timeout(now),
        }
        Outputs::new(&mut self.outputs)
    }

    fn deadline(&self) -> Option<Instant> {
        self.timer.map(|(at, _)| at)
    }
}

/// How soon, and how often in the long run, it is looked again whether somebody listens by now.
const SHORTEST_LOOK: Duration = Duration::from_millis(1);
const LONGEST_LOOK: Duration = Duration::from_millis(20);

/// Whoever it was for is gone.
const GONE: Refused = Refused::Gone;

#[cfg(test)]
mod tests;
