use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::{Grant, Options, Pattern, Pipes, Protocol, Sends, SpFault};
use crate::Message;
use crate::machine::ConnId;

/// Gives each message to one of those who take work, in turn, and never to one who is behind.
///
/// What was given to a pipe that is lost before anything of it was written goes to another.
#[derive(Debug)]
pub struct Push {
    waiting: VecDeque<Bytes>,
    most: usize,
}

impl Push {
    fn send_waiting<F>(&mut self, pipes: &mut Pipes<F>) {
        pipes.give_waiting(&mut self.waiting, |body| Message::new(body).into());
    }
}

impl Pattern for Push {
    const END: Protocol = Protocol::Push;
    type Command = Bytes;

    fn new(options: &Options) -> Self {
        Self { waiting: VecDeque::new(), most: options.send_queue.unwrap_or(0) }
    }

    #[inline]
    fn command<F>(&mut self, pipes: &mut Pipes<F>, body: Bytes, _now: Instant) {
        pipes.give_next(&mut self.waiting, body, |body| Message::new(body).into());
    }

    #[inline]
    fn grant<F>(&mut self, pipes: &mut Pipes<F>, bytes: usize) -> Option<Grant> {
        if !self.waiting.is_empty() {
            return None;
        }
        let (pipe, send) = pipes.grant(bytes)?;
        Some(Grant { pipe, send, word: None })
    }

    fn detached<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, returned: Vec<Bytes>, _now: Instant) {
        returned.into_iter().rev().for_each(|body| self.waiting.push_front(body));
        self.send_waiting(pipes);
    }

    fn received<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, _body: Bytes) -> Result<(), SpFault> {
        pipes.dropped.unwanted += 1;
        Ok(())
    }

    fn room<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, _now: Instant) {
        self.send_waiting(pipes);
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    #[inline]
    fn takes<F>(&self, pipes: &Pipes<F>) -> bool {
        (self.waiting.is_empty() && pipes.is_any_ready()) || self.waiting.len() < self.most
    }
}

impl Sends for Push {
    fn send(body: Bytes) -> Bytes {
        body
    }
}
