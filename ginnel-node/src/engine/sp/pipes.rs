use std::io;
use std::net::SocketAddr;

use ginnel_os::sp::{DialerId, ListenerId, Socket};
use ginnel_os::{AdoptError, ConnId, Credentials, Error, Handle};
use ginnel_proto::sp::{Dropped, Event, Pattern};

use super::Turns;

/// What an end takes part in, whatever its messages mean.
pub(super) trait Pipes: Turns {
    fn listen(&mut self, url: &str) -> Result<ListenerId, Error>;
    fn close_listener(&mut self, id: ListenerId) -> bool;
    fn port(&self, id: ListenerId) -> io::Result<SocketAddr>;
    fn dial(&mut self, url: &str) -> Result<DialerId, Error>;
    fn dialled(&self, dialer: DialerId) -> Option<Result<ConnId, Error>>;
    fn hang_up(&mut self, dialer: DialerId);
    fn adopt(&mut self, fd: Handle) -> Result<ConnId, AdoptError>;
    fn event(&mut self) -> Option<Event>;
    fn pipes(&self) -> Vec<ConnId>;
    fn credentials(&self, pipe: ConnId) -> io::Result<Credentials>;
    fn close_pipe(&mut self, pipe: ConnId) -> bool;
    fn dropped(&self) -> Dropped;
    fn flushed(&self) -> bool;
    fn wind_down(&mut self) -> bool;
}

impl<P: Pattern> Pipes for Socket<P> {
    fn listen(&mut self, url: &str) -> Result<ListenerId, Error> {
        Self::listen(self, url)
    }

    fn close_listener(&mut self, id: ListenerId) -> bool {
        Self::close_listener(self, id)
    }

    fn port(&self, id: ListenerId) -> io::Result<SocketAddr> {
        self.bound_port(id)
    }

    fn dial(&mut self, url: &str) -> Result<DialerId, Error> {
        Self::dial(self, url)
    }

    fn dialled(&self, dialer: DialerId) -> Option<Result<ConnId, Error>> {
        Self::dialled(self, dialer)
    }

    fn hang_up(&mut self, dialer: DialerId) {
        Self::hang_up(self, dialer);
    }

    fn adopt(&mut self, fd: Handle) -> Result<ConnId, AdoptError> {
        Self::adopt(self, fd)
    }

    fn event(&mut self) -> Option<Event> {
        Self::event(self)
    }

    fn pipes(&self) -> Vec<ConnId> {
        Self::pipes(self)
    }

    fn credentials(&self, pipe: ConnId) -> io::Result<Credentials> {
        self.peer_credentials(pipe)
    }

    fn close_pipe(&mut self, pipe: ConnId) -> bool {
        Self::close_pipe(self, pipe)
    }

    fn dropped(&self) -> Dropped {
        Self::dropped(self)
    }

    fn flushed(&self) -> bool {
        Self::flushed(self).is_some()
    }

    fn wind_down(&mut self) -> bool {
        Self::wind_down(self).is_some()
    }
}
