use std::time::Instant;

use bytes::Bytes;

use super::queue::Queue;
use super::topics::Topics;
use super::{Options, Pattern, Pipes, Protocol, Receives, SpFault};
use crate::limits::Bound;
use crate::machine::ConnId;

/// Hears the messages that begin with something it has subscribed to; of those that come too fast, the latest.
#[derive(Debug)]
pub struct Sub {
    topics: Topics,
    bound: Bound,
    arrived: Queue<Bytes>,
    most: usize,
    prefer_new: bool,
}

/// What a [`Sub`] is asked.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one undoes the other")]
pub enum SubCommand {
    /// Hear what begins with this.
    Subscribe(Bytes),
    /// Hear it no more; what waits and is not wanted any more is dropped.
    Unsubscribe(Bytes),
}

impl Sub {
    /// Would this subscription be kept?
    pub fn may_subscribe(&self, prefix: &[u8]) -> bool {
        self.topics.admits(prefix, self.bound)
    }

    /// Is this prefix subscribed to?
    pub fn is_subscribed(&self, prefix: &[u8]) -> bool {
        self.topics.contains(prefix)
    }

    /// How much of subscriptions is kept.
    pub const fn bound(&self) -> Bound {
        self.bound
    }
}

impl Pattern for Sub {
    const END: Protocol = Protocol::Sub;
    type Command = SubCommand;

    fn new(options: &Options) -> Self {
        Self {
            topics: Topics::default(),
            bound: options.subscriptions,
            arrived: Queue::new(),
            most: options.receive_queue.unwrap_or(QUEUE).max(1),
            prefer_new: options.prefer_new,
        }
    }

    fn command<F>(&mut self, _pipes: &mut Pipes<F>, command: SubCommand, _now: Instant) {
        match command {
            SubCommand::Subscribe(prefix) if self.may_subscribe(&prefix) => self.topics.add(prefix),
            SubCommand::Subscribe(_) => {}
            SubCommand::Unsubscribe(prefix) => {
                if self.topics.remove(&prefix) {
                    self.arrived.retain(|body| self.topics.match_start_of(body));
                }
            }
        }
    }

    #[inline]
    fn received<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, body: Bytes) -> Result<(), SpFault> {
        if !self.topics.match_start_of(&body) {
            return Ok(());
        }
        if self.arrived.len() >= self.most {
            pipes.dropped.unreceived += 1;
            if !self.prefer_new {
                return Ok(());
            }
            self.arrived.pop();
        }
        self.arrived.push(body);
        Ok(())
    }

    fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }
}

impl Receives for Sub {
    type Item = Bytes;

    #[inline]
    fn receive(&mut self) -> Option<Bytes> {
        self.arrived.pop()
    }
}

/// Messages that wait to be received.
const QUEUE: usize = 128;
