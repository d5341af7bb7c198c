use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ginnel::{Credentials, Receiver, Sender, Stream};

use super::{Talk, unless_gone};
use crate::events::Event;
use crate::output::Output;
use crate::run::input::{Input, Lines, Most, NO_INPUT, chunk};
use crate::run::sending::{Sending, shut_both};
use crate::run::shell;
use crate::wait::{check, wait_for_hangup};

impl Talk {
    /// Every line of standard input as a message, every message as a line on standard output.
    pub(crate) fn join(self, stream: Stream) -> Result<()> {
        let mut output = Output::stdout()?;
        let mut lines = Lines::of(Input::stdin(self.deadline)?, Most::MESSAGE);
        let (sender, mut receiver) = self.halves(stream)?;
        let send = move |sender: &mut Sender| self.send_each(sender, || lines.next().context(NO_INPUT));
        let sending = Sending::start(sender, send, drop)?;
        let heard = self.hear(&mut receiver, |line| Ok(output.line(line)?));
        let unread = heard.map_err(|error| match sending.so_far() {
            // What stopped the sending is the cause of what was heard then.
            Some(Err(cause)) => cause,
            _ => error,
        })?;
        sending.end(receiver, self.deadline)?;
        self.events.tell(&Event::Closed { unread });
        Ok(())
    }

    /// What a command prints as messages, every message on its standard input. It ends when the command does.
    pub(crate) fn exec(self, stream: Stream, script: &OsStr, peer: &Credentials) -> Result<ExitStatus> {
        let mut child = shell::between_pipes(script, peer).context("cannot start the command")?;
        let pid = child.id();
        self.events.tell(&Event::Started { pid });
        let mut stdin = child.stdin.take();
        let (sender, mut receiver) = self.halves(stream)?;
        let send = move |sender: &mut Sender| self.send_printed(sender, &mut child);
        let sending = Sending::start(sender, send, leave)?;
        let status = match self.hear(&mut receiver, |line| Ok(self.give(line, &mut stdin)?)) {
            Ok(_) => {
                drop(stdin);
                sending.result()?
            }
            // Once the command has ended, nobody needs the rest. Asked while its input is open, whose end would end it.
            Err(error) => sending.so_far().unwrap_or(Err(error))?,
        };
        self.events.tell(&Event::ended(pid, status));
        Ok(status)
    }

    /// Sends what `next` returns until the peer has gone.
    fn send_each(self, sender: &mut Sender, mut next: impl FnMut() -> Result<Option<Vec<u8>>>) -> Result<()> {
        let mut number: u64 = 0;
        while let Some(typed) = next()? {
            number += 1;
            let what = || format!("message {number} was not sent");
            let body = self.speech.body(typed).with_context(what)?;
            if unless_gone(sender.send(body)).with_context(what)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Sends what a command prints, and waits for its end.
    fn send_printed(self, sender: &mut Sender, child: &mut Child) -> Result<ExitStatus> {
        let mut printed = child.stdout.take().context(NOT_PRINTED)?;
        let sent = if self.speech.is_in_lines() {
            let mut lines = Lines::of(printed, Most::MESSAGE);
            self.send_each(sender, || lines.next().context(NOT_PRINTED))
        } else {
            self.send_each(sender, || chunk(&mut printed).context(NOT_PRINTED))
        };
        if sent.is_err() {
            // It fails if the command has ended already.
            let _ = child.kill();
        }
        let status = child.wait()?;
        sent.map(|()| status)
    }

    /// Gives each message to `take` until the peer ends. `true`: it did so without reading everything.
    fn hear(self, receiver: &mut Receiver, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<bool> {
        let mut hear = || loop {
            check(self.deadline)?;
            let Some(received) = unless_gone(receiver.recv()).context("cannot receive")? else {
                return Ok(true);
            };
            let Some(message) = received else { return Ok(false) };
            self.tell(&message)?;
            take(&self.speech.line(&message.body)?)?;
        };
        let heard = hear();
        if heard.is_err() {
            shut_both(receiver.as_fd());
        }
        heard
    }

    /// A command need not read what it is given.
    fn give(self, line: &[u8], stdin: &mut Option<ChildStdin>) -> io::Result<()> {
        let Some(open) = stdin else { return Ok(()) };
        let end: &[u8] = if self.speech.is_in_lines() { b"\n" } else { b"" };
        match open.write_all(line).and_then(|()| open.write_all(end)) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                *stdin = None;
                Ok(())
            }
            other => other,
        }
    }
}

/// Says goodbye, and ends the connection if the peer does not.
fn leave(sender: Sender) {
    let connection = sender.as_fd().try_clone_to_owned();
    drop(sender);
    if let Ok(connection) = connection
        && wait_for_hangup(&connection, Some(Instant::now() + PATIENCE)).is_err()
    {
        shut_both(&connection);
    }
}

const NOT_PRINTED: &str = "cannot read what the command prints";

/// How long a peer may go on after a command has ended.
const PATIENCE: Duration = Duration::from_secs(1);
