//! A peer: one of many who share a listener.

mod words;

use std::io;

use ginnel_proto::client::Reason;
use ginnel_proto::limits::Load;
use ginnel_proto::machine::ConnId;
use ginnel_proto::peer::{self as machine, Command, Event, Role, Trouble};
use ginnel_proto::server::{self, Command as Ask};
use ginnel_proto::{Address, Answer, CallId, Request, Wire};

use crate::Message;
use crate::connection::Error;
use crate::error::SocketError;
use crate::hub::{Hub, Many};
use crate::inbox::WORD;
use crate::name;
use crate::net::{NetOptions, SocketNet};
use crate::server::Happening;
use crate::sys::{Carried, Kernel, Sockets, Sys, jitter};

pub use words::{Neighbour, PeerEvent, PeerOptions};

/// What decides for a peer.
pub type PeerMachine = machine::Peer<Carried>;

/// One of many who share a listener.
pub type Peer = Hub<PeerMachine>;

impl Peer {
    /// Begins to take part at a path. It does as soon as [`joined`](Self::joined) says so.
    ///
    /// # Errors
    /// The path does not suit peers, see [`SocketError::OpenDirectory`], [`SocketError::RemoteFileSystem`],
    /// [`SocketError::ForeignLock`], [`SocketError::NotALockFile`] and [`SocketError::NotASocketFile`];
    /// [`SocketError::NotAPath`]; [`SocketError::NotAPeerWire`]; or the kernel's. Nothing was changed.
    pub fn join(address: &Address, options: &PeerOptions) -> io::Result<Self> {
        let (spot, address) = name::meeting(address)?;
        let session = &options.connection.session;
        if session.link.wire != Wire::Native {
            return Err(SocketError::NotAPeerWire.into());
        }
        let mut net = NetOptions { parts: options.server.total, ..NetOptions::of(&options.connection) };
        net.listener = options.listener.clone();
        net.link.fds = net.link.fds.max(1);
        let incarnation = net.link.incarnation;
        let mut net = SocketNet::new(net)?;
        net.contend(spot)?;
        let mut client = options.client.clone();
        (client.queue, client.seed) = (session.link.queue, u64::from(jitter(&Kernel)));
        let machine = machine::Peer::new(machine::PeerOptions {
            standby: options.standby,
            incarnation,
            process: Kernel.process()?,
            client,
            server: server::ServerOptions { queue: session.link.queue, ..options.server.clone() },
            ..machine::PeerOptions::new(address, options.hello.clone())
        });
        let mut peer = Self::new_over(machine, net, session.inbox);
        peer.order(Command::Join);
        Ok(peer)
    }

    /// Does it take part? What is told of that in the beginning is told here alone.
    ///
    /// # Errors
    /// Why the first attempt has failed. Nothing was changed, but that there may be a lock file now.
    pub fn joined(&mut self) -> Result<Option<()>, Error> {
        if self.role() != Role::Negotiating {
            return Ok(Some(()));
        }
        while let Some(event) = self.happened() {
            if let PeerEvent::Trouble(why) = event {
                return Err(why);
            }
        }
        Ok(None)
    }

    /// Who it is among its like.
    pub fn role(&self) -> Role {
        self.engine.machine().role()
    }

    /// The connection to whoever listens.
    pub fn listener(&self) -> Option<ConnId> {
        self.engine.machine().listener()
    }

    /// The so-manieth socket at the path, as far as it knows.
    pub fn epoch(&self) -> u64 {
        self.engine.machine().epoch()
    }

    /// As the listener: who takes over when this one is gone.
    pub fn standby(&self) -> Option<ConnId> {
        self.engine.machine().standby()
    }

    /// The next message. Requests are refused, so that whoever asks does not wait for ever.
    pub fn received(&mut self) -> Option<(ConnId, Message)> {
        loop {
            match self.happened()? {
                PeerEvent::Message(id, message) => return Some((id, message)),
                PeerEvent::Request(Request { id, connection, .. }) => {
                    let answer = Ask::Answer(connection, id, Answer::not_served());
                    self.order(Command::Many(answer));
                }
                _ => {}
            }
        }
    }

    /// Takes part no more: the path is left to the standby, or given up. Connections stay.
    pub fn leave_path(&mut self) {
        self.order(Command::Leave);
    }
}

impl Many for machine::Peer<Carried> {
    type Happening = PeerEvent;

    fn ask(command: Ask<Carried>) -> Command<Carried> {
        Command::Many(command)
    }

    fn leave() -> Command<Carried> {
        Command::Leave
    }

    fn sort(
        event: Event<Carried>,
        net: &mut SocketNet,
    ) -> Result<server::Event<Carried>, Option<(PeerEvent, Load)>> {
        let told = match event {
            Event::Many(event) => return Ok(event),
            Event::Role(role) => PeerEvent::Role(role),
            Event::Joined(id, hello) => {
                let ids = net.borrowed(id).and_then(|fd| Kernel.peer_ids(fd).ok());
                PeerEvent::Joined(Neighbour::new(id, hello, ids))
            }
            Event::Failed(Trouble::Refused(why)) => PeerEvent::Trouble(net.refusal(why).into()),
            Event::Failed(Trouble::Unreachable(reason)) => PeerEvent::Trouble(unreachable(reason)),
            Event::Left => return Err(None),
        };
        Err(Some((told, WORD)))
    }

    fn tell(happening: Happening) -> Option<PeerEvent> {
        Some(match happening {
            // It is told with a name.
            Happening::Joined(_) => return None,
            Happening::Message(id, message) => PeerEvent::Message(id, message),
            Happening::Request(request) => PeerEvent::Request(request),
            Happening::Cancelled(id, call) => PeerEvent::Cancelled(id, call),
            Happening::Left(id, reason) => PeerEvent::Left(id, reason),
        })
    }

    fn is_request(happening: &PeerEvent, id: ConnId, call: CallId) -> bool {
        matches!(happening, PeerEvent::Request(it) if (it.connection, it.id) == (id, call))
    }
}

/// What keeps a peer from whoever is at the path, as the error that it is.
fn unreachable(reason: Reason) -> Error {
    match reason {
        Reason::Error { errno } => io::Error::from_raw_os_error(errno).into(),
        Reason::Fault(fault) => fault.into(),
        other => other.into(),
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
