//! The other processes of the demo.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ginnel::{
    Connection, Fd, Happening, Listener, SeqPacket, Server, ServerOptions, Socket, Stream, Typed,
    TypedDelivery,
};
use serde::{Deserialize, Serialize};

use super::{survey, talker};
use crate::wait::wait_for_hangup;

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// Answers one question over a stream.
    Answer,
    /// Gives packets back.
    Echo,
    /// Reads a file through its descriptor alone.
    ReadFile,
    /// Answers typed questions about open files.
    Look,
    /// Says its process id, and how many messages it has, to whoever asks, until it is killed.
    Serve,
    /// Accepts a connection and does not read.
    Idle,
    /// Says its process id to whoever connects, until it is killed.
    Stay,
    /// Talks as one of many peers, until it is killed.
    Talk,
    /// Answers a survey over a socket that it has inherited.
    Respond,
}

const ROLES: [Role; 9] = [
    Role::Answer,
    Role::Echo,
    Role::ReadFile,
    Role::Look,
    Role::Serve,
    Role::Idle,
    Role::Stay,
    Role::Talk,
    Role::Respond,
];

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Echo => "echo",
            Self::ReadFile => "read-file",
            Self::Look => "look",
            Self::Serve => "serve",
            Self::Idle => "idle",
            Self::Stay => "stay",
            Self::Talk => "talk",
            Self::Respond => "respond",
        }
    }
}

/// What is asked about a file, with the file in it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Question {
    pub(super) word: String,
    pub(super) file: Fd,
}

/// What there is to say about it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finding {
    /// How often the word stands in it.
    pub(super) times: usize,
    pub(super) bytes: usize,
}

/// What a part says when it listens.
pub(super) const READY: &str = "ready";

/// Plays a role at `path`.
pub(super) fn play(role: &str, path: &Path, deadline: Instant) -> Result<()> {
    match ROLES.into_iter().find(|known| known.name() == role) {
        Some(Role::Answer) => answer(path, deadline),
        Some(Role::Echo) => echo(path, deadline),
        Some(Role::ReadFile) => read_file(path, deadline),
        Some(Role::Look) => look(path, deadline),
        Some(Role::Serve) => serve(path, deadline),
        Some(Role::Idle) => idle(path, deadline),
        Some(Role::Stay) => stay(path, deadline),
        Some(Role::Talk) => talker::play(path, deadline),
        Some(Role::Respond) => survey::respond(deadline),
        None => bail!("the demo has no part {role:?}"),
    }
}

fn answer(path: &Path, deadline: Instant) -> Result<()> {
    let mut stream = listen::<Stream>(path, deadline)?.accept()?;
    stream.set_deadline(Some(deadline))?;
    let mut question = String::new();
    stream.read_to_string(&mut question)?;
    write!(stream, "{} heard {question}", std::process::id())?;
    Ok(())
}

fn echo(path: &Path, deadline: Instant) -> Result<()> {
    let mut socket = listen::<SeqPacket>(path, deadline)?.accept()?;
    socket.set_deadline(Some(deadline))?;
    while let Some(packet) = socket.recv()? {
        socket.send(&packet.body)?;
    }
    Ok(())
}

fn read_file(path: &Path, deadline: Instant) -> Result<()> {
    let mut stream = listen::<Stream>(path, deadline)?.accept()?;
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

fn look(path: &Path, deadline: Instant) -> Result<()> {
    let mut connection = listen::<Connection>(path, deadline)?.accept()?;
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

fn serve(path: &Path, deadline: Instant) -> Result<()> {
    let mut server = Server::over(listen::<Stream>(path, deadline)?, &ServerOptions::new())?;
    server.set_deadline(Some(deadline));
    let mut messages = 0;
    loop {
        match server.next()? {
            Happening::Message(..) => messages += 1,
            Happening::Request(request) => {
                server.reply(request, format!("{} {messages}", std::process::id()));
            }
            Happening::Joined(_) | Happening::Cancelled(..) | Happening::Left(..) => {}
        }
    }
}

fn idle(path: &Path, deadline: Instant) -> Result<()> {
    let stream = listen::<Stream>(path, deadline)?.accept()?;
    Ok(wait_for_hangup(stream, Some(deadline))?)
}

fn stay(path: &Path, deadline: Instant) -> Result<()> {
    let listener = listen::<Stream>(path, deadline)?;
    loop {
        let mut stream = listener.accept()?;
        stream.set_deadline(Some(deadline))?;
        write!(stream, "{}", std::process::id())?;
    }
}

/// Listens, and says so; or says why not, and ends.
fn listen<S: Socket>(path: &Path, deadline: Instant) -> Result<Listener<S>> {
    match Listener::<S>::builder().listen(path) {
        Ok(mut listener) => {
            listener.set_deadline(Some(deadline))?;
            say(READY)?;
            Ok(listener)
        }
        Err(error) => {
            say(&format!("{:?}", error.kind()))?;
            Err(error.into())
        }
    }
}

pub(super) fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
