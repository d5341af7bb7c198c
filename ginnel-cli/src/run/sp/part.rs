//! What each end does.

use std::time::Instant;

use anyhow::{Context, Error, Result, anyhow};
use ginnel::Reason;
use ginnel::sp::{Handle, Pattern, Protocol, Receives, Replies, Sends, pattern};

use super::pace::Rounds;
use super::print::Printer;
use crate::events::{Event, Events};
use crate::plan::Pace;
use crate::run::talk::plain;
use crate::wait;

/// What an end has to say, how often, and where it shows what comes.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) said: Option<Vec<u8>>,
    pub(super) rounds: Rounds,
    pub(super) desk: Desk,
}

impl Part {
    /// Sends.
    pub(super) fn tell<P: Sends>(self, end: &mut Handle<P>) -> Result<()> {
        let Self { said, rounds, desk } = self;
        let said = said.unwrap_or_default();
        rounds.play(|_| desk.send(end, &said))?;
        desk.hand_over(end)
    }

    /// Receives.
    pub(super) fn hear<P: Receives<Item: AsRef<[u8]>>>(mut self, end: &mut Handle<P>) -> Result<()> {
        self.desk.hear(end, self.desk.pace.count, None, AsRef::as_ref)
    }

    /// Receives requests, and answers them if there is an answer.
    pub(super) fn answer<P: Replies>(mut self, end: &mut Handle<P>) -> Result<()> {
        let count = self.desk.pace.count;
        let Some(answer) = self.said else {
            return self.desk.hear(end, count, None, |request| &request.body);
        };
        for _ in 0..count.unwrap_or(u64::MAX) {
            let Some(request) = next(end, self.desk.patience(None))? else { break };
            self.desk.printer.print(&request.body)?;
            end.reply(request, answer.clone());
            self.desk.events.tell(&Event::Answered { bytes: answer.len() });
        }
        Ok(())
    }

    /// Sends, and receives until it is time to send again.
    pub(super) fn converse<P>(mut self, end: &mut Handle<P>) -> Result<()>
    where
        P: Sends + Receives<Item: AsRef<[u8]>>,
    {
        let Some(said) = self.said.take() else { return self.hear(end) };
        let Self { rounds, mut desk, .. } = self;
        // Counted without anything that ends the listening, an exchange is one message each way.
        let Pace { count, interval, recv_timeout, .. } = desk.pace;
        let most = if (interval, recv_timeout) == (None, None) { count.map(|_| 1) } else { None };
        rounds.play(|next| {
            desk.send(end, &said)?;
            desk.hear(end, most, next, AsRef::as_ref)
        })?;
        desk.hand_over(end)
    }

    /// Asks, and prints the answer.
    pub(super) fn ask(self, end: &mut Handle<pattern::Req>) -> Result<()> {
        let Self { said, rounds, mut desk } = self;
        let question = said.unwrap_or_default();
        rounds.play(|next| {
            end.set_deadline(desk.patience(next));
            match end.request(question.clone()) {
                Ok(answer) => desk.printer.print(&answer),
                // The next one is due.
                Err(failed)
                    if failed.error.is_timeout() && next.is_some_and(|next| Instant::now() >= next) =>
                {
                    desk.events.tell(&Event::NotAnswered { message: NO_ANSWER.into() });
                    Ok(())
                }
                Err(failed) => Err(told(failed)).context(NO_ANSWER),
            }
        })
    }

    /// Asks everybody, and prints the answers.
    pub(super) fn survey(self, end: &mut Handle<pattern::Surveyor>) -> Result<()> {
        let Self { said, rounds, mut desk } = self;
        let question = said.unwrap_or_default();
        rounds.play(|next| {
            end.set_deadline(next);
            let mut survey = end.survey(question.clone()).map_err(told)?;
            desk.events.tell(&Event::Sent { bytes: question.len(), fds: 0 });
            while let Some(answer) = unless_over(survey.next())?.flatten() {
                desk.printer.print(&answer)?;
            }
            Ok(())
        })
    }
}

/// Where messages go out, and where they are shown.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) pace: Pace,
    pub(super) printer: Printer,
    pub(super) events: Events,
}

impl Desk {
    fn send<P: Sends>(&self, end: &mut Handle<P>, said: &[u8]) -> Result<()> {
        let bytes = said.len();
        end.set_deadline(wait::deadline(self.pace.send_timeout));
        let sent = end.send(said.to_vec()).map_err(told);
        sent.with_context(|| format!("cannot send a message of {bytes} bytes"))?;
        self.events.tell(&Event::Sent { bytes, fds: 0 });
        Ok(())
    }

    /// Waits until the kernel has what was sent, where nothing may be dropped.
    fn hand_over<P: Pattern>(&self, end: &mut Handle<P>) -> Result<()> {
        if !matches!(P::END, Protocol::Push | Protocol::Pair0 | Protocol::Pair1) {
            return Ok(());
        }
        end.set_deadline(wait::deadline(self.pace.send_timeout));
        end.flush().map_err(told).context("not everything was sent")
    }

    /// Receives as many, until this moment, or until nothing has come for long.
    fn hear<P: Receives>(
        &mut self,
        end: &mut Handle<P>,
        most: Option<u64>,
        until: Option<Instant>,
        body: fn(&P::Item) -> &[u8],
    ) -> Result<()> {
        for _ in 0..most.unwrap_or(u64::MAX) {
            let Some(item) = next(end, self.patience(until))? else { break };
            self.printer.print(body(&item))?;
            // What has come is received after that moment too.
            if until.is_some_and(|until| until <= Instant::now()) {
                break;
            }
        }
        Ok(())
    }

    /// Until when something may come that is waited for from now on.
    fn patience(&self, until: Option<Instant>) -> Option<Instant> {
        [wait::deadline(self.pace.recv_timeout), until].into_iter().flatten().min()
    }
}

/// The next message. `None`: none came in time, or none will come any more.
fn next<P: Receives>(end: &mut Handle<P>, until: Option<Instant>) -> Result<Option<P::Item>> {
    end.set_deadline(until);
    unless_over(end.recv())
}

/// `None`: it did not come in time, or the end is closed.
fn unless_over<T>(received: Result<T, ginnel::Error>) -> Result<Option<T>> {
    match received {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_timeout() => Ok(None),
        Err(ginnel::Error::Stopped(Reason::Intentional)) => Ok(None),
        Err(error) => Err(plain(error)),
    }
}

/// An end is closed before its part is over for one reason alone.
fn told(failed: impl Into<ginnel::Error>) -> Error {
    match failed.into() {
        ginnel::Error::Stopped(Reason::Intentional) => anyhow!("nobody is left, and nobody can come"),
        error => plain(error),
    }
}

const NO_ANSWER: &str = "no answer came";
