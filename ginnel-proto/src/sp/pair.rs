use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::header::{headed, take_word};
use super::queue::Queue;
use super::{Grant, Options, Pattern, Pipes, Protocol, Receives, Sends, SpFault};
use crate::limits::Bound;
use crate::machine::ConnId;
use crate::{Frame, Message};

/// Two talk with each other: there is one pipe, and whoever comes meanwhile is turned away.
///
/// Version 1 counts the hops of a message. What the pipe was given and could not write goes to whoever comes next.
#[derive(Debug)]
pub struct Pair<const VERSION: u8> {
    /// Bodies, in front of them the count of hops where nothing else stands.
    waiting: VecDeque<Bytes>,
    most: usize,
    arrived: Queue<Bytes>,
    inbox: Bound,
    ttl: u8,
}

/// Version 0.
pub type Pair0 = Pair<0>;
/// Version 1.
pub type Pair1 = Pair<1>;

impl<const VERSION: u8> Pair<VERSION> {
    /// As it goes over the wire.
    #[inline]
    fn frame<F>(body: Bytes) -> Frame<F> {
        if VERSION == 0 { Message::new(body).into() } else { headed(FIRST_HOP, body) }
    }

    /// Takes the count of hops off a message of version 1. `None`: it has come too far.
    fn open(&self, mut body: Bytes) -> Result<Option<Bytes>, SpFault> {
        if VERSION == 0 {
            return Ok(Some(body));
        }
        let count = take_word(&mut body)?;
        Ok(judge_hops(count, self.ttl)?.then_some(body))
    }
}

impl<const VERSION: u8> Pattern for Pair<VERSION> {
    const END: Protocol = if VERSION == 0 { Protocol::Pair0 } else { Protocol::Pair1 };
    type Command = Bytes;

    fn new(options: &Options) -> Self {
        Self {
            waiting: VecDeque::new(),
            most: options.send_queue.unwrap_or(0),
            arrived: Queue::new(),
            inbox: options.inbox,
            ttl: options.hops(),
        }
    }

    #[inline]
    fn command<F>(&mut self, pipes: &mut Pipes<F>, body: Bytes, _now: Instant) {
        pipes.give_next(&mut self.waiting, body, Self::frame);
    }

    #[inline]
    fn grant<F>(&mut self, pipes: &mut Pipes<F>, bytes: usize) -> Option<Grant> {
        if !self.waiting.is_empty() {
            return None;
        }
        let (pipe, send) = pipes.grant(bytes)?;
        Some(Grant { pipe, send, word: (VERSION > 0).then_some(FIRST_HOP) })
    }

    fn admits<F>(&self, pipes: &Pipes<F>) -> bool {
        pipes.is_empty()
    }

    fn detached<F>(&mut self, _pipes: &mut Pipes<F>, _pipe: ConnId, returned: Vec<Bytes>, _now: Instant) {
        for mut body in returned.into_iter().rev() {
            // The count was written by us.
            if VERSION == 0 || take_word(&mut body).is_ok() {
                self.waiting.push_front(body);
            }
        }
    }

    #[inline]
    fn received<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, body: Bytes) -> Result<(), SpFault> {
        match self.open(body)? {
            Some(body) => self.arrived.push(body),
            None => pipes.dropped.hops += 1,
        }
        Ok(())
    }

    fn room<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, _now: Instant) {
        pipes.give_waiting(&mut self.waiting, Self::frame);
    }

    fn has_room(&self) -> bool {
        self.arrived.is_within(self.inbox)
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    #[inline]
    fn takes<F>(&self, pipes: &Pipes<F>) -> bool {
        (self.waiting.is_empty() && pipes.is_any_ready()) || self.waiting.len() < self.most
    }

    fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }
}

impl<const VERSION: u8> Sends for Pair<VERSION> {
    fn send(body: Bytes) -> Bytes {
        body
    }
}

impl<const VERSION: u8> Receives for Pair<VERSION> {
    type Item = Bytes;

    #[inline]
    fn receive(&mut self) -> Option<Bytes> {
        self.arrived.pop()
    }
}

/// Is this count of hops within the limit? Else the message is to be dropped.
pub(super) fn judge_hops(count: u32, ttl: u8) -> Result<bool, SpFault> {
    if count < MOST { Ok(count <= ttl.into()) } else { Err(SpFault::Hops { count }) }
}

/// The count of a message that nobody has forwarded.
const FIRST_HOP: u32 = 1;
/// No count is as large as this: it must fit one byte.
const MOST: u32 = 0x100;
