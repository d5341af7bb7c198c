//! What a system must be able to do to be measured.
//!
//! The loops in `exchange` are written once, as async functions over these traits. A blocking
//! system answers with futures that are ready at the first poll, which the compiler turns into
//! plain calls; an asynchronous one runs in its own runtime.

#![expect(async_fn_in_trait, reason = "a part has one thread, so nobody asks whether a future is `Send`")]

use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// One end of a connection, of whatever kind.
pub trait Endpoint: Sized {
    /// What accepts connections.
    type Listener;

    /// Binds the path and listens.
    async fn listen(path: &Path) -> io::Result<Self::Listener>;

    /// Waits for the next client.
    async fn accept(listener: &mut Self::Listener) -> io::Result<Self>;

    /// Connects to a listener.
    async fn connect(path: &Path) -> io::Result<Self>;

    /// Sends one byte, or a message of one, which means "go on" to the other end.
    async fn signal(&mut self) -> io::Result<()>;

    /// Waits for the other end's `signal`.
    async fn signalled(&mut self) -> io::Result<()>;
}

/// A byte stream.
pub trait ByteStream: Endpoint {
    /// Sends everything.
    async fn send_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Fills the buffer.
    async fn recv_exact(&mut self, buffer: &mut [u8]) -> io::Result<()>;

    /// Receives what is there, at least one byte; 0 is the end.
    async fn recv_some(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
}

/// A connection that keeps packets apart.
pub trait PacketLink: Endpoint {
    /// Sends this packet once or, where one call can, up to `most` times; returns how often.
    async fn send_some(&mut self, packet: &[u8], most: u64) -> io::Result<u64>;

    /// Receives at least one packet and returns how many; the end is an error.
    async fn recv_some(&mut self) -> io::Result<u64>;
}

/// A connection that carries descriptors.
pub trait FdLink: Endpoint {
    /// Sends one byte or packet with this descriptor.
    async fn send_fd(&mut self, fd: BorrowedFd<'_>) -> io::Result<()>;

    /// Receives one message, closes its descriptors, and returns how many those were.
    async fn recv_fds(&mut self) -> io::Result<u64>;
}

/// A connection that keeps messages of any length apart.
pub trait MessageLink: Endpoint {
    /// What a sender hands over, made before the clock starts.
    type Message;

    /// Makes a message of these bytes, which is then sent again and again.
    fn message(bytes: Vec<u8>) -> Self::Message;

    /// Takes a message in, and may keep it back until `flush`.
    async fn feed(&mut self, message: &Self::Message) -> io::Result<()>;

    /// Sends what `feed` kept back.
    async fn flush(&mut self) -> io::Result<()>;

    /// Sends this message now.
    async fn send(&mut self, message: &Self::Message) -> io::Result<()>;

    /// Receives the next whole message and returns its length; the end is an error.
    async fn recv(&mut self) -> io::Result<usize>;

    /// Receives this many messages, each of this length.
    async fn recv_all(&mut self, bytes: usize, messages: u64) -> io::Result<()> {
        for _ in 0..messages {
            whole(self.recv().await?, bytes)?;
        }
        Ok(())
    }
}

/// A connection over which one side asks and the other answers.
pub trait CallLink: Endpoint {
    /// Sends a request, waits for its answer, and returns the length of that.
    async fn call(&mut self, request: &[u8]) -> io::Result<usize>;

    /// Answers this many requests with their own bytes. A system that answers in the background may
    /// return at once: the next thing its side does is to wait for a signal.
    async fn answer(&mut self, requests: u64) -> io::Result<()>;
}

/// One of many connections to somebody who sends the same to all.
pub trait BroadcastLink: Sized {
    /// Who sends, with all connections.
    type Sender;
    /// What it sends, made before the clock starts.
    type Message;

    /// Binds the path and listens.
    async fn listen(path: &Path) -> io::Result<Self::Sender>;

    /// Waits until this many are connected, and will miss nothing.
    async fn join(sender: &mut Self::Sender, receivers: usize) -> io::Result<()>;

    /// Connects to a sender.
    async fn connect(path: &Path) -> io::Result<Self>;

    /// Makes a message of these bytes, which is then sent again and again.
    fn message(bytes: Vec<u8>) -> Self::Message;

    /// Sends the message so often to everybody.
    async fn broadcast(sender: &mut Self::Sender, message: &Self::Message, times: u64) -> io::Result<()>;

    /// Waits for a `signal` of any receiver.
    async fn signalled(sender: &mut Self::Sender) -> io::Result<()>;

    /// Receives the next message and returns its length; the end is an error.
    async fn recv(&mut self) -> io::Result<usize>;

    /// Receives this many messages, each of this length.
    async fn recv_all(&mut self, bytes: usize, messages: u64) -> io::Result<()> {
        for _ in 0..messages {
            whole(self.recv().await?, bytes)?;
        }
        Ok(())
    }

    /// Tells the sender to go on.
    async fn signal(&mut self) -> io::Result<()>;
}

/// How a blocking library opens its streams; `Blocking` makes an endpoint of it.
pub trait BlockingSystem {
    /// A connected stream.
    type Stream: Read + Write;
    /// What accepts streams.
    type Listener;

    /// Binds the path and listens.
    fn listen(path: &Path) -> io::Result<Self::Listener>;

    /// Waits for the next client.
    fn accept(listener: &mut Self::Listener) -> io::Result<Self::Stream>;

    /// Connects to a listener.
    fn connect(path: &Path) -> io::Result<Self::Stream>;
}

/// How a blocking library sends descriptors over its streams.
pub trait BlockingFds: BlockingSystem {
    /// Sends one byte with this descriptor.
    fn send_fd(stream: &mut Self::Stream, fd: BorrowedFd<'_>) -> io::Result<()>;

    /// Receives one byte, closes its descriptors, and returns how many those were.
    fn recv_fds(stream: &mut Self::Stream) -> io::Result<u64>;
}

/// The stream of a blocking library as an endpoint.
#[derive(Debug)]
pub struct Blocking<Y: BlockingSystem>(Y::Stream);

impl<Y: BlockingSystem> Endpoint for Blocking<Y> {
    type Listener = Y::Listener;

    async fn listen(path: &Path) -> io::Result<Y::Listener> {
        Y::listen(path)
    }

    async fn accept(listener: &mut Y::Listener) -> io::Result<Self> {
        Y::accept(listener).map(Self)
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        Y::connect(path).map(Self)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.0.write_all(&[1])
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.0.read_exact(&mut [0])
    }
}

impl<Y: BlockingSystem> ByteStream for Blocking<Y> {
    async fn send_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    async fn recv_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(buffer)
    }

    async fn recv_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<Y: BlockingFds> FdLink for Blocking<Y> {
    async fn send_fd(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Y::send_fd(&mut self.0, fd)
    }

    async fn recv_fds(&mut self) -> io::Result<u64> {
        Y::recv_fds(&mut self.0)
    }
}

/// Refuses a message of another length than was sent.
pub(crate) fn whole(received: usize, bytes: usize) -> io::Result<()> {
    if received == bytes { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Runs the part of a blocking system.
///
/// # Panics
///
/// If the future waits for anything, which a blocking system's never does.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a blocking system waits inside its calls"),
    }
}
