use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use super::forward::{Forwards, Passing};
use super::header::{NUMBER, Trace};
use super::queue::Queue;
use super::{Options, Pattern, Pipes, Protocol, RawAsker, SpFault};
use crate::Message;
use crate::limits::Bound;
use crate::machine::ConnId;

/// The front of a device for requests, or for surveys: it is asked, puts the number of the pipe before the question, and
/// finds the way back by it.
#[derive(Debug)]
pub struct RawReplier<const SURVEYS: bool> {
    arrived: Queue<Passing>,
    /// What each pipe is called in headers.
    words: BTreeMap<ConnId, u32>,
    pipes: BTreeMap<u32, ConnId>,
    last: u32,
    inbox: Bound,
    ttl: u8,
}

/// The front of a device for requests.
pub type RawRep = RawReplier<false>;
/// The front of a device for surveys.
pub type RawRespondent = RawReplier<true>;

impl<const SURVEYS: bool> Pattern for RawReplier<SURVEYS> {
    const END: Protocol = if SURVEYS { Protocol::Respondent } else { Protocol::Rep };
    type Command = Passing;

    fn new(options: &Options) -> Self {
        Self {
            arrived: Queue::new(),
            words: BTreeMap::new(),
            pipes: BTreeMap::new(),
            last: 0,
            inbox: options.inbox,
            ttl: options.hops(),
        }
    }

    fn command<F>(&mut self, pipes: &mut Pipes<F>, Passing { word, body }: Passing, _now: Instant) {
        let pipe = word.and_then(|word| self.pipes.get(&word).copied());
        let Some(pipe) = pipe.filter(|&pipe| pipes.give(pipe, Message::new(body).into())) else {
            pipes.dropped.unanswerable += 1;
            return;
        };
        pipes.pause_above(pipe, self.inbox);
    }

    fn attached<F>(&mut self, _pipes: &mut Pipes<F>, pipe: ConnId, _now: Instant) {
        // An answer under way to a pipe that has just gone must not find another; after two thousand million pipes a number
        // may be in use still.
        self.last = (self.last + 1) & !NUMBER;
        while self.last == 0 || self.pipes.contains_key(&self.last) {
            self.last = (self.last + 1) & !NUMBER;
        }
        self.words.insert(pipe, self.last);
        self.pipes.insert(self.last, pipe);
    }

    fn cut<F>(&self, pipes: &mut Pipes<F>, count: u64) {
        pipes.dropped.unanswerable += count;
    }

    fn detached<F>(&mut self, pipes: &mut Pipes<F>, pipe: ConnId, returned: Vec<Bytes>, _now: Instant) {
        pipes.dropped.unanswerable += returned.len() as u64;
        if let Some(word) = self.words.remove(&pipe) {
            self.pipes.remove(&word);
        }
    }

    fn received<F>(&mut self, pipes: &mut Pipes<F>, pipe: ConnId, body: Bytes) -> Result<(), SpFault> {
        match Trace::take(&mut body.clone(), self.ttl)? {
            Some(_) => self.arrived.push(Passing { word: self.words.get(&pipe).copied(), body }),
            None => pipes.dropped.hops += 1,
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.arrived.is_within(self.inbox)
    }

    fn takes<F>(&self, _pipes: &Pipes<F>) -> bool {
        true
    }

    fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }
}

impl<const SURVEYS: bool> Forwards for RawReplier<SURVEYS> {
    type With = RawAsker<SURVEYS>;

    fn fetch(&mut self) -> Option<Passing> {
        self.arrived.pop()
    }

    fn forward(passing: Passing) -> Option<Passing> {
        Some(passing)
    }
}
