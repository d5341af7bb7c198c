//! `ipc-channel`: one channel of bytes in each direction.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use ginnel_bench_part::{CallLink, Endpoint, MessageLink, System, ready};
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender, bytes_channel};

pub(super) const SYSTEM: System = System::named("ipc-channel")
    .with_messages(|part, control| ready(part.messages::<Channels>(control)))
    .with_calls(|part, control| ready(part.calls::<Channels>(control)));

struct Channels {
    sender: IpcBytesSender,
    receiver: IpcBytesReceiver,
}

impl Channels {
    fn recv(&mut self) -> io::Result<Vec<u8>> {
        self.receiver.recv().map_err(io::Error::other)
    }
}

/// What the client gives to the server.
type Ends = (IpcBytesReceiver, IpcBytesSender);

/// The library makes up the name of the place where a channel begins, so the server tells it to the client over
/// a stream.
impl Endpoint for Channels {
    type Listener = UnixListener;

    async fn listen(path: &Path) -> io::Result<UnixListener> {
        UnixListener::bind(path)
    }

    async fn accept(listener: &mut UnixListener) -> io::Result<Self> {
        let (mut stream, _) = listener.accept()?;
        let (server, name) = IpcOneShotServer::<Ends>::new()?;
        writeln!(stream, "{name}")?;
        let (_, (receiver, sender)) = server.accept().map_err(io::Error::other)?;
        Ok(Self { sender, receiver })
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let mut name = String::new();
        BufReader::new(UnixStream::connect(path)?).read_line(&mut name)?;
        let (to_server, at_server) = bytes_channel()?;
        let (from_server, receiver) = bytes_channel()?;
        let first = IpcSender::<Ends>::connect(name.trim_end().to_owned())?;
        first.send((at_server, from_server)).map_err(io::Error::other)?;
        Ok(Self { sender: to_server, receiver })
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.sender.send(&[1])
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.recv().map(drop)
    }
}

/// The library sends each message at once.
impl MessageLink for Channels {
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
        self.sender.send(message)
    }

    async fn recv(&mut self) -> io::Result<usize> {
        Self::recv(self).map(|message| message.len())
    }
}

impl CallLink for Channels {
    async fn call(&mut self, request: &[u8]) -> io::Result<usize> {
        self.sender.send(request)?;
        self.recv().map(|answer| answer.len())
    }

    async fn answer(&mut self, requests: u64) -> io::Result<()> {
        for _ in 0..requests {
            let request = self.recv()?;
            self.sender.send(&request)?;
        }
        Ok(())
    }
}
