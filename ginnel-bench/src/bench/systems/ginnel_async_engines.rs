//! The tokio crate: clients that come back, and servers.

use std::io;
use std::path::Path;

use bytes::Bytes;
use ginnel_bench_part::{BroadcastLink, CallLink, Endpoint, IdleHost};
use ginnel_tokio::{Client, Connection, Delivery, Happening, Listener, Message, Server};

use super::ended;

/// The side that asks comes back if it is cut off; the other answers over one connection.
#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
pub(super) enum Calls {
    Asks(Client),
    Answers(Connection),
}

impl Endpoint for Calls {
    type Listener = Listener<Connection>;

    async fn listen(path: &Path) -> io::Result<Self::Listener> {
        Connection::listen(path)
    }

    async fn accept(listener: &mut Self::Listener) -> io::Result<Self> {
        listener.accept().await.map(Self::Answers)
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        Client::connect(path).map(Self::Asks).map_err(io::Error::other)
    }

    async fn signal(&mut self) -> io::Result<()> {
        match self {
            Self::Asks(client) => client.send("!").await,
            Self::Answers(connection) => connection.send("!").await,
        }
        .map_err(io::Error::other)
    }

    async fn signalled(&mut self) -> io::Result<()> {
        match self {
            Self::Asks(client) => client.recv().await,
            Self::Answers(connection) => connection.recv().await,
        }
        .map_err(io::Error::other)?
        .map(drop)
        .ok_or_else(ended)
    }
}

impl CallLink for Calls {
    async fn call(&mut self, question: &[u8]) -> io::Result<usize> {
        let Self::Asks(client) = self else { return Err(io::ErrorKind::Unsupported.into()) };
        let answer = client.call(Message::new(question.to_vec())).await.map_err(io::Error::other)?;
        Ok(answer.body.len())
    }

    async fn answer(&mut self, requests: u64) -> io::Result<()> {
        let Self::Answers(connection) = self else { return Err(io::ErrorKind::Unsupported.into()) };
        for _ in 0..requests {
            let Some(Delivery::Request(mut request)) = connection.next().await.map_err(io::Error::other)?
            else {
                return Err(ended());
            };
            let echo = std::mem::replace(&mut request.message, Message::empty());
            connection.reply(request, echo).await.map_err(io::Error::other)?;
        }
        Ok(())
    }
}

/// One of many that a server sends to.
pub(super) struct Receiver(Connection);

impl BroadcastLink for Receiver {
    type Sender = Server;
    type Message = Bytes;

    async fn listen(path: &Path) -> io::Result<Server> {
        Server::listen(path)
    }

    async fn join(sender: &mut Server, receivers: usize) -> io::Result<()> {
        while sender.connection_count() < receivers {
            sender.next().await.map_err(io::Error::other)?;
        }
        Ok(())
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        Connection::connect(path).await.map(Self).map_err(io::Error::other)
    }

    fn message(body: Vec<u8>) -> Bytes {
        body.into()
    }

    async fn broadcast(sender: &mut Server, message: &Bytes, times: u64) -> io::Result<()> {
        let mut missed = 0;
        for _ in 1..times {
            missed += sender.feed_all(message.clone()).len();
        }
        missed += sender.broadcast(message.clone()).len();
        if missed == 0 { Ok(()) } else { Err(io::Error::other("somebody missed it")) }
    }

    async fn signalled(sender: &mut Server) -> io::Result<()> {
        while !matches!(sender.next().await.map_err(io::Error::other)?, Happening::Message(..)) {}
        Ok(())
    }

    async fn recv(&mut self) -> io::Result<usize> {
        let message = self.0.recv().await.map_err(io::Error::other)?;
        message.map(|message| message.body.len()).ok_or_else(ended)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.0.send("!").await.map_err(io::Error::other)
    }
}

/// A server with many idle connections.
pub(super) struct Hall(Server);

impl IdleHost for Hall {
    type Guest = Connection;

    async fn listen(path: &Path) -> io::Result<Self> {
        Server::listen(path).map(Self)
    }

    async fn hold(&mut self, connections: usize) -> io::Result<()> {
        for _ in 0..connections {
            let (id, message) = self.0.recv().await.map_err(io::Error::other)?;
            self.0.send(id, message).await.map_err(io::Error::other)?;
        }
        Ok(())
    }

    async fn visit(path: &Path) -> io::Result<Connection> {
        let mut connection = Connection::connect(path).await.map_err(io::Error::other)?;
        connection.send("!").await.map_err(io::Error::other)?;
        connection.recv().await.map_err(io::Error::other)?.ok_or_else(ended)?;
        Ok(connection)
    }
}
