//! Somebody who keeps no rules of SP: what it says is told of, and everybody else is served.

use std::io::IoSlice;
use std::time::Instant;

use ginnel_os::{Connecting, SocketKind, Stream, Wait};
use ginnel_proto::sp::Protocol;
use ginnel_proto::{Address, PeerFault};

use super::lies;
use crate::kernel::{Fake, Fd, Pid, SockId};
use crate::scene::{Actor, Scene};

/// A liar, and its connection if it has one.
#[derive(Debug)]
pub(crate) struct Liar {
    fake: Fake,
    address: Address,
    /// Who listens at the path.
    hub: Protocol,
    talk: Option<Talk>,
}

#[derive(Debug)]
struct Talk {
    stream: Stream<Fake>,
    to: Protocol,
    /// Over there.
    at: SockId,
    /// Each message begins with a 1.
    kinds: bool,
    greeted: bool,
    /// What is still to be said, and what is to be noticed once it is.
    rest: (Vec<u8>, Option<PeerFault>),
    /// After this nothing that is said is heard.
    done: bool,
    /// What was heard at first.
    heard: Vec<u8>,
}

impl Liar {
    pub(crate) const fn new(fake: Fake, address: Address, hub: Protocol) -> Self {
        Self { fake, address, hub, talk: None }
    }

    fn connect(&mut self, scene: &Scene) {
        let connecting = Connecting::on(self.fake.clone(), SocketKind::Stream, &self.address, true);
        let Ok(connecting) = connecting else { return };
        if let Ok(Some(())) = connecting.attempt() {
            self.begin(scene, connecting.into_fd(), self.hub, true);
        }
    }

    /// Makes a connection to somebody who did not ask for one.
    fn foist(&mut self, scene: &Scene) {
        let Some((other, end)) = scene.book.borrow().anybody(scene) else { return };
        if let Ok((ours, theirs)) = self.fake.pair_with(&other, SocketKind::Stream) {
            scene.book.borrow_mut().hand(other.pid(), theirs);
            self.begin(scene, ours, end, false);
        }
    }

    fn begin(&mut self, scene: &Scene, fd: Fd, to: Protocol, kinds: bool) {
        let stream = Stream::made_on(self.fake.clone(), fd);
        let Some((ours, theirs)) = self.fake.ends(stream.borrowed()) else { return };
        scene.book.borrow_mut().strange(ours, theirs);
        scene.ledger.borrow_mut().strange(ours, theirs);
        let (at, rest) = (theirs, (Vec::new(), None));
        self.talk =
            Some(Talk { stream, to, at, kinds, greeted: false, rest, done: false, heard: Vec::new() });
    }
}

impl Talk {
    fn say(&mut self, scene: &Scene) {
        if self.rest.0.is_empty() {
            self.rest = if self.greeted {
                lies::message(scene, self.to, self.kinds, self.word())
            } else {
                lies::greeting(scene, self.to)
            };
            self.greeted = true;
            if let Some(fault) = self.rest.1
                && !self.done
            {
                scene.book.borrow_mut().lies(self.at, fault);
            }
        }
        let words = &self.rest.0[..];
        let piece = if scene.chance(300) { &words[..1 + scene.index(words.len())] } else { words };
        let said = self.stream.send(&[IoSlice::new(piece)], &[], Wait::Never);
        scene.note(|| format!("  a liar says {} of {} bytes: {said:?}", piece.len(), words.len()));
        let Ok(Some(count)) = said else { return };
        self.rest.0.drain(..count);
        if self.rest.0.is_empty() {
            self.said(scene);
        }
    }

    /// All of it was said.
    fn said(&mut self, scene: &Scene) {
        scene.tally("lies that were told");
        if self.rest.1.take().is_some() {
            self.done = true;
            scene.book.borrow_mut().lied(self.at);
        }
    }

    fn listen(&mut self) {
        let mut bytes = [0; 300];
        let heard = self.stream.receive(&mut bytes, Wait::Never);
        if let Ok(Some(chunk)) = heard
            && self.heard.len() < ENOUGH
        {
            self.heard.extend_from_slice(&bytes[..chunk.bytes]);
        }
    }

    /// The first word of the first message: behind a greeting, a kind and a length.
    fn word(&self) -> Option<u32> {
        let at = if self.kinds { 17 } else { 16 };
        self.heard.get(at..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
    }
}

impl Actor for Liar {
    fn name(&self) -> &'static str {
        "liar"
    }

    fn pid(&self) -> Pid {
        self.fake.pid()
    }

    fn act(&mut self, scene: &Scene) {
        match (scene.index(10), &mut self.talk) {
            (0..=3, None) => self.connect(scene),
            (4, None) => self.foist(scene),
            (0..=5, Some(talk)) => talk.say(scene),
            (6, _) => self.talk = None,
            (_, Some(talk)) => talk.listen(),
            (_, None) => {}
        }
    }

    fn is_ready(&self) -> bool {
        false
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn settle(&mut self, _scene: &Scene) {
        self.talk = None;
    }

    fn leave(&mut self, _scene: &Scene) {
        self.talk = None;
    }
}

/// Bytes in which the first word stands.
const ENOUGH: usize = 30;
