//! A client's engine, and what it brought, sorted by who waits for it. Never waits by itself.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use ginnel_proto::client::{self as machine, Adopted, Command, Event, Reason, Status};
use ginnel_proto::link::{Limit, Refusal};
use ginnel_proto::machine::{ConnId, SendId};
use ginnel_proto::{Address, Answer, CallId, Delivery, Frame, Kind, Parts, Request};

use crate::Message;
use crate::connection::{Connection, ConnectionOptions, Error, SendError};
use crate::driven::{Awaited, Driven};
use crate::engine::Engine;
use crate::inbox::{Inbox, delivered};
use crate::net::{NetOptions, UnixNet};
use crate::outcomes::{Outcomes, blame};
use crate::stream::Stream;

/// How a client connects, and comes back.
///
/// ```
/// use std::time::Duration;
/// use ginnel_os::ClientOptions;
/// let options = ClientOptions::new().pause(Duration::from_millis(50), Duration::from_secs(5)).attempts(10);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ClientOptions {
    connection: ConnectionOptions,
    machine: machine::ClientOptions,
}

impl ClientOptions {
    /// Comes back for ever: after 20 ms at first, twice as long each time, 1 s at most.
    pub fn new() -> Self {
        Self::default()
    }

    /// What each connection is like.
    pub fn connection(mut self, options: ConnectionOptions) -> Self {
        self.connection = options;
        self
    }

    /// The pause before the second attempt, which doubles from there, and the longest.
    pub const fn pause(mut self, base: Duration, cap: Duration) -> Self {
        self.machine.base = base;
        self.machine.cap = cap;
        self
    }

    /// How many attempts in a row may fail; with 1 it does not come back.
    pub const fn attempts(mut self, most: u32) -> Self {
        self.machine.attempts = Some(most);
        self
    }
}

/// A connection that comes back.
///
/// Each operation takes what is there, or answers `None`: not yet.
#[derive(Debug)]
pub struct Client {
    engine: Engine<machine::Client<OwnedFd>, UnixNet>,
    inbox: Inbox<Delivery<OwnedFd>>,
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

    fn over(machine: machine::Client<OwnedFd>, options: &ConnectionOptions) -> io::Result<Self> {
        Ok(Self {
            engine: Engine::new(machine, UnixNet::new(NetOptions::of(options))?),
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

    fn command(&mut self, command: Command<OwnedFd>) {
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

    /// Somebody takes what arrives: whoever waits for something else waits on when the inbox is full.
    pub const fn is_read(&mut self) {
        self.is_read = true;
    }

    /// The next thing that arrived. `None` inside: nothing more will, since it was ended on purpose or in order.
    ///
    /// # Errors
    /// [`Error::Stopped`]: nothing more will, unless somebody connects again.
    pub fn arrived(&mut self) -> Result<Option<Option<Delivery<OwnedFd>>>, Error> {
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

    /// Queues a message, if there is room. It is taken out of `message` then.
    ///
    /// # Errors
    /// Whatever does not pass by waiting. The message is still in `message`.
    pub fn feed(&mut self, message: &mut Option<Message>) -> Result<Option<SendId>, Error> {
        let Some(frame) = self.admit(Kind::Message, message)? else { return Ok(None) };
        let before = self.last();
        self.command(Command::Send(frame.message));
        Ok(Some(SendId(before.0 + 1)))
    }

    /// As [`feed`](Self::feed), now or not at all.
    ///
    /// # Errors
    /// As there, and [`Limit::Queue`]. The message comes back.
    pub fn try_feed(&mut self, message: Message) -> Result<(), SendError> {
        let load = self.engine.machine().unsent();
        let full = Limit::Queue { bytes: load.bytes, messages: load.messages };
        let mut message = Some(message);
        let fed = self.feed(&mut message).and_then(|fed| fed.ok_or(full.into()));
        fed.map(drop).map_err(|error| SendError::with(error, message))
    }

    /// Queues a question, if there is room. It is taken out of `message` then.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn ask(&mut self, message: &mut Option<Message>) -> Result<Option<CallId>, Error> {
        let id = self.engine.machine().upcoming();
        let Some(frame) = self.admit(Kind::Request(id), message)? else { return Ok(None) };
        self.command(Command::Ask(frame.message));
        Ok(Some(id))
    }

    /// Queues the answer to a request, if there is room; one that is not wanted any more, or whose connection is gone, is
    /// dropped. It is taken out of `answer` then.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn answer(
        &mut self,
        request: &Request<OwnedFd>,
        answer: &mut Option<Answer<OwnedFd>>,
    ) -> Result<Option<SendId>, Error> {
        let Request { id, connection, .. } = *request;
        if self.engine.machine().connection() != Some(connection) {
            *answer = None;
            return Ok(Some(SendId(0)));
        }
        let failed = matches!(answer, Some(Answer::Failure(_)));
        let kind = if failed { Kind::Failure(id) } else { Kind::Response(id) };
        let mut message = answer.take().map(Answer::into_message);
        let admitted = self.admit(kind, &mut message);
        let wrap = |message| if failed { Answer::Failure(message) } else { Answer::Response(message) };
        *answer = message.map(wrap);
        let Some(frame) = admitted? else { return Ok(None) };
        let before = self.last();
        self.command(Command::Answer(connection, id, wrap(frame.message)));
        // One that nobody wants any more has no number.
        Ok(Some(if self.last() == before { SendId(0) } else { SendId(before.0 + 1) }))
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// [`Error::Failure`] if the other side said so; [`Error::Stopped`] if the connection was lost after the question was
    /// handed over: whether it was heard is not known. [`Error::Limit`] if more arrived meanwhile than the inbox takes.
    /// The question, if it could not be sent.
    pub fn answered(&mut self, id: CallId) -> Result<Option<Message>, SendError> {
        match self.outcomes.take_answer(CONNECTION, id) {
            Some(answer) => answer.map(Some),
            None => self.check_inbox().map(|()| None).map_err(SendError::queued),
        }
    }

    /// Nobody waits for this answer any more; the other side is told.
    pub fn forget(&mut self, id: CallId) {
        self.outcomes.take_answer(CONNECTION, id);
        self.command(Command::Forget(id));
        self.stirred = true;
    }

    /// The number of the last message that was queued.
    pub const fn last(&self) -> SendId {
        self.engine.machine().last()
    }

    /// Has the kernel everything that was queued up to this?
    ///
    /// # Errors
    /// What could not be sent, with the message if nothing of it was; what is behind it is still queued.
    /// [`Error::Stopped`] if there is no connection and none will come.
    pub fn flushed(&mut self, up_to: SendId) -> Result<Option<()>, SendError> {
        if let Some(failed) = self.outcomes.take_failed(CONNECTION, up_to) {
            return Err(failed);
        }
        self.passed(up_to)
    }

    /// Somebody waits for this message alone, until it is [`sent`](Self::sent).
    pub fn claim(&mut self, id: SendId) {
        self.outcomes.claim(CONNECTION, id);
    }

    /// Nobody waits for it alone any more.
    pub fn disclaim(&mut self, id: SendId) {
        self.outcomes.disclaim(CONNECTION, id);
    }

    /// Has the kernel this message?
    ///
    /// # Errors
    /// Why it cannot be sent, with it if nothing of it was.
    pub fn sent(&mut self, id: SendId) -> Result<Option<()>, SendError> {
        match self.outcomes.take_claimed(CONNECTION, id) {
            Some(failed) => Err(failed),
            None => self.passed(id),
        }
    }

    fn passed(&self, id: SendId) -> Result<Option<()>, SendError> {
        if self.is_sent(id) {
            return Ok(Some(()));
        }
        self.alive().and_then(|()| self.check_inbox()).map(|()| None).map_err(SendError::queued)
    }

    fn is_sent(&self, id: SendId) -> bool {
        self.engine.machine().first_unsent().is_none_or(|first| first > id)
    }

    fn admit(&self, kind: Kind, message: &mut Option<Message>) -> Result<Option<Frame<OwnedFd>>, Error> {
        self.alive()?;
        let frame = Frame::new(kind, message.take().unwrap_or_else(Message::empty));
        match self.engine.machine().admit(&frame) {
            Ok(()) => Ok(Some(frame)),
            Err(refusal) => {
                *message = Some(frame.message);
                match refusal {
                    Refusal::Limit(Limit::Queue { .. }) => self.check_inbox().map(|()| None),
                    other => Err(other.into()),
                }
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

    fn take(&mut self, event: Event<OwnedFd>) {
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
                let is = |other: &Delivery<OwnedFd>| matches!(other, Delivery::Request(it) if it.id == id);
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

    fn why_gone(&self) -> Reason {
        match self.status() {
            Status::Disconnected { reason } => reason,
            _ => Reason::Closed,
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

    fn push(&mut self, delivery: Delivery<OwnedFd>) {
        let load = delivered(&delivery);
        self.inbox.push(delivery, load);
    }
}

impl Driven for Client {
    type Machine = machine::Client<OwnedFd>;

    fn engine(&self) -> &Engine<Self::Machine, UnixNet> {
        &self.engine
    }

    fn engine_mut(&mut self) -> &mut Engine<Self::Machine, UnixNet> {
        &mut self.engine
    }

    fn sort(&mut self) -> bool {
        let mut some = false;
        while let Some(event) = self.engine.poll_event() {
            self.take(event);
            some = true;
        }
        some
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
            Awaited::Arrival => !self.inbox.is_empty(),
            Awaited::Change(subscriber) => self.changes.get(&subscriber).is_some_and(|it| !it.is_empty()),
        }
    }

    fn take_stirred(&mut self) -> bool {
        mem::take(&mut self.stirred)
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
        seed: crate::sys::jitter().into(),
        ..machine.clone()
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.engine.as_fd()
    }
}

/// A client has one connection at a time: what belongs to it needs no number.
const CONNECTION: ConnId = ConnId(0);

/// Changes of status that are kept for each subscriber.
const CHANGES: usize = 64;
