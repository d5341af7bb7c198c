//! What was sent, and what became of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use ginnel_proto::Message;
use ginnel_proto::machine::SendId;

use crate::kernel::{Fake, Fd, Pid, SockId, World};

/// The number of something that was sent. Its body begins with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Entry(usize);

/// Everything that was sent in one run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    letters: Vec<Letter>,
    /// The last that arrived at a socket.
    last: BTreeMap<SockId, Entry>,
    /// Sockets whose end was their own doing, or that of a fault that is told: what was on the way is lost.
    excused: BTreeSet<SockId>,
    /// Sockets that somebody has come to know.
    known: BTreeSet<SockId>,
    /// Processes that have died, or take leave: what never came to be known is their doing.
    gone: BTreeSet<Pid>,
    /// How many letters were lost at a socket, as its reader was told.
    lost: BTreeMap<SockId, usize>,
    /// Connections of somebody who keeps no rules.
    strange: BTreeSet<SockId>,
    tokens: u64,
}

#[derive(Debug)]
struct Letter {
    length: usize,
    tokens: Vec<u64>,
    /// At whose socket the kernel has it.
    sent: Vec<SockId>,
    delivered: Vec<SockId>,
    /// The sender has it again, which had not gone to this socket. `None`: to any.
    returned: Vec<Option<SockId>>,
    /// Nobody waits for it.
    dropped: bool,
    /// What it answers.
    answers: Option<Entry>,
    /// It is for this socket alone.
    only_for: Option<SockId>,
}

impl Ledger {
    /// Writes a letter of so many bytes, with so many descriptors as can be had.
    pub(crate) fn write(&mut self, fake: &Fake, length: usize, fds: usize) -> (Entry, Message<Fd>) {
        let entry = Entry(self.letters.len());
        let mut tokens = Vec::new();
        let mut owned = Vec::new();
        for _ in 0..fds {
            if let Ok(fd) = fake.token(self.tokens + 1) {
                self.tokens += 1;
                tokens.push(self.tokens);
                owned.push(fd);
            }
        }
        let length = length.max(8);
        self.letters.push(Letter {
            length,
            tokens,
            sent: Vec::new(),
            delivered: Vec::new(),
            returned: Vec::new(),
            dropped: false,
            answers: None,
            only_for: None,
        });
        (entry, Message::new(body(entry, length)).with_fds(owned))
    }

    /// How many descriptors were made for letters.
    pub(crate) const fn tokens(&self) -> u64 {
        self.tokens
    }

    /// A letter has arrived at this socket of somebody's, after all that were written before it.
    pub(crate) fn arrived(
        &mut self,
        at: SockId,
        fake: &Fake,
        message: &Message<Fd>,
    ) -> Result<Entry, String> {
        let entry = self.arrived_late(at, fake, message)?;
        match self.last.insert(at, entry) {
            Some(last) if last >= entry => Err(format!("{entry:?} has arrived after {last:?}")),
            _ => Ok(entry),
        }
    }

    /// A letter has arrived at this socket of somebody's.
    pub(crate) fn arrived_late(
        &mut self,
        at: SockId,
        fake: &Fake,
        message: &Message<Fd>,
    ) -> Result<Entry, String> {
        let entry = self.read(fake, message)?;
        let letter = &mut self.letters[entry.0];
        if letter.returned.contains(&None) || letter.returned.contains(&Some(at)) {
            return Err(format!("{entry:?} was given back, and has arrived"));
        }
        if letter.delivered.contains(&at) {
            return Err(format!("{entry:?} has arrived twice"));
        }
        if letter.only_for.is_some_and(|only| only != at) {
            return Err(format!("{entry:?} was for another, and has arrived at {at:?}"));
        }
        letter.delivered.push(at);
        Ok(entry)
    }

    /// A letter has come back to its sender, which was for this socket, or for whichever.
    pub(crate) fn came_back(
        &mut self,
        fake: &Fake,
        message: &Message<Fd>,
        was_for: Option<SockId>,
    ) -> Result<Entry, String> {
        let entry = self.read(fake, message)?;
        let letter = &mut self.letters[entry.0];
        if letter.delivered.iter().any(|at| was_for.is_none_or(|was_for| was_for == *at)) {
            return Err(format!("{entry:?} has arrived, and was given back"));
        }
        letter.returned.push(was_for);
        Ok(entry)
    }

    /// Which letter this is, if it is whole.
    fn read(&self, fake: &Fake, message: &Message<Fd>) -> Result<Entry, String> {
        let number = message.body.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let entry = Entry(number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX));
        let Some(letter) = self.letters.get(entry.0) else {
            return Err(format!("something arrived that nobody sent: {:?}", message.body.first_chunk::<8>()));
        };
        if message.body != body(entry, letter.length) {
            return Err(format!("{entry:?} has changed on the way"));
        }
        let tokens: Vec<_> = message.fds.iter().map(|fd| fake.token_of(fd).unwrap_or(0)).collect();
        if tokens != letter.tokens {
            return Err(format!(
                "{entry:?} was sent with descriptors {:?}, and has {tokens:?}",
                letter.tokens
            ));
        }
        Ok(entry)
    }

    /// The kernel has all of it, at this socket.
    pub(crate) fn sent(&mut self, entry: Entry, at: SockId) {
        self.letters[entry.0].sent.push(at);
    }

    /// Nobody waits for it any more.
    pub(crate) fn dropped(&mut self, entry: Entry) {
        self.letters[entry.0].dropped = true;
    }

    /// It may arrive at this socket, and at no other.
    pub(crate) fn only_for(&mut self, entry: Entry, at: SockId) {
        self.letters[entry.0].only_for = Some(at);
    }

    /// Somebody reads at this socket after all.
    pub(crate) fn trust(&mut self, at: SockId) {
        self.excused.remove(&at);
        self.known.insert(at);
    }

    /// Whoever reads at this socket has ended it, was killed, or was told what is lost.
    pub(crate) fn excuse(&mut self, at: SockId) {
        self.excused.insert(at);
    }

    /// One end of this connection keeps no rules.
    pub(crate) fn strange(&mut self, ours: SockId, theirs: SockId) {
        self.strange.extend([ours, theirs]);
    }

    pub(crate) fn is_strange(&self, at: SockId) -> bool {
        self.strange.contains(&at)
    }

    /// A descriptor that belongs to no letter.
    pub(crate) fn made_up(&mut self, fake: &Fake) -> Option<Fd> {
        let fd = fake.token(self.tokens + 1).ok()?;
        self.tokens += 1;
        Some(fd)
    }

    /// Nobody waits for an answer to a question that nobody waits for.
    pub(crate) fn answers(&mut self, answer: Entry, question: Entry) {
        self.letters[answer.0].answers = Some(question);
    }

    /// What this answers.
    pub(crate) fn question(&self, answer: Entry) -> Option<Entry> {
        self.letters[answer.0].answers
    }

    /// The reader at this socket was told that one letter is lost.
    pub(crate) fn lost_one(&mut self, at: SockId) {
        *self.lost.entry(at).or_default() += 1;
    }

    /// Somebody reads at this socket.
    pub(crate) fn know(&mut self, at: SockId) {
        self.known.insert(at);
    }

    /// A process that takes in nobody any more.
    pub(crate) fn gone(&mut self, pid: Pid) {
        self.gone.insert(pid);
    }

    /// Now that all is quiet: what the kernel had whole must have arrived.
    pub(crate) fn check(&self, world: &World) -> Result<(), String> {
        let mut lost = self.lost.clone();
        for (letter, number) in self.letters.iter().zip(0..) {
            for at in &letter.sent {
                if letter.delivered.contains(at) || self.is_excused(letter, *at, world) {
                    continue;
                }
                match lost.get_mut(at) {
                    Some(count) if *count > 0 => *count -= 1,
                    _ => return Err(format!("Entry({number}) was sent to {at:?} and has not arrived")),
                }
            }
        }
        Ok(())
    }

    fn is_excused(&self, letter: &Letter, at: SockId, world: &World) -> bool {
        // One that nobody has come to know was never told of, which only its own end explains.
        let unknown = !self.known.contains(&at) && !world.is_open(at);
        letter.dropped
            || letter.answers.is_some_and(|question| self.letters[question.0].dropped)
            || self.excused.contains(&at)
            || self.strange.contains(&at)
            || (unknown && (self.gone.contains(&world.maker(at)) || world.has_failed(at)))
    }
}

fn body(entry: Entry, length: usize) -> Bytes {
    let mut body = vec![entry.0 as u8; length];
    body[..8].copy_from_slice(&(entry.0 as u64).to_le_bytes());
    body.into()
}

/// What one sender has queued on one connection, and has not heard of again.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<(SendId, Entry, Post)>,
    /// The first that was cut or given back because the connection is gone, since somebody last looked.
    lost: Option<SendId>,
}

/// What kind of thing was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Post {
    /// It is sent, given back, or cut, and the sender is told.
    Message,
    /// What becomes of the call is told.
    Question,
    /// If the connection ends, so does whoever asked.
    Answer,
    /// Whoever is passed by is told.
    Broadcast,
}

impl Outbox {
    pub(crate) fn push(&mut self, id: SendId, entry: Entry, post: Post) {
        self.waiting.push_back((id, entry, post));
    }

    /// Everything before this has been sent to that socket.
    pub(crate) fn sent_before(
        &mut self,
        first_unsent: Option<SendId>,
        at: Option<SockId>,
        ledger: &mut Ledger,
    ) {
        self.lost = None;
        while let Some(&(id, entry, _)) = self.waiting.front()
            && first_unsent.is_none_or(|first| id < first)
        {
            self.waiting.pop_front();
            if let Some(at) = at {
                ledger.sent(entry, at);
            }
        }
    }

    /// This one was given back for a reason of its own.
    pub(crate) fn settle(&mut self, id: SendId) {
        self.waiting.retain(|&(waiting, ..)| waiting != id);
    }

    /// This one was given back or cut because the connection is gone.
    pub(crate) fn lose(&mut self, id: SendId) {
        self.lost = Some(self.lost.map_or(id, |lost| lost.min(id)));
        self.settle(id);
    }

    /// What became of this question is known.
    pub(crate) fn forget(&mut self, entry: Entry) {
        self.waiting.retain(|&(_, waiting, _)| waiting != entry);
    }

    /// The connection is gone, and with it whoever waited for answers.
    pub(crate) fn drop_answers(&mut self) {
        self.waiting.retain(|(.., post)| *post != Post::Answer);
    }

    /// Has something been told of every message?
    pub(crate) fn has_no_message(&self) -> Result<(), String> {
        match self.waiting.iter().find(|(.., post)| *post == Post::Message) {
            Some((id, entry, _)) => Err(format!("nobody was told what became of {entry:?}, {id:?}")),
            None => Ok(()),
        }
    }

    /// The connection is gone: of every message that was not sent the sender was told. Those before had gone.
    pub(crate) fn end(&mut self, at: Option<SockId>, ledger: &mut Ledger) -> Result<(), String> {
        let lost = self.lost.take();
        for (id, entry, post) in std::mem::take(&mut self.waiting) {
            if post != Post::Message {
                continue;
            }
            if lost.is_some_and(|lost| id > lost) {
                return Err(format!("nobody was told what became of {entry:?}, {id:?}"));
            }
            if let Some(at) = at {
                ledger.sent(entry, at);
            }
        }
        Ok(())
    }

    /// The connection is gone: of what was for it alone, and was not sent, the sender was told.
    pub(crate) fn check_told(&self, is_for_it: impl Fn(SendId) -> bool) -> Result<(), String> {
        let lost = self.lost;
        let untold = |&&(id, _, post): &&(SendId, Entry, Post)| {
            post == Post::Message && lost.is_some_and(|lost| id > lost) && is_for_it(id)
        };
        match self.waiting.iter().find(untold) {
            Some((id, entry, _)) => Err(format!("nobody was told what became of {entry:?}, {id:?}")),
            None => Ok(()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
