use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::forward::{Forwards, Passing};
use super::header::{headed, take_word};
use super::queue::{Queue, Weighs};
use super::{Options, Pattern, Pipes, Protocol, RawReplier, SpFault};
use crate::limits::Bound;
use crate::machine::ConnId;
use crate::{Frame, Message};

/// The back of a device for requests, or for surveys: it asks what others have asked, and passes their answers on. It
/// knows nothing of open questions: whoever asked does.
#[derive(Debug)]
pub struct RawAsker<const SURVEYS: bool> {
    waiting: VecDeque<Passing>,
    arrived: Queue<Passing>,
    inbox: Bound,
    most_sent: usize,
}

/// The back of a device for requests.
pub type RawReq = RawAsker<false>;
/// The back of a device for surveys.
pub type RawSurveyor = RawAsker<true>;

fn frame<F>(Passing { word, body }: Passing) -> Frame<F> {
    match word {
        Some(word) => headed(word, body),
        None => Message::new(body).into(),
    }
}

impl<const SURVEYS: bool> Pattern for RawAsker<SURVEYS> {
    const END: Protocol = if SURVEYS { Protocol::Surveyor } else { Protocol::Req };
    type Command = Passing;

    fn new(options: &Options) -> Self {
        let most_sent = options.send_queue.unwrap_or(SENT).max(1);
        Self { waiting: VecDeque::new(), arrived: Queue::new(), inbox: options.inbox, most_sent }
    }

    fn command<F>(&mut self, pipes: &mut Pipes<F>, passing: Passing, _now: Instant) {
        if SURVEYS {
            let frame = frame(passing);
            return pipes
                .give_all(&frame, |pipes, pipe, frame| pipes.give_first(pipe, frame, self.most_sent));
        }
        pipes.give_next(&mut self.waiting, passing, frame);
    }

    fn detached<F>(&mut self, pipes: &mut Pipes<F>, pipe: ConnId, returned: Vec<Bytes>, now: Instant) {
        if SURVEYS {
            pipes.dropped.unsent += returned.len() as u64;
            return;
        }
        let again = returned.into_iter().rev().map(|body| Passing { word: None, body });
        again.for_each(|passing| self.waiting.push_front(passing));
        self.room(pipes, pipe, now);
    }

    fn received<F>(&mut self, _pipes: &mut Pipes<F>, _pipe: ConnId, mut body: Bytes) -> Result<(), SpFault> {
        let word = Some(take_word(&mut body)?);
        self.arrived.push(Passing { word, body });
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
        SURVEYS || (self.waiting.is_empty() && pipes.is_any_ready())
    }

    fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }
}

impl<const SURVEYS: bool> Forwards for RawAsker<SURVEYS> {
    type With = RawReplier<SURVEYS>;

    fn fetch(&mut self) -> Option<Passing> {
        self.arrived.pop()
    }

    fn forward(passing: Passing) -> Option<Passing> {
        Some(passing)
    }
}

impl Weighs for Passing {
    fn bytes(&self) -> usize {
        self.body.len() + size_of::<Self>()
    }
}

/// Surveys that wait for one pipe.
const SENT: usize = 8;
