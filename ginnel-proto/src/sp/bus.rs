use std::time::Instant;

use bytes::Bytes;

use super::queue::Queue;
use super::{Options, Pattern, Pipes, Protocol, Receives, Sends, SpFault};
use crate::machine::ConnId;
use crate::{Frame, Message};

/// Tells all neighbours, and hears them; what comes too fast, for a neighbour or for us, is dropped.
#[derive(Debug)]
pub struct Bus {
    most_sent: usize,
    arrived: Queue<Bytes>,
    most: usize,
}

impl Pattern for Bus {
    const END: Protocol = Protocol::Bus;
    type Command = Bytes;

    fn new(options: &Options) -> Self {
        Self {
            most_sent: options.send_queue.unwrap_or(QUEUE).max(1),
            arrived: Queue::new(),
            most: options.receive_queue.unwrap_or(QUEUE).max(1),
        }
    }

    fn command<F>(&mut self, pipes: &mut Pipes<F>, body: Bytes, _now: Instant) {
        let frame = Frame::from(Message::new(body));
        pipes.give_all(&frame, |pipes, pipe, frame| pipes.give_first(pipe, frame, self.most_sent));
    }

    fn detached<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, returned: Vec<Bytes>, _now: Instant) {
        pipes.dropped.unsent += returned.len() as u64;
    }

    #[inline]
    fn received<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, body: Bytes) -> Result<(), SpFault> {
        if self.arrived.len() < self.most {
            self.arrived.push(body);
        } else {
            pipes.dropped.unreceived += 1;
        }
        Ok(())
    }

    fn takes<F>(&self, _pipes: &Pipes<F>) -> bool {
        true
    }

    fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }
}

impl Sends for Bus {
    fn send(body: Bytes) -> Bytes {
        body
    }
}

impl Receives for Bus {
    type Item = Bytes;

    #[inline]
    fn receive(&mut self) -> Option<Bytes> {
        self.arrived.pop()
    }
}

/// Messages that wait for one neighbour, and for us.
const QUEUE: usize = 16;
