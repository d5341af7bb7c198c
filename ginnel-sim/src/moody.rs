//! A machine that also pauses connections, as it is told, and sees how deep on the stack it is asked.

use std::collections::VecDeque;
use std::time::Instant;

use ginnel_proto::machine::{Action, ConnId, Input, Machine, Output, Outputs};

use crate::kernel::Fake;

/// A machine inside another.
#[derive(Debug)]
pub(crate) struct Moody<M: Machine> {
    fake: Fake,
    inner: M,
    outputs: VecDeque<Output<M::Event, M::Fd>>,
    /// The last connection that it wanted to be made.
    wanted: ConnId,
}

/// What it is asked.
#[derive(Debug)]
pub(crate) enum Mood<C> {
    Ask(C),
    Pause(ConnId),
    Resume(ConnId),
}

impl<M: Machine> Moody<M> {
    pub(crate) const fn new(fake: Fake, inner: M) -> Self {
        Self { fake, inner, outputs: VecDeque::new(), wanted: ConnId(0) }
    }

    /// The last connection that it wanted to be made.
    pub(crate) const fn wanted(&self) -> ConnId {
        self.wanted
    }

    pub(crate) const fn inner_mut(&mut self) -> &mut M {
        &mut self.inner
    }

    pub(crate) const fn inner(&self) -> &M {
        &self.inner
    }
}

impl<M: Machine> Machine for Moody<M> {
    type Command = Mood<M::Command>;
    type Event = M::Event;
    type Fd = M::Fd;

    fn handle(&mut self, input: Input<Self::Command, M::Fd>, now: Instant) -> Outputs<'_, M::Event, M::Fd> {
        self.fake.check_depth();
        let input = match input {
            Input::App(Mood::Ask(command)) => Some(Input::App(command)),
            Input::App(Mood::Pause(id)) => {
                self.outputs.push_back(Output::Net(Action::Pause(id)));
                None
            }
            Input::App(Mood::Resume(id)) => {
                self.outputs.push_back(Output::Net(Action::Resume(id)));
                None
            }
            Input::Net(event) => Some(Input::Net(event)),
            Input::Timeout => Some(Input::Timeout),
        };
        if let Some(input) = input {
            let pid = self.fake.pid().0;
            self.fake.note(|| format!("  {pid} is told {:.150}", format!("{input:?}")));
            self.outputs.extend(self.inner.handle(input, now));
        }
        for output in &self.outputs {
            let Output::Net(action) = output else { continue };
            self.fake.note(|| format!("    and says {action:.150?}"));
            if let Action::Connect(id, _) | Action::Probe(id) = action {
                self.wanted = *id;
            }
        }
        Outputs::new(&mut self.outputs)
    }

    fn deadline(&self) -> Option<Instant> {
        self.inner.deadline()
    }
}
