//! The other processes of the demo.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(super) use unix::{Finding, LOOK, Question, READ_FILE, RESPOND};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(super) use windows::{Finding, LOOK, Question, RESPOND};

#[cfg(unix)]
use unix::OTHERS;
#[cfg(windows)]
use windows::OTHERS;

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Write};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use ginnel::{Happening, Listener, SeqPacket, Server, ServerOptions, Socket, Stream};

use super::talker;

/// What a process does at an address until a deadline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    pub(super) name: &'static str,
    play: fn(&OsStr, Instant) -> Result<()>,
}

/// Answers one question over a stream.
pub(super) const ANSWER: Role = Role { name: "answer", play: answer };
/// Gives packets back.
pub(super) const ECHO: Role = Role { name: "echo", play: echo };
/// Says its process id, and how many messages it has, to whoever asks, until it is killed.
pub(super) const SERVE: Role = Role { name: "serve", play: serve };
/// Accepts a connection and does not read.
pub(super) const IDLE: Role = Role { name: "idle", play: idle };
/// Says its process id to whoever connects, until it is killed.
pub(super) const STAY: Role = Role { name: "stay", play: stay };
/// Talks as one of many peers, until it is killed.
pub(super) const TALK: Role = Role { name: "talk", play: talker::play };

const ROLES: [Role; 6] = [ANSWER, ECHO, SERVE, IDLE, STAY, TALK];

/// What a part says when it listens.
pub(super) const READY: &str = "ready";

/// Plays a role at an address.
pub(super) fn play(role: &str, address: &OsStr, deadline: Instant) -> Result<()> {
    let known = ROLES.iter().chain(&OTHERS).find(|known| known.name == role);
    let role = known.with_context(|| format!("the demo has no part {role:?}"))?;
    (role.play)(address, deadline)
}

fn answer(address: &OsStr, deadline: Instant) -> Result<()> {
    let mut stream = listen::<Stream>(address, deadline)?.accept()?;
    stream.set_deadline(Some(deadline))?;
    let mut question = String::new();
    BufReader::new(&stream).read_line(&mut question)?;
    write!(stream, "{} heard {}", std::process::id(), question.trim_end())?;
    Ok(())
}

fn echo(address: &OsStr, deadline: Instant) -> Result<()> {
    let mut socket = listen::<SeqPacket>(address, deadline)?.accept()?;
    socket.set_deadline(Some(deadline))?;
    while let Some(packet) = socket.recv()? {
        socket.send(&packet.body)?;
    }
    Ok(())
}

fn serve(address: &OsStr, deadline: Instant) -> Result<()> {
    let mut server = Server::over(listen::<Stream>(address, deadline)?, &ServerOptions::new())?;
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

fn idle(address: &OsStr, deadline: Instant) -> Result<()> {
    let _stream = listen::<Stream>(address, deadline)?.accept()?;
    // It is killed before.
    thread::sleep(deadline.saturating_duration_since(Instant::now()));
    Ok(())
}

fn stay(address: &OsStr, deadline: Instant) -> Result<()> {
    let listener = listen::<Stream>(address, deadline)?;
    loop {
        let mut stream = listener.accept()?;
        stream.set_deadline(Some(deadline))?;
        write!(stream, "{}", std::process::id())?;
    }
}

/// Listens, and says so; or says why not, and ends.
fn listen<S: Socket>(address: &OsStr, deadline: Instant) -> Result<Listener<S>> {
    match Listener::<S>::builder().listen(address) {
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
