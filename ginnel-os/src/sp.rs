//! One end of a protocol of SP: its engine, its listeners and dialers, and what happened to its pipes. Never waits by
//! itself.

mod device;
mod exchange;
mod options;
mod places;

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use ginnel_proto::client::Reason;
use ginnel_proto::machine::{ConnId, Failure};
use ginnel_proto::sp::{self as machine, Command, Dropped, Event, Pattern};
use ginnel_proto::{CallId, Wire};

use crate::credentials::Credentials;
use crate::driven::{Awaited, Driven};
use crate::engine::Engine;
use crate::net::SocketNet;
use crate::socket::AdoptError;
use crate::stream::Stream;
use crate::sys::{Carried, Descriptors, Handle, Kernel, Sockets, Sys, codes};

pub use device::pass;
pub use options::Options;
pub use places::{DialerId, ListenerId};

/// One end, with any number of pipes.
///
/// Each operation takes what is there, or answers `None`: not yet.
#[derive(Debug)]
pub struct Socket<P: Pattern> {
    engine: Engine<machine::Socket<P, Carried>, SocketNet>,
    listener: crate::ListenerOptions,
    events: VecDeque<Event>,
    /// It was closed, for good.
    stopped: bool,
    /// Something changed that others may wait for.
    stirred: bool,
    /// When the machine was last told what time it is.
    moment: Instant,
    /// When somebody who only sends last looked after the pipes.
    attended: Instant,
}

impl<P: Pattern> Socket<P> {
    /// An end without pipes.
    ///
    /// # Errors
    /// The kernel's, for the poller.
    pub fn new(options: &Options) -> io::Result<Self> {
        Ok(Self {
            engine: Engine::new(
                machine::Socket::new(&options.machine()),
                SocketNet::new(options.net(P::END))?,
            ),
            listener: options.listener.clone(),
            events: VecDeque::new(),
            stopped: false,
            stirred: false,
            moment: Instant::now(),
            attended: Instant::now(),
        })
    }

    fn order(&mut self, command: Command<P::Command>) {
        self.moment = Instant::now();
        self.order_now(command);
    }

    /// As [`order`](Self::order), for what needs no clock: looking at it takes as long as sending a small message.
    #[inline]
    fn order_now(&mut self, command: Command<P::Command>) {
        self.engine.command(command, self.moment);
        self.write_if_choked();
        self.sort();
    }

    /// Writes, if a pipe has taken all that it takes before something is written.
    #[inline]
    fn write_if_choked(&mut self) {
        if self.engine.machine_mut().take_choked() {
            self.moment = Instant::now();
            self.engine.flush(self.moment);
            self.sort();
            // Somebody may wait for what was written here.
            self.stirred = true;
        }
    }

    /// Takes in a connected stream socket of any kind, over which both sides greet at once: `socket://`.
    ///
    /// # Errors
    /// It is no socket, no stream, listens, or is not connected; `BrokenPipe` once this end has stopped. It comes back
    /// untouched.
    pub fn adopt(&mut self, fd: Handle) -> Result<ConnId, AdoptError> {
        let checked = match Kernel.is_connected_stream(Kernel.borrow(&fd)) {
            _ if self.stopped => Err(io::ErrorKind::BrokenPipe.into()),
            _ if self.engine.net().is_inherited() => Err(crate::SocketError::Forked.into()),
            Ok(true) => Ok(()),
            Ok(false) if Kernel.is_listening(Kernel.borrow(&fd)).unwrap_or(false) => {
                Err(crate::SocketError::WrongRole { listening: true }.into())
            }
            Ok(false) => Err(crate::SocketError::NoStream.into()),
            Err(error) if error.raw_os_error() == Some(codes::NO_SOCKET) => {
                Err(crate::SocketError::NoStream.into())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = checked {
            return Err(AdoptError::new(error, fd));
        }
        let stream = Stream::unchecked_on(Kernel, fd);
        let pipe = self.engine.net_mut().admit(stream, Wire::Sp(P::END), Instant::now());
        // It may be dead already, and then that is to be told.
        self.flush();
        self.stirred = true;
        Ok(pipe)
    }

    /// The next thing that happened to a pipe. Of what nobody takes, the last 1,024 are kept.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The pipes that are attached, the oldest first of each kind: those that were dialled, then the others.
    pub fn pipes(&self) -> Vec<ConnId> {
        self.engine.machine().pipes().ids().collect()
    }

    /// How many pipes are attached.
    pub fn pipe_count(&self) -> usize {
        self.engine.machine().pipes().len()
    }

    /// Who is at the other end of a pipe, as recorded when it was made.
    ///
    /// # Errors
    /// `NotConnected` if it is gone; `Unsupported` if it does not stay on this machine; the kernel's.
    pub fn peer_credentials(&self, pipe: ConnId) -> io::Result<Credentials> {
        let open = self.engine.net().borrowed(pipe);
        let open = open.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        match Kernel.kind(open)? {
            Some(_) => Credentials::of(open),
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Closes a pipe. What its link holds is still written; a dialer dials again. `false`: it is gone already.
    pub fn close_pipe(&mut self, pipe: ConnId) -> bool {
        let was_there = self.engine.machine().pipes().contains(pipe);
        self.order(Command::Close(pipe));
        was_there
    }

    /// Messages that went nowhere, since the beginning.
    pub fn dropped(&self) -> Dropped {
        self.engine.machine().dropped()
    }

    /// Listens and dials no more, and closes every pipe. From now on it takes nothing in.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.close_listeners();
        self.order(Command::Stop);
        self.stirred = true;
    }

    /// Why nothing more will come of it, once it has [stopped](Self::stop). What waits in it can still be taken.
    pub fn ended(&self) -> Option<Reason> {
        self.stopped.then_some(Reason::Intentional)
    }

    /// Is there nobody left, neither here nor there?
    pub fn wind_down(&mut self) -> Option<()> {
        if self.engine.machine().unsent() > 0 && self.pipe_count() > 0 {
            return None;
        }
        self.stop();
        self.is_quiet().then_some(())
    }
}

impl<P: Pattern> Driven for Socket<P> {
    type Machine = machine::Socket<P, Carried>;

    fn engine(&self) -> &Engine<Self::Machine, SocketNet> {
        &self.engine
    }

    fn engine_mut(&mut self) -> &mut Engine<Self::Machine, SocketNet> {
        &mut self.engine
    }

    fn take(&mut self, event: Event) {
        tell(&event);
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
        self.stirred = true;
    }

    fn has_room(&self) -> bool {
        self.engine.machine().pattern().has_room()
    }

    fn is_ripe(&self, awaited: Awaited) -> bool {
        let machine = self.engine.machine();
        match awaited {
            _ if self.stopped => true,
            Awaited::Room(_) => machine.pattern().takes(machine.pipes()),
            Awaited::Sent(..) => machine.unsent() == 0,
            Awaited::Answer(_, CallId(id)) => machine.pattern().has_answer(machine::AskId(id as u32)),
            Awaited::Arrival => machine.pattern().has_arrived(),
            Awaited::Change(0) => !self.events.is_empty(),
            Awaited::Change(dialer) => machine.dialled(DialerId(dialer)).is_some(),
            Awaited::Quiet => true,
        }
    }

    fn take_stirred(&mut self) -> bool {
        std::mem::take(&mut self.stirred)
    }

    fn stir(&mut self) {
        self.stirred = true;
    }

    fn leave(&mut self) {
        self.stop();
    }
}

impl<P: Pattern> Drop for Socket<P> {
    fn drop(&mut self) {
        // A forked child must not touch what its parent owns.
        if !self.engine.net().is_inherited() {
            self.close_listeners();
        }
    }
}

fn tell(event: &Event) {
    match event {
        Event::Attached(pipe) => tracing::debug!(pipe = pipe.0, "a pipe is attached"),
        Event::Detached(pipe, why) => tracing::debug!(pipe = pipe.0, ?why, "a pipe is gone"),
        Event::Rejected(pipe, why) => tracing::info!(pipe = pipe.0, ?why, "somebody did not become a pipe"),
        Event::DialFailed(dialer, Failure::Busy, pause) => {
            tracing::debug!(dialer = dialer.0, ?pause, "whoever was dialled is busy");
        }
        Event::DialFailed(dialer, why, pause) => {
            tracing::debug!(dialer = dialer.0, ?why, ?pause, "nobody could be dialled");
        }
    }
}

/// Events that nobody has taken.
const EVENTS: usize = 1024;

#[cfg(unix)]
#[cfg(test)]
mod tests;
