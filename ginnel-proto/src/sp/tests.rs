//! Each end under what its application asks and its engine reports, compared with what it says.

mod bus;
mod dialers;
mod pair;
mod pipes;
mod publish;
mod pull;
mod push;
mod replier;
mod req;
mod subscribe;
mod surveyor;

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::header::headed;
use super::*;
use crate::machine::{
    Action, CREDIT, ConnId, Failure, Input, Loss, Machine, NetEvent, Output, Refused, SendId,
};
use crate::{Frame, Message, PeerFault};

/// What an end says to one input.
type Said = Vec<Output<Event, u32>>;

/// An end, and what time it is.
struct Bench<P> {
    socket: Socket<P, u32>,
    now: Instant,
}

impl<P: Pattern> Bench<P> {
    fn new(options: &Options) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test begins at some moment")]
        let now = Instant::now();
        Self { socket: Socket::new(options), now }
    }

    /// With pipes of these numbers.
    fn with(options: &Options, pipes: &[u64]) -> Self {
        let mut bench = Self::new(options);
        for &pipe in pipes {
            assert_eq!(bench.accepted(pipe), [attached(pipe)]);
        }
        bench
    }

    fn plain(pipes: &[u64]) -> Self {
        Self::with(&Options::default(), pipes)
    }

    fn app(&mut self, command: Command<P::Command>) -> Said {
        self.socket.handle(Input::App(command), self.now).collect()
    }

    fn order(&mut self, command: P::Command) -> Said {
        self.app(Command::Pattern(command))
    }

    fn net(&mut self, event: NetEvent<u32>) -> Said {
        self.socket.handle(Input::Net(event), self.now).collect()
    }

    fn accepted(&mut self, pipe: u64) -> Said {
        self.net(NetEvent::Accepted(ConnId(pipe), None))
    }

    fn hears(&mut self, pipe: u64, body: impl Into<Bytes>) -> Said {
        self.net(NetEvent::Received(ConnId(pipe), Message::new(body).into()))
    }

    /// The kernel has everything up to this, and the link is empty.
    fn writes(&mut self, pipe: u64, send: u64) -> Said {
        assert_eq!(self.net(NetEvent::Sent(ConnId(pipe), SendId(send))), []);
        self.net(NetEvent::Room(ConnId(pipe)))
    }

    fn lost(&mut self, pipe: u64) -> Said {
        self.net(NetEvent::Lost(ConnId(pipe), Loss::Closed { goodbye: false }))
    }

    /// The link gives a message back, since the pipe is going.
    fn gives_back(&mut self, pipe: u64, send: u64, body: impl Into<Bytes>) -> Said {
        self.net(NetEvent::Refused(ConnId(pipe), SendId(send), Message::new(body).into(), Refused::Gone))
    }

    /// So much time passes, and what was due is told.
    fn after(&mut self, time: Duration) -> Said {
        self.now += time;
        self.socket.handle(Input::Timeout, self.now).collect()
    }

    fn dropped(&self) -> Dropped {
        self.socket.dropped()
    }

    fn is_attached(&self, pipe: u64) -> bool {
        self.socket.pipes().contains(ConnId(pipe))
    }
}

impl<P: Receives> Bench<P> {
    fn taken(&mut self) -> Vec<P::Item> {
        std::iter::from_fn(|| self.socket.pattern_mut().receive()).collect()
    }
}

impl<P: Asks> Bench<P> {
    fn ask(&mut self, body: &'static str) -> (AskId, Said) {
        let id = self.socket.pattern().upcoming();
        (id, self.order(AskCommand::Ask(Bytes::from_static(body.as_bytes()))))
    }

    fn answered(&mut self, id: AskId) -> Option<Answered> {
        self.socket.pattern_mut().answered(id)
    }
}

fn attached(pipe: u64) -> Output<Event, u32> {
    Output::App(Event::Attached(ConnId(pipe)))
}

fn detached(pipe: u64, why: Gone) -> Output<Event, u32> {
    Output::App(Event::Detached(ConnId(pipe), why))
}

fn close(pipe: u64) -> Output<Event, u32> {
    Output::Net(Action::Close(ConnId(pipe)))
}

fn given(pipe: u64, send: u64, body: impl Into<Bytes>) -> Output<Event, u32> {
    Output::Net(Action::Send(ConnId(pipe), SendId(send), Message::new(body).into()))
}

/// A message behind a word of its header.
fn given_behind(word: u32, pipe: u64, send: u64, body: impl Into<Bytes>) -> Output<Event, u32> {
    Output::Net(Action::Send(ConnId(pipe), SendId(send), headed(word, body.into())))
}

/// A pipe is closed for what came over it.
fn blamed(pipe: u64, fault: SpFault) -> [Output<Event, u32>; 2] {
    [close(pipe), detached(pipe, Gone::Fault(PeerFault::Sp(fault)))]
}

/// Words before a body.
fn words(words: &[u32], body: &[u8]) -> Bytes {
    let words = words.iter().flat_map(|word| word.to_be_bytes());
    words.chain(body.iter().copied()).collect()
}

fn answer(body: &'static str) -> Option<Answered> {
    Some(Answered::Answer(Bytes::from_static(body.as_bytes())))
}

/// A body that takes all the credit of a link.
fn large() -> Bytes {
    vec![7; CREDIT].into()
}

const SECOND: Duration = Duration::from_secs(1);
