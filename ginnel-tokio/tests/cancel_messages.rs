//! Drops every async function of connections and their halves after each number of polls, while the other side moves by
//! pieces between them, and shows that messages are whole and once, or not there at all, and no descriptor is lost.
#![cfg(unix)]

mod cancelling;

#[path = "cancelling/calls.rs"]
mod calls;
#[path = "cancelling/ends.rs"]
mod ends;
#[path = "cancelling/halves.rs"]
mod halves;

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::IoSlice;
use std::os::fd::{AsFd as _, OwnedFd};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_core::Stream as _;
use futures_sink::Sink as _;
use ginnel_os::Wait;
use ginnel_tokio::*;

use cancelling::{at_every_await, turn, up_to};

const LONG: Duration = Duration::from_secs(3600);
/// More than a receiver takes unasked, and more than one write takes.
const LARGE: usize = 100_000;

/// Moves the other side until a future is done.
async fn through<T>(future: impl Future<Output = T>, between: impl FnMut()) -> T {
    up_to(10_000, future, between).await.expect("it is done some time")
}

fn null() -> OwnedFd {
    File::open("/dev/null").expect("it exists").into()
}

/// A large message whose number and filling can be told, with a descriptor.
fn numbered(number: u32) -> Message {
    Message::new(number.to_le_bytes().repeat(LARGE / 4)).with_fds(vec![null()])
}

/// The other side, without any of the machinery that is tested.
struct Peer {
    socket: ginnel_os::Stream,
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
    ended: bool,
    to_say: Vec<u8>,
}

/// A frame as it came.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    kind: u8,
    id: u64,
    body: Vec<u8>,
}

const MESSAGE: u8 = 1;
const REQUEST: u8 = 2;
const RESPONSE: u8 = 3;
const FAILURE: u8 = 4;
const CANCEL: u8 = 5;
const GOODBYE: u8 = 8;

impl Peer {
    /// A connection, and its other side, which has greeted.
    async fn new(options: &ConnectionOptions) -> (Connection, Self) {
        let (ours, theirs) = Stream::pair().expect("two sockets");
        let socket = ginnel_os::Stream::from(OwnedFd::from(theirs));
        let peer = Self { socket, bytes: Vec::new(), fds: Vec::new(), ended: false, to_say: Vec::new() };
        let mut connection = Connection::over(ours, options);
        let limits = [&(16u32 << 20).to_le_bytes()[..], &[16, 0, 0, 0]].concat();
        peer.say([&b"GNL\x01\0\0\0\0"[..], &limits, &[7; 16]].concat(), 0);
        assert!(up_to(5, connection.recv(), || {}).await.is_none(), "it is a greeting and nothing else");
        (connection, peer)
    }

    /// Says all of it, the descriptors first.
    fn say(&self, bytes: Vec<u8>, fds: usize) {
        let files: Vec<_> = (0..fds).map(|_| null()).collect();
        let fds: Vec<_> = files.iter().map(|file| file.as_fd()).collect();
        let sent = self.socket.send(&[IoSlice::new(&bytes)], &fds, Wait::Never).expect("a socket");
        assert_eq!(sent, Some(bytes.len()), "it fits");
    }

    /// Says a few bytes of what it has to say; the first brings the descriptor.
    fn say_some(&mut self, bytes: usize, brings: usize) {
        let bytes: Vec<_> = self.to_say.drain(..bytes.min(self.to_say.len())).collect();
        if !bytes.is_empty() {
            self.say(bytes, brings);
        }
    }

    /// Hears some bytes.
    fn hear(&mut self, most: usize) {
        let mut bytes = vec![0; most];
        if let Ok(Some(chunk)) = self.socket.receive(&mut bytes, Wait::Never) {
            self.ended |= chunk.bytes == 0;
            self.bytes.extend(&bytes[..chunk.bytes]);
            self.fds.extend(chunk.fds);
        }
    }

    /// Hears everything that is there.
    fn hear_all(&mut self) {
        let mut before = usize::MAX;
        while before != self.bytes.len() {
            before = self.bytes.len();
            self.hear(1 << 20);
        }
    }

    /// The whole frames so far, checked against the descriptors that came; and how many bytes are left over.
    fn seen(&self) -> (Vec<Seen>, usize) {
        let mut rest = self.bytes.get(32..).expect("a greeting");
        let (mut frames, mut declared) = (Vec::new(), 0);
        while let Some((head, behind)) = rest.split_first_chunk::<8>() {
            let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
            let Some(payload) = behind.get(..length) else { break };
            let calls = matches!(head[4], REQUEST..=CANCEL);
            let (id, body) = if calls { payload.split_at(8) } else { (&[0; 8][..], payload) };
            let id = u64::from_le_bytes(id.try_into().expect("eight bytes"));
            frames.push(Seen { kind: head[4], id, body: body.to_vec() });
            declared += usize::from(head[5]);
            rest = &behind[length..];
        }
        // A frame of which only a part has come has brought its own already.
        let begun = rest.get(5).copied().map_or(0, usize::from);
        let came = self.fds.len();
        assert!(
            came == declared + begun || (rest.len() < 6 && came >= declared),
            "{came} of {declared} descriptors"
        );
        (frames, rest.len())
    }

    /// The frames, when nothing may be left over.
    fn frames(&self) -> Vec<Seen> {
        let (frames, rest) = self.seen();
        assert_eq!(rest, 0, "bytes of a frame that was not finished");
        frames
    }
}

fn message(number: u32) -> Seen {
    Seen { kind: MESSAGE, id: 0, body: number.to_le_bytes().repeat(LARGE / 4) }
}

fn call(kind: u8, id: u64, body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_le_bytes()[..], &[kind, 0, 0, 0], &id.to_le_bytes(), body].concat()
}

/// Queues messages until the kernel takes no more and three are queued, one of them half written. How many there are.
async fn fill(connection: &mut Connection) -> u32 {
    let mut number = 0;
    let mut full = false;
    loop {
        while let Ok(()) = connection.try_feed(numbered(number)) {
            number += 1;
        }
        if full {
            return number;
        }
        full = up_to(3, connection.flush(), || {}).await.is_none();
    }
}

fn three() -> ConnectionOptions {
    ConnectionOptions::new().queue(Bound { bytes: 16 << 20, messages: 3, fds: 64 })
}

/// After something was dropped: what was queued goes out in order, then one message more.
async fn finish(connection: &mut Connection, peer: &mut Peer, last: u32) -> Vec<Seen> {
    through(connection.send(numbered(last)), || peer.hear(30_000)).await.expect("the peer is there");
    peer.hear_all();
    peer.frames()
}

const LAST: u32 = 0xffff;

#[test]
fn feed_queues_its_message_or_drops_it() {
    at_every_await(3, async |polls| {
        let (mut connection, mut peer) = Peer::new(&three()).await;
        let queued = fill(&mut connection).await;
        let fed = up_to(polls, connection.feed(numbered(queued)), || peer.hear(30_000)).await;
        fed.iter().for_each(|fed| assert!(fed.is_ok(), "{fed:?}"));
        let expected: Vec<_> = (0..queued + u32::from(fed.is_some())).chain([LAST]).map(message).collect();
        assert!(finish(&mut connection, &mut peer, LAST).await == expected, "after {polls} polls");
        fed.is_some()
    });
}

#[test]
fn flush_leaves_what_it_did_not_write_in_the_queue() {
    at_every_await(3, async |polls| {
        let (mut connection, mut peer) = Peer::new(&three()).await;
        let queued = fill(&mut connection).await;
        let flushed = up_to(polls, connection.flush(), || peer.hear(30_000)).await;
        flushed.iter().for_each(|flushed| assert!(flushed.is_ok(), "{flushed:?}"));
        let expected: Vec<_> = (0..queued).chain([LAST]).map(message).collect();
        assert!(finish(&mut connection, &mut peer, LAST).await == expected, "after {polls} polls");
        flushed.is_some()
    });
}

/// The frames without the one message that may be there or not.
fn without(mut frames: Vec<Seen>, perhaps: &Seen) -> (Vec<Seen>, usize) {
    let before = frames.len();
    frames.retain(|frame| frame != perhaps);
    let times = before - frames.len();
    (frames, times)
}

#[test]
fn send_queues_its_message_whole_or_not_at_all() {
    at_every_await(3, async |polls| {
        let (mut connection, mut peer) = Peer::new(&three()).await;
        let queued = fill(&mut connection).await;
        let sent = up_to(polls, connection.send(numbered(queued)), || peer.hear(30_000)).await;
        sent.iter().for_each(|sent| assert!(sent.is_ok(), "{sent:?}"));
        let frames = finish(&mut connection, &mut peer, LAST).await;
        let (rest, times) = without(frames, &message(queued));
        assert!(rest == (0..queued).chain([LAST]).map(message).collect::<Vec<_>>(), "after {polls} polls");
        assert!(times == 1 || (times == 0 && sent.is_none()), "{times} times after {polls} polls");
        sent.is_some()
    });
}

#[test]
fn sink_polls_queue_and_write_what_they_say() {
    at_every_await(3, async |polls| {
        let (mut connection, mut peer) = Peer::new(&three()).await;
        let queued = fill(&mut connection).await;
        let mut started = false;
        let sent = {
            let (started, connection) = (&mut started, &mut connection);
            let send = async move {
                poll_fn(|cx| Pin::new(&mut *connection).poll_ready(cx)).await?;
                Pin::new(&mut *connection).start_send(numbered(queued))?;
                *started = true;
                poll_fn(|cx| Pin::new(&mut *connection).poll_flush(cx)).await
            };
            up_to(polls, send, || peer.hear(30_000)).await
        };
        sent.iter().for_each(|sent| assert!(sent.is_ok(), "{sent:?}"));
        let expected: Vec<_> = (0..queued + u32::from(started)).chain([LAST]).map(message).collect();
        assert!(finish(&mut connection, &mut peer, LAST).await == expected, "after {polls} polls");
        sent.is_some()
    });
}

#[test]
fn closing_a_sink_writes_the_rest_when_it_is_polled_again() {
    at_every_await(3, async |polls| {
        let (mut connection, mut peer) = Peer::new(&three()).await;
        let queued = fill(&mut connection).await;
        let closing = poll_fn(|cx| Pin::new(&mut connection).poll_close(cx));
        let closed = up_to(polls, closing, || peer.hear(30_000)).await;
        let again = poll_fn(|cx| Pin::new(&mut connection).poll_close(cx));
        through(again, || peer.hear(30_000)).await.expect("the peer is there");
        peer.hear_all();
        assert!(peer.ended, "the writing direction has ended");
        let goodbye = Seen { kind: GOODBYE, id: 0, body: Vec::new() };
        assert!(peer.frames() == (0..queued).map(message).chain([goodbye]).collect::<Vec<_>>());
        closed.is_some()
    });
}

/// Two messages in pieces, the second with a descriptor, around a request.
fn in_pieces(peer: &mut Peer) -> impl FnMut() {
    let bodies = [b"one", b"two"].map(|body| [&[3, 0, 0, 0, MESSAGE, 0, 0, 0][..], body].concat());
    let with_fd = [&[4, 0, 0, 0, MESSAGE, 1, 0, 0][..], b"with"].concat();
    let mut pieces: Vec<(Vec<u8>, usize)> = Vec::new();
    for bytes in bodies.iter().take(1).chain([&with_fd]).chain(&bodies[1..]) {
        let fds = usize::from(bytes[5]);
        for (at, piece) in bytes.chunks(3).enumerate() {
            pieces.push((piece.to_vec(), if at == 0 { fds } else { 0 }));
        }
    }
    pieces.push((call(REQUEST, 9, b"?"), 0));
    let mut pieces = pieces.into_iter();
    let socket = peer.socket.as_fd().try_clone_to_owned().expect("a socket");
    let socket = ginnel_os::Stream::from(socket);
    move || {
        if let Some((bytes, fds)) = pieces.next() {
            let files: Vec<_> = (0..fds).map(|_| null()).collect();
            let fds: Vec<_> = files.iter().map(|file| file.as_fd()).collect();
            socket.send(&[IoSlice::new(&bytes)], &fds, Wait::Never).expect("a socket");
        }
    }
}

fn text(message: &Message) -> (&[u8], usize) {
    (&message.body, message.fds.len())
}

const THREE: [(&[u8], usize); 3] = [(b"one", 0), (b"with", 1), (b"two", 0)];

#[test]
fn recv_takes_a_message_or_leaves_it() {
    for drops in [1, 3] {
        at_every_await(3, async |polls| {
            let (mut connection, mut peer) = Peer::new(&three()).await;
            let mut between = in_pieces(&mut peer);
            let mut messages = Vec::new();
            let mut done = false;
            // Dropped several times in a row, with one poll more or less each time.
            for less in 0..drops {
                let received = up_to(polls.saturating_sub(less), connection.recv(), &mut between).await;
                done |= received.is_some() && less == 0;
                messages.extend(received.map(|received| received.expect("no fault").expect("no end")));
            }
            while messages.len() < 3 {
                let received = through(connection.recv(), &mut between).await;
                messages.push(received.expect("no fault").expect("no end"));
            }
            assert_eq!(messages.iter().map(text).collect::<Vec<_>>(), THREE, "after {polls} polls");
            done
        });
    }
}

#[test]
fn next_and_the_stream_take_a_message_or_leave_it() {
    at_every_await(3, async |polls| {
        let (mut connection, mut peer) = Peer::new(&three()).await;
        let mut between = in_pieces(&mut peer);
        let mut messages = Vec::new();
        let first = up_to(polls, connection.next(), &mut between).await;
        let second = {
            let polled = poll_fn(|cx| Pin::new(&mut connection).poll_next(cx));
            up_to(polls, polled, &mut between).await
        };
        for delivery in first.iter().filter_map(|next| next.as_ref().expect("no fault").as_ref()) {
            let Delivery::Message(message) = delivery else { panic!("messages come first") };
            messages.push(text(message));
        }
        messages.extend(second.iter().flatten().map(|next| text(next.as_ref().expect("no fault"))));
        let mut rest = Vec::new();
        while messages.len() + rest.len() < 3 {
            let received = through(connection.recv(), &mut between).await;
            rest.push(received.expect("no fault").expect("no end"));
        }
        let all: Vec<_> = messages.iter().copied().chain(rest.iter().map(text)).collect();
        assert_eq!(all, THREE, "after {polls} polls");
        let Ok(Some(Delivery::Request(request))) = through(connection.next(), &mut between).await else {
            panic!("a request comes last")
        };
        assert_eq!(request.id, CallId(9));
        first.is_some()
    });
}
