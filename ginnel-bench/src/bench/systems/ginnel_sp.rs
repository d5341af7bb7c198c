//! The blocking crate's ends of nng's patterns: REQ to REP, PUSH to PULL, PUB to SUB.

use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use ginnel::sp::{Event, Options, Pattern, Pub, Pull, Push, Rep, Req, Socket, Sub};
use ginnel_bench_part::{
    BroadcastLink, CallLink, Endpoint, Ipc, Joins, MessageLink, Signals, Socketpair, System, Way, ready,
};

pub(super) const SYSTEM: System = System::named("ginnel-sp")
    .with_requests(|part, control| ready(part.calls::<Ends<Rep, Req, Ipc, Gathered>>(control)))
    .with_pipelines(|part, control| ready(part.messages::<Ends<Pull, Push, Ipc, Gathered>>(control)))
    .with_publishers(|part, control| ready(part.broadcasts::<Subscriber<Ipc, Gathered>>(control)));

/// The same over streams that it is handed.
pub(super) const SOCKETPAIR: System = System::named("ginnel-sp-fd")
    .with_requests(|part, control| ready(part.calls::<Ends<Rep, Req, Socketpair, Gathered>>(control)))
    .with_pipelines(|part, control| ready(part.messages::<Ends<Pull, Push, Socketpair, Gathered>>(control)))
    .with_publishers(|part, control| ready(part.broadcasts::<Subscriber<Socketpair, Gathered>>(control)));

/// Each message is written before the next one is taken.
pub(super) const SENDS: System = System::named("ginnel-sp-send")
    .with_pipelines(|part, control| ready(part.messages::<Ends<Pull, Push, Ipc, OneByOne>>(control)))
    .with_publishers(|part, control| ready(part.broadcasts::<Subscriber<Ipc, OneByOne>>(control)));

/// Whoever waits sleeps at once.
pub(super) const SLEEPS: System = System::named("ginnel-sp-sleep")
    .with_requests(|part, control| ready(part.calls::<Ends<Rep, Req, Ipc, Asleep>>(control)));

/// How messages leave, and how their ends wait.
trait Habit {
    const GATHERS: bool;

    fn options() -> Options {
        Options::new()
    }
}

struct Gathered;

struct OneByOne;

struct Asleep;

impl Habit for Gathered {
    const GATHERS: bool = true;
}

impl Habit for OneByOne {
    const GATHERS: bool = false;
}

impl Habit for Asleep {
    const GATHERS: bool = true;

    fn options() -> Options {
        Options::new().stay_awake(Duration::ZERO)
    }
}

/// One end, joined to the other as `Way` wants it.
struct End<S>(S);

impl<P: Pattern> Joins for End<Socket<P>> {
    fn listen(&mut self, path: &Path) -> io::Result<()> {
        self.0.listen(&url(path)).map(drop).map_err(io::Error::other)
    }

    fn dial(&mut self, path: &Path) -> io::Result<()> {
        self.0.dial(&url(path)).map(drop).map_err(io::Error::other)
    }

    fn adopt(&mut self, stream: OwnedFd) -> io::Result<()> {
        self.0.adopt(stream).map(drop).map_err(io::Error::other)
    }

    /// Nothing moves unless something is called.
    fn meet(&mut self) -> io::Result<()> {
        while !matches!(self.0.next_event().map_err(io::Error::other)?, Event::Attached(_)) {}
        Ok(())
    }
}

/// The server's end or the client's, with signals beside it.
struct Ends<S, C, W, H> {
    role: Role<S, C>,
    signals: Signals,
    manner: PhantomData<(W, H)>,
}

enum Role<S, C> {
    Server(S),
    Client(C),
}

impl<P: Pattern, Q: Pattern, W: Way, H: Habit> Endpoint for Ends<Socket<P>, Socket<Q>, W, H> {
    type Listener = (UnixListener, Option<End<Socket<P>>>);

    async fn listen(path: &Path) -> io::Result<Self::Listener> {
        let mut end = End(Socket::with(&H::options())?);
        W::open(&mut end, path)?;
        Ok((UnixListener::bind(path)?, Some(end)))
    }

    async fn accept((listener, end): &mut Self::Listener) -> io::Result<Self> {
        let mut end = end.take().ok_or(io::ErrorKind::Unsupported)?;
        let mut signals = Signals::accept(listener)?;
        W::admit(&mut end, &mut signals)?;
        Ok(Self { role: Role::Server(end.0), signals, manner: PhantomData })
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let (mut end, mut signals) = (End(Socket::with(&H::options())?), Signals::connect(path)?);
        W::reach(&mut end, path, &mut signals)?;
        Ok(Self { role: Role::Client(end.0), signals, manner: PhantomData })
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.signals.signal()
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.signals.signalled()
    }
}

impl<S, C, W, H> Ends<S, C, W, H> {
    fn server(&mut self) -> io::Result<&mut S> {
        match &mut self.role {
            Role::Server(end) => Ok(end),
            Role::Client(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn client(&mut self) -> io::Result<&mut C> {
        match &mut self.role {
            Role::Client(end) => Ok(end),
            Role::Server(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl<W: Way, H: Habit> MessageLink for Ends<Pull, Push, W, H> {
    type Message = Bytes;

    fn message(body: Vec<u8>) -> Bytes {
        body.into()
    }

    async fn feed(&mut self, message: &Bytes) -> io::Result<()> {
        let push = self.client()?;
        let fed = if H::GATHERS { push.feed(message.clone()) } else { push.send(message.clone()) };
        fed.map_err(io::Error::other)
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.client()?.flush().map_err(io::Error::other)
    }

    async fn send(&mut self, message: &Bytes) -> io::Result<()> {
        self.client()?.send(message.clone()).map_err(io::Error::other)
    }

    async fn recv(&mut self) -> io::Result<usize> {
        self.server()?.recv().map(|body| body.len()).map_err(io::Error::other)
    }
}

impl<W: Way, H: Habit> CallLink for Ends<Rep, Req, W, H> {
    async fn call(&mut self, request: &[u8]) -> io::Result<usize> {
        let answer = self.client()?.request(Bytes::copy_from_slice(request));
        answer.map(|body| body.len()).map_err(io::Error::other)
    }

    async fn answer(&mut self, requests: u64) -> io::Result<()> {
        let rep = self.server()?;
        for _ in 0..requests {
            let request = rep.recv().map_err(io::Error::other)?;
            let echo = request.body.clone();
            rep.reply(request, echo);
        }
        Ok(())
    }
}

struct Publisher {
    listener: UnixListener,
    end: End<Pub>,
    signals: Vec<Signals>,
}

struct Subscriber<W, H> {
    sub: Sub,
    signals: Signals,
    manner: PhantomData<(W, H)>,
}

impl<W: Way, H: Habit> BroadcastLink for Subscriber<W, H> {
    type Sender = Publisher;
    type Message = Bytes;

    async fn listen(path: &Path) -> io::Result<Publisher> {
        let mut end = End(Pub::with(&H::options().send_queue(QUEUED))?);
        W::open(&mut end, path)?;
        Ok(Publisher { listener: UnixListener::bind(path)?, end, signals: Vec::new() })
    }

    async fn join(sender: &mut Publisher, receivers: usize) -> io::Result<()> {
        while sender.signals.len() < receivers {
            let mut signals = Signals::accept(&sender.listener)?;
            W::admit(&mut sender.end, &mut signals)?;
            sender.signals.push(signals);
        }
        Ok(())
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let mut end = End(Sub::with(&H::options().receive_queue(QUEUED))?);
        end.0.subscribe("").map_err(io::Error::other)?;
        let mut signals = Signals::connect(path)?;
        W::reach(&mut end, path, &mut signals)?;
        Ok(Self { sub: end.0, signals, manner: PhantomData })
    }

    fn message(body: Vec<u8>) -> Bytes {
        body.into()
    }

    async fn broadcast(sender: &mut Publisher, message: &Bytes, times: u64) -> io::Result<()> {
        let publisher = &mut sender.end.0;
        for _ in 0..times {
            let body = message.clone();
            let told = if H::GATHERS { publisher.feed(body) } else { publisher.send(body) };
            told.map_err(io::Error::other)?;
        }
        publisher.flush().map_err(io::Error::other)
    }

    async fn signalled(sender: &mut Publisher) -> io::Result<()> {
        sender.signals.first_mut().map_or(Ok(()), Signals::signalled)
    }

    async fn recv(&mut self) -> io::Result<usize> {
        self.sub.recv().map(|body| body.len()).map_err(io::Error::other)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.signals.signal()
    }
}

fn url(path: &Path) -> String {
    format!("ipc://{}", path.display())
}

/// Messages that wait for one pipe, or in a subscriber, as for the other libraries.
const QUEUED: usize = 1024;
