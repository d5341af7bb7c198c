//! The steps of the demo: each returns what happened, or what was a surprise.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(super) use unix::STEPS;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(super) use windows::STEPS;

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Read, Write};
use std::process;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use ginnel::{Client, Connection, Error, Limit, SeqPacket, Status, Stream};

use super::part::{ANSWER, ECHO, IDLE, SERVE, STAY};
use super::stage::Stage;
use super::system::{resident, token, user};

/// One thing that is shown.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) run: fn(&Stage) -> Result<String>,
}

fn bytes(stage: &Stage) -> Result<String> {
    let address = stage.address("bytes");
    let part = stage.start(ANSWER, &address)?;
    let (me, child) = (process::id(), part.pid());
    let mut stream = connect(&address, stage.deadline())?;
    let peer = stream.peer_credentials()?;
    ensure!(peer.pid == Some(child), "the kernel names {:?} where {child} listens", peer.pid);
    let question = token()?;
    writeln!(stream, "{question}")?;
    let answer = read_to_end(&mut stream)?;
    ensure!(answer == format!("{child} heard {question}"), "the answer was {answer:?}");
    Ok(format!("{me} asked, {child} answered; the kernel names {child}, user {}", user(&peer)))
}

fn packets(stage: &Stage) -> Result<String> {
    if let Err(error) = SeqPacket::pair()
        && error.kind() == ErrorKind::Unsupported
    {
        return Ok(format!("left out: {error}"));
    }
    let address = stage.address("packets");
    let part = stage.start(ECHO, &address)?;
    let mut socket = SeqPacket::connect_deadline(&address, stage.deadline())?;
    socket.set_deadline(Some(stage.deadline()))?;
    let packets: [&[u8]; 3] = [b"first", b"", b"the third"];
    for packet in packets {
        socket.send(packet)?;
    }
    for packet in packets {
        let back = socket.recv()?.context("the end came before the last packet")?;
        ensure!(back.body == packet, "{:?} came back as {:?}", packet, back.body);
    }
    Ok(format!("{} sent 5, 0 and 9 bytes, {} gave back 5, 0 and 9", process::id(), part.pid()))
}

/// The client is told of no connection: it sends, asks, and waits a little longer for one answer.
fn restart(stage: &Stage) -> Result<String> {
    let address = stage.address("restart");
    let first = stage.start(SERVE, &address)?;
    let mut client = Client::connect(&address)?;
    client.set_deadline(Some(stage.deadline()));
    client.feed("one")?;
    let answer = client.call("who, and how many?")?;
    let dead = first.pid();
    ensure!(answer.body == format!("{dead} 1"), "{dead} answered {:?}", answer.body);
    first.kill()?;
    let rest = stage.deadline().saturating_duration_since(Instant::now());
    client.wait_for(|status| status != Status::Connected, rest)?;
    let began = Instant::now();
    client.feed("two")?;
    client.feed("three")?;
    let (answer, next) = thread::scope(|threads| {
        let next = threads.spawn(|| stage.start(SERVE, &address));
        (client.call("who, and how many?"), next.join())
    });
    let pause = began.elapsed().as_millis();
    let next = next.map_err(|_| anyhow!("starting a process panicked"))??.pid();
    let answer = answer?.body;
    ensure!(answer == format!("{next} 2"), "{next} answered {answer:?}");
    Ok(format!("{dead} killed, {next} has what was sent since: {pause} ms"))
}

/// A queue that took everything would grow by what is offered.
fn flood(stage: &Stage) -> Result<String> {
    let address = stage.address("flood");
    let _part = stage.start(IDLE, &address)?;
    let mut connection = talk(&address, stage.deadline())?;
    let before = resident()?;
    let mut taken = 0;
    for _ in 0..FLOOD / MESSAGE {
        match connection.try_feed(vec![b'.'; MESSAGE]) {
            Ok(()) => taken += MESSAGE,
            Err(refused) if matches!(refused.error, Error::Limit(Limit::Queue { .. })) => {
                hand_over(&mut connection)?;
            }
            Err(failed) => return Err(failed.error.into()),
        }
    }
    let after = resident()?;
    ensure!(taken < MOST_HELD, "{} MiB were taken though nobody reads", mib(taken));
    ensure!(after < before + MOST_HELD, "memory grew from {} to {} MiB", mib(before), mib(after));
    let (offered, taken, before, after) = (mib(FLOOD), mib(taken), mib(before), mib(after));
    Ok(format!("{offered} MiB offered, {taken} taken; memory was {before} MiB, is {after}"))
}

/// Gives the kernel what it takes without waiting.
fn hand_over(connection: &mut Connection) -> Result<()> {
    connection.set_deadline(Some(Instant::now()));
    match connection.flush() {
        Err(failed) if !failed.error.is_timeout() => Err(failed.error.into()),
        _ => Ok(()),
    }
}

/// In MiB, to a tenth.
fn mib(bytes: usize) -> String {
    let tenths = (bytes * 10) >> 20;
    if tenths.is_multiple_of(10) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

fn in_use(stage: &Stage) -> Result<String> {
    let address = stage.address("live");
    let part = stage.start(STAY, &address)?;
    let child = part.pid();
    let (other, said) = stage.start_in_vain(STAY, &address)?;
    ensure!(said == "AddrInUse", "{other} wanted to listen there too and said {said:?}");
    ensure_reached(&address, child, stage.deadline())?;
    Ok(format!("{child} listens, {other} was refused, {child} is still reached"))
}

fn connect(address: &OsStr, deadline: Instant) -> io::Result<Stream> {
    let mut stream = Stream::connect_deadline(address, deadline)?;
    stream.set_deadline(Some(deadline))?;
    Ok(stream)
}

fn talk(address: &OsStr, deadline: Instant) -> Result<Connection> {
    let mut connection = Connection::from(connect(address, deadline)?);
    connection.set_deadline(Some(deadline));
    Ok(connection)
}

/// Is it this very process that answers, by its own word and the kernel's?
fn ensure_reached(address: &OsStr, pid: u32, deadline: Instant) -> Result<()> {
    let mut stream = connect(address, deadline)?;
    let named = stream.peer_credentials()?.pid;
    let said = read_to_end(&mut stream)?;
    ensure!(
        said == pid.to_string() && named == Some(pid),
        "{said:?} answered, named {named:?}, where {pid} listens"
    );
    Ok(())
}

fn read_to_end(stream: &mut Stream) -> io::Result<String> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// What is offered to a reader that does not read, in bytes: 1 GiB.
const FLOOD: usize = 1 << 30;

/// In messages of so many bytes.
const MESSAGE: usize = 64 << 10;

/// A queue of 1 MiB, what the kernel holds, and room for what else a process does.
const MOST_HELD: usize = 16 << 20;
