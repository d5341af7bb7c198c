//! The pipes of one end: who takes something now, what waits for whom, and what was dropped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::ops::Bound::{Excluded, Unbounded};

use bytes::Bytes;

use super::header::headed;
use super::outlet::Outlet;
use super::{Event, Gone};
use crate::limits::Bound;
use crate::machine::{Action, ConnId, Output, SendId};
use crate::{Frame, Kind, Message};

/// Messages that went nowhere, since the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Dropped {
    /// Not sent: a pipe's queue was full, or the pipe was lost before all of it was written. A question is asked again
    /// and does not count.
    pub unsent: u64,
    /// Not received: the queue was full.
    pub unreceived: u64,
    /// Came over more hops than are allowed.
    pub hops: u64,
    /// Answers that nobody waits for, or not any more, and what came where nothing is taken.
    pub unwanted: u64,
    /// Answers of ours whose pipe is gone, also in the middle of them.
    pub unanswerable: u64,
}

/// The pipes of one end.
#[derive(Debug)]
pub struct Pipes<F> {
    pipes: BTreeMap<ConnId, Box<Pipe<F>>>,
    /// Those that take something at once.
    ready: BTreeSet<ConnId>,
    /// Whose turn it was last.
    last: ConnId,
    unsent: usize,
    /// A pipe has begun to wait since somebody last asked.
    choked: bool,
    pub(super) dropped: Dropped,
    outputs: VecDeque<Output<Event, F>>,
}

#[derive(Debug)]
struct Pipe<F> {
    outlet: Outlet<F>,
    is_ready: bool,
    is_paused: bool,
    /// What the link had and has given back.
    returned: Vec<Bytes>,
}

/// What a pipe that is gone has left.
#[derive(Debug)]
pub(super) struct Left {
    /// What nothing was written of, with the words before it.
    pub(super) returned: Vec<Bytes>,
    /// How many messages were cut in the middle.
    pub(super) cut: u64,
}

impl<F> Pipes<F> {
    pub(super) const fn new() -> Self {
        let dropped = Dropped { unsent: 0, unreceived: 0, hops: 0, unwanted: 0, unanswerable: 0 };
        Self {
            pipes: BTreeMap::new(),
            ready: BTreeSet::new(),
            last: ConnId(0),
            unsent: 0,
            choked: false,
            dropped,
            outputs: VecDeque::new(),
        }
    }

    /// Who is attached, in the order of their numbers.
    pub fn ids(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.pipes.keys().copied()
    }

    /// How many are attached.
    pub fn len(&self) -> usize {
        self.pipes.len()
    }

    /// Is nobody attached?
    pub fn is_empty(&self) -> bool {
        self.pipes.is_empty()
    }

    /// Is this one attached?
    pub fn contains(&self, pipe: ConnId) -> bool {
        self.pipes.contains_key(&pipe)
    }

    /// Does anybody take something at once?
    #[inline]
    pub fn is_any_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The one whose turn it is, of those that take something at once.
    #[inline]
    pub(super) fn next_ready(&mut self) -> Option<ConnId> {
        let next = if self.ready.len() > 1 {
            self.ready.range((Excluded(self.last), Unbounded)).next()
        } else {
            None
        };
        let next = *next.or_else(|| self.ready.first())?;
        self.last = next;
        Some(next)
    }

    /// Messages that were given to pipes and are not with the kernel.
    pub const fn unsent(&self) -> usize {
        self.unsent
    }

    /// Has a pipe taken all that it takes, since somebody last asked? Then it is time to write.
    pub const fn take_choked(&mut self) -> bool {
        mem::replace(&mut self.choked, false)
    }

    /// The pipe whose turn it is gets a message of so many bytes, under this number.
    #[inline]
    pub(super) fn grant(&mut self, bytes: usize) -> Option<(ConnId, SendId)> {
        let id = self.next_ready()?;
        let pipe = self.pipes.get_mut(&id)?;
        let send = pipe.outlet.grant(bytes)?;
        self.unsent += 1;
        if !pipe.outlet.is_ready() {
            pipe.is_ready = false;
            self.choked = true;
            self.ready.remove(&id);
        }
        Some((id, send))
    }

    /// Gives a message to a pipe; what it does not take at once waits. `false`: it is gone.
    #[inline]
    pub(super) fn give(&mut self, id: ConnId, frame: Frame<F>) -> bool {
        let Some(pipe) = self.pipes.get_mut(&id) else { return false };
        self.unsent += 1;
        match pipe.outlet.grant(frame.message.body.len()) {
            Some(send) => self.outputs.push_back(Output::Net(Action::Send(id, send, frame))),
            None => pipe.outlet.wait(frame),
        }
        if pipe.is_ready && !pipe.outlet.is_ready() {
            pipe.is_ready = false;
            self.choked = true;
            self.ready.remove(&id);
        }
        true
    }

    /// As [`give`](Self::give); if as many as `most` wait already, the one that has waited for longest is dropped.
    pub(super) fn give_freshest(&mut self, id: ConnId, frame: Frame<F>, most: usize) {
        self.give(id, frame);
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        if pipe.outlet.waiting() > most && pipe.outlet.oldest().is_some() {
            pipe.outlet.refund();
            self.unsent -= 1;
            self.dropped.unsent += 1;
        }
    }

    /// As [`give`](Self::give); if as many as `most` wait already, this one is dropped.
    pub(super) fn give_first(&mut self, id: ConnId, frame: Frame<F>, most: usize) {
        let Some(pipe) = self.pipes.get(&id) else { return };
        if pipe.outlet.is_ready() || pipe.outlet.waiting() < most {
            self.give(id, frame);
        } else {
            self.dropped.unsent += 1;
        }
    }

    /// Gives this to the one whose turn it is, unless others wait already or nobody takes something: then it waits.
    #[inline]
    pub(super) fn give_next<T>(
        &mut self,
        waiting: &mut VecDeque<T>,
        item: T,
        frame: impl FnOnce(T) -> Frame<F>,
    ) {
        match self.next_ready().filter(|_| waiting.is_empty()) {
            Some(pipe) => {
                self.give(pipe, frame(item));
            }
            None => waiting.push_back(item),
        }
    }

    /// Gives what waits to those who take something, in turn.
    pub(super) fn give_waiting<T>(&mut self, waiting: &mut VecDeque<T>, frame: impl Fn(T) -> Frame<F>) {
        while !waiting.is_empty()
            && let Some(pipe) = self.next_ready()
            && let Some(item) = waiting.pop_front()
        {
            self.give(pipe, frame(item));
        }
    }

    /// Gives everybody the same message, each in this way. Its body is shared and not copied, if it is large.
    pub(super) fn give_all(&mut self, frame: &Frame<F>, give: impl Fn(&mut Self, ConnId, Frame<F>)) {
        let mut next = self.pipes.keys().next().copied();
        while let Some(id) = next {
            give(self, id, frame.again());
            next = self.pipes.range((Excluded(id), Unbounded)).next().map(|(&id, _)| id);
        }
    }

    /// Reads no more from this one if more waits for it than this, until nothing does.
    pub(super) fn pause_above(&mut self, id: ConnId, bound: Bound) {
        let Some(pipe) = self.pipes.get(&id) else { return };
        if pipe.outlet.bytes() > bound.bytes || pipe.outlet.waiting() > bound.messages {
            self.pause(id);
        }
    }

    /// Reads no more from this one until nothing waits for it.
    fn pause(&mut self, id: ConnId) {
        if let Some(pipe) = self.pipes.get_mut(&id)
            && !mem::replace(&mut pipe.is_paused, true)
        {
            self.outputs.push_back(Output::Net(Action::Pause(id)));
        }
    }

    pub(super) fn attach(&mut self, id: ConnId) {
        let pipe = Pipe { outlet: Outlet::new(), is_ready: true, is_paused: false, returned: Vec::new() };
        self.pipes.insert(id, Box::new(pipe));
        self.ready.insert(id);
        self.tell(Event::Attached(id));
    }

    /// Closes a pipe, for whatever reason: what its link has, that still writes.
    pub(super) fn close(&mut self, id: ConnId) {
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        self.unsent -= pipe.outlet.leave_to_link();
        self.act(Action::Close(id));
    }

    /// A pipe is gone.
    pub(super) fn detach(&mut self, id: ConnId, gone: Gone) -> Option<Left> {
        let mut pipe = self.pipes.remove(&id)?;
        self.ready.remove(&id);
        let cut = pipe.outlet.leave_to_link();
        self.unsent -= cut + pipe.outlet.waiting();
        let mut returned = pipe.returned;
        returned.extend(std::iter::from_fn(|| pipe.outlet.oldest()).map(whole));
        self.tell(Event::Detached(id, gone));
        Some(Left { returned, cut: cut as u64 })
    }

    pub(super) fn sent(&mut self, id: ConnId, send: SendId) {
        if let Some(pipe) = self.pipes.get_mut(&id) {
            self.unsent -= pipe.outlet.sent(send);
        }
    }

    /// It can be sent over no pipe.
    pub(super) fn unsendable(&mut self, id: ConnId, send: SendId) {
        if let Some(pipe) = self.pipes.get_mut(&id)
            && pipe.outlet.took_back(send)
        {
            self.unsent -= 1;
            self.dropped.unsent += 1;
        }
    }

    /// The link gave it back, for the pipe is going.
    pub(super) fn returned(&mut self, id: ConnId, send: SendId, frame: Frame<F>) {
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        if pipe.outlet.took_back(send) {
            self.unsent -= 1;
            pipe.returned.push(whole(frame));
        }
    }

    /// The link is empty. `true`: and nothing waits for it any more.
    pub(super) fn room(&mut self, id: ConnId) -> bool {
        let Some(pipe) = self.pipes.get_mut(&id) else { return false };
        pipe.outlet.room();
        while let Some((send, frame)) = pipe.outlet.next() {
            self.outputs.push_back(Output::Net(Action::Send(id, send, frame)));
        }
        if !pipe.outlet.is_ready() {
            return false;
        }
        if !mem::replace(&mut pipe.is_ready, true) {
            self.ready.insert(id);
        }
        if mem::take(&mut pipe.is_paused) {
            self.outputs.push_back(Output::Net(Action::Resume(id)));
        }
        true
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::App(event));
    }

    pub(super) fn act(&mut self, action: Action<F>) {
        self.outputs.push_back(Output::Net(action));
    }

    pub(super) const fn outputs(&mut self) -> &mut VecDeque<Output<Event, F>> {
        &mut self.outputs
    }
}

/// A frame's body with the word before it.
fn whole<F>(frame: Frame<F>) -> Bytes {
    let Message { body, .. } = frame.message;
    match frame.kind {
        Kind::Headed(word) => [&word.to_be_bytes()[..], &body].concat().into(),
        _ => body,
    }
}

impl<F> Frame<F> {
    /// The same message for one more pipe.
    pub(super) fn again(&self) -> Self {
        let body = self.message.body.clone();
        match self.kind {
            Kind::Headed(word) => headed(word, body),
            _ => Message::new(body).into(),
        }
    }
}
