//! A server's engine, and what it brought, sorted by who waits for it. Never waits by itself.

mod sending;
mod words;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use ginnel_proto::client::Reason;
use ginnel_proto::link::Greeting;
use ginnel_proto::machine::{ConnId, Loss};
use ginnel_proto::server::{self as machine, Command, Event};
use ginnel_proto::{Answer, Request};

use crate::Message;
use crate::connection::{Error, SendError};
use crate::credentials::Credentials;
use crate::driven::{Awaited, Driven};
use crate::engine::Engine;
use crate::inbox::{Inbox, WORD, load};
use crate::listener::Listener;
use crate::net::{NetOptions, UnixNet};
use crate::outcomes::{Outcomes, blame};
use crate::sys::{Kernel, Sockets};

pub use words::{Happening, ServerOptions};

/// Many connections, one inbox.
///
/// Each operation takes what is there, or answers `None`: not yet.
#[derive(Debug)]
pub struct Server {
    engine: Engine<machine::Server<OwnedFd>, UnixNet>,
    inbox: Inbox<Happening>,
    outcomes: Outcomes,
    /// Who missed the broadcast that is under way.
    missed: Vec<ConnId>,
    /// Somebody takes what arrives while others wait for something else.
    is_read: bool,
    /// Something changed that others may wait for.
    stirred: bool,
}

impl Server {
    /// A server of whoever connects to this listener.
    ///
    /// # Errors
    /// The kernel's, for the poller.
    pub fn new(listener: Listener, options: &ServerOptions) -> io::Result<Self> {
        Kernel.set_nonblocking(listener.as_fd())?;
        let link = &options.connection.session.link;
        let machine =
            machine::ServerOptions { wire: link.wire, queue: link.queue, ..options.machine.clone() };
        let parts = machine.total;
        let mut net = UnixNet::new(NetOptions { parts, ..NetOptions::of(&options.connection) })?;
        net.adopt_listener(listener)?;
        Ok(Self {
            engine: Engine::new(machine::Server::listening(machine), net),
            inbox: Inbox::new(options.connection.session.inbox),
            outcomes: Outcomes::default(),
            missed: Vec::new(),
            is_read: false,
            stirred: false,
        })
    }

    fn command(&mut self, command: Command<OwnedFd>) {
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

    /// Does the path still name this server? Somebody may have removed or replaced it.
    ///
    /// # Errors
    /// As [`Listener::is_published`].
    pub fn is_published(&self) -> io::Result<bool> {
        self.engine.net().listener().map_or(Ok(false), Listener::is_published)
    }

    /// Publishes the name again if somebody removed or replaced it. Connections stay, and none that waits is lost.
    ///
    /// # Errors
    /// As [`Listener::republish`].
    pub fn republish(&mut self) -> io::Result<()> {
        self.engine.net_mut().republish()
    }

    /// Somebody takes what arrives: from now on whoever waits for something else waits on when the inbox is full.
    pub const fn has_reader(&mut self) {
        self.is_read = true;
    }

    /// The next thing that happened.
    pub fn happened(&mut self) -> Option<Happening> {
        self.inbox.pop()
    }

    /// The next message. Requests are refused, so that whoever asks does not wait for ever.
    pub fn received(&mut self) -> Option<(ConnId, Message)> {
        loop {
            match self.happened()? {
                Happening::Message(id, message) => return Some((id, message)),
                Happening::Request(Request { id, connection, .. }) => {
                    self.command(Command::Answer(connection, id, Answer::not_served()));
                }
                Happening::Joined(_) | Happening::Cancelled(..) | Happening::Left(..) => {}
            }
        }
    }

    /// Takes leave of one: what its link holds is still written. `false`: it is gone already.
    pub fn disconnect(&mut self, id: ConnId) -> bool {
        let connected = self.is_connected(id);
        self.command(Command::Disconnect(id));
        if connected {
            self.left(id, Reason::Intentional);
        }
        connected
    }

    /// Listens no more. Connections stay.
    pub fn stop_listening(&mut self) {
        self.command(Command::StopListening);
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

    fn left(&mut self, id: ConnId, reason: Reason) {
        self.outcomes.gone(id);
        self.inbox.push(Happening::Left(id, reason), WORD);
        self.stirred = true;
    }
}

impl Driven for Server {
    type Machine = machine::Server<OwnedFd>;

    fn engine(&self) -> &Engine<Self::Machine, UnixNet> {
        &self.engine
    }

    fn engine_mut(&mut self) -> &mut Engine<Self::Machine, UnixNet> {
        &mut self.engine
    }

    fn take(&mut self, event: Event<OwnedFd>) {
        match event {
            Event::Joined(id) => self.inbox.push(Happening::Joined(id), WORD),
            Event::Message(id, message) => {
                let load = load(&message);
                self.inbox.push(Happening::Message(id, message), load);
            }
            Event::Request(request) => {
                let load = load(&request.message);
                self.inbox.push(Happening::Request(request), load);
            }
            Event::Cancelled(id, call) => {
                let is = |other: &Happening| matches!(other, Happening::Request(it) if (it.connection, it.id) == (id, call));
                if !self.inbox.withdraw(is) {
                    self.inbox.push(Happening::Cancelled(id, call), WORD);
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
                let reason = match loss {
                    Loss::Closed { .. } => Reason::Closed,
                    Loss::Fault(fault) => Reason::Fault(fault),
                    Loss::Errno(errno) => Reason::Error { errno },
                };
                self.left(id, reason);
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

    fn leave(&mut self) {
        self.stop();
    }
}

/// Whoever it was for has gone.
const GONE: Reason = Reason::Gone;

impl AsFd for Server {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.engine.as_fd()
    }
}
