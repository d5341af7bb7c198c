use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::forward::{Forwards, Passing};
use super::header::{headed, take_word};
use super::pair::judge_hops;
use super::queue::Queue;
use super::{Options, Pattern, Pipes, Protocol, SpFault};
use crate::Frame;
use crate::limits::Bound;
use crate::machine::ConnId;

/// Either side of a device between pairs of version 1: it counts one hop more.
#[derive(Debug)]
pub struct RawPair1 {
    waiting: VecDeque<Passing>,
    arrived: Queue<Passing>,
    inbox: Bound,
    ttl: u8,
}

/// With one hop more.
fn frame<F>(Passing { word, body }: Passing) -> Frame<F> {
    headed(word.unwrap_or(0).saturating_add(1), body)
}

impl Pattern for RawPair1 {
    const END: Protocol = Protocol::Pair1;
    type Command = Passing;

    fn new(options: &Options) -> Self {
        Self { waiting: VecDeque::new(), arrived: Queue::new(), inbox: options.inbox, ttl: options.hops() }
    }

    fn command<F>(&mut self, pipes: &mut Pipes<F>, passing: Passing, _now: Instant) {
        pipes.give_next(&mut self.waiting, passing, frame);
    }

    fn admits<F>(&self, pipes: &Pipes<F>) -> bool {
        pipes.is_empty()
    }

    fn detached<F>(&mut self, _pipes: &mut Pipes<F>, _pipe: ConnId, returned: Vec<Bytes>, _now: Instant) {
        for mut body in returned.into_iter().rev() {
            // The count was written by us, one higher than it came.
            if let Ok(word) = take_word(&mut body) {
                self.waiting.push_front(Passing { word: word.checked_sub(1), body });
            }
        }
    }

    fn received<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, mut body: Bytes) -> Result<(), SpFault> {
        let count = take_word(&mut body)?;
        if judge_hops(count, self.ttl)? {
            self.arrived.push(Passing { word: Some(count), body });
        } else {
            pipes.dropped.hops += 1;
        }
        Ok(())
    }

    fn room<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, _now: Instant) {
        pipes.give_waiting(&mut self.waiting, frame);
    }

    fn has_room(&self) -> bool {
        self.arrived.is_within(self.inbox)
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn takes<F>(&self, pipes: &Pipes<F>) -> bool {
        self.waiting.is_empty() && pipes.is_any_ready()
    }

    fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }
}

impl Forwards for RawPair1 {
    type With = Self;

    fn fetch(&mut self) -> Option<Passing> {
        self.arrived.pop()
    }

    fn forward(passing: Passing) -> Option<Passing> {
        Some(passing)
    }
}
