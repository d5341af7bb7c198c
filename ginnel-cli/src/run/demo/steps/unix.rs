//! The steps of Unix, and those that are about open files and files of sockets.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::process;

use anyhow::{Context, Result, bail, ensure};
use ginnel::{Stream, Typed};

use super::{Step, bytes, connect, ensure_reached, flood, in_use, packets, read_to_end, restart, talk};
use crate::run::demo::part::{Finding, LOOK, Question, READ_FILE, STAY};
use crate::run::demo::peers::peers;
use crate::run::demo::stage::Stage;
use crate::run::demo::survey::survey;
use crate::run::demo::system::token;

/// All steps, in the order in which they are shown.
pub(in crate::run::demo) const STEPS: &[Step] = &[
    Step { name: "bytes", run: bytes },
    Step { name: "packets", run: packets },
    Step { name: "open file", run: open_file },
    Step { name: "typed", run: typed },
    Step { name: "restart", run: restart },
    Step { name: "flood", run: flood },
    Step { name: "in use", run: in_use },
    Step { name: "stale", run: stale },
    Step { name: "no socket", run: no_socket },
    Step { name: "peers", run: peers },
    Step { name: "survey", run: survey },
];

fn open_file(stage: &Stage) -> Result<String> {
    let (address, secret) = (stage.address("file"), stage.place.path("secret"));
    let part = stage.start(READ_FILE, &address)?;
    let content = format!("token {}", token()?);
    fs::write(&secret, &content)?;
    let file = File::open(&secret)?;
    fs::remove_file(&secret)?;
    let inode = file.metadata()?.ino();
    let mut stream = connect(&address, stage.deadline())?;
    stream.send_with_fds(b"read this", &[file.as_fd()])?;
    let answer = read_to_end(&mut stream)?;
    ensure!(answer == format!("{inode}\n{content}"), "{} read {answer:?}", part.pid());
    Ok(format!("{} sent a nameless file, {} read it: inode {inode}", process::id(), part.pid()))
}

fn typed(stage: &Stage) -> Result<String> {
    let (address, notes) = (stage.address("typed"), stage.place.path("notes"));
    let part = stage.start(LOOK, &address)?;
    let word = token()?;
    let content = format!("{word} and again {word}\n");
    fs::write(&notes, &content)?;
    let file = File::open(&notes)?.into();
    let mut asking: Typed<_, Question, Finding> = Typed::new(talk(&address, stage.deadline())?);
    let finding = asking.call(&Question { word, file })?;
    let expected = Finding { times: 2, bytes: content.len() };
    ensure!(finding == expected, "{finding:?} was answered where {expected:?} is right");
    let Finding { times, bytes } = finding;
    let (me, child) = (process::id(), part.pid());
    Ok(format!("{child} found a word {times} times in {me}'s open file, {bytes} bytes"))
}

fn stale(stage: &Stage) -> Result<String> {
    let address = stage.address("stale");
    let part = stage.start(STAY, &address)?;
    let dead = part.pid();
    ensure_reached(&address, dead, stage.deadline())?;
    part.kill()?;
    ensure!(fs::symlink_metadata(&address).is_ok(), "the socket of {dead} is gone with it");
    match Stream::connect_deadline(&address, stage.deadline()) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
        Err(error) => return Err(error).context("the socket of a dead process"),
        Ok(_) => bail!("somebody answers for {dead}, which is dead"),
    }
    let next = stage.start(STAY, &address)?;
    ensure_reached(&address, next.pid(), stage.deadline())?;
    Ok(format!("{dead} was killed, its socket stayed, {} replaced it", next.pid()))
}

fn no_socket(stage: &Stage) -> Result<String> {
    let path = stage.place.path("notes.txt");
    let content = token()?;
    fs::write(&path, &content)?;
    let (child, said) = stage.start_in_vain(STAY, path.as_os_str())?;
    ensure!(said == "AlreadyExists", "{child} found a file and said {said:?}");
    ensure!(fs::read_to_string(&path)? == content, "{child} changed the file");
    Ok(format!("{child} found a file of {}, left it alone and said so", process::id()))
}
