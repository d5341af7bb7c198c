//! Peers that are written byte by byte, calls that wait in threads of their own, and engines that are driven.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::mem;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use ginnel::*;
use rustix::net::sockopt::{Timeout, set_socket_timeout};

pub(crate) type Told<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Only what hangs takes so long.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// More than a link takes from one who does not read, and less than a queue.
pub(crate) const MUCH: usize = 900_000;

pub(crate) const MESSAGE: u8 = 1;
pub(crate) const REQUEST: u8 = 2;
pub(crate) const RESPONSE: u8 = 3;
pub(crate) const FAILURE: u8 = 4;
pub(crate) const CANCEL: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const PONG: u8 = 7;
pub(crate) const GOODBYE: u8 = 8;

pub(crate) fn in_millis(millis: u64) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(millis))
}

/// After what was begun elsewhere had to end: a wake-up that is lost is not made up for by a deadline.
pub(crate) fn at_last() -> Option<Instant> {
    Instant::now().checked_add(2 * LONG)
}

pub(crate) fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s");
    (dir, path)
}

pub(crate) fn null() -> OwnedFd {
    File::open("/dev/null").expect("it exists").into()
}

/// The greeting of one who takes bodies up to so many bytes.
pub(crate) fn greeting(most: u32) -> Vec<u8> {
    [b"GNL\x01\0\0\0\0".as_slice(), &most.to_le_bytes(), &[16, 0, 0, 0], &[7; 16]].concat()
}

pub(crate) fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], &[kind, 0, 0, 0], body].concat()
}

/// A frame that belongs to a question.
pub(crate) fn about(kind: u8, question: u64, body: &[u8]) -> Vec<u8> {
    frame(kind, &[&question.to_le_bytes()[..], body].concat())
}

/// The questions 1 to `last`, which all say the same.
pub(crate) fn questions(last: u64, body: &[u8]) -> Vec<u8> {
    (1..=last).flat_map(|question| about(REQUEST, question, body)).collect()
}

/// The other side, byte by byte.
pub(crate) struct Raw {
    pub(crate) stream: UnixStream,
    greeted: bool,
}

impl Raw {
    pub(crate) fn over(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(LONG)).expect("a socket");
        stream.set_write_timeout(Some(LONG)).expect("a socket");
        Self { stream, greeted: false }
    }

    pub(crate) fn connect(path: &Path) -> Self {
        let mut peer = Self::over(UnixStream::connect(path).expect("it listens"));
        peer.says(&greeting(16 << 20));
        peer
    }

    pub(crate) fn accept(listener: &UnixListener) -> Self {
        let mut peer = Self::silent(listener);
        peer.says(&greeting(16 << 20));
        peer
    }

    /// One that does not greet by itself.
    pub(crate) fn silent(listener: &UnixListener) -> Self {
        Self::over(listener.accept().expect("somebody connects").0)
    }

    pub(crate) fn says(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it is read");
    }

    /// Waits until the other side has greeted.
    pub(crate) fn is_greeted(&mut self) {
        if !mem::replace(&mut self.greeted, true) {
            self.stream.read_exact(&mut greeting(0)).expect("it greets");
        }
    }

    /// The next frame: kind and body.
    pub(crate) fn hears(&mut self) -> (u8, Vec<u8>) {
        self.is_greeted();
        let mut header = [0; 8];
        self.stream.read_exact(&mut header).expect("something is said");
        let [a, b, c, d, kind, ..] = header;
        let mut body = vec![0; u32::from_le_bytes([a, b, c, d]) as usize];
        self.stream.read_exact(&mut body).expect("all of it");
        (kind, body)
    }

    /// The next frame of one of these kinds.
    pub(crate) fn waits_for(&mut self, kinds: &[u8]) -> (u8, Vec<u8>) {
        loop {
            let (kind, body) = self.hears();
            if kinds.contains(&kind) {
                return (kind, body);
            }
        }
    }

    /// Waits until everything that was said has been taken in.
    pub(crate) fn is_heard(&mut self) {
        self.says(&frame(PING, b""));
        self.waits_for(&[PONG]);
    }

    /// Everything until the end.
    pub(crate) fn until_the_end(mut self) -> Vec<u8> {
        self.is_greeted();
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).expect("it ends in order");
        bytes
    }

    /// Reads whatever comes, in a thread of its own.
    pub(crate) fn reads_on(mut self) {
        thread::spawn(move || io::copy(&mut self.stream, &mut io::sink()));
    }

    /// Refuses descriptors from now on. `false`: this kernel cannot.
    pub(crate) fn refuses_fds(&self) -> Told<bool> {
        Ok(Stream::from(OwnedFd::from(self.stream.try_clone()?)).refuse_fds()?)
    }
}

pub(crate) fn listen(path: &Path) -> Told<UnixListener> {
    let listener = UnixListener::bind(path)?;
    set_socket_timeout(&listener, Timeout::Recv, Some(LONG))?;
    Ok(listener)
}

/// Something that was begun in a thread of its own.
pub(crate) struct Begun<T> {
    thread: PathBuf,
    end: Receiver<T>,
}

pub(crate) fn begin<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Begun<T> {
    let (begun, thread) = mpsc::channel();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        begun.send(fs::read_link("/proc/thread-self").expect("Linux")).expect("it is waited for");
        // Nobody need ask for the end.
        let _ = ended.send(work());
    });
    let thread = Path::new("/proc").join(thread.recv().expect("it begins")).join("stat");
    Begun { thread, end }
}

/// Begins what is to wait for something, and comes back when it does: what wakes it must come after.
pub(crate) fn asleep<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Begun<T> {
    let begun = begin(work);
    begun.sleeps();
    begun
}

impl<T> Begun<T> {
    /// Waits until it sleeps, or has ended.
    pub(crate) fn sleeps(&self) {
        let runs = |stat: String| stat.rsplit(") ").next().is_some_and(|state| state.starts_with('R'));
        while fs::read_to_string(&self.thread).is_ok_and(runs) {
            thread::yield_now();
        }
    }

    pub(crate) fn ends(self) -> T {
        self.end.recv_timeout(LONG).expect("it does not hang")
    }

    pub(crate) fn has_ended(&self) -> bool {
        !matches!(self.end.try_recv(), Err(TryRecvError::Empty))
    }
}

pub(crate) fn driven(client: Client) -> (ClientHandle, Begun<io::Result<()>>) {
    let (mut handle, driver) = client.shared();
    handle.set_deadline(at_last());
    (handle, begin(|| driver.run()))
}

pub(crate) fn shared(connection: Connection) -> Told<ClientHandle> {
    let (mut handle, driver) = connection.shared()?;
    handle.set_deadline(at_last());
    thread::spawn(|| driver.run());
    Ok(handle)
}

pub(crate) fn serving(server: Server) -> ServerHandle {
    let (mut handle, driver) = server.shared();
    handle.set_deadline(at_last());
    thread::spawn(|| driver.run());
    handle
}

/// A client that is driven, the peer that it met, and where others may meet it.
pub(crate) fn met() -> Told<(ClientHandle, Raw, (tempfile::TempDir, UnixListener))> {
    let (dir, path) = place();
    let listener = listen(&path)?;
    let (client, _driver) = driven(Client::connect(&path)?);
    Ok((client, Raw::accept(&listener), (dir, listener)))
}

/// A client that has found nobody, and does not look again by itself.
pub(crate) fn in_a_long_pause(
    path: &Path,
    options: ConnectionOptions,
) -> (ClientHandle, Begun<io::Result<()>>) {
    let options = ClientOptions::new().pause(60 * LONG, 60 * LONG).connection(options);
    let (handle, driver) = driven(Client::connect_with(path, &options).expect("a poller"));
    let pauses = |status| matches!(status, Status::Reconnecting { .. });
    handle.wait_for(pauses, LONG).expect("nobody listens");
    (handle, driver)
}

/// The next question of those that have come.
pub(crate) fn asked(client: &ClientHandle) -> Request {
    match client.next().expect("it is connected") {
        Some(Delivery::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// A server, and where it listens.
pub(crate) fn listening(options: ConnectionOptions) -> Told<(Server, (tempfile::TempDir, PathBuf))> {
    let (dir, path) = place();
    let mut server = Server::listen_with(&path, &ServerOptions::new().connection(options))?;
    server.set_deadline(at_last());
    Ok((server, (dir, path)))
}

pub(crate) fn joined(server: &mut Server) -> ConnId {
    match server.next().expect("somebody joins") {
        Happening::Joined(id) => id,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn left(server: &mut Server) {
    while !matches!(server.next().expect("somebody leaves"), Happening::Left(..)) {}
}

/// Answers so many questions, each with this.
pub(crate) fn answers(server: &mut Server, mut questions: usize, answer: impl Fn() -> Message) {
    while questions > 0 {
        if let Happening::Request(request) = server.next().expect("they come") {
            server.reply(request, answer());
            questions -= 1;
        }
    }
}

/// A descriptor to give copies of away, and what is at its end once all are closed.
pub(crate) fn given() -> Told<(OwnedFd, UnixStream)> {
    let (given, end) = UnixStream::pair()?;
    end.set_read_timeout(Some(LONG))?;
    Ok((given.into(), end))
}

pub(crate) fn with(body: impl Into<Message>, fd: &OwnedFd) -> Message {
    body.into().with_fds(vec![fd.try_clone().expect("a free number")])
}

pub(crate) fn small_inbox() -> ConnectionOptions {
    ConnectionOptions::new().inbox(Bound { messages: 8, ..Bound::CONNECTION })
}
