//! A machine and its sockets: the machine decides, the sockets do, and a driver waits for one descriptor and one
//! moment.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use ginnel_proto::machine::{Action, Input, Machine, NetEvent, Output};

/// The sockets of one engine: actions in, reports out.
pub trait Net {
    /// What a descriptor is.
    type Fd;

    /// Carries out an order. What comes of it is reported.
    fn act(&mut self, action: Action<Self::Fd>, now: Instant);

    /// The next report.
    fn report(&mut self) -> Option<NetEvent<Self::Fd>>;

    /// Writes what was ordered, as far as that needs no waiting. `false`: there was nothing to write.
    fn flush(&mut self, now: Instant) -> bool;

    /// Reads only from those that leave, or from everybody again.
    fn hold(&mut self, hold: bool);

    /// Does what is ready, a bounded amount of it. `false`: nothing was. `look`: ask the poller what is.
    ///
    /// # Errors
    /// The poller's.
    fn turn(&mut self, now: Instant, look: bool) -> io::Result<bool>;

    /// When to turn at the latest.
    fn deadline(&self) -> Option<Instant>;
}

/// A machine, its sockets, and what the application has not been told yet.
///
/// A driver waits for the descriptor and the deadline, turns until there is nothing more to do, and takes the events.
/// Nothing here waits, and nothing recurses: reports are queued and fed to the machine one by one.
#[derive(Debug)]
pub struct Engine<M: Machine, N> {
    machine: M,
    net: N,
    events: VecDeque<M::Event>,
}

impl<M: Machine, N: Net<Fd = M::Fd>> Engine<M, N> {
    /// A machine and its sockets.
    pub const fn new(machine: M, net: N) -> Self {
        Self { machine, net, events: VecDeque::new() }
    }

    /// What decides.
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// What decides. Nothing may be done with it but to take what waits in it: the rest are inputs.
    pub const fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// What does.
    pub const fn net(&self) -> &N {
        &self.net
    }

    /// What does.
    pub const fn net_mut(&mut self) -> &mut N {
        &mut self.net
    }

    /// Asks the machine for something. What it orders is begun at once, but nothing is written before somebody flushes
    /// or turns: many small frames leave together.
    pub fn command(&mut self, command: M::Command, now: Instant) {
        self.feed(Input::App(command), now);
        self.take_reports(now);
    }

    /// Writes what was ordered, as far as that needs no waiting. `false`: there was nothing to write.
    pub fn flush(&mut self, now: Instant) -> bool {
        let mut some = false;
        // What was written makes room for more.
        while self.net.flush(now) {
            self.take_reports(now);
            some = true;
        }
        self.take_reports(now);
        some
    }

    /// The next thing that the application is told.
    pub fn poll_event(&mut self) -> Option<M::Event> {
        self.events.pop_front()
    }

    /// Events that nobody has taken.
    pub fn waiting_events(&self) -> usize {
        self.events.len()
    }

    /// Does what is ready, a bounded amount of it, and writes what that led to. `false`: nothing was, and it is time to
    /// wait. `look`: ask the poller what is; without, only what is known already is seen to.
    ///
    /// # Errors
    /// The poller's: the engine is of no more use.
    pub fn turn(&mut self, now: Instant, look: bool) -> io::Result<bool> {
        let mut active = self.net.turn(now, look)?;
        // What has come in time is not late because nobody looked.
        self.take_reports(now);
        if self.machine.deadline().is_some_and(|deadline| deadline <= now) {
            self.feed(Input::Timeout, now);
            active = true;
        }
        self.take_reports(now);
        self.flush(now);
        Ok(active)
    }

    /// Reads only from those that leave, or from everybody again: whoever takes the events has enough of them, or has
    /// not.
    pub fn hold(&mut self, hold: bool) {
        self.net.hold(hold);
    }

    /// When to turn at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        [self.machine.deadline(), self.net.deadline()].into_iter().flatten().min()
    }

    fn take_reports(&mut self, now: Instant) {
        while let Some(report) = self.net.report() {
            self.feed(Input::Net(report), now);
        }
    }

    fn feed(&mut self, input: Input<M::Command, M::Fd>, now: Instant) {
        for output in self.machine.handle(input, now) {
            match output {
                Output::App(event) => self.events.push_back(event),
                Output::Net(action) => self.net.act(action, now),
            }
        }
    }
}
