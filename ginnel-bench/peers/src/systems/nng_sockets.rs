//! `nng-sys`: PUSH to PULL for messages, REQ to REP for calls, PUB to SUB for broadcasts.

#![allow(unsafe_code, reason = "the crate is the bare C interface")]

mod callbacks;
mod socket;

use std::ffi::c_int;
use std::io;
use std::marker::PhantomData;
use std::os::unix::net::UnixListener;
use std::path::Path;

use ginnel_bench_part::{
    BroadcastLink, CallLink, Control, Endpoint, IdleHost, Ipc, Joins as _, MessageLink, Part, Shape, Signals,
    Socketpair, System, Way, beside, ready,
};
use nng_sys::{nng_pub0_open, nng_pull0_open, nng_push0_open, nng_rep0_open, nng_req0_open, nng_sub0_open};

use super::SUBSCRIBED;
use socket::Socket;

pub(super) use callbacks::{CALLBACKS, CALLBACKS_SOCKETPAIR};

pub(super) const SYSTEM: System = System::named("nng")
    .with_messages(|part, control| ready(part.messages::<Nng<PushPull<LONG>, Ipc>>(control)))
    .with_calls(|part, control| ready(part.calls::<Nng<ReqRep, Ipc>>(control)))
    .with_broadcasts(|part, control| ready(part.broadcasts::<Subscriber<Ipc>>(control)))
    .with_idle(|part, control| ready(part.idle::<Hall>(control)))
    .with_requests(|part, control| ready(part.calls::<Nng<ReqRep, Ipc>>(control)))
    .with_pipelines(pipelines::<Ipc>)
    .with_publishers(|part, control| ready(part.broadcasts::<Subscriber<Ipc>>(control)));

/// The same over `socket://`.
pub(super) const SOCKETPAIR: System = System::named("nng-fd")
    .with_requests(|part, control| ready(part.calls::<Nng<ReqRep, Socketpair>>(control)))
    .with_pipelines(pipelines::<Socketpair>)
    .with_publishers(|part, control| ready(part.broadcasts::<Subscriber<Socketpair>>(control)));

fn pipelines<W: Way>(part: Part, control: &mut Control) -> io::Result<()> {
    if is_large(&part) {
        ready(part.messages::<Nng<PushPull<SHORT>, W>>(control))
    } else {
        ready(part.messages::<Nng<PushPull<MEDIUM>, W>>(control))
    }
}

/// A long queue of large messages is slow: it does not fit the processor's caches.
fn is_large(part: &Part) -> bool {
    matches!(part.scenario.shape, Shape::Pipeline { bytes } if bytes > 4096)
}

/// Which socket listens, and which connects.
trait Pattern {
    fn server() -> io::Result<Socket>;
    fn client() -> io::Result<Socket>;
}

struct PushPull<const QUEUED: c_int>;

impl<const QUEUED: c_int> Pattern for PushPull<QUEUED> {
    fn server() -> io::Result<Socket> {
        Socket::open(nng_pull0_open)
    }

    fn client() -> io::Result<Socket> {
        Socket::open(nng_push0_open)?.queueing(QUEUED)
    }
}

struct ReqRep;

impl Pattern for ReqRep {
    fn server() -> io::Result<Socket> {
        Socket::open(nng_rep0_open)
    }

    fn client() -> io::Result<Socket> {
        Socket::open(nng_req0_open)
    }
}

/// With calls that wait, as the library's own tools for measuring use it.
struct Nng<P, W> {
    socket: Socket,
    signals: Signals,
    kind: PhantomData<(P, W)>,
}

impl<P, W> Nng<P, W> {
    fn new(socket: Socket, signals: Signals) -> Self {
        Self { socket, signals, kind: PhantomData }
    }
}

impl<P: Pattern, W: Way> Endpoint for Nng<P, W> {
    type Listener = (UnixListener, Option<Socket>);

    async fn listen(path: &Path) -> io::Result<Self::Listener> {
        let mut socket = P::server()?;
        W::open(&mut socket, path)?;
        Ok((UnixListener::bind(path)?, Some(socket)))
    }

    async fn accept((listener, socket): &mut Self::Listener) -> io::Result<Self> {
        let mut socket = socket.take().ok_or(io::ErrorKind::Unsupported)?;
        let mut signals = Signals::accept(listener)?;
        W::admit(&mut socket, &mut signals)?;
        Ok(Self::new(socket, signals))
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let (mut socket, mut signals) = (P::client()?, Signals::connect(path)?);
        W::reach(&mut socket, path, &mut signals)?;
        Ok(Self::new(socket, signals))
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.signals.signal()
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.signals.signalled()
    }
}

/// The library has no call for several messages; it queues them for its threads.
impl<W: Way, const QUEUED: c_int> MessageLink for Nng<PushPull<QUEUED>, W> {
    type Message = Vec<u8>;

    fn message(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn feed(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.socket.send(message)
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn send(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.socket.send(message)
    }

    async fn recv(&mut self) -> io::Result<usize> {
        self.socket.recv().map(|message| message.len())
    }
}

impl<W: Way> CallLink for Nng<ReqRep, W> {
    async fn call(&mut self, request: &[u8]) -> io::Result<usize> {
        self.socket.send(request)?;
        self.socket.recv().map(|answer| answer.len())
    }

    async fn answer(&mut self, requests: u64) -> io::Result<()> {
        for _ in 0..requests {
            let request = self.socket.recv()?;
            self.socket.send_back(request)?;
        }
        Ok(())
    }
}

struct Publisher {
    listener: UnixListener,
    socket: Socket,
    signals: Vec<Signals>,
}

struct Subscriber<W> {
    socket: Socket,
    signals: Signals,
    way: PhantomData<W>,
}

impl<W: Way> BroadcastLink for Subscriber<W> {
    type Sender = Publisher;
    type Message = Vec<u8>;

    async fn listen(path: &Path) -> io::Result<Publisher> {
        let mut socket = Socket::open(nng_pub0_open)?.queueing(LONG)?;
        W::open(&mut socket, path)?;
        Ok(Publisher { listener: UnixListener::bind(path)?, socket, signals: Vec::new() })
    }

    async fn join(sender: &mut Publisher, receivers: usize) -> io::Result<()> {
        while sender.signals.len() < receivers {
            let mut signals = Signals::accept(&sender.listener)?;
            W::admit(&mut sender.socket, &mut signals)?;
            sender.signals.push(signals);
        }
        std::thread::sleep(SUBSCRIBED);
        Ok(())
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let mut socket = Socket::open(nng_sub0_open)?.subscribed(LONG)?;
        let mut signals = Signals::connect(path)?;
        W::reach(&mut socket, path, &mut signals)?;
        Ok(Self { socket, signals, way: PhantomData })
    }

    fn message(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn broadcast(sender: &mut Publisher, message: &Vec<u8>, times: u64) -> io::Result<()> {
        (0..times).try_for_each(|_| sender.socket.send(message))
    }

    async fn signalled(sender: &mut Publisher) -> io::Result<()> {
        sender.signals.first_mut().map_or(Ok(()), Signals::signalled)
    }

    async fn recv(&mut self) -> io::Result<usize> {
        self.socket.recv().map(|message| message.len())
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.signals.signal()
    }
}

/// A socket that many are connected to.
struct Hall(Socket);

impl IdleHost for Hall {
    type Guest = Socket;

    async fn listen(path: &Path) -> io::Result<Self> {
        let mut socket = Socket::open(nng_pull0_open)?;
        socket.listen(&beside(path))?;
        Ok(Self(socket))
    }

    async fn hold(&mut self, connections: usize) -> io::Result<()> {
        (0..connections).try_for_each(|_| self.0.recv().map(drop))
    }

    async fn visit(path: &Path) -> io::Result<Socket> {
        let mut socket = Socket::open(nng_push0_open)?;
        socket.dial(&beside(path))?;
        socket.send(b"!")?;
        Ok(socket)
    }
}

/// Messages in a queue. Two windows of what is published fit into the long one; the medium one is that of the library's
/// own tools for measuring; each was the fastest where it is used.
const LONG: c_int = 1024;
const MEDIUM: c_int = 128;
const SHORT: c_int = 16;
