//! Broadcasts over the bare system calls: each is gathered as long as more follows, and written once to each.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use ginnel_bench_part::{BroadcastLink, Control, Part, ready};

pub(super) fn broadcasts(part: Part, control: &mut Control) -> io::Result<()> {
    ready(part.broadcasts::<Receiver>(control))
}

struct Sender {
    listener: UnixListener,
    streams: Vec<UnixStream>,
}

struct Receiver {
    stream: UnixStream,
    buffer: Vec<u8>,
    received: usize,
    taken: usize,
}

impl BroadcastLink for Receiver {
    type Sender = Sender;
    type Message = Vec<u8>;

    async fn listen(path: &Path) -> io::Result<Sender> {
        Ok(Sender { listener: UnixListener::bind(path)?, streams: Vec::new() })
    }

    async fn join(sender: &mut Sender, receivers: usize) -> io::Result<()> {
        while sender.streams.len() < receivers {
            sender.streams.push(sender.listener.accept()?.0);
        }
        Ok(())
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        Ok(Self { stream, buffer: vec![0; 64 << 10], received: 0, taken: 0 })
    }

    fn message(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn broadcast(sender: &mut Sender, message: &Vec<u8>, times: u64) -> io::Result<()> {
        let framed = [&(message.len() as u32).to_ne_bytes(), message.as_slice()].concat();
        let gathered = framed.repeat(times as usize);
        sender.streams.iter_mut().try_for_each(|stream| stream.write_all(&gathered))
    }

    async fn signalled(sender: &mut Sender) -> io::Result<()> {
        match sender.streams.first_mut() {
            Some(first) => first.read_exact(&mut [0]),
            None => Ok(()),
        }
    }

    async fn recv(&mut self) -> io::Result<usize> {
        loop {
            if let Some((length, rest)) = self.buffer[self.taken..self.received].split_first_chunk() {
                let length = u32::from_ne_bytes(*length) as usize;
                if rest.len() >= length {
                    self.taken += 4 + length;
                    return Ok(length);
                }
            }
            self.buffer.copy_within(self.taken..self.received, 0);
            self.received -= self.taken;
            self.taken = 0;
            match self.stream.read(&mut self.buffer[self.received..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => self.received += more,
            }
        }
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.stream.write_all(&[1])
    }
}
