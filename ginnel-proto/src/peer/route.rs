//! What goes to whom.

use std::time::Instant;

use bytes::Bytes;

use super::{ConnId, Event, Peer, Role};
use crate::client::{self, Client};
use crate::limits::Load;
use crate::link::{Misuse, Refusal};
use crate::machine::{Crowd, Input, Machine, Output, Refused, SendId};
use crate::server::{self, Command};
use crate::{CallId, Frame, Message};

/// Where something is to go.
enum Way {
    /// To whoever listens.
    Up,
    /// To one who is connected to this listener.
    Down,
    /// This peer listens itself.
    Oneself,
}

/// As a connector, whoever listens is the crowd; as the listener, all others. Whoever listens counts as connected while it
/// is being found out who that is.
impl<F: std::fmt::Debug> Crowd<F> for Peer<F> {
    fn admit(&self, id: ConnId, frame: &Frame<F>) -> Option<Result<(), Refusal>> {
        match self.way(id) {
            Way::Up => Some(self.client.admit(frame)),
            Way::Down => self.server.admit(id, frame),
            Way::Oneself => Some(Err(Misuse::Oneself.into())),
        }
    }

    fn unsent(&self, id: ConnId) -> Load {
        match self.way(id) {
            Way::Up => self.client.unsent(),
            Way::Down | Way::Oneself => self.server.unsent(id),
        }
    }

    fn last(&self, id: ConnId) -> Option<SendId> {
        match self.way(id) {
            Way::Up | Way::Oneself => Some(self.client.last()),
            Way::Down => self.server.last(id),
        }
    }

    fn first_unsent(&self, id: ConnId) -> Option<SendId> {
        match self.way(id) {
            Way::Up => self.client.first_unsent(),
            Way::Down | Way::Oneself => self.server.first_unsent(id),
        }
    }

    fn upcoming(&self, id: ConnId) -> Option<CallId> {
        match self.way(id) {
            Way::Up | Way::Oneself => Some(self.client.upcoming()),
            Way::Down => self.server.upcoming(id),
        }
    }

    fn has_room(&self, id: ConnId) -> bool {
        match self.way(id) {
            Way::Up => self.client.has_room(),
            Way::Down | Way::Oneself => self.server.has_room(id),
        }
    }

    fn is_connected(&self, id: ConnId) -> bool {
        match self.way(id) {
            Way::Up => true,
            Way::Down => self.server.is_connected(id),
            Way::Oneself => false,
        }
    }

    fn connections(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.listener.into_iter().chain(self.server.connections())
    }

    fn connection_count(&self) -> usize {
        usize::from(self.listener.is_some()) + self.server.connection_count()
    }
}

impl<F: std::fmt::Debug> Peer<F> {
    fn way(&self, id: ConnId) -> Way {
        match id {
            ConnId::LISTENER if self.role == Role::Listener => Way::Oneself,
            // Nobody will be found out any more.
            ConnId::LISTENER if self.has_left() && self.listener.is_none() => Way::Down,
            ConnId::LISTENER => Way::Up,
            id if self.listener == Some(id) => Way::Up,
            _ => Way::Down,
        }
    }

    /// Does it take no part, and will it none?
    fn has_left(&self) -> bool {
        self.contest.is_out() && self.timer.is_none()
    }

    pub(super) fn route(&mut self, command: Command<F>, now: Instant) {
        match command {
            Command::Send(id, message) => self.send(id, message, now),
            Command::Ask(id, message) => match self.way(id) {
                Way::Up => {
                    if id != ConnId::LISTENER {
                        self.asked.insert(self.client.upcoming(), id);
                    }
                    self.tell_client(Input::App(client::Command::Ask(message)), now);
                    self.address(id);
                }
                Way::Down => self.tell_server(Input::App(Command::Ask(id, message)), now),
                Way::Oneself => {}
            },
            Command::Answer(id, call, answer) if self.listener == Some(id) => {
                self.tell_client(Input::App(client::Command::Answer(id, call, answer)), now);
            }
            Command::Forget(id, call) if id == ConnId::LISTENER || self.asked.get(&call) == Some(&id) => {
                self.asked.remove(&call);
                self.tell_client(Input::App(client::Command::Forget(call)), now);
            }
            Command::Broadcast(body) => self.broadcast(body, now),
            Command::Stop => {
                self.listener = None;
                self.tell_client(Input::App(client::Command::Disconnect), now);
                // It goes on to listen for the contest, and will again if it takes part again.
                for id in std::mem::take(&mut self.neighbours).into_keys() {
                    self.tell_server(Input::App(Command::Disconnect(id)), now);
                }
            }
            Command::Disconnect(id) if self.neighbours.remove(&id).is_some() => {
                self.tell_server(Input::App(Command::Disconnect(id)), now);
                if self.standby() == Some(id) {
                    self.heir = None;
                    self.bequeath();
                }
            }
            Command::Disconnect(id) if self.listener == Some(id) && self.contest.is_out() => {
                self.listener = None;
                self.tell_client(Input::App(client::Command::Disconnect), now);
            }
            command @ (Command::Answer(..) | Command::Forget(..)) => {
                self.tell_server(Input::App(command), now);
            }
            // A connector stays with its listener; who listens is the business of the contest.
            Command::Disconnect(_) | Command::Listen(_) | Command::StopListening => {}
        }
    }

    fn send(&mut self, id: ConnId, message: Message<F>, now: Instant) {
        match self.way(id) {
            Way::Up => {
                self.tell_client(Input::App(client::Command::Send(message)), now);
                self.address(id);
            }
            Way::Down => self.tell_server(Input::App(Command::Send(id, message)), now),
            Way::Oneself => {
                let why = Refused::Refusal(Misuse::Oneself.into());
                self.tell_many(server::Event::Returned(id, SendId(0), message, why));
            }
        }
    }

    /// What was queued last is for this one alone, not for the next who listens.
    fn address(&mut self, id: ConnId) {
        if id != ConnId::LISTENER {
            self.addressed.insert(self.client.last(), id);
            self.prune();
        }
    }

    /// What the kernel has comes back no more.
    pub(super) fn prune(&mut self) {
        if !self.addressed.is_empty() {
            self.addressed = match self.client.first_unsent() {
                Some(first) => self.addressed.split_off(&first),
                None => Default::default(),
            };
        }
    }

    /// To direct neighbours: as a connector, that is the listener.
    fn broadcast(&mut self, body: Bytes, now: Instant) {
        let Some(listener) = self.listener else {
            return self.tell_server(Input::App(Command::Broadcast(body)), now);
        };
        let frame = Frame::from(Message::new(body));
        match self.client.admit(&frame) {
            Ok(()) => self.send(listener, frame.message, now),
            Err(_) => self.tell_many(server::Event::Missed(listener)),
        }
    }

    pub(super) fn tell_client(&mut self, input: Input<client::Command<F>, F>, now: Instant) {
        drop(self.client.handle(input, now));
        self.pass_on();
    }

    /// Says what the client has to say.
    pub(super) fn pass_on(&mut self) {
        while let Some(output) = Client::outputs(&mut self.client).next() {
            match output {
                Output::Net(action) => self.outputs.push_back(Output::Net(action)),
                Output::App(event) => {
                    if let Some(event) = self.translate(event) {
                        self.tell_many(event);
                    }
                }
            }
        }
    }

    fn translate(&mut self, event: client::Event<F>) -> Option<server::Event<F>> {
        use server::Event as Many;
        let from = self.listener.unwrap_or(ConnId::LISTENER);
        let mut asked = |call: &CallId| self.asked.remove(call).unwrap_or(ConnId::LISTENER);
        Some(match event {
            // It is told in another way, as roles.
            client::Event::Status(_) => return None,
            client::Event::Message(message) => Many::Message(from, message),
            client::Event::Request(request) => Many::Request(request),
            client::Event::Cancelled(call) => Many::Cancelled(from, call),
            client::Event::Answered(call, answer) => Many::Answered(asked(&call), call, answer),
            client::Event::CallLost(call) => Many::CallLost(asked(&call), call),
            client::Event::CallReturned(call, message, why) => {
                Many::CallReturned(asked(&call), call, message, why)
            }
            client::Event::Returned(send, message, why) => {
                Many::Returned(self.addressee(send), send, message, why)
            }
            client::Event::Cut(send) => Many::Cut(self.addressee(send), send),
        })
    }

    fn addressee(&mut self, send: SendId) -> ConnId {
        self.addressed.remove(&send).unwrap_or(ConnId::LISTENER)
    }

    pub(super) fn tell_server(&mut self, input: Input<Command<F>, F>, now: Instant) {
        drop(self.server.handle(input, now));
        while let Some(output) = self.server.outputs().next() {
            match output {
                Output::Net(action) => self.outputs.push_back(Output::Net(action)),
                // It is told with a name.
                Output::App(server::Event::Joined(_)) => {}
                Output::App(event) => self.outputs.push_back(Output::App(Event::Many(event))),
            }
        }
    }
}
