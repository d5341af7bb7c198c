//! What a driver drives: an engine, and what it brought, sorted by who waits for it.

use std::io;
use std::time::{Duration, Instant};

use ginnel_proto::CallId;
use ginnel_proto::machine::{ConnId, Machine, SendId};

use crate::engine::Engine;
use crate::net::SocketNet;
use crate::poller::Waitable;
use crate::sys::Carried;

/// An engine behind a [`Client`](crate::Client), a [`Server`](crate::Server) and their like.
///
/// Operations on it are *looks*: each takes what it wants if it is there, and never waits. In between somebody turns
/// it.
pub trait Driven {
    /// What decides.
    type Machine: Machine<Fd = Carried>;

    /// The engine.
    fn engine(&self) -> &Engine<Self::Machine, SocketNet>;

    /// The engine.
    fn engine_mut(&mut self) -> &mut Engine<Self::Machine, SocketNet>;

    /// Keeps what the engine tells, for whoever waits for it.
    fn take(&mut self, event: <Self::Machine as Machine>::Event);

    /// Is there room for what arrives?
    fn has_room(&self) -> bool;

    /// Has come what this waits for, or will it never? It may say so too often, but not too rarely.
    fn is_ripe(&self, awaited: Awaited) -> bool;

    /// Has something changed, since somebody last asked, that others may wait for?
    fn take_stirred(&mut self) -> bool;

    /// Something has.
    fn stir(&mut self);

    /// Somebody will wait so long for connections to say the rest and to end over there. They are not cut before.
    fn set_drain(&mut self, drain: Duration) {
        self.engine_mut().net_mut().set_linger(drain.saturating_add(Duration::from_secs(1)));
    }

    /// Takes leave of everybody, for there is nobody left who could ask for something.
    fn leave(&mut self);

    /// Takes the engine's events. `false`: there were none.
    fn sort(&mut self) -> bool {
        let mut some = false;
        while let Some(event) = self.engine_mut().poll_event() {
            self.take(event);
            some = true;
        }
        if some {
            // Whoever waits for it may be another than whoever has led to it.
            self.stir();
        }
        some
    }

    /// Writes what was queued, as far as that needs no waiting. `false`: nothing was.
    fn flush(&mut self) -> bool {
        let written = self.engine_mut().flush(Instant::now());
        self.sort() || written
    }

    /// Does what is ready, a bounded amount of it. `false`: nothing was, and it is time to wait.
    ///
    /// `look`: the descriptor may be readable. Without, only what is known already is seen to.
    ///
    /// # Errors
    /// The poller's: it is of no more use.
    fn turn(&mut self, look: bool) -> io::Result<bool> {
        let hold = !self.has_room();
        self.engine_mut().hold(hold);
        let active = self.engine_mut().turn(Instant::now(), look)?;
        Ok(self.sort() || active)
    }

    /// Waits until there is something to do, or until this moment.
    ///
    /// # Errors
    /// The poller's.
    fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        // Nothing that is held is watched, and there may be room again.
        let at_once = self.wants_turn().then(Instant::now);
        let until = [until, self.deadline(), at_once].into_iter().flatten().min();
        self.engine_mut().net_mut().wait(until)
    }

    /// When to turn at the latest.
    fn deadline(&self) -> Option<Instant> {
        self.engine().deadline()
    }

    /// Is there something to do that no readiness will tell of?
    fn wants_turn(&self) -> bool {
        let net = self.engine().net();
        net.has_work() || (net.is_on_hold() && self.has_room())
    }

    /// Is there so much to do that a turn need not look?
    fn can_do_without_look(&self) -> bool {
        self.engine().net().can_do_without_look()
    }

    /// The descriptor that is readable when there is something to do.
    fn descriptor(&self) -> Waitable {
        self.engine().net().shared_descriptor()
    }

    /// Ends the wait of whoever waits for the descriptor.
    fn waker(&self) -> crate::Waker {
        self.engine().net().waker()
    }

    /// Has every connection ended, those included that were still saying goodbye?
    fn is_quiet(&self) -> bool {
        self.engine().net().connections() == 0
    }
}

/// What became of something that was to be queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "either it has a number or it is not there")]
pub enum Queued {
    /// It is queued, under this number.
    As(SendId),
    /// Nobody wants it any more, and it was dropped.
    NotWanted,
}

/// What somebody waits for. A client has one connection at a time, which is number 0 here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whatever is driven answers each")]
pub enum Awaited {
    /// Room in a queue.
    Room(ConnId),
    /// That the kernel has everything up to this.
    Sent(ConnId, SendId),
    /// An answer.
    Answer(ConnId, CallId),
    /// Anything that arrives.
    Arrival,
    /// A change of status that this subscriber has not seen.
    Change(u64),
    /// That every connection has ended. It is looked at after every turn.
    Quiet,
}
