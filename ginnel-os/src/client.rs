//! A client's engine, and what it brought, sorted by who waits for it. Never waits by itself.

mod options;
mod sending;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::mem;
use std::time::Instant;

use ginnel_proto::client::{self as machine, Adopted, Command, Event, Reason, Status};
use ginnel_proto::link::Greeting;
use ginnel_proto::machine::ConnId;
use ginnel_proto::{Address, Answer, Delivery, Parts, Request};

use crate::Message;
use crate::connection::{Connection, ConnectionOptions, Error, SendError};
use crate::credentials::Credentials;
use crate::driven::{Awaited, Driven};
use crate::engine::Engine;
use crate::inbox::{Inbox, delivered};
use crate::net::{NetOptions, SocketNet};
use crate::outcomes::{Outcomes, blame};
use crate::stream::Stream;
use crate::sys::Carried;

pub use options::ClientOptions;

/// A connection that comes back.
///
/// Each operation takes what is there, or answers `None`: not yet.
#[derive(Debug)]
pub struct Client {
    engine: Engine<machine::Client<Carried>, SocketNet>,
    inbox: Inbox<Delivery<Carried>>,
    outcomes: Outcomes,
    /// Changes that each subscriber has not seen.
    changes: BTreeMap<u64, VecDeque<Status>>,
    subscribers: u64,
    /// Somebody takes what arrives while others wait for something else.
    is_read: bool,
    /// Something changed that others may wait for.
    stirred: bool,
}

impl Client {
    /// The subscriber that is there from the beginning.
    pub const OWNER: u64 = 0;

    /// A client of whoever listens at this address. It begins to connect.
    ///
    /// # Errors
    /// The kernel's, for the poller.
    pub fn new(address: Address, options: &ClientOptions) -> io::Result<Self> {
        let machine = machine_options(&options.connection, &options.machine);
        let machine = machine::Client::new(address, machine);
        let mut client = Self::over(machine, &options.connection)?;
        client.command(Command::Connect);
        Ok(client)
    }

    /// Goes on with a connection that stands. It does not come back.
    ///
    /// # Errors
    /// The kernel's, for the poller.
    pub fn adopt(connection: Connection, stream: Stream) -> io::Result<Self> {
        let Parts { mut line, arrived, inbox, calls, refused } = connection.into_parts();
        let held = line.outbound().queued();
        let link = if line.is_open() { Adopted::Open(held) } else { Adopted::Opening(held) };
        // Of the rest the line knows: no other connection will be made.
        let options = ConnectionOptions::new().inbox(inbox);
        let options = options.wire(line.outbound().wire()).queue(line.outbound().bound());
        let machine = machine_options(&options, &machine::ClientOptions::default());
        let mut client = Self::over(machine::Client::adopted(CONNECTION, calls, link, machine), &options)?;
        client.unsubscribe(Self::OWNER);
        client.engine.net_mut().adopt(CONNECTION, stream, line);
        for delivery in arrived {
            let load = delivered(&delivery);
            client.inbox.push(delivery, load);
        }
        for id in refused {
            client.command(Command::Answer(CONNECTION, id, Answer::not_served()));
        }
        Ok(client)
    }

    fn over(machine: machine::Client<Carried>, options: &ConnectionOptions) -> io::Result<Self> {
        Ok(Self {
            engine: Engine::new(machine, SocketNet::new(NetOptions::of(options))?),
            inbox: Inbox::new(options.session.inbox),
            outcomes: Outcomes::default(),
            changes: BTreeMap::from([(Self::OWNER, VecDeque::new())]),
            subscribers: Self::OWNER,
            is_read: false,
            stirred: false,
        })
    }

    /// Where it stands.
    pub const fn status(&self) -> Status {
        self.engine.machine().status()
    }

    /// Who is at the other end, as recorded when the connection was made.
    ///
    /// # Errors
    /// `NotConnected` if there is none; the kernel's, see unix(7) on `SO_PEERCRED`.
    pub fn peer_credentials(&self) -> io::Result<Credentials> {
        let connection = self.engine.machine().connection();
        let open = connection.and_then(|id| self.engine.net().borrowed(id));
        Credentials::of(open.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?)
    }

    /// What the other side takes and who it is, while there is a connection, on wires that greet.
    pub fn greeting(&self) -> Option<Greeting> {
        self.engine.net().greeting(self.engine.machine().connection()?)
    }

    /// Says the rest, as far as it can be sent, takes leave, and tells what went wrong first. `None`: it is not over
    /// there.
    pub fn wind_down(&mut self, failed: &mut Option<SendError>) -> Option<()> {
        if !matches!(self.status(), Status::Disconnected { .. }) {
            match self.flushed(self.last()) {
                Ok(None) => return None,
                Err(error) if error.message.is_some() => {
                    failed.get_or_insert(error);
                    return None;
                }
                Ok(Some(())) => {}
                Err(error) => drop(failed.get_or_insert(error)),
            }
            self.disconnect();
        }
        self.is_quiet().then_some(())
    }

    /// Connects again after it has stopped, and cuts a pause short.
    pub fn connect(&mut self) {
        self.command(Command::Connect);
        self.stirred = true;
    }

    /// Ends the connection and does not come back. What waits in the queue comes back from the next flush.
    pub fn disconnect(&mut self) {
        self.command(Command::Disconnect);
        self.stirred = true;
    }

    fn command(&mut self, command: Command<Carried>) {
        self.engine.command(command, Instant::now());
        self.sort();
    }

    /// Does it stand as wanted?
    ///
    /// # Errors
    /// [`Error::Stopped`] if it has stopped and that is not what is wanted.
    pub fn reached(&mut self, wanted: impl FnOnce(Status) -> bool) -> Result<Option<Status>, Error> {
        match self.status() {
            status if wanted(status) => Ok(Some(status)),
            Status::Disconnected { reason } => Err(reason.into()),
            _ => Ok(None),
        }
    }

    /// Whoever asks with this number is told every change of status from now on.
    pub fn subscribe(&mut self) -> u64 {
        self.subscribers += 1;
        self.changes.insert(self.subscribers, VecDeque::new());
        self.subscribers
    }

    /// Nobody asks with this number any more.
    pub fn unsubscribe(&mut self, subscriber: u64) {
        self.changes.remove(&subscriber);
    }

    /// The next change of status that this subscriber has not seen. Up to 64 are kept; older ones are dropped.
    pub fn changed(&mut self, subscriber: u64) -> Option<Status> {
        self.changes.get_mut(&subscriber)?.pop_front()
    }

    /// As [`changed`](Self::changed) for the owner, to whom nothing happens while nothing is called.
    ///
    /// # Errors
    /// [`Error::Stopped`]: it has stopped, and every change was told.
    pub fn changed_for_owner(&mut self) -> Result<Option<Status>, Error> {
        match (self.changed(Self::OWNER), self.status()) {
            (None, Status::Disconnected { reason }) => Err(reason.into()),
            (change, _) => Ok(change),
        }
    }

    /// Somebody takes what arrives: from now on whoever waits for something else waits on when the inbox is full.
    pub const fn has_reader(&mut self) {
        self.is_read = true;
    }

    /// The next thing that arrived. `None` inside: nothing more will, since it was ended on purpose or in order.
    ///
    /// # Errors
    /// [`Error::Stopped`]: nothing more will, unless somebody connects again.
    pub fn arrived(&mut self) -> Result<Option<Option<Delivery<Carried>>>, Error> {
        if let Some(delivery) = self.inbox.pop() {
            return Ok(Some(Some(delivery)));
        }
        match self.status() {
            Status::Disconnected { reason: Reason::Intentional | Reason::Closed } => Ok(Some(None)),
            Status::Disconnected { reason } => Err(reason.into()),
            _ => Ok(None),
        }
    }

    /// As [`arrived`](Self::arrived), for messages alone. Requests are refused, so that whoever asks does not wait for
    /// ever.
    ///
    /// # Errors
    /// As there.
    pub fn received(&mut self) -> Result<Option<Option<Message>>, Error> {
        loop {
            match self.arrived()? {
                Some(Some(Delivery::Message(message))) => return Ok(Some(Some(message))),
                Some(Some(Delivery::Request(Request { id, connection, .. }))) => {
                    self.command(Command::Answer(connection, id, Answer::not_served()));
                }
                Some(Some(Delivery::Cancelled(_))) => {}
                Some(None) => return Ok(Some(None)),
                None => return Ok(None),
            }
        }
    }

    fn alive(&self) -> Result<(), Error> {
        match self.status() {
            Status::Disconnected { reason } => Err(reason.into()),
            _ => Ok(()),
        }
    }

    fn check_inbox(&self) -> Result<(), Error> {
        if self.is_read { Ok(()) } else { Ok(self.inbox.check()?) }
    }

    fn why_gone(&self) -> Reason {
        match self.status() {
            Status::Disconnected { reason } | Status::Reconnecting { reason, .. } => reason,
            Status::Connecting { .. } | Status::Connected => Reason::Gone,
        }
    }

    fn change(&mut self, status: Status) {
        for changes in self.changes.values_mut() {
            if changes.len() == CHANGES {
                changes.pop_front();
            }
            changes.push_back(status);
        }
    }

    fn push(&mut self, delivery: Delivery<Carried>) {
        let load = delivered(&delivery);
        self.inbox.push(delivery, load);
    }
}

impl Driven for Client {
    type Machine = machine::Client<Carried>;

    fn engine(&self) -> &Engine<Self::Machine, SocketNet> {
        &self.engine
    }

    fn engine_mut(&mut self) -> &mut Engine<Self::Machine, SocketNet> {
        &mut self.engine
    }

    fn take(&mut self, event: Event<Carried>) {
        match event {
            Event::Status(status) => {
                if status != Status::Connected {
                    // Nobody waits for an answer to these any more, and the next connection counts anew.
                    while self.inbox.withdraw(|other| matches!(other, Delivery::Request(_))) {}
                }
                self.change(status);
            }
            Event::Message(message) => self.push(Delivery::Message(message)),
            Event::Request(request) => self.push(Delivery::Request(request)),
            Event::Cancelled(id) => {
                let is = |other: &Delivery<Carried>| matches!(other, Delivery::Request(it) if it.id == id);
                if !self.inbox.withdraw(is) {
                    self.push(Delivery::Cancelled(id));
                }
            }
            Event::Answered(id, answer) => self.outcomes.answered(CONNECTION, id, answer),
            Event::CallLost(id) => {
                self.outcomes.unanswered(CONNECTION, id, SendError::queued(self.why_gone()));
            }
            Event::CallReturned(id, message, why) => {
                let why = SendError::returned(blame(why, self.why_gone()), message);
                self.outcomes.unanswered(CONNECTION, id, why);
            }
            Event::Returned(id, message, why) => {
                let why = SendError::returned(blame(why, self.why_gone()), message);
                self.outcomes.not_sent(CONNECTION, id, why);
            }
            Event::Cut(id) => self.outcomes.not_sent(CONNECTION, id, SendError::queued(self.why_gone())),
        }
    }

    fn has_room(&self) -> bool {
        self.inbox.has_room()
    }

    fn is_ripe(&self, awaited: Awaited) -> bool {
        if matches!(self.status(), Status::Disconnected { .. }) {
            return true;
        }
        let waits_in_vain = !self.is_read && !self.inbox.has_room();
        match awaited {
            Awaited::Room(_) | Awaited::Sent(..) | Awaited::Answer(..) if waits_in_vain => true,
            Awaited::Room(_) => self.engine.machine().has_room(),
            Awaited::Sent(_, id) => self.is_sent(id) || self.outcomes.has_failed(CONNECTION, id),
            Awaited::Answer(_, id) => self.outcomes.has_answer(CONNECTION, id),
            Awaited::Quiet => true,
            Awaited::Arrival => !self.inbox.is_empty(),
            Awaited::Change(subscriber) => self.changes.get(&subscriber).is_some_and(|it| !it.is_empty()),
        }
    }

    fn take_stirred(&mut self) -> bool {
        mem::take(&mut self.stirred)
    }

    fn stir(&mut self) {
        self.stirred = true;
    }

    fn leave(&mut self) {
        if !matches!(self.status(), Status::Disconnected { .. }) {
            self.disconnect();
        }
    }
}

fn machine_options(options: &ConnectionOptions, machine: &machine::ClientOptions) -> machine::ClientOptions {
    machine::ClientOptions {
        wire: options.session.link.wire,
        queue: options.session.link.queue,
        seed: crate::sys::jitter(&crate::sys::Kernel).into(),
        ..machine.clone()
    }
}

/// A client has one connection at a time: what belongs to it needs no number.
const CONNECTION: ConnId = ConnId(0);

/// Changes of status that are kept for each subscriber.
const CHANGES: usize = 64;
