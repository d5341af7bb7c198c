//! Parts as they are where no open file travels and no socket is inherited.

use std::ffi::OsStr;
use std::time::Instant;

use anyhow::Result;
use ginnel::{Connection, Typed, TypedDelivery};
use serde::{Deserialize, Serialize};

use super::{Role, listen};
use crate::run::demo::survey::respond;

/// Answers typed questions about texts.
pub(in crate::run::demo) const LOOK: Role = Role { name: "look", play: look };
/// Answers a survey.
pub(in crate::run::demo) const RESPOND: Role = Role { name: "respond", play: respond };

pub(super) const OTHERS: [Role; 2] = [LOOK, RESPOND];

/// What is asked about a text, with the text in it.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::run::demo) struct Question {
    pub(in crate::run::demo) word: String,
    pub(in crate::run::demo) text: String,
}

/// What there is to say about it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::run::demo) struct Finding {
    /// How often the word stands in it.
    pub(in crate::run::demo) times: usize,
    pub(in crate::run::demo) bytes: usize,
}

fn look(address: &OsStr, deadline: Instant) -> Result<()> {
    let mut connection = listen::<Connection>(address, deadline)?.accept()?;
    connection.set_deadline(Some(deadline));
    let mut asked: Typed<_, Finding, Question> = Typed::new(connection);
    while let Some(delivery) = asked.next()? {
        let TypedDelivery::Request(Question { word, text }, request) = delivery else { continue };
        let times = text.matches(&word).count();
        asked.reply(request, &Finding { times, bytes: text.len() })?;
    }
    Ok(())
}
