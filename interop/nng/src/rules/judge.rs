//! The judge plays the peer of one rule, and says whether the victim did as the table says.
//!
//! That the application gets nothing is not waited for: a message that it does get is sent behind the bytes, over the
//! same pipe or the next one, and has to be the first to arrive.

use std::fmt;

use anyhow::{Context, Result, ensure};

use super::wire::{Wire, length_head, typed_length_head};
use super::{Outcome, Part, Rule, Transport, Victim};
use crate::protocol::{Protocol, greeting};

/// How bytes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// As many at once as the talk allows.
    Whole,
    /// One by one.
    Bytes,
}

impl Cut {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Whole, Self::Bytes];
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "at once",
            Self::Bytes => "byte by byte",
        })
    }
}

/// Fails unless the rule holds for this victim, which was made for it.
pub fn judge(rule: &Rule, transport: Transport, cut: Cut, victim: &mut dyn Victim) -> Result<()> {
    let mut scene = Scene { rule, transport, cut, victim, attached: 0 };
    let company = if rule.setup.company { Some(scene.company()?) } else { None };
    let (mut pipe, question) = scene.misbehave()?;
    match rule.outcome {
        Outcome::Delivered(bodies) => {
            for body in bodies {
                scene.expect(body)?;
            }
            // A request is over with its answer; a survey goes on.
            let question = question.filter(|_| rule.victim == Protocol::Surveyor);
            scene.prove_alive(&mut pipe, question).context("the pipe does not stay")
        }
        Outcome::Answered(body, header) => {
            scene.expect(body)?;
            scene.expect_reply(&mut pipe, header)?;
            scene.prove_alive(&mut pipe, None).context("the pipe does not stay")
        }
        Outcome::Dropped => {
            scene.prove_read(&mut pipe)?;
            scene.prove_alive(&mut pipe, question).context("the pipe does not stay")
        }
        Outcome::Closed => {
            pipe.read_to_the_end()?;
            let (mut other, question) = match company {
                Some(company) => (company, None),
                None => scene.next_pipe(question)?,
            };
            scene.prove_alive(&mut other, question).context("the next pipe does not work")
        }
    }
}

struct Scene<'a> {
    rule: &'a Rule,
    transport: Transport,
    cut: Cut,
    victim: &'a mut dyn Victim,
    /// Pipes whose attachment was waited for.
    attached: u64,
}

/// The id of a question that the victim waits for an answer to.
type Question = [u8; 4];

impl Scene<'_> {
    /// Does what the rule says. If the victim asks, it has asked over this pipe.
    fn misbehave(&mut self) -> Result<(Wire, Option<Question>)> {
        let mut pipe = self.connect()?;
        let mut said = self.rule.greeting.unwrap_or(greeting(self.rule.victim.peer().id())).to_vec();
        if let Some(length) = self.rule.cut_greeting {
            said.truncate(length);
            self.write(&mut pipe, &said)?;
            pipe.end()?;
            return Ok((pipe, None));
        }
        if self.rule.greeting.is_some() {
            self.write(&mut pipe, &said)?;
            return Ok((pipe, None));
        }
        let mut question = None;
        if shape(self.rule.victim).sends_first() {
            self.write(&mut pipe, &said)?;
            self.wait_until_attached()?;
            said.clear();
        }
        if shape(self.rule.victim) == Shape::Asks {
            question = Some(self.ask(&mut pipe)?);
        }
        for part in self.rule.parts {
            if let Some(bytes) = self.bytes(part, question) {
                said.extend(bytes);
            }
        }
        self.write(&mut pipe, &said)?;
        if matches!(self.rule.parts.last(), Some(Part::End)) {
            pipe.end()?;
        }
        Ok((pipe, question))
    }

    fn bytes(&self, part: &Part, question: Option<Question>) -> Option<Vec<u8>> {
        Some(match *part {
            Part::Length(length) => length_head(self.transport, length),
            Part::TypedLength(kind, length) => typed_length_head(self.transport, kind, length),
            Part::Bytes(bytes) => bytes.to_vec(),
            Part::Id(turned) => {
                let id = u32::from_be_bytes(question.expect("only those who ask have rules with ids"));
                (id ^ turned).to_be_bytes().to_vec()
            }
            Part::End => return None,
        })
    }

    /// The victim may close in the middle; whether it should is seen afterwards.
    fn write(&self, pipe: &mut Wire, bytes: &[u8]) -> Result<()> {
        let piece = match self.cut {
            Cut::Whole => bytes.len().max(1),
            Cut::Bytes => 1,
        };
        for piece in bytes.chunks(piece) {
            if !pipe.write(piece)? {
                break;
            }
        }
        Ok(())
    }

    /// A well-behaved peer.
    fn friend(&mut self) -> Result<Wire> {
        let mut pipe = self.connect()?;
        ensure!(pipe.write(&greeting(self.rule.victim.peer().id()))?, "a right greeting is refused");
        Ok(pipe)
    }

    fn company(&mut self) -> Result<Wire> {
        let pipe = self.friend()?;
        self.wait_until_attached()?;
        Ok(pipe)
    }

    /// A pipe after one that was closed. A request without an answer comes over it by itself.
    fn next_pipe(&mut self, question: Option<Question>) -> Result<(Wire, Option<Question>)> {
        let mut pipe = self.friend()?;
        if shape(self.rule.victim).sends_first() {
            self.wait_until_attached()?;
        }
        let Some(question) = question.filter(|_| self.rule.victim == Protocol::Req) else {
            return Ok((pipe, None));
        };
        let again = pipe.read_message().context("waiting for the request to be sent again")?;
        ensure!(again == [&question, QUESTION].concat(), "the request became {again:02x?}");
        Ok((pipe, Some(question)))
    }

    /// What a victim sends may leave before it looks at what it was sent. So it is sent more than the kernel holds: when
    /// that is written, the victim has gone on reading.
    fn prove_read(&self, pipe: &mut Wire) -> Result<()> {
        match shape(self.rule.victim) {
            Shape::Sends => self.say(pipe, &vec![0; MORE_THAN_BUFFERS]).context("the pipe does not stay"),
            _ => Ok(()),
        }
    }

    /// A message over this pipe arrives, and is the next one.
    fn prove_alive(&mut self, pipe: &mut Wire, question: Option<Question>) -> Result<()> {
        match shape(self.rule.victim) {
            Shape::Sends => {
                self.victim.send(PROBE)?;
                let message = pipe.read_message()?;
                ensure!(message == PROBE, "{message:02x?} came");
                Ok(())
            }
            Shape::Receives(header) => {
                let body = [self.rule.setup.prefix, PROBE].concat();
                self.say(pipe, &[header, &body].concat())?;
                self.expect(&body)
            }
            Shape::Answers => {
                self.say(pipe, &[REQUEST, PROBE].concat())?;
                self.expect(PROBE)?;
                self.expect_reply(pipe, REQUEST)
            }
            Shape::Asks => {
                let question = question.map_or_else(|| self.ask(pipe), Ok)?;
                self.say(pipe, &[&question, PROBE].concat())?;
                self.expect(PROBE)
            }
        }
    }

    /// Not cut: what is tried here is the pipe.
    fn say(&self, pipe: &mut Wire, message: &[u8]) -> Result<()> {
        let head = length_head(self.transport, message.len() as u64);
        ensure!(pipe.write(&[&head, message].concat())?, "it is closed");
        Ok(())
    }

    fn ask(&mut self, pipe: &mut Wire) -> Result<Question> {
        self.victim.send(QUESTION).context("asking")?;
        let message = pipe.read_message().context("waiting for the question")?;
        let (id, body) = message.split_first_chunk().context("a question has an id")?;
        ensure!(body == QUESTION, "{message:02x?} was asked");
        ensure!(id[0] & 0x80 != 0, "the id of a question has its high bit set");
        Ok(*id)
    }

    fn expect(&mut self, body: &[u8]) -> Result<()> {
        let found = self.victim.recv().context("nothing reaches the application")?;
        ensure!(
            found == body,
            "the application got \"{}\", not \"{}\"",
            found.escape_ascii(),
            body.escape_ascii()
        );
        Ok(())
    }

    fn expect_reply(&mut self, pipe: &mut Wire, header: &[u8]) -> Result<()> {
        self.victim.reply(ANSWER)?;
        let found = pipe.read_message().context("waiting for the answer")?;
        ensure!(found == [header, ANSWER].concat(), "the answer is {found:02x?}");
        Ok(())
    }

    fn connect(&mut self) -> Result<Wire> {
        let mut pipe = Wire::new(self.victim.connect()?, self.transport)?;
        let found = pipe.read_greeting()?;
        ensure!(found == greeting(self.rule.victim.id()), "the victim greets with {found:02x?}");
        Ok(pipe)
    }

    fn wait_until_attached(&mut self) -> Result<()> {
        self.attached += 1;
        self.victim.attached(self.attached).context("the pipe is not attached")
    }
}

/// What can be done with a socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Sends,
    /// Behind these bytes.
    Receives(&'static [u8]),
    Answers,
    Asks,
}

impl Shape {
    fn sends_first(self) -> bool {
        matches!(self, Self::Sends | Self::Asks)
    }
}

fn shape(protocol: Protocol) -> Shape {
    match protocol {
        Protocol::Pub | Protocol::Push => Shape::Sends,
        Protocol::Pair1 => Shape::Receives(&[0, 0, 0, 1]),
        Protocol::Pair0 | Protocol::Sub | Protocol::Pull | Protocol::Bus => Shape::Receives(&[]),
        Protocol::Rep | Protocol::Respondent => Shape::Answers,
        Protocol::Req | Protocol::Surveyor => Shape::Asks,
    }
}

/// Bytes; a connection within this machine buffers up to 10 MiB.
const MORE_THAN_BUFFERS: usize = 16 << 20;

const PROBE: &[u8] = b"probe";
const QUESTION: &[u8] = b"who?";
const ANSWER: &[u8] = b"me";
const REQUEST: &[u8] = &[0x80, 0, 0, 0x11];
