//! The same sockets received from by callbacks, several operations at once: its threads then need nobody else's
//! turn between two messages, which is several times as fast where many follow each other.

use std::ffi::{c_int, c_void};
use std::io;
use std::path::Path;
use std::ptr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use ginnel_bench_part::{
    BroadcastLink, CallLink, Control, Endpoint, Ipc, MessageLink, Part, Socketpair, System, Way, ready,
};
use nng_sys::{
    nng_aio, nng_aio_alloc, nng_aio_free, nng_aio_get_msg, nng_aio_result, nng_ctx, nng_ctx_close,
    nng_ctx_open, nng_ctx_recv, nng_ctx_send, nng_err, nng_socket_recv,
};

use super::socket::{Message, Socket, check};
use super::{MEDIUM, Nng, Pattern, Publisher, PushPull, ReqRep, SHORT, Subscriber, is_large};

pub(in super::super) const CALLBACKS: System = System::named("nng-aio")
    .with_requests(|part, control| ready(part.calls::<Behind<ReqRep, Ipc>>(control)))
    .with_pipelines(pipelines::<Ipc>)
    .with_publishers(|part, control| ready(part.broadcasts::<Audience<Ipc>>(control)));

/// The same over `socket://`.
pub(in super::super) const CALLBACKS_SOCKETPAIR: System = System::named("nng-aio-fd")
    .with_requests(|part, control| ready(part.calls::<Behind<ReqRep, Socketpair>>(control)))
    .with_pipelines(pipelines::<Socketpair>)
    .with_publishers(|part, control| ready(part.broadcasts::<Audience<Socketpair>>(control)));

fn pipelines<W: Way>(part: Part, control: &mut Control) -> io::Result<()> {
    if is_large(&part) {
        ready(part.messages::<Behind<PushPull<SHORT>, W>>(control))
    } else {
        ready(part.messages::<Behind<PushPull<MEDIUM>, W>>(control))
    }
}

/// A server whose work is done behind its back, or a client as before.
struct Behind<P, W> {
    /// Before the link, whose socket they use.
    operations: Vec<Operation>,
    tally: Arc<Tally>,
    link: Nng<P, W>,
}

/// What a server does with a message.
trait Work: Pattern {
    fn begin(socket: &Socket, tally: &Arc<Tally>) -> io::Result<Operation>;
}

impl<const QUEUED: c_int> Work for PushPull<QUEUED> {
    fn begin(socket: &Socket, tally: &Arc<Tally>) -> io::Result<Operation> {
        Operation::counting(socket, tally)
    }
}

impl Work for ReqRep {
    fn begin(socket: &Socket, tally: &Arc<Tally>) -> io::Result<Operation> {
        Operation::answering(socket, tally)
    }
}

impl<P: Work, W: Way> Endpoint for Behind<P, W> {
    type Listener = <Nng<P, W> as Endpoint>::Listener;

    async fn listen(path: &Path) -> io::Result<Self::Listener> {
        Nng::<P, W>::listen(path).await
    }

    async fn accept(listener: &mut Self::Listener) -> io::Result<Self> {
        let (link, tally) = (Nng::accept(listener).await?, Arc::default());
        let operations = (0..AT_ONCE).map(|_| P::begin(&link.socket, &tally)).collect::<io::Result<_>>()?;
        Ok(Self { operations, tally, link })
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        Ok(Self { operations: Vec::new(), tally: Arc::default(), link: Nng::connect(path).await? })
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.link.signal().await
    }

    async fn signalled(&mut self) -> io::Result<()> {
        self.link.signalled().await
    }
}

impl<W: Way, const QUEUED: c_int> MessageLink for Behind<PushPull<QUEUED>, W> {
    type Message = Vec<u8>;

    fn message(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn feed(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.link.feed(message).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.link.flush().await
    }

    async fn send(&mut self, message: &Vec<u8>) -> io::Result<()> {
        self.link.send(message).await
    }

    async fn recv(&mut self) -> io::Result<usize> {
        self.tally.wait(1)
    }

    async fn recv_all(&mut self, bytes: usize, messages: u64) -> io::Result<()> {
        self.tally.wait_for(bytes, messages)
    }
}

impl<W: Way> CallLink for Behind<ReqRep, W> {
    async fn call(&mut self, request: &[u8]) -> io::Result<usize> {
        self.link.call(request).await
    }

    /// They are answered meanwhile.
    async fn answer(&mut self, _requests: u64) -> io::Result<()> {
        if self.operations.is_empty() { Err(io::ErrorKind::Unsupported.into()) } else { Ok(()) }
    }
}

/// A subscriber that counts.
struct Audience<W> {
    /// Before the link, whose socket they use.
    _operations: Vec<Operation>,
    tally: Arc<Tally>,
    link: Subscriber<W>,
}

impl<W: Way> BroadcastLink for Audience<W> {
    type Sender = Publisher;
    type Message = Vec<u8>;

    async fn listen(path: &Path) -> io::Result<Publisher> {
        Subscriber::<W>::listen(path).await
    }

    async fn join(sender: &mut Publisher, receivers: usize) -> io::Result<()> {
        Subscriber::<W>::join(sender, receivers).await
    }

    async fn connect(path: &Path) -> io::Result<Self> {
        let (link, tally) = (Subscriber::connect(path).await?, Arc::default());
        let begin = |_| Operation::counting(&link.socket, &tally);
        Ok(Self { _operations: (0..AT_ONCE).map(begin).collect::<io::Result<_>>()?, tally, link })
    }

    fn message(bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    async fn broadcast(sender: &mut Publisher, message: &Vec<u8>, times: u64) -> io::Result<()> {
        Subscriber::<W>::broadcast(sender, message, times).await
    }

    async fn signalled(sender: &mut Publisher) -> io::Result<()> {
        Subscriber::<W>::signalled(sender).await
    }

    async fn recv(&mut self) -> io::Result<usize> {
        self.tally.wait(1)
    }

    async fn recv_all(&mut self, bytes: usize, messages: u64) -> io::Result<()> {
        self.tally.wait_for(bytes, messages)
    }

    async fn signal(&mut self) -> io::Result<()> {
        self.link.signal().await
    }
}

/// What has arrived, and what somebody waits for.
#[derive(Default)]
struct Tally {
    progress: Mutex<Progress>,
    reached: Condvar,
}

#[derive(Default)]
struct Progress {
    received: u64,
    awaited: u64,
    /// Of the messages so far; they are all of one length.
    longest: usize,
    unequal: bool,
}

impl Tally {
    fn note(&self, length: usize) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.unequal |= progress.received > 0 && progress.longest != length;
        progress.longest = progress.longest.max(length);
        progress.received += 1;
        if progress.received == progress.awaited {
            self.reached.notify_one();
        }
    }

    /// Waits for so many more than were waited for before, and returns the length of each.
    fn wait(&self, messages: u64) -> io::Result<usize> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.awaited += messages;
        let short = |progress: &mut Progress| progress.received < progress.awaited;
        let progress = self.reached.wait_while(progress, short).unwrap_or_else(PoisonError::into_inner);
        if progress.unequal { Err(io::ErrorKind::InvalidData.into()) } else { Ok(progress.longest) }
    }

    fn wait_for(&self, bytes: usize, messages: u64) -> io::Result<()> {
        if self.wait(messages)? == bytes { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

/// One asynchronous operation of the library, which begins again whenever it has ended.
struct Operation {
    aio: *mut nng_aio,
    task: *mut Task,
}

/// What its callback needs.
struct Task {
    aio: *mut nng_aio,
    tally: Arc<Tally>,
    turn: Turn,
}

enum Turn {
    Count(nng_sys::nng_socket),
    Receive(nng_ctx),
    Send(nng_ctx),
}

impl Operation {
    fn counting(socket: &Socket, tally: &Arc<Tally>) -> io::Result<Self> {
        let operation = Self::new(Turn::Count(socket.0), tally)?;
        // SAFETY: the socket is open, and the operation is not under way.
        unsafe { nng_socket_recv(socket.0, operation.aio) };
        Ok(operation)
    }

    /// In a context of its own, as the library wants it from whoever answers several at once.
    fn answering(socket: &Socket, tally: &Arc<Tally>) -> io::Result<Self> {
        let mut context = nng_ctx::default();
        // SAFETY: the socket is open, and the library writes the context to a place of that type.
        check(unsafe { nng_ctx_open(&raw mut context, socket.0) })?;
        let operation = Self::new(Turn::Receive(context), tally)?;
        // SAFETY: the context is open, and the operation is not under way.
        unsafe { nng_ctx_recv(context, operation.aio) };
        Ok(operation)
    }

    fn new(turn: Turn, tally: &Arc<Tally>) -> io::Result<Self> {
        let task = Box::into_raw(Box::new(Task { aio: ptr::null_mut(), tally: tally.clone(), turn }));
        let mut aio = ptr::null_mut();
        // SAFETY: the library writes the operation to a place of that type; the task is freed only after the
        // operation is.
        check(unsafe { nng_aio_alloc(&raw mut aio, Some(ended), task.cast()) }.0 as _)?;
        // SAFETY: the task is ours until the operation begins.
        unsafe { (*task).aio = aio };
        Ok(Self { aio, task })
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        // SAFETY: the operation is ours; this cancels it and waits for its callback, which then does not begin
        // it again.
        unsafe { nng_aio_free(self.aio) };
        // SAFETY: nobody uses the task any more, and it came from a box.
        let task = unsafe { Box::from_raw(self.task) };
        if let Turn::Receive(context) | Turn::Send(context) = task.turn {
            // SAFETY: nobody else closes the context.
            unsafe { nng_ctx_close(context) };
        }
    }
}

/// The callback: an operation has ended, and the next one begins.
unsafe extern "C" fn ended(task: *mut c_void) {
    // SAFETY: this is the task that the operation was made with, and only one callback of it runs at a time.
    let task = unsafe { &mut *task.cast::<Task>() };
    // SAFETY: the operation is the one that has ended.
    if unsafe { nng_aio_result(task.aio) } != nng_err::NNG_OK {
        // The socket closes, or the operation is freed.
        return;
    }
    match task.turn {
        Turn::Count(socket) => {
            // SAFETY: the operation received a message, which is ours.
            let message = Message(unsafe { nng_aio_get_msg(task.aio) });
            // SAFETY: the operation has ended, and the socket's number is never another socket's.
            unsafe { nng_socket_recv(socket, task.aio) };
            task.tally.note(message.len());
        }
        Turn::Receive(context) => {
            task.turn = Turn::Send(context);
            // SAFETY: the operation has ended and holds the message, which is sent back.
            unsafe { nng_ctx_send(context, task.aio) };
        }
        Turn::Send(context) => {
            task.turn = Turn::Receive(context);
            // SAFETY: the operation has ended, and the library has taken its message.
            unsafe { nng_ctx_recv(context, task.aio) };
        }
    }
}

/// More than this was not faster.
const AT_ONCE: usize = 8;
