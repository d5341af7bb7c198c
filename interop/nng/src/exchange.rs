//! One exchange of messages per protocol, the same for whoever is at its two ends.
//!
//! nng drops what is still queued when a socket closes, so nobody closes before the other side has said, by an answer
//! or by leaving, that it has everything.

use std::fmt;

use anyhow::{Context, Result, ensure};

use crate::content;
use crate::protocol::{Protocol, Side};

/// A socket of any implementation. Every wait has a deadline of its own, and fails when it is over.
pub trait End {
    /// Sends one message; to the one who asked, if this end answers.
    fn send(&mut self, body: &[u8]) -> Result<()>;

    /// Waits for the next message.
    fn recv(&mut self) -> Result<Vec<u8>>;

    /// Waits until somebody is at the other end.
    fn met(&mut self) -> Result<()>;

    /// Waits until somebody was at the other end and has left.
    fn left(&mut self) -> Result<()>;
}

/// How a publisher learns that its subscriber keeps up, which the protocol has no way to say.
pub trait Pace {
    /// For a subscriber: it has everything that was sent so far.
    fn tell(&mut self) -> Result<()>;

    /// For a publisher: waits until its subscriber tells.
    fn hear(&mut self) -> Result<()>;
}

/// For the protocols that keep the pace themselves.
#[derive(Debug)]
pub struct OwnPace;

impl Pace for OwnPace {
    fn tell(&mut self) -> Result<()> {
        Ok(())
    }

    fn hear(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The line with which a subscriber's process tells.
pub const STEP_LINE: &str = "step";

/// What is to be exchanged.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// This end.
    pub protocol: Protocol,
    /// Ignored where the protocol decides it.
    pub side: Side,
    /// How many messages, not counting answers.
    pub count: u64,
    /// Bytes of each.
    pub size: usize,
}

impl Plan {
    /// Which side this end really is.
    #[must_use]
    pub fn side(&self) -> Side {
        self.protocol.side().unwrap_or(self.side)
    }

    /// What the other end does meanwhile.
    #[must_use]
    pub fn across(&self) -> Self {
        Self { protocol: self.protocol.peer(), side: self.side().other(), ..*self }
    }

    /// Does this end's part; true to the plan, or an error.
    pub fn run(&self, end: &mut dyn End, pace: &mut dyn Pace) -> Result<Report> {
        match self.protocol {
            Protocol::Pair0 | Protocol::Pair1 | Protocol::Bus => match self.side {
                Side::Lead => self.talk(end, self.window())?,
                Side::Follow => self.answer(end)?,
            },
            Protocol::Req | Protocol::Surveyor => self.talk(end, 1)?,
            Protocol::Rep | Protocol::Respondent => self.answer(end)?,
            Protocol::Push => self.give(end)?,
            Protocol::Pull => self.take(end, &mut OwnPace)?,
            Protocol::Pub => self.publish(end, pace)?,
            Protocol::Sub => self.take(end, pace)?,
        }
        Ok(Report(*self))
    }

    /// Sends, and expects an answer to each; so many may be on their way.
    fn talk(&self, end: &mut dyn End, window: u64) -> Result<()> {
        end.met()?;
        for number in 0..self.count + window {
            if number < self.count {
                end.send(&content::body(number, self.size, Side::Lead))
                    .with_context(|| format!("sending message {number}"))?;
            }
            // The first answer is waited for when the window is full.
            if let Some(number) = (number + 1).checked_sub(window).filter(|number| *number < self.count) {
                let answer = end.recv().with_context(|| format!("waiting for answer {number}"))?;
                content::check(&answer, number, self.size, Side::Follow)?;
            }
        }
        Ok(())
    }

    fn answer(&self, end: &mut dyn End) -> Result<()> {
        for number in 0..self.count {
            self.expect(end, number)?;
            end.send(&content::body(number, self.size, Side::Follow))
                .with_context(|| format!("sending answer {number}"))?;
        }
        end.left().context("waiting for the other side to have the last answer")
    }

    fn give(&self, end: &mut dyn End) -> Result<()> {
        end.met()?;
        for number in 0..self.count {
            end.send(&content::body(number, self.size, Side::Lead))
                .with_context(|| format!("sending message {number}"))?;
        }
        end.left().context("waiting for the other side to have the last message")
    }

    fn take(&self, end: &mut dyn End, pace: &mut dyn Pace) -> Result<()> {
        for number in 0..self.count {
            self.expect(end, number)?;
            if self.ends_a_step(number) {
                pace.tell()?;
            }
        }
        Ok(())
    }

    fn publish(&self, end: &mut dyn End, pace: &mut dyn Pace) -> Result<()> {
        end.met()?;
        for number in 0..self.count {
            if number.is_multiple_of(DECOY_EACH) {
                end.send(&content::decoy(number, self.size)).context("sending a decoy")?;
            }
            end.send(&content::body(number, self.size, Side::Lead))
                .with_context(|| format!("sending message {number}"))?;
            if self.ends_a_step(number) {
                pace.hear()?;
            }
        }
        Ok(())
    }

    fn expect(&self, end: &mut dyn End, number: u64) -> Result<()> {
        let message = end.recv().with_context(|| format!("waiting for message {number}"))?;
        content::check(&message, number, self.size, Side::Lead)
    }

    fn ends_a_step(&self, number: u64) -> bool {
        (number + 1).is_multiple_of(STEP) || number + 1 == self.count
    }

    /// Few enough that a queue of nng's default length loses none, and that both sides can write without reading.
    fn window(&self) -> u64 {
        (IN_FLIGHT / (self.size as u64).max(1)).clamp(1, STEP)
    }
}

/// An exchange that went as planned, in one line.
#[derive(Debug, Clone, Copy)]
pub struct Report(Plan);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { protocol, count, size, .. } = self.0;
        let did = match protocol {
            Protocol::Push | Protocol::Pub => "sent",
            Protocol::Pull | Protocol::Sub => "received",
            _ if self.0.side() == Side::Lead => "had answers to",
            _ => "answered",
        };
        write!(f, "{} {did} {count} messages of {size} bytes", protocol.name())
    }
}

/// Refuses a plan that no exchange can keep.
pub fn checked(plan: Plan) -> Result<Plan> {
    ensure!(plan.count < 1 << 32, "fewer than 2^32 messages can be told from decoys, {} wanted", plan.count);
    ensure!(plan.size >= 8, "a message holds its number in 8 bytes, {} wanted", plan.size);
    Ok(plan)
}

/// Messages between two signs of the subscriber; with their decoys fewer than the 16 that a publisher queues.
const STEP: u64 = 8;
const DECOY_EACH: u64 = 4;
/// Bytes; less than what the kernel takes from each side unread.
const IN_FLIGHT: u64 = 64 << 10;
