//! `tarpc`: calls over its serde transport, with MessagePack.

use std::io;
use std::path::Path;

use futures_util::StreamExt;
use ginnel_bench_part::{CallLink, Endpoint, System};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tarpc::serde_transport::Transport;
use tarpc::server::{BaseChannel, Channel};
use tarpc::{client, context, serde_transport};
use tokio::net::UnixStream;
use tokio_serde::formats::MessagePack;
use tokio_util::codec::LengthDelimitedCodec;

use super::block_on;
use super::signals::{AsyncListeners, AsyncSignals, connect};

pub(super) const SYSTEM: System =
    System::named("tarpc").with_calls(|part, control| block_on(part.calls::<Tarpc>(control)));

#[tarpc::service]
trait Echo {
    async fn echo(payload: ByteBuf) -> ByteBuf;
}

#[derive(Clone)]
struct Echoing;

impl Echo for Echoing {
    async fn echo(self, _: context::Context, payload: ByteBuf) -> ByteBuf {
        payload
    }
}

struct Tarpc {
    /// The client's side; the server's works in the background.
    client: Option<EchoClient>,
    signals: AsyncSignals,
}

impl Endpoint for Tarpc {
    type Listener = AsyncListeners;

    async fn listen(path: &Path) -> io::Result<AsyncListeners> {
        AsyncListeners::bind(path)
    }

    async fn accept(listener: &mut AsyncListeners) -> io::Result<Self> {
        let (stream, signals) = listener.accept().await?;
        let answers = BaseChannel::with_defaults(transport(stream)).execute(Echoing.serve());
        // One after the other is enough for one caller, and spares a task for each.
        tokio::spawn(answers.for_each(|answer| answer));
        Ok(Self { client: None, signals })
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let (stream, signals) = connect(path).await?;
        let client = EchoClient::new(client::Config::default(), transport(stream)).spawn();
        Ok(Self { client: Some(client), signals })
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.signals.signal().await
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.signals.signalled().await
    }
}

impl CallLink for Tarpc {
    async fn call(&mut self, request: &[u8]) -> io::Result<usize> {
        let client = self.client.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let answer = client.echo(context::current(), ByteBuf::from(request)).await;
        answer.map(|payload| payload.len()).map_err(io::Error::other)
    }

    /// `accept` has spawned what answers.
    async fn answer(&mut self, _requests: u64) -> io::Result<()> {
        Ok(())
    }
}

fn transport<In, Out>(stream: UnixStream) -> Transport<UnixStream, In, Out, MessagePack<In, Out>>
where
    In: for<'a> Deserialize<'a>,
    Out: Serialize,
{
    serde_transport::new(LengthDelimitedCodec::builder().new_framed(stream), MessagePack::default())
}
