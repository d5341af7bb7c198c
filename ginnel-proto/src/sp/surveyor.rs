use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::header::{headed, take_word};
use super::options::later;
use super::queue::Queue;
use super::{Answered, AskCommand, AskId, Asks, Options, Pattern, Pipes, Protocol, SpFault};
use crate::machine::ConnId;

/// Asks everybody, and hears answers until the survey is over. Several may be open at the same time.
#[derive(Debug)]
pub struct Surveyor {
    open: BTreeMap<AskId, Survey>,
    ends: BTreeSet<(Instant, AskId)>,
    next: AskId,
    time: Duration,
    most_surveys: usize,
    most_sent: usize,
    most_answers: usize,
}

#[derive(Debug)]
struct Survey {
    answers: Queue<Bytes>,
    /// `None`: it is over.
    until: Option<Instant>,
}

impl Pattern for Surveyor {
    const END: Protocol = Protocol::Surveyor;
    type Command = AskCommand;

    fn new(options: &Options) -> Self {
        Self {
            open: BTreeMap::new(),
            ends: BTreeSet::new(),
            next: AskId::first(fastrand::Rng::with_seed(options.seed).u32(..)),
            time: options.survey,
            most_surveys: options.asks,
            most_sent: options.send_queue.unwrap_or(SENT).max(1),
            most_answers: options.receive_queue.unwrap_or(ANSWERS).max(1),
        }
    }

    fn command<F>(&mut self, pipes: &mut Pipes<F>, command: AskCommand, now: Instant) {
        match command {
            AskCommand::Ask(body) => {
                let id = self.upcoming();
                self.next = id.next();
                let frame = headed(id.0, body);
                pipes.give_all(&frame, |pipes, pipe, frame| pipes.give_first(pipe, frame, self.most_sent));
                let until = later(now, self.time);
                self.ends.insert((until, id));
                self.open.insert(id, Survey { answers: Queue::new(), until: Some(until) });
            }
            AskCommand::Forget(id) => {
                let until = self.open.remove(&id).and_then(|survey| survey.until);
                until.map(|until| self.ends.remove(&(until, id)));
            }
        }
    }

    fn detached<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, returned: Vec<Bytes>, _now: Instant) {
        pipes.dropped.unsent += returned.len() as u64;
    }

    #[inline]
    fn received<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, mut body: Bytes) -> Result<(), SpFault> {
        let id = AskId(take_word(&mut body)?);
        match self.open.get_mut(&id).filter(|survey| survey.until.is_some()) {
            Some(survey) if survey.answers.len() < self.most_answers => survey.answers.push(body),
            Some(_) => pipes.dropped.unreceived += 1,
            None => pipes.dropped.unwanted += 1,
        }
        Ok(())
    }

    fn timeout<F>(&mut self, _pipes: &mut Pipes<F>, now: Instant) {
        while let Some(&(until, id)) = self.ends.first()
            && until <= now
        {
            self.ends.remove(&(until, id));
            if let Some(survey) = self.open.get_mut(&id) {
                survey.until = None;
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.ends.first().map(|&(until, _)| until)
    }

    fn has_answer(&self, id: AskId) -> bool {
        self.open.get(&id).is_none_or(|survey| !survey.answers.is_empty() || survey.until.is_none())
    }

    fn takes<F>(&self, _pipes: &Pipes<F>) -> bool {
        self.open.len() < self.most_surveys
    }
}

impl Asks for Surveyor {
    fn upcoming(&self) -> AskId {
        self.next.first_free(&self.open)
    }

    fn answered(&mut self, id: AskId) -> Option<Answered> {
        let Some(survey) = self.open.get_mut(&id) else { return Some(Answered::Over) };
        match survey.answers.pop() {
            Some(answer) => Some(Answered::Answer(answer)),
            None if survey.until.is_some() => None,
            None => {
                self.open.remove(&id);
                Some(Answered::Over)
            }
        }
    }

    fn ripe(&self) -> impl Iterator<Item = AskId> {
        self.open.keys().copied().filter(|&id| self.has_answer(id))
    }
}

/// Surveys that wait for one pipe.
const SENT: usize = 8;
/// Answers to one survey that wait to be received.
const ANSWERS: usize = 128;
