//! `nng-sys`: PUSH to PULL for messages, REQ to REP for calls, PUB to SUB for broadcasts.

#![allow(unsafe_code, reason = "the crate is the bare C interface")]

use std::ffi::{CString, c_char, c_int};
use std::io;
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::ptr;

use ginnel_bench_part::{BroadcastLink, CallLink, Endpoint, IdleHost, MessageLink, System, ready};
use nng_sys::{
    NNG_OPT_RECVMAXSZ, NNG_OPT_SENDBUF, nng_dial, nng_err, nng_init, nng_listen, nng_msg, nng_msg_free,
    nng_msg_len, nng_pub0_open, nng_pull0_open, nng_push0_open, nng_recvmsg, nng_rep0_open, nng_req0_open,
    nng_send, nng_sendmsg, nng_socket, nng_socket_close, nng_socket_set_int, nng_socket_set_size,
    nng_sub0_open, nng_sub0_socket_subscribe,
};

use super::SUBSCRIBED;
use super::blocking_signals::Signals;
use super::signals::beside;

pub(super) const SYSTEM: System = System::named("nng")
    .with_messages(|part, control| ready(part.messages::<Nng<PushPull>>(control)))
    .with_calls(|part, control| ready(part.calls::<Nng<ReqRep>>(control)))
    .with_broadcasts(|part, control| ready(part.broadcasts::<Subscriber>(control)))
    .with_idle(|part, control| ready(part.idle::<Hall>(control)));

/// Which socket listens, and which connects.
trait Pattern {
    fn server() -> io::Result<Socket>;
    fn client() -> io::Result<Socket>;
}

struct PushPull;

impl Pattern for PushPull {
    fn server() -> io::Result<Socket> {
        Socket::open(nng_pull0_open)
    }

    fn client() -> io::Result<Socket> {
        Socket::open(nng_push0_open)?.queueing()
    }
}

struct ReqRep;

impl Pattern for ReqRep {
    fn server() -> io::Result<Socket> {
        Socket::open(nng_rep0_open)
    }

    fn client() -> io::Result<Socket> {
        Socket::open(nng_req0_open)
    }
}

struct Nng<P> {
    socket: Socket,
    signals: Signals,
    pattern: PhantomData<P>,
}

impl<P: Pattern> Endpoint for Nng<P> {
    type Listener = (UnixListener, Option<Socket>);

    async fn listen(path: &Path) -> io::Result<Self::Listener> {
        let socket = P::server()?;
        socket.listen(path)?;
        Ok((UnixListener::bind(path)?, Some(socket)))
    }

    async fn accept((listener, socket): &mut Self::Listener) -> io::Result<Self> {
        let socket = socket.take().ok_or(io::ErrorKind::Unsupported)?;
        Ok(Self { socket, signals: Signals::accept(listener)?, pattern: PhantomData })
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let socket = P::client()?;
        socket.dial(path)?;
        Ok(Self { socket, signals: Signals::connect(path)?, pattern: PhantomData })
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.signals.signal()
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.signals.signalled()
    }
}

/// The library has no call for several messages; it queues them for its threads.
impl MessageLink for Nng<PushPull> {
    type Message = Vec<u8>;

    fn message(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn feed(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.socket.send(message)
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn send(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.socket.send(message)
    }

    async fn recv(&mut self) -> io::Result<usize> {
        self.socket.recv().map(|message| message.len())
    }
}

impl CallLink for Nng<ReqRep> {
    async fn call(&mut self, request: &[u8]) -> io::Result<usize> {
        self.socket.send(request)?;
        self.socket.recv().map(|answer| answer.len())
    }

    async fn answer(&mut self, requests: u64) -> io::Result<()> {
        for _ in 0..requests {
            let request = self.socket.recv()?;
            self.socket.send_back(request)?;
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
    signals: Signals,
}

impl BroadcastLink for Subscriber {
    type Sender = Publisher;
    type Message = Vec<u8>;

    async fn listen(path: &Path) -> io::Result<Publisher> {
        let socket = Socket::open(nng_pub0_open)?.queueing()?;
        socket.listen(path)?;
        Ok(Publisher { listener: UnixListener::bind(path)?, socket, signals: Vec::new() })
    }

    async fn join(sender: &mut Publisher, receivers: usize) -> io::Result<()> {
        while sender.signals.len() < receivers {
            sender.signals.push(Signals::accept(&sender.listener)?);
        }
        std::thread::sleep(SUBSCRIBED);
        Ok(())
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let socket = Socket::open(nng_sub0_open)?;
        // SAFETY: the socket is open; of a subscription to everything no byte is read.
        check(unsafe { nng_sub0_socket_subscribe(socket.0, ptr::null(), 0) })?;
        socket.dial(path)?;
        Ok(Self { socket, signals: Signals::connect(path)? })
    }

    fn message(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn broadcast(sender: &mut Publisher, message: &Vec<u8>, times: u64) -> io::Result<()> {
        (0..times).try_for_each(|_| sender.socket.send(message))
    }

    async fn signalled(sender: &mut Publisher) -> io::Result<()> {
        sender.signals.first_mut().map_or(Ok(()), Signals::signalled)
    }

    async fn recv(&mut self) -> io::Result<usize> {
        self.socket.recv().map(|message| message.len())
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
        let socket = Socket::open(nng_pull0_open)?;
        socket.listen(path)?;
        Ok(Self(socket))
    }

    async fn hold(&mut self, connections: usize) -> io::Result<()> {
        (0..connections).try_for_each(|_| self.0.recv().map(drop))
    }

    async fn visit(path: &Path) -> io::Result<Socket> {
        let socket = Socket::open(nng_push0_open)?;
        socket.dial(path)?;
        socket.send(b"!")?;
        Ok(socket)
    }
}

struct Socket(nng_socket);

impl Socket {
    fn open(open: unsafe extern "C" fn(*mut nng_socket) -> c_int) -> io::Result<Self> {
        // SAFETY: without parameters the library takes its defaults; only the first time has an effect.
        check(unsafe { nng_init(ptr::null()) }.0 as c_int)?;
        let mut socket = nng_socket::default();
        // SAFETY: the library is initialised, and writes the socket to a place of that type.
        check(unsafe { open(&raw mut socket) })?;
        let socket = Self(socket);
        // SAFETY: the socket is open, and the name of the option ends with a zero byte.
        check(unsafe {
            nng_socket_set_size(socket.0, NNG_OPT_RECVMAXSZ.as_ptr().cast::<c_char>(), LARGEST)
        })?;
        Ok(socket)
    }

    /// With a queue for what its threads have not sent.
    fn queueing(self) -> io::Result<Self> {
        // SAFETY: the socket is open, and the name of the option ends with a zero byte.
        check(unsafe { nng_socket_set_int(self.0, NNG_OPT_SENDBUF.as_ptr().cast::<c_char>(), QUEUED) })?;
        Ok(self)
    }

    fn listen(&self, path: &Path) -> io::Result<()> {
        let address = address(path)?;
        // SAFETY: the socket is open, the address ends with a zero byte, and nobody asks for the listener.
        check(unsafe { nng_listen(self.0, address.as_ptr(), ptr::null_mut(), 0) })
    }

    /// Waits until it is connected.
    fn dial(&self, path: &Path) -> io::Result<()> {
        let address = address(path)?;
        // SAFETY: the socket is open, the address ends with a zero byte, and nobody asks for the dialer.
        check(unsafe { nng_dial(self.0, address.as_ptr(), ptr::null_mut(), 0) })
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        // SAFETY: the socket is open; the pointer and the length are those of one borrowed slice.
        check(unsafe { nng_send(self.0, bytes.as_ptr().cast(), bytes.len(), 0) })
    }

    fn recv(&self) -> io::Result<Message> {
        let mut message = ptr::null_mut();
        // SAFETY: the socket is open, and the library writes the message to a place of that type.
        check(unsafe { nng_recvmsg(self.0, &raw mut message, 0) })?;
        Ok(Message(message))
    }

    fn send_back(&self, message: Message) -> io::Result<()> {
        // SAFETY: the socket is open; the message is one that `recv` got, and is not used after it is sent.
        check(unsafe { nng_sendmsg(self.0, message.0, 0) })?;
        std::mem::forget(message);
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: nobody else closes the socket.
        unsafe { nng_socket_close(self.0) };
    }
}

/// One that the library allocated, and that is ours.
struct Message(*mut nng_msg);

impl Message {
    fn len(&self) -> usize {
        // SAFETY: the message is one that `recv` got, and was not freed.
        unsafe { nng_msg_len(self.0) }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: the message is one that `recv` got, and nobody else frees it.
        unsafe { nng_msg_free(self.0) };
    }
}

fn address(path: &Path) -> io::Result<CString> {
    Ok(CString::new([b"ipc://", beside(path).as_os_str().as_bytes()].concat())?)
}

fn check(result: c_int) -> io::Result<()> {
    match nng_err(result as _) {
        nng_err::NNG_OK => Ok(()),
        error => Err(io::Error::other(error)),
    }
}

/// Messages that wait in the sender for the library's threads; none would wait by default.
const QUEUED: c_int = 1024;
const LARGEST: usize = 16 << 20;
