//! What an end has to make of what arrives, as the protocol says: written once more, and as plainly as can be.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ginnel_proto::machine::ConnId;
use ginnel_proto::sp::{Answered, AskId, Dropped, Options, Protocol, SpFault};

/// One end, as it ought to be.
#[derive(Debug)]
pub(crate) struct Model {
    end: Protocol,
    ttl: u32,
    most: usize,
    prefer_new: bool,
    survey: Duration,
    resends: bool,
    topics: BTreeSet<Bytes>,
    arrived: VecDeque<Arrived>,
    open: BTreeMap<AskId, Open>,
    /// What it must have counted of what it received.
    dropped: Dropped,
}

/// What waits to be taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Arrived {
    pub(crate) pipe: ConnId,
    pub(crate) words: Vec<u32>,
    pub(crate) body: Bytes,
}

#[derive(Debug)]
enum Open {
    /// Over this pipe, if it is asked now.
    Asked {
        over: Option<ConnId>,
        before: bool,
    },
    Answered(Bytes),
    Lost,
    Survey {
        until: Instant,
        over: bool,
        answers: VecDeque<Bytes>,
    },
}

impl Model {
    pub(crate) fn new(end: Protocol, options: &Options) -> Self {
        let queue = if end == Protocol::Bus { 16 } else { 128 };
        Self {
            end,
            ttl: options.ttl.into(),
            most: options.receive_queue.unwrap_or(queue).max(1),
            prefer_new: options.prefer_new,
            survey: options.survey,
            resends: options.resend.is_some(),
            topics: BTreeSet::new(),
            arrived: VecDeque::new(),
            open: BTreeMap::new(),
            dropped: Dropped::default(),
        }
    }

    /// What it must have counted of what it received.
    pub(crate) const fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// How much waits to be taken.
    pub(crate) fn arrived(&self) -> usize {
        self.arrived.len()
    }

    /// How many questions, or surveys, are open.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    /// A message came over a pipe.
    pub(crate) fn received(&mut self, pipe: ConnId, mut body: Bytes) -> Result<(), SpFault> {
        let mut words = Vec::new();
        match self.end {
            Protocol::Pub => return Err(SpFault::SpokenTo),
            Protocol::Push => self.dropped.unwanted += 1,
            Protocol::Pull | Protocol::Pair0 => self.arrive(pipe, words, body),
            Protocol::Pair1 => match word(&mut body)? {
                count if count > 0xff => return Err(SpFault::Hops { count }),
                count if count > self.ttl => self.dropped.hops += 1,
                _ => self.arrive(pipe, words, body),
            },
            Protocol::Rep | Protocol::Respondent => {
                let bytes = body.len();
                while words.last().is_none_or(|word| word >> 31 == 0) {
                    if words.len() == self.ttl as usize {
                        self.dropped.hops += 1;
                        return Ok(());
                    }
                    words.push(word(&mut body).map_err(|_| SpFault::ShortHeader { bytes })?);
                }
                self.arrive(pipe, words, body);
            }
            Protocol::Bus if self.arrived.len() < self.most => self.arrive(pipe, words, body),
            Protocol::Bus => self.dropped.unreceived += 1,
            Protocol::Sub => self.published(pipe, body),
            Protocol::Req | Protocol::Surveyor => {
                let id = AskId(word(&mut body)?);
                self.answer(id, body);
            }
        }
        Ok(())
    }

    fn arrive(&mut self, pipe: ConnId, words: Vec<u32>, body: Bytes) {
        self.arrived.push_back(Arrived { pipe, words, body });
    }

    fn published(&mut self, pipe: ConnId, body: Bytes) {
        if !self.wants(&body) {
            return;
        }
        if self.arrived.len() == self.most {
            self.dropped.unreceived += 1;
            if !self.prefer_new {
                return;
            }
            self.arrived.pop_front();
        }
        self.arrive(pipe, Vec::new(), body);
    }

    fn wants(&self, body: &[u8]) -> bool {
        self.topics.iter().any(|topic| body.starts_with(topic))
    }

    fn answer(&mut self, id: AskId, body: Bytes) {
        let most = self.most;
        match self.open.get_mut(&id) {
            Some(open @ Open::Asked { .. }) => *open = Open::Answered(body),
            Some(Open::Survey { over: false, answers, .. }) if answers.len() < most => {
                answers.push_back(body);
            }
            Some(Open::Survey { over: false, .. }) => self.dropped.unreceived += 1,
            _ => self.dropped.unwanted += 1,
        }
    }

    /// The application takes something.
    pub(crate) fn take(&mut self) -> Option<Arrived> {
        self.arrived.pop_front()
    }

    pub(crate) fn subscribed(&mut self, topic: Bytes) {
        self.topics.insert(topic);
    }

    pub(crate) fn unsubscribed(&mut self, topic: &[u8]) {
        if self.topics.remove(topic) {
            let Self { topics, arrived, .. } = self;
            arrived.retain(|it| topics.iter().any(|topic| it.body.starts_with(topic)));
        }
    }

    /// The application asks.
    pub(crate) fn asked(&mut self, id: AskId, now: Instant) {
        let open = match self.end {
            Protocol::Req => Open::Asked { over: None, before: false },
            _ => Open::Survey { until: now + self.survey, over: false, answers: VecDeque::new() },
        };
        self.open.insert(id, open);
    }

    pub(crate) fn forgotten(&mut self, id: AskId) {
        self.open.remove(&id);
    }

    /// A question was given to a pipe.
    pub(crate) fn asks_over(&mut self, id: AskId, pipe: ConnId) -> Result<(), String> {
        match self.open.get_mut(&id) {
            Some(Open::Asked { before: true, .. }) if !self.resends => {
                Err(format!("{id:?} was asked again, and must not be"))
            }
            Some(Open::Asked { over, before }) => {
                (*over, *before) = (Some(pipe), true);
                Ok(())
            }
            // It waited for whoever is behind, and may be over by now.
            _ if self.end == Protocol::Surveyor => Ok(()),
            _ => Err(format!("{id:?} is asked, and not open")),
        }
    }

    /// A pipe is gone.
    pub(crate) fn detached(&mut self, pipe: ConnId) {
        for open in self.open.values_mut() {
            if let Open::Asked { over, .. } = open
                && *over == Some(pipe)
            {
                *over = None;
                if !self.resends {
                    *open = Open::Lost;
                }
            }
        }
    }

    /// The deadline was told.
    pub(crate) fn timeout(&mut self, now: Instant) {
        for open in self.open.values_mut() {
            if let Open::Survey { until, over, .. } = open {
                *over |= *until <= now;
            }
        }
    }

    /// What must have come of a question, once.
    pub(crate) fn answered(&mut self, id: AskId) -> Option<Answered> {
        let answered = match self.open.get_mut(&id)? {
            Open::Asked { .. } => return None,
            Open::Answered(body) => Answered::Answer(std::mem::take(body)),
            Open::Lost => Answered::Lost,
            Open::Survey { over, answers, .. } => match answers.pop_front() {
                Some(body) => return Some(Answered::Answer(body)),
                None if !*over => return None,
                None => Answered::Over,
            },
        };
        self.open.remove(&id);
        Some(answered)
    }
}

/// Takes a word off the front.
fn word(body: &mut Bytes) -> Result<u32, SpFault> {
    if body.len() < 4 {
        return Err(SpFault::ShortHeader { bytes: body.len() });
    }
    let word = body.split_to(4);
    Ok(word.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
}
