use std::ffi::OsStr;
use std::process::ExitStatus;

use anyhow::{Context, Result};
use ginnel::{Credentials, Receiver, Sender, Stream};

use super::{Talk, unless_gone};
use crate::events::Event;
use crate::run::conversation::{Conversation, Ear, Form, Heard, Mouth};
use crate::run::input::Most;
use crate::run::shell;

impl Talk {
    /// Every line of standard input as a message, every message as a line on standard output.
    pub(crate) fn join(self, stream: Stream) -> Result<()> {
        let unread = self.conversation(stream, Form::Lines(Most::MESSAGE))?.join(self.deadline)?;
        self.events.tell(&Event::Closed { unread });
        Ok(())
    }

    /// What a command prints as messages, every message on its standard input. It ends when the command does.
    pub(crate) fn exec(self, stream: Stream, script: &OsStr, peer: &Credentials) -> Result<ExitStatus> {
        let child = shell::between_pipes(script, peer).context("cannot start the command")?;
        let pid = child.id();
        self.events.tell(&Event::Started { pid });
        let form = if self.speech.is_in_lines() { Form::Lines(Most::MESSAGE) } else { Form::Bytes };
        let status = self.conversation(stream, form)?.exec(child)?;
        self.events.tell(&Event::ended(pid, status));
        Ok(status)
    }

    fn conversation(self, stream: Stream, form: Form) -> Result<Conversation<Listening, Speaking>> {
        let (sender, receiver) = self.halves(stream)?;
        let mouth = Speaking { sender, talk: self, number: 0 };
        Ok(Conversation { ear: Listening { receiver, talk: self }, mouth, form })
    }
}

struct Listening {
    receiver: Receiver,
    talk: Talk,
}

impl Ear for Listening {
    fn hear(&mut self) -> Result<Heard> {
        let Some(received) = unless_gone(self.receiver.recv()).context("cannot receive")? else {
            return Ok(Heard::End { unread: true });
        };
        let Some(message) = received else { return Ok(Heard::End { unread: false }) };
        self.talk.tell(&message)?;
        Ok(Heard::Piece(self.talk.speech.line(&message.body)?.into_owned()))
    }
}

struct Speaking {
    sender: Sender,
    talk: Talk,
    number: u64,
}

impl Mouth for Speaking {
    fn say(&mut self, typed: Vec<u8>) -> Result<Option<()>> {
        self.number += 1;
        let what = || format!("message {} was not sent", self.number);
        let body = self.talk.speech.body(typed).with_context(what)?;
        unless_gone(self.sender.send(body)).with_context(what)
    }

    /// Every message is sent for good.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }
}
