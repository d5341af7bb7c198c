//! The other processes of the demo.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ginnel::{Listener, SeqPacket, Socket, Stream};

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// Answers one question over a stream.
    Answer,
    /// Gives packets back.
    Echo,
    /// Reads a file through its descriptor alone.
    ReadFile,
    /// Says its process id to whoever connects, until it is killed.
    Stay,
}

const ROLES: [Role; 4] = [Role::Answer, Role::Echo, Role::ReadFile, Role::Stay];

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Echo => "echo",
            Self::ReadFile => "read-file",
            Self::Stay => "stay",
        }
    }
}

/// What a part says when it listens.
pub(super) const READY: &str = "ready";

/// Plays a role at `path`.
pub(super) fn play(role: &str, path: &Path, deadline: Instant) -> Result<()> {
    match ROLES.into_iter().find(|known| known.name() == role) {
        Some(Role::Answer) => answer(path, deadline),
        Some(Role::Echo) => echo(path, deadline),
        Some(Role::ReadFile) => read_file(path, deadline),
        Some(Role::Stay) => stay(path, deadline),
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
    let status = file.metadata()?;
    let mut content = vec![0; usize::try_from(status.size())?];
    // The position in the file is shared with its sender, so it is not relied on.
    file.read_exact_at(&mut content, 0)?;
    writeln!(stream, "{}", status.ino())?;
    stream.write_all(&content)?;
    Ok(())
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

fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
