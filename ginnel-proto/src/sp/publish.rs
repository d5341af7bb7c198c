use std::time::Instant;

use bytes::Bytes;

use super::{Options, Pattern, Pipes, Protocol, Sends, SpFault};
use crate::machine::ConnId;
use crate::{Frame, Message};

/// Tells everybody, and waits for nobody: for whoever is behind the oldest is dropped.
#[derive(Debug)]
pub struct Pub {
    most: usize,
}

impl Pattern for Pub {
    const END: Protocol = Protocol::Pub;
    type Command = Bytes;

    fn new(options: &Options) -> Self {
        Self { most: options.send_queue.unwrap_or(QUEUE).max(1) }
    }

    fn command<F>(&mut self, pipes: &mut Pipes<F>, body: Bytes, _now: Instant) {
        let frame = Frame::from(Message::new(body));
        pipes.give_all(&frame, |pipes, pipe, frame| pipes.give_freshest(pipe, frame, self.most));
    }

    fn detached<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, returned: Vec<Bytes>, _now: Instant) {
        pipes.dropped.unsent += returned.len() as u64;
    }

    fn received<F>(&mut self, _pipes: &mut Pipes<F>, _pipe: ConnId, _body: Bytes) -> Result<(), SpFault> {
        Err(SpFault::SpokenTo)
    }

    fn takes<F>(&self, _pipes: &Pipes<F>) -> bool {
        true
    }
}

impl Sends for Pub {
    fn send(body: Bytes) -> Bytes {
        body
    }
}

/// Messages that wait for one pipe.
const QUEUE: usize = 16;
