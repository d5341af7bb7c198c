//! The engine of one who has many connections, and what it brought, sorted by who waits for it. Never waits by itself.

mod sending;

use std::fmt;
use std::io;
use std::time::Instant;

use ginnel_proto::CallId;
use ginnel_proto::client::Reason;
use ginnel_proto::limits::{Bound, Load};
use ginnel_proto::link::Greeting;
use ginnel_proto::machine::{ConnId, Crowd, Machine};
use ginnel_proto::server::{Command, Event};

use crate::connection::{Error, SendError};
use crate::credentials::Credentials;
use crate::driven::{Awaited, Driven};
use crate::engine::Engine;
use crate::inbox::{Inbox, WORD, load};
use crate::net::SocketNet;
use crate::outcomes::{Outcomes, blame};
use crate::server::Happening;
use crate::sys::Carried;

/// A machine of many connections: a server's, or a peer's.
pub trait Many: Machine<Fd = Carried, Event: Send> + Crowd<Carried> + Send + 'static {
    /// What happens there, to whoever asks for the next thing.
    type Happening: fmt::Debug + Send;

    /// Asks it as a server is asked.
    fn ask(command: Command<Carried>) -> Self::Command;
    /// Asks it to leave its path.
    fn leave() -> Self::Command;
    /// What an event is, as a server is told; else what happened, if that is for whoever asks.
    fn sort(
        event: Self::Event,
        net: &mut SocketNet,
    ) -> Result<Event<Carried>, Option<(Self::Happening, Load)>>;
    /// What happens at a server, as it is told here; `None` if it is told in another way.
    fn tell(happening: Happening) -> Option<Self::Happening>;
    /// Is it this request?
    fn is_request(happening: &Self::Happening, id: ConnId, call: CallId) -> bool;
}

/// Many connections, one inbox.
///
/// Each operation takes what is there, or answers `None`: not yet.
#[derive(Debug)]
pub struct Hub<M: Many> {
    pub(crate) engine: Engine<M, SocketNet>,
    pub(crate) inbox: Inbox<M::Happening>,
    outcomes: Outcomes,
    /// Who missed the broadcast that is under way.
    missed: Vec<ConnId>,
    /// Somebody takes what arrives while others wait for something else.
    is_read: bool,
    /// Something changed that others may wait for.
    stirred: bool,
}

impl<M: Many> Hub<M> {
    pub(crate) fn new_over(machine: M, net: SocketNet, inbox: Bound) -> Self {
        Self {
            engine: Engine::new(machine, net),
            inbox: Inbox::new(inbox),
            outcomes: Outcomes::default(),
            missed: Vec::new(),
            is_read: false,
            stirred: false,
        }
    }

    fn command(&mut self, command: Command<Carried>) {
        self.order(M::ask(command));
    }

    pub(crate) fn order(&mut self, command: M::Command) {
        self.engine.command(command, Instant::now());
        self.sort();
    }

    /// How many are connected.
    pub fn connection_count(&self) -> usize {
        self.engine.machine().connection_count()
    }

    /// Who is connected, the oldest first.
    pub fn connections(&self) -> Vec<ConnId> {
        self.engine.machine().connections().collect()
    }

    /// Is this one connected?
    pub fn is_connected(&self, id: ConnId) -> bool {
        self.engine.machine().is_connected(id)
    }

    /// Who is at the other end, as recorded when the connection was made.
    ///
    /// # Errors
    /// `NotConnected` if it is gone; the kernel's, see unix(7) on `SO_PEERCRED`.
    pub fn peer_credentials(&self, id: ConnId) -> io::Result<Credentials> {
        let open = self.engine.net().borrowed(id).filter(|_| self.is_connected(id));
        Credentials::of(open.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?)
    }

    /// What this one takes and who it is, on wires that greet.
    pub fn greeting(&self, id: ConnId) -> Option<Greeting> {
        self.engine.net().greeting(id).filter(|_| self.is_connected(id))
    }

    /// Somebody takes what arrives: from now on whoever waits for something else waits on when the inbox is full.
    pub const fn has_reader(&mut self) {
        self.is_read = true;
    }

    /// The next thing that happened.
    pub fn happened(&mut self) -> Option<M::Happening> {
        self.inbox.pop()
    }

    /// Takes leave of one: what its link holds is still written. `false`: it is gone already, or it is the listener that
    /// a peer follows.
    pub fn disconnect(&mut self, id: ConnId) -> bool {
        let connected = self.is_connected(id);
        self.command(Command::Disconnect(id));
        let has_left = connected && !self.is_connected(id);
        if has_left {
            self.left(id, Reason::Intentional);
        }
        has_left
    }

    /// Takes leave of everybody for whom nothing waits any more. Is nobody left, neither here nor there?
    pub fn wind_down(&mut self) -> Option<()> {
        let machine = self.engine.machine();
        let done: Vec<_> = machine.connections().filter(|&id| machine.first_unsent(id).is_none()).collect();
        for id in done {
            self.disconnect(id);
        }
        (self.connection_count() == 0 && self.is_quiet()).then_some(())
    }

    /// Listens no more, and takes leave of everybody.
    pub fn stop(&mut self) {
        let all = self.connections();
        self.command(Command::Stop);
        for id in all {
            self.left(id, Reason::Intentional);
        }
    }

    fn check_inbox(&self) -> Result<(), Error> {
        if self.is_read { Ok(()) } else { Ok(self.inbox.check()?) }
    }

    fn push(&mut self, happening: Happening, load: Load) {
        if let Some(happening) = M::tell(happening) {
            self.inbox.push(happening, load);
        }
    }

    fn left(&mut self, id: ConnId, reason: Reason) {
        self.outcomes.gone(id);
        self.push(Happening::Left(id, reason), WORD);
        self.stirred = true;
    }
}

impl<M: Many> Driven for Hub<M> {
    type Machine = M;

    fn engine(&self) -> &Engine<Self::Machine, SocketNet> {
        &self.engine
    }

    fn engine_mut(&mut self) -> &mut Engine<Self::Machine, SocketNet> {
        &mut self.engine
    }

    fn take(&mut self, event: M::Event) {
        let event = match M::sort(event, self.engine.net_mut()) {
            Ok(event) => event,
            Err(happened) => {
                self.stirred = true;
                if let Some((happening, load)) = happened {
                    self.inbox.push(happening, load);
                }
                return;
            }
        };
        match event {
            Event::Joined(id) => self.push(Happening::Joined(id), WORD),
            Event::Message(id, message) => {
                let load = load(&message);
                self.push(Happening::Message(id, message), load);
            }
            Event::Request(request) => {
                let load = load(&request.message);
                self.push(Happening::Request(request), load);
            }
            Event::Cancelled(id, call) => {
                if !self.inbox.withdraw(|other| M::is_request(other, id, call)) {
                    self.push(Happening::Cancelled(id, call), WORD);
                }
            }
            Event::Answered(id, call, answer) => self.outcomes.answered(id, call, answer),
            Event::CallLost(id, call) => self.outcomes.unanswered(id, call, SendError::queued(GONE)),
            Event::CallReturned(id, call, message, why) => {
                self.outcomes.unanswered(id, call, SendError::returned(blame(why, GONE), message));
            }
            Event::Returned(id, send, message, why) => {
                self.outcomes.not_sent(id, send, SendError::returned(blame(why, GONE), message));
            }
            Event::Cut(id, send) => self.outcomes.not_sent(id, send, SendError::queued(GONE)),
            Event::Missed(id) => self.missed.push(id),
            Event::Undelivered(id, call, why) => {
                tracing::warn!(connection = id.0, call = call.0, ?why, "an answer cannot be delivered");
            }
            Event::Left(id, loss) => {
                self.left(id, loss.into());
            }
            // It was there before the server.
            Event::Listening | Event::ListenFailed(_) => {}
        }
    }

    fn has_room(&self) -> bool {
        self.inbox.has_room()
    }

    fn is_ripe(&self, awaited: Awaited) -> bool {
        let waits_in_vain = !self.is_read && !self.inbox.has_room();
        match awaited {
            Awaited::Room(_) | Awaited::Sent(..) | Awaited::Answer(..) if waits_in_vain => true,
            Awaited::Arrival => !self.inbox.is_empty(),
            Awaited::Room(id) => self.engine.machine().has_room(id),
            Awaited::Sent(id, send) => {
                !self.is_connected(id) || self.is_sent(id, send) || self.outcomes.has_failed(id, send)
            }
            Awaited::Answer(id, call) => self.outcomes.has_answer(id, call),
            Awaited::Quiet => true,
            // A server's listener stands as long as it does.
            Awaited::Change(_) => false,
        }
    }

    fn take_stirred(&mut self) -> bool {
        std::mem::take(&mut self.stirred)
    }

    fn stir(&mut self) {
        self.stirred = true;
    }

    fn leave(&mut self) {
        self.order(M::leave());
        self.stop();
    }
}

impl<M: Many> Drop for Hub<M> {
    fn drop(&mut self) {
        // A forked child must not touch what its parent owns.
        if !self.engine.net().is_inherited() {
            self.order(M::leave());
        }
    }
}

/// Whoever it was for has gone.
const GONE: Reason = Reason::Gone;
