//! One end of SP that lives on the fake kernel, and what its application remembers.

mod acting;
mod talking;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ginnel_os::net::NetOptions;
use ginnel_os::{Listener, ListenerOptions, SocketKind, Stream};
use ginnel_proto::limits::Bound;
use ginnel_proto::machine::ConnId;
use ginnel_proto::sp::{AskId, Command, DialerId, Event, Options, Protocol, Request, Socket};
use ginnel_proto::{Address, LinkOptions, Patience, Wire};

use super::letter::Letter;
use super::part::Part;
use super::witness::Witness;
use crate::actors::engine::Core;
use crate::kernel::{Fake, Fd};
use crate::scene::Scene;

/// An end, and what its application remembers.
#[derive(Debug)]
pub(crate) struct End<P: Part> {
    core: Core<Witness<P>>,
    address: Address,
    inbox: Bound,
    asks: usize,
    longest_pause: Duration,
    place: Place,
    /// Its application takes what arrives as it arrives.
    eager: bool,
    /// Its application wants nothing to be read.
    holds: bool,
    /// Connections that came in, as far as their sockets were looked for.
    looked: u64,
    dialers: Vec<DialerId>,
    in_hand: Vec<Request>,
    asked: BTreeMap<AskId, Asked>,
}

/// Where an end stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// It listens at the path.
    Hub,
    /// It dials whoever does.
    Spoke,
    /// It dials whoever does, and they do not go together.
    Stray,
}

/// Something that was asked, and the answers to it.
#[derive(Debug)]
struct Asked {
    letter: Letter,
    answers: BTreeSet<Letter>,
}

impl<P: Part> End<P> {
    /// `None`: the process has no descriptor for a poller.
    pub(super) fn new(scene: &Scene, fake: Fake, address: Address, place: Place) -> Option<Self> {
        let options = options(scene, P::END, place);
        let witness = Witness::new(fake.clone(), &options);
        let message = scene.book.borrow().largest();
        let link = LinkOptions { wire: Wire::SpIpc(P::END), message, fds: 0, ..LinkOptions::default() };
        let patience = Patience { greeting: Some(GREETING), ..Patience::default() };
        let net = NetOptions { link, patience, ..NetOptions::default() };
        scene.book.borrow_mut().enters(&fake, P::END, place == Place::Stray);
        let mut end = Self {
            core: Core::with(fake, witness, net)?,
            address,
            inbox: options.inbox,
            asks: options.asks,
            longest_pause: options.redial.max(options.redial_most.unwrap_or_default()),
            place,
            eager: scene.chance(500),
            holds: false,
            looked: ConnId::FIRST_ACCEPTED.0,
            dialers: Vec::new(),
            in_hand: Vec::new(),
            asked: BTreeMap::new(),
        };
        if place == Place::Hub {
            end.listen()
        } else {
            end.dial(scene)
        }
        Some(end)
    }

    fn machine(&self) -> &Socket<P, Fd> {
        self.core.machine().inner()
    }

    fn pattern(&self) -> &P {
        self.machine().pattern()
    }

    fn witness(&mut self) -> &mut Witness<P> {
        self.core.machine_mut()
    }

    fn command(&mut self, scene: &Scene, command: Command<P::Command>) {
        self.core.command(scene, command);
        // As the library does: whoever has taken all that it takes is written to at once.
        if !self.machine().pipes().is_empty() && scene.chance(500) {
            self.core.engine.flush(scene.now());
        }
    }

    fn order(&mut self, scene: &Scene, command: P::Command) {
        self.command(scene, Command::Pattern(command));
    }

    fn is_listening(&self) -> bool {
        self.core.engine.net().listener().is_some()
    }

    fn listen(&mut self) {
        if self.is_listening() {
            return;
        }
        let mut options = ListenerOptions::default();
        options.nonblocking = true;
        let opened = Listener::open_on(self.core.fake.clone(), SocketKind::Stream, &self.address, options);
        // It fails if the system cannot, and is tried again.
        let _ = opened.and_then(|listener| self.core.engine.net_mut().open(listener, Wire::SpIpc(P::END)));
    }

    fn dial(&mut self, scene: &Scene) {
        let id = self.machine().upcoming_dialer();
        self.dialers.push(id);
        self.command(scene, Command::Dial(self.address.clone()));
    }

    fn some_pipe(&self, scene: &Scene) -> Option<ConnId> {
        let pipes: Vec<_> = self.machine().pipes().ids().collect();
        if pipes.is_empty() { None } else { Some(pipes[scene.index(pipes.len())]) }
    }

    /// Makes a connection to another end, and hands that its half of it.
    fn hand_over(&mut self, scene: &Scene) {
        let Some(other) = scene.book.borrow().partner(self.core.fake.pid(), P::END.peer(), scene) else {
            return;
        };
        if let Ok((ours, theirs)) = self.core.fake.pair_with(&other, SocketKind::Stream) {
            scene.book.borrow_mut().hand(other.pid(), theirs);
            self.adopt(scene, ours);
        }
    }

    fn adopt(&mut self, scene: &Scene, fd: Fd) {
        let stream = Stream::made_on(self.core.fake.clone(), fd);
        let pipe = self.core.engine.net_mut().admit(stream, Wire::Sp(P::END), scene.now());
        scene.note(|| format!("  {} {} adopts {pipe:?}", P::END, self.core.fake.pid().0));
        self.core.wake();
    }

    /// Notes which sockets its connections have, as long as they have them.
    fn look_for_sockets(&mut self) {
        let last = self.core.machine().tracks.last_key_value().map_or(0, |(id, _)| id.0);
        self.looked = self.looked.max(last);
        let dialled = 1..=self.core.wanted().0;
        let came = self.looked.saturating_sub(AHEAD).max(ConnId::FIRST_ACCEPTED.0) + 1..=self.looked + AHEAD;
        for id in dialled.chain(came).map(ConnId) {
            let is_known = self.core.machine().tracks.get(&id).is_some_and(|track| track.ends.is_some());
            if is_known {
                continue;
            }
            if let Some(ends) = self.core.ends(id) {
                self.witness().tracks.entry(id).or_default().ends = Some(ends);
                self.looked = self.looked.max(id.0);
            }
        }
    }

    /// Sees to what was told, and takes what arrived if it is eager.
    fn take(&mut self, scene: &Scene) {
        self.look_for_sockets();
        while let Some(event) = self.core.engine.poll_event() {
            self.heed(scene, &event);
        }
        while self.eager && P::hear(self, scene) {}
        self.core.holding = self.holds || !self.pattern().has_room();
        let (waits, open) = (self.core.machine().model.arrived(), self.core.machine().model.open());
        // One turn may read so many from each.
        let most = self.inbox.messages.max(128) + TURN * (1 + self.core.engine.net().connections());
        if waits > most || open > self.asks {
            scene.violated(format!("{waits} messages wait to be taken, {open} questions are open"));
        }
    }

    fn heed(&mut self, scene: &Scene, event: &Event) {
        scene.note(|| format!("  {} {} <- {event:?}", P::END, self.core.fake.pid().0));
        let ours = |id| self.core.machine().tracks.get(&id).and_then(|track| track.ends).map(|ends| ends.0);
        match *event {
            Event::Attached(_) => scene.tally("pipes that came to be"),
            Event::Detached(id, gone) => super::judging::detached(scene, ours(id), gone),
            Event::Rejected(id, gone) => super::judging::rejected(scene, ours(id), gone),
            Event::DialFailed(_, failure, pause) => {
                if pause > self.longest_pause {
                    scene.violated(format!("a pause of {pause:?}"));
                }
                super::judging::failed(scene, failure);
            }
        }
    }

    /// Writes down what it knows of each pipe, for all to be compared.
    fn tell_book(&self, scene: &Scene, dead: bool) {
        let mut book = scene.book.borrow_mut();
        for (&id, track) in &self.core.machine().tracks {
            book.knows((self.core.fake.pid(), id), track, dead);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.core.deadline()
    }
}

fn options(scene: &Scene, end: Protocol, place: Place) -> Options {
    // Who is turned away dials again and again, and that takes long to play.
    let is_turned_away = place == Place::Stray || matches!(end, Protocol::Pair0 | Protocol::Pair1);
    let redial = if is_turned_away { [5000, 4000] } else { [1000, 200] };

    Options {
        ttl: scene.pick(&[8, 8, 1, 15]),
        send_queue: scene.pick(&[None, Some(0), Some(1), Some(5)]),
        receive_queue: scene.pick(&[None, Some(1), Some(4)]),
        inbox: Bound { messages: scene.pick(&[1024, 16, 2]), bytes: scene.pick(&[1 << 20, 10_000]), fds: 0 },
        prefer_new: scene.chance(500),
        resend: scene.pick(&[Some(60_000), Some(100), Some(3000), None]).map(Duration::from_millis),
        survey: Duration::from_millis(scene.pick(&[1000, 50])),
        asks: scene.pick(&[1000, 5]),
        redial: Duration::from_millis(scene.pick(&redial)),
        redial_most: scene.pick(&[None, Some(Duration::from_secs(2))]),
        seed: scene.index(1000) as u64,
        ..Options::default()
    }
}

/// As the library has it.
const GREETING: Duration = Duration::from_secs(10);
/// How many connections may come and go between two looks.
const AHEAD: u64 = 8;
/// Messages that are read from one pipe in one turn, twice.
const TURN: usize = 128;
