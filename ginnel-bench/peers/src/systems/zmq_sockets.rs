//! `zmq`: PUSH to PULL for messages, REQ to REP for calls, PUB to SUB for broadcasts.

mod shared;

use std::io;
use std::marker::PhantomData;
use std::mem::replace;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use ginnel_bench_part::{
    BroadcastLink, CallLink, Endpoint, IdleHost, MessageLink, Signals, System, beside, ready,
};
use zmq::{Context, Message, Socket, SocketType};

use super::SUBSCRIBED;
use shared::Shared;

pub(super) const SYSTEM: System = System::named("zmq")
    .with_messages(|part, control| ready(part.messages::<Zmq<PushPull>>(control)))
    .with_calls(|part, control| ready(part.calls::<Zmq<ReqRep>>(control)))
    .with_broadcasts(|part, control| ready(part.broadcasts::<Subscriber>(control)))
    .with_idle(|part, control| ready(part.idle::<Hall>(control)))
    .with_requests(|part, control| ready(part.calls::<Zmq<ReqRep>>(control)))
    .with_pipelines(|part, control| ready(part.messages::<Zmq<PushPull>>(control)))
    .with_publishers(|part, control| ready(part.broadcasts::<Subscriber>(control)));

/// Which socket listens, and which connects.
trait Pattern {
    const SERVER: SocketType;
    const CLIENT: SocketType;
}

struct PushPull;

impl Pattern for PushPull {
    const SERVER: SocketType = SocketType::PULL;
    const CLIENT: SocketType = SocketType::PUSH;
}

struct ReqRep;

impl Pattern for ReqRep {
    const SERVER: SocketType = SocketType::REP;
    const CLIENT: SocketType = SocketType::REQ;
}

struct Zmq<P> {
    socket: Socket,
    /// What was received last, whose memory the library may use again.
    received: Message,
    signals: Signals,
    pattern: PhantomData<P>,
}

impl<P: Pattern> Zmq<P> {
    fn new(socket: Socket, signals: Signals) -> Self {
        Self { socket, received: Message::new(), signals, pattern: PhantomData }
    }

    /// A context has one thread that does its input and output. A socket keeps a thousand messages by default; more
    /// made it slower, and of what waits in a PUSH socket none is ever dropped.
    fn open(kind: SocketType) -> io::Result<Socket> {
        let socket = Context::new().socket(kind)?;
        // What nobody reads any more must not keep the process.
        socket.set_linger(0)?;
        Ok(socket)
    }

    fn recv(&mut self) -> io::Result<usize> {
        self.socket.recv(&mut self.received, 0)?;
        Ok(self.received.len())
    }
}

impl<P: Pattern> Endpoint for Zmq<P> {
    type Listener = (UnixListener, Option<Socket>);

    async fn listen(path: &Path) -> io::Result<Self::Listener> {
        let socket = Self::open(P::SERVER)?;
        socket.bind(&address(path))?;
        Ok((UnixListener::bind(path)?, Some(socket)))
    }

    async fn accept((listener, socket): &mut Self::Listener) -> io::Result<Self> {
        let socket = socket.take().ok_or(io::ErrorKind::Unsupported)?;
        Ok(Self::new(socket, Signals::accept(listener)?))
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let socket = Self::open(P::CLIENT)?;
        socket.connect(&address(path))?;
        Ok(Self::new(socket, Signals::connect(path)?))
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.signals.signal()
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.signals.signalled()
    }
}

/// The library gathers by itself: its thread sends in one call whatever waits for it.
impl MessageLink for Zmq<PushPull> {
    type Message = Shared;

    fn message(bytes: Vec<u8>) -> Shared {
        Shared::new(&bytes)
    }

    async fn feed(&mut self, message: &Shared) -> io::Result<()> {
        self.send(message).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn send(&mut self, message: &Shared) -> io::Result<()> {
        message.send(&mut self.socket)
    }

    async fn recv(&mut self) -> io::Result<usize> {
        Self::recv(self)
    }
}

impl CallLink for Zmq<ReqRep> {
    async fn call(&mut self, request: &[u8]) -> io::Result<usize> {
        self.socket.send(request, 0)?;
        self.recv()
    }

    async fn answer(&mut self, requests: u64) -> io::Result<()> {
        for _ in 0..requests {
            self.recv()?;
            self.socket.send(replace(&mut self.received, Message::new()), 0)?;
        }
        Ok(())
    }
}

struct Publisher {
    listener: UnixListener,
    socket: Socket,
    signals: Vec<Signals>,
}

struct Subscriber {
    socket: Socket,
    received: Message,
    signals: Signals,
}

impl BroadcastLink for Subscriber {
    type Sender = Publisher;
    type Message = Shared;

    async fn listen(path: &Path) -> io::Result<Publisher> {
        let socket = Zmq::<PushPull>::open(SocketType::PUB)?;
        socket.set_sndhwm(PUBLISHED)?;
        socket.bind(&address(path))?;
        Ok(Publisher { listener: UnixListener::bind(path)?, socket, signals: Vec::new() })
    }

    async fn join(sender: &mut Publisher, receivers: usize) -> io::Result<()> {
        while sender.signals.len() < receivers {
            sender.signals.push(Signals::accept(&sender.listener)?);
        }
        std::thread::sleep(SUBSCRIBED);
        Ok(())
    }

    /// All in one context, which has one thread for all.
    async fn connect(path: &Path) -> io::Result<Self> {
        static CONTEXT: OnceLock<Context> = OnceLock::new();
        let socket = CONTEXT.get_or_init(Context::new).socket(SocketType::SUB)?;
        socket.set_linger(0)?;
        socket.set_subscribe(b"")?;
        socket.set_rcvhwm(PUBLISHED)?;
        socket.connect(&address(path))?;
        Ok(Self { socket, received: Message::new(), signals: Signals::connect(path)? })
    }

    fn message(bytes: Vec<u8>) -> Shared {
        Shared::new(&bytes)
    }

    async fn broadcast(sender: &mut Publisher, message: &Shared, times: u64) -> io::Result<()> {
        (0..times).try_for_each(|_| message.send(&mut sender.socket))
    }

    async fn signalled(sender: &mut Publisher) -> io::Result<()> {
        sender.signals.first_mut().map_or(Ok(()), Signals::signalled)
    }

    async fn recv(&mut self) -> io::Result<usize> {
        self.socket.recv(&mut self.received, 0)?;
        Ok(self.received.len())
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
        let socket = Zmq::<PushPull>::open(SocketType::PULL)?;
        socket.bind(&address(path))?;
        Ok(Self(socket))
    }

    async fn hold(&mut self, connections: usize) -> io::Result<()> {
        let mut message = Message::new();
        (0..connections).try_for_each(|_| Ok(self.0.recv(&mut message, 0)?))
    }

    /// A context has room for 1,023 sockets.
    async fn visit(path: &Path) -> io::Result<Socket> {
        static CONTEXT: Mutex<(Option<Context>, usize)> = Mutex::new((None, 0));
        let mut shared = CONTEXT.lock().unwrap_or_else(PoisonError::into_inner);
        let (context, sockets) = &mut *shared;
        if sockets.is_multiple_of(1000) {
            *context = Some(Context::new());
        }
        *sockets += 1;
        let socket = context.get_or_insert_default().socket(SocketType::PUSH)?;
        socket.set_linger(0)?;
        socket.connect(&address(path))?;
        socket.send("!", 0)?;
        Ok(socket)
    }
}

fn address(path: &Path) -> String {
    format!("ipc://{}", beside(path).display())
}

/// Messages that a publisher or subscriber keeps: not only those that nobody has taken, but also up to half of this that
/// somebody has taken and has not yet told it. With the thousand of the default, some were dropped.
const PUBLISHED: i32 = 4096;
