//! Parts that take open files, and one that inherits a socket.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Instant;

use anyhow::{Context, Result};
use ginnel::{Connection, Fd, Stream, Typed, TypedDelivery};
use serde::{Deserialize, Serialize};

use super::{Role, listen};
use crate::run::demo::survey::respond;

/// Reads a file through its descriptor alone.
pub(in crate::run::demo) const READ_FILE: Role = Role { name: "read-file", play: read_file };
/// Answers typed questions about open files.
pub(in crate::run::demo) const LOOK: Role = Role { name: "look", play: look };
/// Answers a survey over a socket that it has inherited.
pub(in crate::run::demo) const RESPOND: Role = Role { name: "respond", play: respond };

pub(super) const OTHERS: [Role; 3] = [READ_FILE, LOOK, RESPOND];

/// What is asked about a file, with the file in it.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::run::demo) struct Question {
    pub(in crate::run::demo) word: String,
    pub(in crate::run::demo) file: Fd,
}

/// What there is to say about it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::run::demo) struct Finding {
    /// How often the word stands in it.
    pub(in crate::run::demo) times: usize,
    pub(in crate::run::demo) bytes: usize,
}

fn read_file(address: &OsStr, deadline: Instant) -> Result<()> {
    let mut stream = listen::<Stream>(address, deadline)?.accept()?;
    stream.set_deadline(Some(deadline))?;
    let (_, fds) = stream.recv_with_fds(&mut [0; 64])?;
    let file = File::from(fds.into_iter().next().context("no descriptor came")?);
    let content = read_whole(&file)?;
    writeln!(stream, "{}", file.metadata()?.ino())?;
    stream.write_all(&content)?;
    Ok(())
}

/// The position in a file is shared with its sender, so it is not relied on.
fn read_whole(file: &File) -> Result<Vec<u8>> {
    let mut content = vec![0; usize::try_from(file.metadata()?.size())?];
    file.read_exact_at(&mut content, 0)?;
    Ok(content)
}

fn look(address: &OsStr, deadline: Instant) -> Result<()> {
    let mut connection = listen::<Connection>(address, deadline)?.accept()?;
    connection.set_deadline(Some(deadline));
    let mut asked: Typed<_, Finding, Question> = Typed::new(connection);
    while let Some(delivery) = asked.next()? {
        let TypedDelivery::Request(question, request) = delivery else { continue };
        let Question { word, file } = question;
        let content = String::from_utf8(read_whole(&file.into())?)?;
        let times = content.matches(&word).count();
        asked.reply(request, &Finding { times, bytes: content.len() })?;
    }
    Ok(())
}
