//! What comes of the bytes that a peer may send: a table, and a judge who plays the peer.
//!
//! The table says what nng 2.0.0 does. Whoever claims to do the same implements [`Victim`] and has every line judged.

mod judge;
mod place;
mod table;
mod wire;

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use anyhow::Result;
use clap::ValueEnum;

use crate::protocol::{Protocol, greeting};

pub use judge::{Cut, judge};
pub use place::Place;
pub use table::rules;

/// The socket that is sent the bytes, of any implementation. Every wait has a deadline of its own.
pub trait Victim {
    /// Connects another peer: the other end of a new pipe. Nothing is said over it yet.
    fn connect(&mut self) -> Result<OwnedFd>;

    /// Waits until so many pipes have been attached since the beginning.
    fn attached(&mut self, total: u64) -> Result<()>;

    /// Sends a message; for those who ask it is the question.
    fn send(&mut self, body: &[u8]) -> Result<()>;

    /// Waits for the next message; for those who ask it is an answer.
    fn recv(&mut self) -> Result<Vec<u8>>;

    /// Answers what was received last.
    fn reply(&mut self, body: &[u8]) -> Result<()>;
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What the peer does, after the name of the protocol.
    pub name: &'static str,
    /// Who it is done to.
    pub victim: Protocol,
    /// How the victim is set up.
    pub setup: Setup,
    /// What the peer says first; `None` is what it should.
    pub greeting: Option<[u8; 8]>,
    /// How much of the greeting is sent before the peer ends.
    pub cut_greeting: Option<usize>,
    /// What the peer says then.
    pub parts: &'static [Part],
    /// What comes of it.
    pub outcome: Outcome,
}

/// Options of the victim; each is nng's default unless it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// The longest message, header included; 0 is no limit.
    pub recv_max: Option<usize>,
    /// Devices that a message may have passed.
    pub ttl: Option<u8>,
    /// What a subscriber wants.
    pub prefix: &'static [u8],
    /// Another peer is there before, and is well-behaved.
    pub company: bool,
    /// The rule is about a byte that only this transport has.
    pub only: Option<Transport>,
}

/// What carries a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// A socketpair.
    Socket,
    /// A path; each message begins with a byte more.
    Ipc,
    /// A port of this machine.
    Tcp,
}

/// A piece of what the peer sends.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// The length of a message, with what the transport puts before it.
    Length(u64),
    /// The same behind this byte, where there has to be one.
    TypedLength(u8, u64),
    /// As they are.
    Bytes(&'static [u8]),
    /// The id of the question that the victim has asked; so many bits of it are turned.
    Id(u32),
    /// The peer sends no more.
    End,
}

/// What comes of it.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    /// The application gets these messages, and the pipe stays.
    Delivered(&'static [&'static [u8]]),
    /// The application gets this message, and its answer comes back behind these bytes.
    Answered(&'static [u8], &'static [u8]),
    /// The application gets nothing, and the pipe stays.
    Dropped,
    /// The application gets nothing, and the pipe is closed.
    Closed,
}

impl Rule {
    /// A well-behaved peer that then sends these parts.
    const fn new(victim: Protocol, name: &'static str, parts: &'static [Part], outcome: Outcome) -> Self {
        let setup = Setup { recv_max: None, ttl: None, prefix: b"", company: false, only: None };
        Self { name, victim, setup, greeting: None, cut_greeting: None, parts, outcome }
    }

    /// A peer that greets with these bytes.
    const fn greeted(victim: Protocol, name: &'static str, greeting: [u8; 8]) -> Self {
        let mut rule = Self::new(victim, name, &[], Outcome::Closed);
        rule.greeting = Some(greeting);
        rule
    }

    /// A peer that says that it is of this number.
    const fn stranger(victim: Protocol, name: &'static str, id: u16) -> Self {
        Self::greeted(victim, name, greeting(id))
    }

    /// A peer that ends after so many bytes of its greeting.
    const fn cut(victim: Protocol, name: &'static str, length: usize) -> Self {
        let mut rule = Self::new(victim, name, &[], Outcome::Closed);
        rule.cut_greeting = Some(length);
        rule
    }

    const fn recv_max(mut self, bytes: usize) -> Self {
        self.setup.recv_max = Some(bytes);
        self
    }

    const fn ttl(mut self, hops: u8) -> Self {
        self.setup.ttl = Some(hops);
        self
    }

    const fn prefix(mut self, prefix: &'static [u8]) -> Self {
        self.setup.prefix = prefix;
        self
    }

    const fn in_company(mut self) -> Self {
        self.setup.company = true;
        self
    }

    const fn only(mut self, transport: Transport) -> Self {
        self.setup.only = Some(transport);
        self
    }

    /// Whether the rule makes sense there.
    #[must_use]
    pub fn applies_to(&self, transport: Transport) -> bool {
        self.setup.only.is_none_or(|only| only == transport)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.victim.name(), self.name)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delivered(_) => "delivered",
            Self::Answered(..) => "delivered, answered",
            Self::Dropped => "dropped, the pipe stays",
            Self::Closed => "the pipe is closed",
        })
    }
}

impl Transport {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Socket, Self::Ipc, Self::Tcp];

    /// The scheme of its addresses.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Ipc => "ipc",
            Self::Tcp => "tcp",
        }
    }
}

/// Somebody who makes victims: a new one for each rule.
pub type MakeVictim<'a> = &'a mut dyn FnMut(&Rule, Transport) -> Result<Box<dyn Victim>>;

/// Judges every rule over every transport, and tells `tell` about each; the number of those that do not hold.
pub fn judge_all(
    make: MakeVictim<'_>,
    transports: &[Transport],
    tell: &mut dyn FnMut(Verdict<'_>) -> io::Result<()>,
) -> Result<usize> {
    let mut wrong = 0;
    for rule in rules() {
        for transport in transports.iter().copied().filter(|transport| rule.applies_to(*transport)) {
            for cut in Cut::ALL {
                let judged = make(&rule, transport)
                    .and_then(|mut victim| judge(&rule, transport, cut, victim.as_mut()));
                wrong += usize::from(judged.is_err());
                tell(Verdict { rule: &rule, transport, cut, judged })?;
            }
        }
    }
    Ok(wrong)
}

/// What became of one rule.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Where it was tried.
    pub transport: Transport,
    /// How the bytes were sent.
    pub cut: Cut,
    /// An error if something else happened.
    pub judged: Result<()>,
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, transport, cut, judged } = self;
        let place = format!("{}, {cut}", transport.scheme());
        match judged {
            Ok(()) => write!(f, "ok     {rule} ({place}): {}", rule.outcome),
            Err(error) => write!(f, "WRONG  {rule} ({place}): not \"{}\": {error:#}", rule.outcome),
        }
    }
}
