use std::time::Instant;

use bytes::Bytes;

use super::queue::Queue;
use super::{Options, Pattern, Pipes, Protocol, Receives, SpFault};
use crate::limits::Bound;
use crate::machine::ConnId;

/// Takes work from all who give it.
#[derive(Debug)]
pub struct Pull {
    arrived: Queue<Bytes>,
    inbox: Bound,
}

impl Pattern for Pull {
    const END: Protocol = Protocol::Pull;
    type Command = super::Nothing;

    fn new(options: &Options) -> Self {
        Self { arrived: Queue::new(), inbox: options.inbox }
    }

    fn command<F>(&mut self, _pipes: &mut Pipes<F>, command: Self::Command, _now: Instant) {
        match command {}
    }

    #[inline]
    fn received<F>(&mut self, _pipes: &mut Pipes<F>, _pipe: ConnId, body: Bytes) -> Result<(), SpFault> {
        self.arrived.push(body);
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.arrived.is_within(self.inbox)
    }

    fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }
}

impl Receives for Pull {
    type Item = Bytes;

    #[inline]
    fn receive(&mut self) -> Option<Bytes> {
        self.arrived.pop()
    }
}
