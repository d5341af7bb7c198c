//! `ginnel listen --answer`: a command answers the requests of a connection.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::Output;

use anyhow::{Context, Result, ensure};
use ginnel::{Connection, Credentials, Delivery, Message, Request, Stream, Wire};

use super::descriptors::tell_closed;
use super::shell;
use super::talk::{options, unless_gone};
use crate::events::{Event, Events};
use crate::speech::Codec;

/// Where requests are answered.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) script: OsString,
    pub(crate) codec: Codec,
    pub(crate) events: Events,
}

impl Desk {
    /// Answers the requests of one connection, one after another, until the peer ends it.
    pub(crate) fn serve(&self, stream: Stream, peer: &Credentials) -> Result<()> {
        let mut connection = Connection::over(stream, &options(Wire::Native));
        loop {
            let next = unless_gone(connection.next()).context("cannot receive")?;
            let goes_on = match next.flatten() {
                None => return Ok(()),
                Some(Delivery::Request(request)) => self.answer(&mut connection, request, peer)?,
                Some(Delivery::Message(Message { body, fds, .. })) => {
                    self.events.tell(&Event::MessageDropped { bytes: body.len() });
                    tell_closed(fds.len(), self.events);
                    true
                }
                // Its command has run already.
                Some(Delivery::Cancelled(_)) => true,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// `false`: the peer has gone.
    fn answer(&self, connection: &mut Connection, mut request: Request, peer: &Credentials) -> Result<bool> {
        let question = std::mem::replace(&mut request.message, Message::empty());
        let most = connection.greeting().map_or(0, |greeting| greeting.message);
        let answered = match self.work_out(question, most, peer) {
            Ok(body) => {
                let bytes = body.len();
                unless_gone(connection.reply(request, body))
                    .inspect(|_| self.events.tell(&Event::Answered { bytes }))
            }
            Err(error) => {
                let message = format!("{error:#}");
                let failed = unless_gone(connection.fail(request, message.clone()));
                self.events.tell(&Event::NotAnswered { message });
                failed
            }
        };
        Ok(answered.context("cannot answer")?.is_some())
    }

    /// The body of the answer, at most so long.
    fn work_out(&self, question: Message, most: u32, peer: &Credentials) -> Result<Vec<u8>> {
        let Message { body, fds, .. } = question;
        let mut line = self.codec.line(&body)?.into_owned();
        if self.codec != Codec::Raw {
            line.push(b'\n');
        }
        let question = Message::new(line).with_fds(fds);
        let output = shell::to_its_end(&self.script, question, peer).context("cannot start the command")?;
        if !self.events.are_json() {
            // Nobody may be there to read it.
            let _ = io::stderr().write_all(&output.stderr);
        }
        ensure!(output.status.success(), last_words(&output));
        let answer = self.codec.body(output.stdout).context("the command printed no answer")?;
        let fits = u32::try_from(answer.len()).is_ok_and(|length| length <= most);
        ensure!(fits, "the answer has {} bytes, {most} are taken", answer.len());
        Ok(answer)
    }
}

/// The last line of standard error that says something, else how the command ended.
fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    match text.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(line) => line.to_owned(),
        None => format!("the command ended: {}", output.status),
    }
}
