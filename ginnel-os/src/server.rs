//! A server.

mod words;

use std::io;

use ginnel_proto::limits::Load;
use ginnel_proto::machine::ConnId;
use ginnel_proto::server::{self as machine, Command, Event};
use ginnel_proto::{Answer, CallId, Request};

use crate::Message;
use crate::hub::{Hub, Many};
use crate::listener::Listener;
use crate::net::{NetOptions, SocketNet};
use crate::sys::{Carried, Kernel, Sockets};

pub use words::{Happening, ServerOptions};

/// What decides for a server.
pub type ServerMachine = machine::Server<Carried>;

/// Many connections, one inbox.
pub type Server = Hub<ServerMachine>;

impl Server {
    /// A server of whoever connects to this listener.
    ///
    /// # Errors
    /// The kernel's, for the poller.
    pub fn new(listener: Listener, options: &ServerOptions) -> io::Result<Self> {
        Kernel.set_nonblocking(listener.borrowed())?;
        let link = &options.connection.session.link;
        let machine =
            machine::ServerOptions { wire: link.wire, queue: link.queue, ..options.machine.clone() };
        let parts = machine.total;
        let mut net = SocketNet::new(NetOptions { parts, ..NetOptions::of(&options.connection) })?;
        net.adopt_listener(listener)?;
        let inbox = options.connection.session.inbox;
        Ok(Self::new_over(machine::Server::listening(machine), net, inbox))
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

    /// The next message. Requests are refused, so that whoever asks does not wait for ever.
    pub fn received(&mut self) -> Option<(ConnId, Message)> {
        loop {
            match self.happened()? {
                Happening::Message(id, message) => return Some((id, message)),
                Happening::Request(Request { id, connection, .. }) => {
                    self.order(Command::Answer(connection, id, Answer::not_served()));
                }
                Happening::Joined(_) | Happening::Cancelled(..) | Happening::Left(..) => {}
            }
        }
    }

    /// Listens no more. Connections stay.
    pub fn stop_listening(&mut self) {
        self.order(Command::StopListening);
    }
}

impl Many for machine::Server<Carried> {
    type Happening = Happening;

    fn ask(command: Command<Carried>) -> Command<Carried> {
        command
    }

    fn leave() -> Command<Carried> {
        Command::StopListening
    }

    fn sort(event: Event<Carried>, _: &mut SocketNet) -> Result<Event<Carried>, Option<(Happening, Load)>> {
        Ok(event)
    }

    fn tell(happening: Happening) -> Option<Happening> {
        Some(happening)
    }

    fn is_request(happening: &Happening, id: ConnId, call: CallId) -> bool {
        matches!(happening, Happening::Request(it) if (it.connection, it.id) == (id, call))
    }
}
