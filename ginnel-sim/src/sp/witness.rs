//! A machine of SP, and somebody who looks at everything it is told and says.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use ginnel_proto::machine::{Action, ConnId, Input, Machine, NetEvent, Output, Outputs, Refused, SendId};
use ginnel_proto::sp::{AskId, Command, Dropped, Event, Gone, Grant, Options, Protocol, Socket, SpFault};
use ginnel_proto::{Frame, Kind, Message, PeerFault};

use super::letter::{self, Letter, Read};
use super::model::Model;
use super::part::Part;
use crate::actors::engine::Ends;
use crate::kernel::{Fake, Fd};

/// A machine, the model that it is compared with, and what went over each pipe.
#[derive(Debug)]
pub(crate) struct Witness<P: Part> {
    inner: Socket<P, Fd>,
    fake: Fake,
    outputs: VecDeque<Output<Event, Fd>>,
    pub(crate) model: Model,
    pub(crate) tracks: BTreeMap<ConnId, Track>,
    /// The words that each answer must go back with.
    pub(crate) ways_back: BTreeMap<Letter, Vec<u32>>,
    /// Most messages that may wait for one pipe, where more are dropped.
    most_sent: Option<usize>,
    /// Messages that were given, once for each pipe that they are for.
    given: u64,
    /// The kernel has them.
    sent: u64,
    /// Their pipe was lost in the middle of them, or they can be sent over none.
    cut: u64,
    /// They were with the link of a pipe that was closed here.
    left: u64,
    /// They have come back from a pipe whose loss is about to be told.
    back: u64,
}

/// What went over one pipe.
#[derive(Debug, Default)]
pub(crate) struct Track {
    /// Ours, theirs, if that is known.
    pub(crate) ends: Option<Ends>,
    /// What the link has.
    in_link: VecDeque<(SendId, Option<Letter>)>,
    /// What the link was given and did not give back.
    pub(crate) written: Vec<Option<Letter>>,
    /// How many of them the kernel has.
    pub(crate) sent: usize,
    pub(crate) heard: Vec<Option<Letter>>,
    pub(crate) attached: bool,
    pub(crate) ended: Option<Gone>,
    /// It did not become a pipe.
    pub(crate) rejected: bool,
}

impl<P: Part> Witness<P> {
    pub(crate) fn new(fake: Fake, options: &Options) -> Self {
        let most = match P::END {
            Protocol::Pub | Protocol::Bus => Some(16),
            Protocol::Surveyor => Some(8),
            _ => None,
        };
        Self {
            inner: Socket::new(options),
            fake,
            outputs: VecDeque::new(),
            model: Model::new(P::END, options),
            tracks: BTreeMap::new(),
            ways_back: BTreeMap::new(),
            most_sent: most.map(|most| options.send_queue.unwrap_or(most).max(1)),
            given: 0,
            sent: 0,
            cut: 0,
            left: 0,
            back: 0,
        }
    }

    pub(crate) const fn inner(&self) -> &Socket<P, Fd> {
        &self.inner
    }

    /// What waits in it can be taken.
    pub(crate) const fn pattern_mut(&mut self) -> &mut P {
        self.inner.pattern_mut()
    }

    /// Counts an input. What the model makes of it, if it is a message.
    fn is_told(
        &mut self,
        input: &Input<Command<P::Command>, Fd>,
        now: Instant,
    ) -> Option<Result<(), SpFault>> {
        match input {
            Input::App(Command::Pattern(command)) => {
                self.given += P::copies(command, self.inner.pipes().len()) as u64;
            }
            Input::Timeout => self.model.timeout(now),
            Input::Net(event) => return self.is_reported(event),
            Input::App(_) => {}
        }
        None
    }

    fn is_reported(&mut self, event: &NetEvent<Fd>) -> Option<Result<(), SpFault>> {
        let attached = |id: &ConnId| self.inner.pipes().contains(*id);
        match event {
            NetEvent::Received(id, frame) if attached(id) => {
                let body = frame.message.body.clone();
                let track = self.tracks.entry(*id).or_default();
                track.heard.push(content(P::END.peer(), &body, &self.fake));
                return Some(self.model.received(*id, body));
            }
            NetEvent::Sent(id, send) if attached(id) => {
                let track = self.tracks.entry(*id).or_default();
                let count = track.in_link.iter().take_while(|(other, _)| other <= send).count();
                track.in_link.drain(..count);
                track.sent += count;
                self.sent += count as u64;
            }
            NetEvent::Refused(id, send, _, why) if attached(id) => self.comes_back(*id, *send, *why),
            NetEvent::Lost(id, _) if attached(id) => {
                let track = self.tracks.entry(*id).or_default();
                self.cut += track.in_link.drain(..).count() as u64;
            }
            _ => {}
        }
        None
    }

    fn comes_back(&mut self, id: ConnId, send: SendId, why: Refused) {
        let track = self.tracks.entry(id).or_default();
        let Some(at) = track.in_link.iter().position(|(other, _)| *other == send) else {
            return self.fake.violated(format!("{send:?} of {id:?} comes back, and was not there"));
        };
        track.in_link.remove(at);
        track.written.remove(track.sent + at);
        if why == Refused::Gone { self.back += 1 } else { self.cut += 1 }
    }

    fn says(&mut self, output: &Output<Event, Fd>) {
        match output {
            Output::Net(Action::Send(id, send, frame)) => self.gives(*id, *send, frame),
            Output::Net(Action::Close(id)) => {
                if let Some(track) = self.tracks.get_mut(id) {
                    self.left += track.in_link.drain(..).count() as u64;
                }
            }
            Output::App(Event::Attached(id)) => self.tracks.entry(*id).or_default().attached = true,
            Output::App(Event::Detached(id, gone)) => {
                self.back = 0;
                self.tracks.entry(*id).or_default().ended = Some(*gone);
                self.model.detached(*id);
            }
            Output::App(Event::Rejected(id, gone)) => {
                let track = self.tracks.entry(*id).or_default();
                (track.ended, track.rejected) = (Some(*gone), true);
            }
            _ => {}
        }
    }

    /// Lets the machine decide where a message goes that is handed over then.
    pub(crate) fn grant(&mut self, body: &Bytes) -> Option<Grant> {
        let grant = self.inner.grant(body.len())?;
        let kind = grant.word.map_or(Kind::Message, Kind::Headed);
        self.given += 1;
        self.gives(grant.pipe, grant.send, &Frame::new(kind, Message::new(body.clone())));
        self.weigh();
        Some(grant)
    }

    /// A message is given to a link.
    fn gives(&mut self, id: ConnId, send: SendId, frame: &Frame<Fd>) {
        let mut whole = match frame.kind {
            Kind::Headed(word) => word.to_be_bytes().to_vec(),
            _ => Vec::new(),
        };
        whole.extend_from_slice(&frame.message.body);
        let (words, body) = opened(P::END, &whole);
        let letter = match letter::read(body) {
            Ok(Read::Letter(letter, _)) => Some(letter),
            Ok(Read::Lie) => None,
            Err(what) => return self.fake.violated(what),
        };
        let is_right = match (P::END, &words[..]) {
            (Protocol::Pair1, words) => *words == [1],
            (Protocol::Req | Protocol::Surveyor, &[number]) => {
                let asks = self.model.asks_over(AskId(number), id);
                asks.inspect_err(|what| self.fake.violated(what.clone())).is_ok()
            }
            (Protocol::Rep | Protocol::Respondent, words) => {
                letter.and_then(|letter| self.ways_back.get(&letter)).is_some_and(|way| way == words)
            }
            (_, words) => words.is_empty(),
        };
        if !is_right {
            self.fake.violated(format!("{letter:?} goes out behind {words:x?}"));
        }
        let track = self.tracks.entry(id).or_default();
        // What has come back from another pipe may go out behind what is younger.
        let may_be_late = matches!(P::END, Protocol::Push | Protocol::Req);
        if !may_be_late && track.written.last().is_some_and(|last| *last >= letter) {
            self.fake.violated(format!("{letter:?} goes out behind {:?}", track.written.last()));
        }
        track.in_link.push_back((send, letter));
        track.written.push(letter);
    }

    /// Is each message somewhere, and only there?
    fn weigh(&self) {
        let counted = self.inner.dropped();
        let unsent = self.inner.unsent() as u64;
        let known = self.sent + unsent + self.left + self.back + counted.unsent + counted.unanswerable;
        if P::END != Protocol::Req && known != self.given {
            self.fake.violated(format!("{} messages were given, and {known} are known of", self.given));
        }
        let expected = self.model.dropped();
        let mut received: Dropped = counted;
        (received.unsent, received.unanswerable) = (0, 0);
        if received != expected {
            self.fake.violated(format!("{received:?} is counted, and {expected:?} is right"));
        }
        let unsent_right = match P::END {
            Protocol::Push | Protocol::Pull | Protocol::Pair0 | Protocol::Pair1 => counted.unsent == self.cut,
            Protocol::Req | Protocol::Rep | Protocol::Respondent | Protocol::Sub => counted.unsent == 0,
            Protocol::Pub | Protocol::Bus | Protocol::Surveyor => counted.unsent >= self.cut,
        };
        if !unsent_right {
            self.fake
                .violated(format!("{} were cut, and {} are counted as unsent", self.cut, counted.unsent));
        }
        self.check_bound();
    }

    /// What waits for those who are behind is bounded.
    fn check_bound(&self) {
        let pipes = self.inner.pipes();
        let in_link: usize =
            pipes.ids().filter_map(|id| self.tracks.get(&id)).map(|it| it.in_link.len()).sum();
        let Some(waits) = pipes.unsent().checked_sub(in_link) else {
            return self
                .fake
                .violated(format!("{in_link} are with links, and {} are known of", pipes.unsent()));
        };
        if self.most_sent.is_some_and(|most| waits > most * pipes.len()) {
            self.fake.violated(format!("{waits} messages wait for {} pipes", pipes.len()));
        }
    }
}

impl<P: Part> Machine for Witness<P> {
    type Command = Command<P::Command>;
    type Event = Event;
    type Fd = Fd;

    fn handle(&mut self, input: Input<Self::Command, Fd>, now: Instant) -> Outputs<'_, Event, Fd> {
        let judged = self.is_told(&input, now);
        let said: Vec<_> = self.inner.handle(input, now).collect();
        let mut blamed = None;
        for output in &said {
            self.says(output);
            if let Output::App(Event::Detached(_, Gone::Fault(PeerFault::Sp(fault)))) = output {
                blamed = Some(*fault);
            }
        }
        if let Some(judged) = judged
            && blamed != judged.err()
        {
            self.fake.violated(format!("a message is blamed for {blamed:?}, and {judged:?} is right"));
        }
        self.weigh();
        self.outputs.extend(said);
        Outputs::new(&mut self.outputs)
    }

    fn deadline(&self) -> Option<Instant> {
        self.inner.deadline()
    }
}

/// The words before a body, as this end writes them.
fn opened(end: Protocol, whole: &[u8]) -> (Vec<u32>, &[u8]) {
    let (mut words, mut rest) = (Vec::new(), whole);
    let many = matches!(end, Protocol::Req | Protocol::Rep | Protocol::Surveyor | Protocol::Respondent);
    while let Some((word, behind)) = rest.split_first_chunk() {
        let is_last = words.last().is_some_and(|word: &u32| word >> 31 == 1);
        if is_last || !(many || end == Protocol::Pair1 && words.is_empty()) {
            break;
        }
        words.push(u32::from_be_bytes(*word));
        rest = behind;
    }
    (words, rest)
}

/// Which letter this is that such an end has written.
fn content(writer: Protocol, whole: &Bytes, fake: &Fake) -> Option<Letter> {
    match letter::read(opened(writer, whole).1) {
        Ok(Read::Letter(letter, _)) => Some(letter),
        Ok(Read::Lie) => None,
        Err(what) => {
            fake.violated(what);
            None
        }
    }
}
