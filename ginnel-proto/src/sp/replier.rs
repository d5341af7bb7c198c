use std::time::Instant;

use bytes::Bytes;

use super::queue::{Queue, Weighs};
use super::{Options, Pattern, Pipes, Protocol, Receives, Replies, Request, SpFault, Trace};
use crate::limits::Bound;
use crate::machine::ConnId;

/// An end that is asked: a [`Rep`](super::Rep), or of surveys a [`Respondent`](super::Respondent).
///
/// Any number of requests may be in hand; each is answered once, in any order, or not at all. Whoever asks and does not
/// read the answers is not read from any more, so what waits for it is bounded.
#[derive(Debug)]
pub struct Replier<const SURVEYS: bool> {
    arrived: Queue<Request>,
    inbox: Bound,
    ttl: u8,
    /// What tells this end from others.
    end: u64,
}

/// An answer to a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    request: Request,
    body: Bytes,
}

impl<const SURVEYS: bool> Pattern for Replier<SURVEYS> {
    const END: Protocol = if SURVEYS { Protocol::Respondent } else { Protocol::Rep };
    type Command = Reply;

    fn new(options: &Options) -> Self {
        Self { arrived: Queue::new(), inbox: options.inbox, ttl: options.hops(), end: options.seed }
    }

    fn command<F>(&mut self, pipes: &mut Pipes<F>, Reply { request, body }: Reply, _now: Instant) {
        // Another end has other pipes, under the same numbers.
        let is_ours = request.end == self.end;
        if !(is_ours && pipes.give(request.pipe, request.trace.frame(body))) {
            pipes.dropped.unanswerable += 1;
        } else {
            pipes.pause_above(request.pipe, self.inbox);
        }
    }

    fn cut<F>(&self, pipes: &mut Pipes<F>, count: u64) {
        pipes.dropped.unanswerable += count;
    }

    fn detached<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, returned: Vec<Bytes>, _now: Instant) {
        pipes.dropped.unanswerable += returned.len() as u64;
    }

    #[inline]
    fn received<F>(&mut self, pipes: &mut Pipes<F>, pipe: ConnId, mut body: Bytes) -> Result<(), SpFault> {
        match Trace::take(&mut body, self.ttl)? {
            Some(trace) => self.arrived.push(Request { end: self.end, pipe, trace, body }),
            None => pipes.dropped.hops += 1,
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.arrived.is_within(self.inbox)
    }

    fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }
}

impl<const SURVEYS: bool> Receives for Replier<SURVEYS> {
    type Item = Request;

    fn receive(&mut self) -> Option<Request> {
        self.arrived.pop()
    }
}

impl<const SURVEYS: bool> Replies for Replier<SURVEYS> {
    fn reply(request: Request, body: Bytes) -> Reply {
        Reply { request, body }
    }
}

impl Weighs for Request {
    fn bytes(&self) -> usize {
        self.body.len() + size_of::<Trace>()
    }
}
