//! The steps of the demo: each returns what happened, or what was a surprise.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{self, Command};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ginnel::{Client, Connection, Error, Limit, SeqPacket, Status, Stream, Typed};

use super::part::{Finding, Question, Role};
use super::peers::peers;
use super::stage::{Stage, token};
use super::survey::survey;

/// One thing that is shown.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) run: fn(&Stage) -> Result<String>,
}

/// All steps, in the order in which they are shown.
pub(super) const STEPS: &[Step] = &[
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

fn bytes(stage: &Stage) -> Result<String> {
    let path = stage.path("bytes.sock");
    let part = stage.start(Role::Answer, &path)?;
    let (me, child) = (process::id(), part.pid());
    let mut stream = connect(&path, stage.deadline())?;
    let peer = stream.peer_credentials()?;
    ensure!(peer.pid == Some(child), "the kernel names {:?} where {child} listens", peer.pid);
    let question = token()?;
    stream.write_all(question.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let answer = read_to_end(&mut stream)?;
    ensure!(answer == format!("{child} heard {question}"), "the answer was {answer:?}");
    Ok(format!("{me} asked, {child} answered; the kernel names {child}, user {}", peer.uid))
}

fn packets(stage: &Stage) -> Result<String> {
    if let Err(error) = SeqPacket::pair()
        && error.kind() == ErrorKind::Unsupported
    {
        return Ok(format!("left out: {error}"));
    }
    let path = stage.path("packets.sock");
    let part = stage.start(Role::Echo, &path)?;
    let mut socket = SeqPacket::connect_deadline(&path, stage.deadline())?;
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

fn open_file(stage: &Stage) -> Result<String> {
    let (path, secret) = (stage.path("file.sock"), stage.path("secret"));
    let part = stage.start(Role::ReadFile, &path)?;
    let content = format!("token {}", token()?);
    fs::write(&secret, &content)?;
    let file = File::open(&secret)?;
    fs::remove_file(&secret)?;
    let inode = file.metadata()?.ino();
    let mut stream = connect(&path, stage.deadline())?;
    stream.send_with_fds(b"read this", &[file.as_fd()])?;
    let answer = read_to_end(&mut stream)?;
    ensure!(answer == format!("{inode}\n{content}"), "{} read {answer:?}", part.pid());
    Ok(format!("{} sent a nameless file, {} read it: inode {inode}", process::id(), part.pid()))
}

fn typed(stage: &Stage) -> Result<String> {
    let (path, notes) = (stage.path("typed.sock"), stage.path("notes"));
    let part = stage.start(Role::Look, &path)?;
    let word = token()?;
    let content = format!("{word} and again {word}\n");
    fs::write(&notes, &content)?;
    let file = File::open(&notes)?.into();
    let mut asking: Typed<_, Question, Finding> = Typed::new(talk(&path, stage.deadline())?);
    let finding = asking.call(&Question { word, file })?;
    let expected = Finding { times: 2, bytes: content.len() };
    ensure!(finding == expected, "{finding:?} was answered where {expected:?} is right");
    let Finding { times, bytes } = finding;
    let (me, child) = (process::id(), part.pid());
    Ok(format!("{child} found a word {times} times in {me}'s open file, {bytes} bytes"))
}

/// The client is told of no connection: it sends, asks, and waits a little longer for one answer.
fn restart(stage: &Stage) -> Result<String> {
    let path = stage.path("restart.sock");
    let first = stage.start(Role::Serve, &path)?;
    let mut client = Client::connect(&path)?;
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
        let next = threads.spawn(|| stage.start(Role::Serve, &path));
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
    let path = stage.path("flood.sock");
    let _part = stage.start(Role::Idle, &path)?;
    let mut connection = talk(&path, stage.deadline())?;
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

/// Bytes of this process that are in memory. proc_pid_status(5); ps(1) where there is no such file
fn resident() -> Result<usize> {
    let told = match fs::read_to_string("/proc/self/status") {
        Ok(status) => status.lines().find_map(|line| line.strip_prefix("VmRSS:")).map(str::to_owned),
        Err(_) => {
            let ps = Command::new("ps").args(["-o", "rss=", "-p", &process::id().to_string()]).output()?;
            Some(String::from_utf8(ps.stdout)?)
        }
    };
    let kib = told.as_deref().and_then(|told| told.split_whitespace().next());
    Ok(kib.context("nobody tells how much memory this process has")?.parse::<usize>()? << 10)
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
    let path = stage.path("live.sock");
    let part = stage.start(Role::Stay, &path)?;
    let child = part.pid();
    let (other, said) = stage.start_in_vain(Role::Stay, &path)?;
    ensure!(said == "AddrInUse", "{other} wanted to listen there too and said {said:?}");
    ensure_reached(&path, child, stage.deadline())?;
    Ok(format!("{child} listens, {other} was refused, {child} is still reached"))
}

fn stale(stage: &Stage) -> Result<String> {
    let path = stage.path("stale.sock");
    let part = stage.start(Role::Stay, &path)?;
    let dead = part.pid();
    ensure_reached(&path, dead, stage.deadline())?;
    part.kill()?;
    ensure!(fs::symlink_metadata(&path).is_ok(), "the socket of {dead} is gone with it");
    match Stream::connect_deadline(&path, stage.deadline()) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
        Err(error) => return Err(error).context("the socket of a dead process"),
        Ok(_) => bail!("somebody answers for {dead}, which is dead"),
    }
    let next = stage.start(Role::Stay, &path)?;
    ensure_reached(&path, next.pid(), stage.deadline())?;
    Ok(format!("{dead} was killed, its socket stayed, {} replaced it", next.pid()))
}

fn no_socket(stage: &Stage) -> Result<String> {
    let path = stage.path("notes.txt");
    let content = token()?;
    fs::write(&path, &content)?;
    let (child, said) = stage.start_in_vain(Role::Stay, &path)?;
    ensure!(said == "AlreadyExists", "{child} found a file and said {said:?}");
    ensure!(fs::read_to_string(&path)? == content, "{child} changed the file");
    Ok(format!("{child} found a file of {}, left it alone and said so", process::id()))
}

fn connect(path: &Path, deadline: Instant) -> io::Result<Stream> {
    let mut stream = Stream::connect_deadline(path, deadline)?;
    stream.set_deadline(Some(deadline))?;
    Ok(stream)
}

fn talk(path: &Path, deadline: Instant) -> Result<Connection> {
    let mut connection = Connection::from(connect(path, deadline)?);
    connection.set_deadline(Some(deadline));
    Ok(connection)
}

/// Is it this very process that answers, by its own word and the kernel's?
fn ensure_reached(path: &Path, pid: u32, deadline: Instant) -> Result<()> {
    let mut stream = connect(path, deadline)?;
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
