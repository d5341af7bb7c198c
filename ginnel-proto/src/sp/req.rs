use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::header::{headed, take_word};
use super::{Answered, AskCommand, AskId, Asks, Options, Pattern, Pipes, Protocol, SpFault};
use crate::machine::ConnId;

/// Asks one of those who answer, in turn. Any number of questions may be open at the same time.
///
/// ```text
///             a pipe takes it            its answer
///   waiting ──────────────────▶ asked ──────────────▶ answered, until somebody takes it
///      ▲                          │
///      └──────────────────────────┘ its pipe is lost, or nobody has answered for long: it is asked again,
///                                   under the same number
/// ```
///
/// So a question may be answered twice over there, and must not mind.
#[derive(Debug)]
pub struct Req {
    open: BTreeMap<AskId, Question>,
    /// Those that wait for a pipe, and some that do not any more.
    waiting: VecDeque<AskId>,
    asked_over: BTreeSet<(ConnId, AskId)>,
    again: BTreeSet<(Instant, AskId)>,
    next: AskId,
    resend: Option<Duration>,
    most: usize,
}

#[derive(Debug)]
enum Question {
    Waiting { body: Bytes },
    Asked { body: Bytes, pipe: ConnId, again: Option<Instant> },
    Answered(Bytes),
    Lost,
}

impl Req {
    fn ask_over<F>(&mut self, pipes: &mut Pipes<F>, pipe: ConnId, (id, body): (AskId, Bytes), now: Instant) {
        pipes.give(pipe, headed(id.0, body.clone()));
        let again = self.resend.and_then(|after| now.checked_add(after));
        self.again.extend(again.map(|at| (at, id)));
        self.asked_over.insert((pipe, id));
        self.open.insert(id, Question::Asked { body, pipe, again });
    }

    fn ask_waiting<F>(&mut self, pipes: &mut Pipes<F>, now: Instant) {
        while let Some(&id) = self.waiting.front() {
            let Some(Question::Waiting { body }) = self.open.get(&id) else {
                self.waiting.pop_front();
                continue;
            };
            let body = body.clone();
            let Some(pipe) = pipes.next_ready() else { return };
            self.waiting.pop_front();
            self.ask_over(pipes, pipe, (id, body), now);
        }
    }

    /// It is asked no more. What was asked.
    fn stop_asking(&mut self, id: AskId) -> Option<Bytes> {
        match self.open.remove(&id)? {
            Question::Asked { body, pipe, again } => {
                self.asked_over.remove(&(pipe, id));
                again.map(|at| self.again.remove(&(at, id)));
                Some(body)
            }
            Question::Waiting { body } => {
                self.tidy();
                Some(body)
            }
            Question::Answered(_) | Question::Lost => None,
        }
    }

    /// Lets go of those that wait no more, once they are most: nobody may come for whom the first could be taken.
    fn tidy(&mut self) {
        if self.waiting.len() > 2 * self.open.len() + KEPT {
            let open = &self.open;
            self.waiting.retain(|id| matches!(open.get(id), Some(Question::Waiting { .. })));
        }
    }

    fn ask_again(&mut self, id: AskId) {
        if let Some(body) = self.stop_asking(id) {
            self.open.insert(id, Question::Waiting { body });
            self.waiting.push_back(id);
        }
    }
}

impl Pattern for Req {
    const END: Protocol = Protocol::Req;
    type Command = AskCommand;

    fn new(options: &Options) -> Self {
        Self {
            open: BTreeMap::new(),
            waiting: VecDeque::new(),
            asked_over: BTreeSet::new(),
            again: BTreeSet::new(),
            next: AskId::first(fastrand::Rng::with_seed(options.seed).u32(..)),
            resend: options.resend,
            most: options.asks,
        }
    }

    fn command<F>(&mut self, pipes: &mut Pipes<F>, command: AskCommand, now: Instant) {
        match command {
            AskCommand::Ask(body) => {
                let id = self.upcoming();
                self.next = id.next();
                match pipes.next_ready().filter(|_| self.waiting.is_empty()) {
                    Some(pipe) => self.ask_over(pipes, pipe, (id, body), now),
                    None => {
                        self.open.insert(id, Question::Waiting { body });
                        self.waiting.push_back(id);
                    }
                }
            }
            AskCommand::Forget(id) => {
                self.stop_asking(id);
                self.ask_waiting(pipes, now);
            }
        }
    }

    /// It is asked again, or whoever asked is told.
    fn cut<F>(&self, _pipes: &mut Pipes<F>, _count: u64) {}

    /// What the link gave back was asked over this pipe, and is seen to with the rest of that.
    fn detached<F>(&mut self, pipes: &mut Pipes<F>, pipe: ConnId, _returned: Vec<Bytes>, now: Instant) {
        let all = (pipe, AskId(0))..=(pipe, AskId(u32::MAX));
        let asked: Vec<_> = self.asked_over.range(all).map(|&(_, id)| id).collect();
        for id in asked {
            if self.resend.is_some() {
                self.ask_again(id);
            } else {
                self.stop_asking(id);
                self.open.insert(id, Question::Lost);
            }
        }
        self.ask_waiting(pipes, now);
    }

    #[inline]
    fn received<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, mut body: Bytes) -> Result<(), SpFault> {
        let id = AskId(take_word(&mut body)?);
        if self.stop_asking_if_open(id) {
            self.open.insert(id, Question::Answered(body));
        } else {
            pipes.dropped.unwanted += 1;
        }
        Ok(())
    }

    fn room<F>(&mut self, pipes: &mut Pipes<F>, _pipe: ConnId, now: Instant) {
        self.ask_waiting(pipes, now);
    }

    fn timeout<F>(&mut self, pipes: &mut Pipes<F>, now: Instant) {
        while let Some(&(at, id)) = self.again.first()
            && at <= now
        {
            self.ask_again(id);
        }
        self.ask_waiting(pipes, now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.again.first().map(|&(at, _)| at)
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn has_answer(&self, id: AskId) -> bool {
        !matches!(self.open.get(&id), Some(Question::Waiting { .. } | Question::Asked { .. }))
    }

    fn takes<F>(&self, _pipes: &Pipes<F>) -> bool {
        self.open.len() < self.most
    }
}

impl Req {
    /// `false`: nobody waits for an answer to it.
    fn stop_asking_if_open(&mut self, id: AskId) -> bool {
        let is_open = matches!(self.open.get(&id), Some(Question::Waiting { .. } | Question::Asked { .. }));
        is_open && self.stop_asking(id).is_some()
    }
}

impl Asks for Req {
    fn upcoming(&self) -> AskId {
        self.next.first_free(&self.open)
    }

    fn answered(&mut self, id: AskId) -> Option<Answered> {
        let answered = match self.open.get_mut(&id)? {
            Question::Answered(body) => Answered::Answer(std::mem::take(body)),
            Question::Lost => Answered::Lost,
            Question::Waiting { .. } | Question::Asked { .. } => return None,
        };
        self.open.remove(&id);
        Some(answered)
    }

    fn ripe(&self) -> impl Iterator<Item = AskId> {
        self.open.keys().copied().filter(|&id| self.has_answer(id))
    }
}

/// Places of questions that wait no more that are let be.
const KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_forgotten_leaves_nothing_behind_however_long_nobody_is_there() {
        #[expect(clippy::disallowed_methods, reason = "a test begins at some moment")]
        let now = Instant::now();
        let (mut req, mut pipes) = (Req::new(&Options::default()), Pipes::<u32>::new());
        let mut ask = |req: &mut Req| {
            let id = req.upcoming();
            req.command(&mut pipes, AskCommand::Ask(Bytes::from_static(b"q")), now);
            id
        };
        ask(&mut req);
        for _ in 0..10_000 {
            let id = ask(&mut req);
            req.command(&mut Pipes::<u32>::new(), AskCommand::Forget(id), now);
        }
        assert_eq!(req.open.len(), 1);
        assert!(req.waiting.len() < 100, "{} places for one question", req.waiting.len());
    }
}
