//! One process of the step about peers: it says numbered things to whoever listens, answers each that it hears as the
//! listener, and writes down what became of all.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use ginnel::codec::{Cbor, Codec as _};
use ginnel::{
    ConnId, Connection, Error, LISTENER, Message, Peer, PeerEvent, PeerHandle, PeerOptions, Role, SendError,
    Sender,
};
use serde::{Deserialize, Serialize};

use super::part::{READY, say};
use super::system::nanos;

/// What a talker tells whoever directs the step.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// It listens now, or has connected to whoever does, or has lost that one.
    Stands { pid: u32, stand: Stand, nanos: u64 },
    /// What became of all that it said.
    Ledger(Ledger),
}

/// A role, as it is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Stand {
    Alone,
    Connects,
    Listens,
}

/// What one talker has said and heard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    pub(super) pid: u32,
    pub(super) said: Vec<(u64, Fate)>,
    /// Whose, and which.
    pub(super) heard: Vec<(u32, u64)>,
    /// Which of its own were answered.
    pub(super) answered: Vec<u64>,
}

/// What its sender knows of a message.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Fate {
    /// The kernel has it, for a connection that still stands.
    Sent,
    /// The kernel had it, perhaps for a connection that has ended.
    Left,
    /// It came back.
    Returned,
}

/// What is said among talkers.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    Said {
        pid: u32,
        number: u64,
    },
    Answer {
        pid: u32,
        number: u64,
        to: u64,
    },
    /// Nothing follows; so many talkers are left.
    End {
        left: usize,
    },
}

/// Where the talkers at an address are directed from.
pub(super) fn direction(address: &OsStr) -> OsString {
    let mut direction = address.to_owned();
    direction.push("-direction");
    direction
}

pub(super) fn play(address: &OsStr, deadline: Instant) -> Result<()> {
    let name = process::id().to_string();
    let (mut peer, driver) = Peer::join_with(address, &PeerOptions::new().name(&name)?)?.shared();
    peer.set_deadline(Some(deadline));
    thread::spawn(|| driver.run());
    let mut director = Connection::connect(direction(address))?;
    director.set_deadline(Some(deadline));
    let (words, mut orders) = director.split();
    let talker = Arc::new(Talker::new(peer));
    for _ in 0..SPEAKERS {
        let speaker = Arc::clone(&talker);
        guard(&talker.speakers).push(thread::spawn(move || speaker.speak()));
    }
    let ending = Arc::clone(&talker);
    thread::spawn(move || {
        // The one order: how many are left, and that there will be no fewer.
        let order = orders.recv().map_err(anyhow::Error::from);
        let ended =
            order.and_then(|order| order.map_or(Ok(()), |order| ending.end(usize::from(order.body[0]))));
        if let Err(error) = ended {
            eprintln!("talker {}: {error:#}", process::id());
        }
    });
    say(READY)?;
    talker.listen(words)
}

struct Talker {
    peer: PeerHandle,
    last: AtomicU64,
    said: Mutex<Vec<(u64, Sent)>>,
    speakers: Mutex<Vec<JoinHandle<Result<()>>>>,
    is_silent: AtomicBool,
}

/// What became of a message when it was sent.
enum Sent {
    /// It went over one of the connections with these numbers.
    Over(ConnId, ConnId),
    Returned,
}

impl Talker {
    fn new(peer: PeerHandle) -> Self {
        Self {
            peer,
            last: AtomicU64::new(0),
            said: Mutex::default(),
            speakers: Mutex::default(),
            is_silent: AtomicBool::new(false),
        }
    }

    fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed)
    }

    /// Says one thing after another: to whoever listens, and every second one to this listener alone.
    fn speak(&self) -> Result<()> {
        let mut known = ConnId(0);
        while !self.is_silent.load(Ordering::Acquire) {
            thread::sleep(PAUSE);
            let before = self.peer.listener();
            if before.is_none() && self.peer.role() == Role::Listener {
                continue;
            }
            let number = self.number();
            let to = before.filter(|_| number.is_multiple_of(2)).unwrap_or(LISTENER);
            let sent = self.peer.send(to, line(&Line::Said { pid: process::id(), number })?);
            let after = self.peer.listener();
            // Connections have rising numbers. What is sent while there is none goes over a later one.
            let over = match (to, before) {
                (LISTENER, Some(before)) => Sent::Over(before, after.unwrap_or(LAST)),
                (LISTENER, None) => Sent::Over(ConnId(known.0 + 1), after.unwrap_or(LAST)),
                (to, _) => Sent::Over(to, to),
            };
            known = after.or(before).unwrap_or(known);
            self.note(number, sent, over)?;
        }
        Ok(())
    }

    /// An error without the message says that the connection is gone, after the kernel had at least a part of it.
    fn note(&self, number: u64, sent: Result<(), SendError>, over: Sent) -> Result<()> {
        let fate = match sent {
            Err(SendError { message: Some(_), .. }) => Sent::Returned,
            Ok(()) | Err(SendError { error: Error::Stopped(_) | Error::Misuse(_), .. }) => over,
            Err(failed) => return Err(anyhow!(failed.error).context(format!("{number} was not sent"))),
        };
        guard(&self.said).push((number, fate));
        Ok(())
    }

    /// Hears everything, until everybody has said that nothing follows.
    fn listen(&self, mut words: Sender) -> Result<()> {
        let pid = process::id();
        let mut ledger = Ledger { pid, ..Ledger::default() };
        let mut left_ones = BTreeSet::new();
        let mut ended = 1;
        loop {
            let (from, message) = match self.peer.next()? {
                PeerEvent::Role(role) => {
                    let word = Word::Stands { pid, stand: role.into(), nanos: nanos() };
                    words.send(Cbor::new().encode(&word)?)?;
                    continue;
                }
                PeerEvent::Left(id, _) => {
                    left_ones.insert(id);
                    continue;
                }
                PeerEvent::Message(from, message) => (from, message),
                _ => continue,
            };
            match Cbor::new().decode(&message.body)? {
                Line::Said { pid, number } => {
                    ledger.heard.push((pid, number));
                    self.answer(from, number)?;
                }
                Line::Answer { pid, number, to } => {
                    ledger.heard.push((pid, number));
                    ledger.answered.push(to);
                }
                Line::End { left } => {
                    ended += 1;
                    let listens = self.peer.role() == Role::Listener;
                    if listens {
                        self.peer.send(from, line(&Line::End { left })?)?;
                    }
                    if !listens || ended == left {
                        ledger.said = self.fates(&left_ones)?;
                        words.send(Cbor::new().encode(&Word::Ledger(ledger))?)?;
                        // Until it is killed: one that ended would change what the others are.
                        loop {
                            thread::park();
                        }
                    }
                }
            }
        }
    }

    /// It waits for nobody: what is queued has left when the end has, which is queued behind it.
    fn answer(&self, to: ConnId, heard: u64) -> Result<()> {
        let number = self.number();
        let answer = line(&Line::Answer { pid: process::id(), number, to: heard })?;
        self.note(number, self.peer.try_feed(to, answer), Sent::Over(to, to))
    }

    fn fates(&self, left: &BTreeSet<ConnId>) -> Result<Vec<(u64, Fate)>> {
        self.hush()?;
        let fate = |sent| match sent {
            Sent::Over(first, last) if left.range(first..=last).next().is_some() => Fate::Left,
            Sent::Over(..) => Fate::Sent,
            Sent::Returned => Fate::Returned,
        };
        Ok(guard(&self.said).drain(..).map(|(number, sent)| (number, fate(sent))).collect())
    }

    /// Says that nothing follows, once that is so.
    fn end(&self, left: usize) -> Result<()> {
        self.hush()?;
        if self.peer.role() != Role::Listener {
            self.peer.send(LISTENER, line(&Line::End { left })?)?;
        }
        Ok(())
    }

    /// Lets nobody speak any more, and waits for what is being said.
    fn hush(&self) -> Result<()> {
        self.is_silent.store(true, Ordering::Release);
        let mut speakers = guard(&self.speakers);
        speakers
            .drain(..)
            .try_for_each(|speaker| speaker.join().map_err(|_| anyhow!("a speaker panicked"))?)
    }
}

impl From<Role> for Stand {
    fn from(role: Role) -> Self {
        match role {
            Role::Negotiating => Self::Alone,
            Role::Connector => Self::Connects,
            Role::Listener => Self::Listens,
        }
    }
}

fn line(line: &Line) -> Result<Message> {
    Ok(Message::new(Cbor::new().encode(line)?))
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const SPEAKERS: usize = 2;

/// The last number that a connection to a listener may have.
const LAST: ConnId = ConnId(ConnId::FIRST_ACCEPTED.0 - 1);

/// Between two things that one speaker says.
const PAUSE: Duration = Duration::from_millis(2);
