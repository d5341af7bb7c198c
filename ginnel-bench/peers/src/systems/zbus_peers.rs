//! `zbus`: from peer to peer without a bus; signals for messages, methods for calls.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;

use futures_util::StreamExt;
use ginnel_bench_part::{CallLink, Endpoint, MessageLink, System};
use serde_bytes::{ByteBuf, Bytes};
use tokio::net::UnixStream;
use zbus::connection::Builder;
use zbus::names::{InterfaceName, MemberName};
use zbus::wire::ObjectPath;
use zbus::{Connection, Guid, Message, MessageStream};

use super::block_on;
use super::signals::{AsyncListeners, AsyncSignals, connect};

pub(super) const SYSTEM: System = System::named("zbus")
    .with_messages(|part, control| block_on(part.messages::<Messages>(control)))
    .with_calls(|part, control| block_on(part.calls::<Calls>(control)));

/// Its body is the payload of the message.
fn signal(payload: &[u8]) -> zbus::Result<Message> {
    Message::signal(object(), INTERFACE, MESSAGE).build(&Bytes::new(payload))
}

struct Messages {
    connection: Connection,
    received: MessageStream,
    gathered: Vec<Message>,
    signals: AsyncSignals,
}

impl Messages {
    async fn new(builder: Builder<'_>, signals: AsyncSignals) -> io::Result<Self> {
        let builder = builder.p2p().max_queued(QUEUED);
        let connection = builder.build().await.map_err(io::Error::other)?;
        Ok(Self { received: MessageStream::from(&connection), connection, gathered: Vec::new(), signals })
    }
}

impl Endpoint for Messages {
    type Listener = AsyncListeners;

    async fn listen(path: &Path) -> io::Result<AsyncListeners> {
        AsyncListeners::bind(path)
    }

    async fn accept(listener: &mut AsyncListeners) -> io::Result<Self> {
        let (stream, signals) = listener.accept().await?;
        Self::new(server(stream)?, signals).await
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let (stream, signals) = connect(path).await?;
        Self::new(Builder::unix_stream(stream.into_std()?), signals).await
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.signals.signal().await
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.signals.signalled().await
    }
}

impl MessageLink for Messages {
    type Message = Vec<u8>;

    fn message(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn feed(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.gathered.push(signal(message).map_err(io::Error::other)?);
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.connection.send_all(&self.gathered).await.map_err(io::Error::other)?;
        self.gathered.clear();
        Ok(())
    }

    async fn send(&mut self, message: &Vec<u8>) -> io::Result<()> {
        let signal = signal(message).map_err(io::Error::other)?;
        self.connection.send(&signal).await.map_err(io::Error::other)
    }

    async fn recv(&mut self) -> io::Result<usize> {
        let message = self.received.next().await.ok_or(io::ErrorKind::UnexpectedEof)?;
        let body = message.map_err(io::Error::other)?.body();
        body.deserialize::<&Bytes>().map(|payload| payload.len()).map_err(io::Error::other)
    }
}

/// The server's object.
struct Echo;

#[zbus::interface(name = "org.ginnel.Bench")]
impl Echo {
    async fn echo(&self, payload: ByteBuf) -> ByteBuf {
        payload
    }
}

struct Calls {
    connection: Connection,
    signals: AsyncSignals,
}

impl Calls {
    async fn new(builder: Builder<'_>, signals: AsyncSignals) -> io::Result<Self> {
        let connection = builder.p2p().build().await.map_err(io::Error::other)?;
        Ok(Self { connection, signals })
    }
}

impl Endpoint for Calls {
    type Listener = AsyncListeners;

    async fn listen(path: &Path) -> io::Result<AsyncListeners> {
        AsyncListeners::bind(path)
    }

    async fn accept(listener: &mut AsyncListeners) -> io::Result<Self> {
        let (stream, signals) = listener.accept().await?;
        Self::new(server(stream)?.serve_at(object(), Echo), signals).await
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let (stream, signals) = connect(path).await?;
        Self::new(Builder::unix_stream(stream.into_std()?), signals).await
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.signals.signal().await
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.signals.signalled().await
    }
}

impl CallLink for Calls {
    async fn call(&mut self, request: &[u8]) -> io::Result<usize> {
        let (nobody, request) = (None::<&str>, Bytes::new(request));
        let answer = self.connection.call_method(nobody, object(), Some(INTERFACE), ECHO, &request).await;
        let body = answer.map_err(io::Error::other)?.body();
        body.deserialize::<&Bytes>().map(|payload| payload.len()).map_err(io::Error::other)
    }

    /// The object answers in the background.
    async fn answer(&mut self, _requests: u64) -> io::Result<()> {
        Ok(())
    }
}

fn server(stream: UnixStream) -> io::Result<Builder<'static>> {
    Ok(Builder::unix_stream(stream.into_std()?).server(Guid::generate()))
}

/// The names are known to be good, so that nobody checks them with each message.
fn object() -> ObjectPath<'static> {
    ObjectPath::from_str_unchecked("/org/ginnel/Bench")
}

const INTERFACE: InterfaceName<'static> = InterfaceName::from_static_str_unchecked("org.ginnel.Bench");
const MESSAGE: MemberName<'static> = MemberName::from_static_str_unchecked("Message");
const ECHO: MemberName<'static> = MemberName::from_static_str_unchecked("Echo");
/// For those who stream: a whole batch of messages, where the library would keep 64.
const QUEUED: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");
