//! The blocking crate: messages and calls.

use std::io;
use std::path::Path;

use ginnel::{Connection, Delivery, Listener, Message};
use ginnel_bench_part::{CallLink, Endpoint, MessageLink};

use super::ended;

pub(super) struct Messages(Connection);

impl Endpoint for Messages {
    type Listener = Listener<Connection>;

    async fn listen(path: &Path) -> io::Result<Self::Listener> {
        Connection::listen(path)
    }

    async fn accept(listener: &mut Self::Listener) -> io::Result<Self> {
        listener.accept().map(Self)
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        Connection::connect(path).map(Self).map_err(io::Error::other)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.0.send("!").map_err(io::Error::other)
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.recv().await.map(drop)
    }
}

impl MessageLink for Messages {
    type Message = bytes::Bytes;

    fn message(body: Vec<u8>) -> Self::Message {
        body.into()
    }

    async fn feed(&mut self, message: &Self::Message) -> io::Result<()> {
        self.0.feed(message.clone()).map_err(io::Error::other)
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(io::Error::other)
    }

    async fn send(&mut self, message: &Self::Message) -> io::Result<()> {
        self.0.send(message.clone()).map_err(io::Error::other)
    }

    async fn recv(&mut self) -> io::Result<usize> {
        let message = self.0.recv().map_err(io::Error::other)?;
        message.map(|message| message.body.len()).ok_or_else(ended)
    }
}

impl CallLink for Messages {
    async fn call(&mut self, question: &[u8]) -> io::Result<usize> {
        let answer = self.0.call(Message::new(question.to_vec())).map_err(io::Error::other)?;
        Ok(answer.body.len())
    }

    async fn answer(&mut self, requests: u64) -> io::Result<()> {
        for _ in 0..requests {
            let Some(Delivery::Request(mut request)) = self.0.next().map_err(io::Error::other)? else {
                return Err(ended());
            };
            let echo = std::mem::replace(&mut request.message, Message::empty());
            self.0.reply(request, echo).map_err(io::Error::other)?;
        }
        Ok(())
    }
}
