//! A client's engine, and what it brought, sorted by who waits for it. Never waits by itself.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use ginnel_proto::client::{self as machine, Command, Event, Reason, Status};
use ginnel_proto::limits::{Bound, Load};
use ginnel_proto::link::{Limit, Refusal};
use ginnel_proto::machine::{ConnId, Refused};
use ginnel_proto::{Address, Answer, CallId, Delivery, Frame, Kind};

use crate::Message;
use crate::connection::{ConnectionOptions, Error, SendError};
use crate::engine::Engine;
use crate::net::{NetOptions, UnixNet};
use crate::poller::Waker;

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
    pub const fn pause(mut self, base: std::time::Duration, cap: std::time::Duration) -> Self {
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

/// How far an attempt came.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver must do each of these")]
pub enum Pace<T> {
    /// It is done.
    Done(T),
    /// Wait until the descriptor is readable, or for this moment, then try again.
    Wait(Option<Instant>),
}

/// A connection that comes back.
#[derive(Debug)]
pub struct Client {
    engine: Engine<machine::Client<OwnedFd>, UnixNet>,
    bound: Bound,
    inbox: VecDeque<Delivery<OwnedFd>>,
    held: Load,
    answers: BTreeMap<CallId, Result<Answer<OwnedFd>, SendError>>,
    /// What could not be sent since somebody last asked.
    failed: VecDeque<SendError>,
    changes: VecDeque<Status>,
}

impl Client {
    /// A client of whoever listens at this address. It begins to connect.
    ///
    /// # Errors
    /// The kernel's, for the poller.
    pub fn new(address: Address, options: &ClientOptions) -> io::Result<Self> {
        let session = &options.connection.session;
        let mut net = NetOptions { patience: session.patience, ..NetOptions::default() };
        let incarnation = net.link.incarnation;
        net.link = ginnel_proto::LinkOptions { incarnation, ..session.link.clone() };
        let machine = machine::ClientOptions {
            wire: session.link.wire,
            queue: session.link.queue,
            seed: crate::sys::jitter().into(),
            ..options.machine.clone()
        };
        let engine = Engine::new(machine::Client::new(address, machine), UnixNet::new(net)?);
        let mut client = Self {
            engine,
            bound: session.inbox,
            inbox: VecDeque::new(),
            held: Load::default(),
            answers: BTreeMap::new(),
            failed: VecDeque::new(),
            changes: VecDeque::new(),
        };
        client.command(Command::Connect);
        Ok(client)
    }

    /// Where it stands.
    pub const fn status(&self) -> Status {
        self.engine.machine().status()
    }

    /// Ends the wait of whoever waits for the descriptor.
    pub fn waker(&self) -> Waker {
        self.engine.net().waker()
    }

    /// Connects again after it has stopped, and cuts a pause short.
    pub fn connect(&mut self) {
        self.command(Command::Connect);
    }

    /// Ends the connection and does not come back. What waits in the queue comes back from the next flush.
    pub fn disconnect(&mut self) {
        self.command(Command::Disconnect);
    }

    fn command(&mut self, command: Command<OwnedFd>) {
        self.engine.command(command, Instant::now());
        self.sort();
    }

    /// Waits until it stands as wanted.
    ///
    /// # Errors
    /// [`Error::Stopped`] if it has stopped and that is not what is wanted. The poller's.
    pub fn reached(&mut self, mut wanted: impl FnMut(Status) -> bool) -> Result<Pace<Status>, Error> {
        self.attempt(|client| match client.status() {
            status if wanted(status) => Ok(Some(status)),
            Status::Disconnected { reason } => Err(reason.into()),
            _ => Ok(None),
        })
    }

    /// The next change of status.
    ///
    /// # Errors
    /// The poller's.
    pub fn changed(&mut self) -> Result<Pace<Status>, Error> {
        self.attempt(|client| Ok(client.changes.pop_front()))
    }

    /// Waits for the next thing that arrives.
    ///
    /// # Errors
    /// [`Error::Stopped`]: nothing more will, unless somebody connects again.
    pub fn arrived(&mut self) -> Result<Pace<Delivery<OwnedFd>>, Error> {
        self.attempt(|client| match client.pop() {
            Some(delivery) => Ok(Some(delivery)),
            None => client.alive().map(|()| None),
        })
    }

    /// Queues a message, once there is room. It is taken out of `message` then.
    ///
    /// # Errors
    /// Whatever does not pass by waiting. The message is still in `message`.
    pub fn feed(&mut self, message: &mut Option<Message>) -> Result<Pace<()>, Error> {
        self.attempt(|client| {
            let Some(frame) = client.admit(Kind::Message, message)? else { return Ok(None) };
            client.command(Command::Send(frame.message));
            Ok(Some(()))
        })
    }

    /// Queues a question, once there is room. It is taken out of `message` then.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub fn ask(&mut self, message: &mut Option<Message>) -> Result<Pace<CallId>, Error> {
        self.attempt(|client| {
            let id = client.engine.machine().upcoming();
            let Some(frame) = client.admit(Kind::Request(id), message)? else { return Ok(None) };
            client.command(Command::Ask(frame.message));
            Ok(Some(id))
        })
    }

    /// Answers a request, on the connection it came on or nowhere.
    pub fn answer(&mut self, connection: ConnId, id: CallId, answer: Answer<OwnedFd>) {
        self.command(Command::Answer(connection, id, answer));
    }

    /// Waits for the answer to a question.
    ///
    /// # Errors
    /// [`Error::Failure`] if the other side said so; [`Error::Stopped`] if the connection was lost after the question was
    /// handed over: whether it was heard is not known. [`Error::Limit`] if more arrived meanwhile than the inbox takes.
    pub fn answered(&mut self, id: CallId) -> Result<Pace<Message>, SendError> {
        self.attempt(|client| match client.answers.remove(&id) {
            Some(Ok(Answer::Response(message))) => Ok(Some(message)),
            Some(Ok(Answer::Failure(message))) => Err(SendError::queued(Error::Failure(message.body))),
            Some(Err(lost)) => Err(lost),
            None => client.check_inbox().map(|()| None).map_err(SendError::queued),
        })
    }

    /// Nobody waits for this answer any more; the other side is told.
    pub fn forget(&mut self, id: CallId) {
        self.answers.remove(&id);
        self.command(Command::Forget(id));
    }

    /// Waits until the kernel has everything that was queued.
    ///
    /// # Errors
    /// What could not be sent, with the message if nothing of it was; what is behind it is still queued.
    /// [`Error::Stopped`] if there is no connection and none will come.
    pub fn flushed(&mut self) -> Result<Pace<()>, SendError> {
        self.attempt(|client| {
            if let Some(failed) = client.failed.pop_front() {
                return Err(failed);
            }
            if client.engine.machine().unsent().messages == 0 {
                return Ok(Some(()));
            }
            client.alive().map_err(SendError::queued)?;
            client.check_inbox().map(|()| None).map_err(SendError::queued)
        })
    }

    /// Does what is ready. `Wait`: nothing more is.
    ///
    /// # Errors
    /// The poller's.
    pub fn turn(&mut self) -> Result<Pace<()>, Error> {
        self.attempt(|_| Ok(None))
    }

    fn attempt<T, E: From<io::Error>>(
        &mut self,
        mut look: impl FnMut(&mut Self) -> Result<Option<T>, E>,
    ) -> Result<Pace<T>, E> {
        loop {
            if let Some(found) = look(self)? {
                return Ok(Pace::Done(found));
            }
            let active = self.engine.turn(Instant::now())?;
            if !(self.sort() || active) {
                return Ok(Pace::Wait(self.engine.deadline()));
            }
        }
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

    fn pop(&mut self) -> Option<Delivery<OwnedFd>> {
        let delivery = self.inbox.pop_front()?;
        self.held = self.held - load(&delivery);
        self.sort();
        Some(delivery)
    }

    fn check_inbox(&self) -> Result<(), Error> {
        if self.has_room() {
            return Ok(());
        }
        let Load { bytes, messages, .. } = self.held;
        Err(Limit::Inbox { bytes, messages }.into())
    }

    fn has_room(&self) -> bool {
        self.bound.admits(self.held, Load { bytes: 1, messages: 1, fds: 0 })
    }

    /// Takes events, while there is room for what arrives. `false`: there were none.
    fn sort(&mut self) -> bool {
        let mut some = false;
        while self.has_room()
            && let Some(event) = self.engine.poll_event()
        {
            some = true;
            match event {
                Event::Status(status) => self.change(status),
                Event::Message(message) => self.push(Delivery::Message(message)),
                Event::Request(request) => self.push(Delivery::Request(request)),
                Event::Cancelled(id) => self.push(Delivery::Cancelled(id)),
                Event::Answered(id, answer) => drop(self.answers.insert(id, Ok(answer))),
                Event::CallLost(id) => {
                    drop(self.answers.insert(id, Err(SendError::queued(Reason::Closed))));
                }
                Event::Returned(message, why) => {
                    self.failed.push_back(SendError::returned(blame(why), message))
                }
                Event::Cut(_) => self.failed.push_back(SendError::queued(Reason::Closed)),
            }
        }
        some
    }

    fn change(&mut self, status: Status) {
        if self.changes.len() == CHANGES {
            self.changes.pop_front();
        }
        self.changes.push_back(status);
    }

    fn push(&mut self, delivery: Delivery<OwnedFd>) {
        self.held = self.held + load(&delivery);
        self.inbox.push_back(delivery);
    }
}

fn load(delivery: &Delivery<OwnedFd>) -> Load {
    let of = |message: &Message| Load { bytes: message.body.len(), messages: 1, fds: message.fds.len() };
    match delivery {
        Delivery::Message(message) => of(message),
        Delivery::Request(request) => of(&request.message),
        Delivery::Cancelled(_) => Load { bytes: 0, messages: 1, fds: 0 },
    }
}

fn blame(why: Refused) -> Error {
    match why {
        Refused::Gone => Reason::Intentional.into(),
        Refused::Descriptors => io::Error::from_raw_os_error(libc::EPERM).into(),
        Refused::Refusal(refusal) => refusal.into(),
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.engine.as_fd()
    }
}

/// Changes of status that are kept for whoever asks; older ones are dropped.
const CHANGES: usize = 64;
