//! Messages over bare streams: what remains is the least that any library must do, over the system calls themselves and
//! over tokio's streams.

use std::io;
use std::mem::size_of;
use std::path::Path;

use ginnel_bench_part::{Blocking, ByteStream, CallLink, Control, Endpoint, MessageLink, Part, Shape, ready};

use super::block_on;
use super::floor::Floor;
use super::tokio_net::{Asynchronous, TokioNet};

/// Gathered messages have their length in front. Those of a mebibyte and those that are sent one by one have
/// nothing: both sides know how long they are, so that this is the cost of the bytes alone. The large ones of a pipeline
/// have nothing either.
pub(super) fn messages(part: Part, control: &mut Control) -> io::Result<()> {
    match part.scenario.shape {
        Shape::Messages { bytes: MEBIBYTE } => {
            ready(part.messages::<Bare<Blocking<Floor>, Pieces<MEBIBYTE>>>(control))
        }
        Shape::Pipeline { bytes: BUFFER } => {
            ready(part.messages::<Bare<Blocking<Floor>, Pieces<BUFFER>>>(control))
        }
        Shape::Sends { bytes: 64 } => ready(part.messages::<Bare<Blocking<Floor>, Pieces<64>>>(control)),
        _ => ready(part.messages::<Bare<Blocking<Floor>, Frames>>(control)),
    }
}

/// The same over tokio's streams.
pub(super) fn tokio_messages(part: Part, control: &mut Control) -> io::Result<()> {
    match part.scenario.shape {
        Shape::Messages { bytes: MEBIBYTE } => {
            block_on(part.messages::<Bare<Asynchronous<TokioNet>, Pieces<MEBIBYTE>>>(control))
        }
        Shape::Sends { bytes: 64 } => {
            block_on(part.messages::<Bare<Asynchronous<TokioNet>, Pieces<64>>>(control))
        }
        _ => block_on(part.messages::<Bare<Asynchronous<TokioNet>, Frames>>(control)),
    }
}

/// A request is one call that sends and one that receives, the answer too.
pub(super) fn calls(part: Part, control: &mut Control) -> io::Result<()> {
    ready(part.calls::<Bare<Blocking<Floor>, Answer>>(control))
}

/// The same over tokio's streams.
pub(super) fn tokio_calls(part: Part, control: &mut Control) -> io::Result<()> {
    block_on(part.calls::<Bare<Asynchronous<TokioNet>, Answer>>(control))
}

/// A bare stream, and what one end remembers of the messages in it.
struct Bare<S, M> {
    stream: S,
    memory: M,
}

impl<S: Endpoint, M: Default> Endpoint for Bare<S, M> {
    type Listener = S::Listener;

    async fn listen(path: &Path) -> io::Result<Self::Listener> {
        S::listen(path).await
    }

    async fn accept(listener: &mut Self::Listener) -> io::Result<Self> {
        Ok(Self { stream: S::accept(listener).await?, memory: M::default() })
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        Ok(Self { stream: S::connect(path).await?, memory: M::default() })
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.stream.signal().await
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.stream.signalled().await
    }
}

/// Messages behind their length: gathered before they are sent, received as they come.
struct Frames {
    gathered: Vec<u8>,
    received: Vec<u8>,
    /// Of `received`, what is there and not yet taken.
    start: usize,
    end: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Self { gathered: Vec::with_capacity(BUFFER), received: vec![0; BUFFER], start: 0, end: 0 }
    }
}

impl Frames {
    /// Takes the next message, if it is there as a whole.
    fn next(&mut self) -> Option<usize> {
        let (length, rest) = self.received[self.start..self.end].split_first_chunk()?;
        let length = u32::from_ne_bytes(*length) as usize;
        let message = rest.get(..length)?;
        self.start += LENGTH + message.len();
        Some(message.len())
    }

    /// Moves the beginning of a message to the front, and lends the rest of the buffer.
    fn room(&mut self) -> &mut [u8] {
        self.received.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        &mut self.received[self.end..]
    }
}

impl<S: ByteStream> MessageLink for Bare<S, Frames> {
    type Message = Vec<u8>;

    fn message(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn feed(&mut self, message: &Vec<u8>) -> io::Result<()> {
        if self.memory.gathered.len() + LENGTH + message.len() > BUFFER {
            self.flush().await?;
        }
        self.memory.gathered.extend_from_slice(&(message.len() as u32).to_ne_bytes());
        self.memory.gathered.extend_from_slice(message);
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.stream.send_all(&self.memory.gathered).await?;
        self.memory.gathered.clear();
        Ok(())
    }

    async fn send(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.feed(message).await?;
        self.flush().await
    }

    async fn recv(&mut self) -> io::Result<usize> {
        loop {
            if let Some(length) = self.memory.next() {
                return Ok(length);
            }
            match self.stream.recv_some(self.memory.room()).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                received => self.memory.end += received,
            }
        }
    }
}

/// Pieces of one length that both sides know; what is received is only counted.
struct Pieces<const BYTES: usize> {
    buffer: Vec<u8>,
    counted: usize,
}

impl<const BYTES: usize> Default for Pieces<BYTES> {
    fn default() -> Self {
        let buffer = if BYTES > BUFFER { LARGE_BUFFER } else { BUFFER };
        Self { buffer: vec![0; buffer], counted: 0 }
    }
}

impl<S: ByteStream, const BYTES: usize> MessageLink for Bare<S, Pieces<BYTES>> {
    type Message = Vec<u8>;

    fn message(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn feed(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.send(message).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn send(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.stream.send_all(message).await
    }

    async fn recv(&mut self) -> io::Result<usize> {
        while self.memory.counted < BYTES {
            match self.stream.recv_some(&mut self.memory.buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                received => self.memory.counted += received,
            }
        }
        self.memory.counted -= BYTES;
        Ok(BYTES)
    }
}

/// Room for one request or answer.
struct Answer([u8; 64]);

impl Default for Answer {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl<S: ByteStream> CallLink for Bare<S, Answer> {
    async fn call(&mut self, request: &[u8]) -> io::Result<usize> {
        self.stream.send_all(request).await?;
        self.stream.recv_exact(&mut self.memory.0).await?;
        Ok(self.memory.0.len())
    }

    async fn answer(&mut self, requests: u64) -> io::Result<()> {
        for _ in 0..requests {
            self.stream.recv_exact(&mut self.memory.0).await?;
            self.stream.send_all(&self.memory.0).await?;
        }
        Ok(())
    }
}

const MEBIBYTE: usize = 1 << 20;
const LENGTH: usize = size_of::<u32>();
const BUFFER: usize = 64 << 10;
const LARGE_BUFFER: usize = 256 << 10;
