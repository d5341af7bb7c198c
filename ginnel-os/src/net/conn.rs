//! One connection of an engine.

mod care;
mod loss;
mod process;

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ginnel_proto::link::Greeting;
use ginnel_proto::machine::{ConnId, Loss, NetEvent, Refused, SendId};
use ginnel_proto::{Backoff, Frame, Line, LinkOptions, Message, PeerFault, Polled, Wire, limits};

use super::{DoorId, NetOptions};
use crate::SocketError;
use crate::connection::{Directions, Written, judge, stall, write_all};
use crate::stream::Stream;
use crate::sys::{Descriptors, Sys, Wait, codes};
use process::Process;

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// The other side has not greeted.
    Opening { accepted: bool },
    /// The machine knows of it.
    Open,
    /// Nothing is reported of it any more; what is queued is written until this moment.
    Leaving { until: Instant },
}

#[derive(Debug)]
pub(super) struct Conn<S: Sys> {
    pub(super) id: ConnId,
    /// The listener that it came through.
    pub(super) door: Option<DoorId>,
    stream: Stream<S>,
    line: Line<S::Carried>,
    stage: Stage,
    /// What the link holds, and where each ends.
    sends: VecDeque<(SendId, u64)>,
    /// What was written was under way to the kernel still when somebody last looked: somebody must look again.
    under_way: bool,
    /// Frames were given to the link since the machine was told last that there is room.
    owes_room: bool,
    /// What the poller watches it for, if it does.
    pub(super) watched: Option<Directions>,
    pub(super) paused: bool,
    /// Too much is held of large messages.
    pub(super) crowded: bool,
    /// Nothing was read from it for a while.
    unheard: bool,
    /// It may keep buffers since somebody last waited.
    pub(super) touched: bool,
    /// It was given something to write.
    pub(super) unwritten: bool,
    /// It waits for its turn to be read.
    pub(super) queued: bool,
    /// Descriptors wait for others to be read: no writing before this moment.
    stalled: Option<Instant>,
    pause: Option<Box<Backoff>>,
    /// Nothing can be written any more; what is left to read is read first.
    broken: Option<i32>,
    /// The kernel dropped descriptors: the frame that misses them is not the other side's fault.
    lost: Option<SocketError>,
    /// The process at the other end, which is watched among peers.
    process: Process<S::Fd>,
    /// When to look at it at the latest.
    pub(super) deadline: Option<Instant>,
    /// As the list of deadlines has it.
    pub(super) listed: Option<Instant>,
}

/// What is left of a connection after something was done with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum After {
    Stays,
    /// It is in the middle of a large message, and must wait before it goes on with it.
    Waits,
    /// There is more to read at once.
    More,
    Gone,
}

type Reports<S> = VecDeque<NetEvent<<S as Descriptors>::Carried>>;

impl<S: Sys> Conn<S> {
    pub(super) fn new(
        id: ConnId,
        stream: Stream<S>,
        (accepted, wire): (bool, Wire),
        options: &NetOptions,
    ) -> Self {
        let line = Line::new(&LinkOptions { wire, ..options.link.clone() }, options.patience);
        Self::over(id, stream, line, Stage::Opening { accepted })
    }

    const fn over(id: ConnId, stream: Stream<S>, line: Line<S::Carried>, stage: Stage) -> Self {
        Self {
            id,
            door: None,
            stream,
            line,
            stage,
            sends: VecDeque::new(),
            under_way: false,
            owes_room: false,
            watched: None,
            paused: false,
            crowded: false,
            unheard: false,
            touched: false,
            unwritten: false,
            queued: false,
            stalled: None,
            pause: None,
            broken: None,
            lost: None,
            process: Process::Unwatched,
            deadline: None,
            listed: None,
        }
    }

    /// One that stands already. What its line holds is number 0.
    pub(super) fn adopted(id: ConnId, stream: Stream<S>, line: Line<S::Carried>) -> Self {
        let stage = if line.is_open() { Stage::Open } else { Stage::Opening { accepted: false } };
        let mut conn = Self::over(id, stream, line, stage);
        if conn.line.outbound().queued().messages > 0 {
            conn.sends.push_back((SendId(0), conn.line.outbound().pushed()));
            conn.owes_room = true;
        }
        conn
    }

    /// Says who this peer is, before anything else.
    pub(super) fn introduce(&mut self, hello: Bytes) {
        self.line.introduce(hello);
    }

    /// Says a word that always finds room.
    pub(super) fn say(&mut self, frame: Frame<S::Carried>) {
        // After our goodbye nothing more is said.
        let _ = self.line.outbound().push_over(frame);
    }

    /// Was it accepted, and has not greeted?
    pub(super) fn is_knocking(&self) -> bool {
        self.stage == Stage::Opening { accepted: true }
    }

    /// Did it come through a listener, or was it adopted?
    pub(super) fn was_accepted(&self) -> bool {
        self.id > ConnId::FIRST_ACCEPTED
    }

    /// Does it matter what it says? While reading is on hold, only for one that leaves: it must come to its end.
    pub(super) fn may_read(&self, hold: bool) -> bool {
        match self.stage {
            Stage::Leaving { .. } => true,
            Stage::Opening { .. } | Stage::Open => {
                !hold && (!(self.paused || self.crowded) || self.broken.is_some())
            }
        }
    }

    pub(super) fn greeting(&self) -> Option<Greeting> {
        self.line.greeting().copied()
    }

    /// Tells the machine, once the other side has greeted or need not.
    pub(super) fn open(&mut self, reports: &mut Reports<S>) {
        let Stage::Opening { accepted } = self.stage else { return };
        if !self.line.is_open() {
            return;
        }
        self.stage = Stage::Open;
        let greeting = self.line.greeting().copied();
        reports.push_back(match accepted {
            true => NetEvent::Accepted(self.id, greeting),
            false => NetEvent::Connected(self.id, greeting),
        });
        self.tell_sent(reports);
    }

    /// Queues a frame that the machine sends.
    pub(super) fn send(&mut self, send: SendId, frame: Frame<S::Carried>, reports: &mut Reports<S>) {
        self.owes_room = true;
        match self.line.outbound().push_over(frame) {
            Ok(()) => self.sends.push_back((send, self.line.outbound().pushed())),
            Err(rejected) => {
                let refused = Refused::Refusal(rejected.refusal);
                reports.push_back(NetEvent::Refused(self.id, send, rejected.frame, refused));
            }
        }
    }

    /// As [`send`](Self::send), for a small message of SP behind this word. `false` says nothing.
    #[inline]
    pub(super) fn quick_send(&mut self, send: SendId, word: Option<u32>, body: &[u8]) -> bool {
        if !self.line.outbound().quick_push_over(word, body) {
            return false;
        }
        self.owes_room = true;
        self.sends.push_back((send, self.line.outbound().pushed()));
        true
    }

    /// Writes what is queued.
    pub(super) fn write(&mut self, now: Instant, reports: &mut Reports<S>) -> After {
        if self.broken.is_some() || self.stalled.is_some_and(|until| now < until) {
            return After::Stays;
        }
        self.stalled = None;
        loop {
            let written = write_all(&self.stream, self.line.outbound());
            self.under_way = !self.stream.is_settled();
            self.tell_sent(reports);
            match written {
                Ok(Written::All) if !self.under_way => {
                    self.pause = None;
                    if self.stage == Stage::Open && mem::take(&mut self.owes_room) {
                        reports.push_back(NetEvent::Room(self.id));
                    }
                    return self.leave_once_written();
                }
                Ok(Written::All | Written::Some) => return After::Stays,
                Ok(Written::Stalled) => {
                    self.stalled = now.checked_add(stall(self.stream.sys(), &mut self.pause));
                    return After::Stays;
                }
                Err(error) if error.raw_os_error() == Some(codes::FDS_REFUSED) && self.give_back(reports) => {
                }
                Err(error) => {
                    // What the other side said before comes first.
                    self.broken = Some(errno(&error));
                    return After::More;
                }
            }
        }
    }

    fn tell_sent(&mut self, reports: &mut Reports<S>) {
        if matches!(self.stage, Stage::Opening { .. }) || self.under_way {
            return;
        }
        let gone = self.line.outbound().gone();
        let done = self.sends.partition_point(|&(_, end)| end <= gone);
        if let Some((last, _)) = self.sends.drain(..done).next_back()
            && self.stage == Stage::Open
        {
            reports.push_back(NetEvent::Sent(self.id, last));
        }
    }

    /// The frame that is next has descriptors, which the other side refuses.
    fn give_back(&mut self, reports: &mut Reports<S>) -> bool {
        let Some(frame) = self.line.outbound().take_back() else { return false };
        let gone = self.line.outbound().gone();
        // One that was there when the connection was adopted has no number of its own.
        let send = match self.sends.front() {
            Some(&(send, end)) if end == gone => {
                self.sends.pop_front();
                send
            }
            _ => SendId(0),
        };
        reports.push_back(NetEvent::Refused(self.id, send, frame, Refused::Descriptors));
        true
    }

    fn leave_once_written(&mut self) -> After {
        if matches!(self.stage, Stage::Leaving { .. }) {
            // It fails if the other side has gone already, and then there is nobody to tell.
            let _ = self.stream.finish();
        }
        After::Stays
    }

    /// Reads what is there, up to a bound, and tells of it. What the poller will tell again is left to it.
    /// `grows`: it may go on with a large message.
    pub(super) fn read(
        &mut self,
        (scratch, grows): (&mut Vec<u8>, bool),
        reports: &mut Reports<S>,
        taken: &mut usize,
    ) -> After {
        let mut drained = false;
        let mut frames = 0;
        for _ in 0..READS {
            if let Some(after) = self.take_frames(reports, &mut frames) {
                return after;
            }
            self.open(reports);
            if drained && self.broken.is_none() && !self.has_died() {
                return After::Stays;
            }
            // One that leaves, or cannot be written to, must come to its end.
            let waits = self.broken.is_none() && !matches!(self.stage, Stage::Leaving { .. });
            if !grows && waits && self.growing().is_some() {
                return After::Waits;
            }
            match self.fill(scratch) {
                Ok(Some(chunk_drained)) => {
                    *taken += scratch.len();
                    drained = chunk_drained;
                }
                Ok(None) => return self.drained(reports),
                Err(error) => return self.lose(Loss::Errno(errno(&error)), reports),
            }
        }
        After::More
    }

    /// Tells of every frame that is whole, as long as it is not too many for one turn.
    fn take_frames(&mut self, reports: &mut Reports<S>, frames: &mut usize) -> Option<After> {
        while self.stage == Stage::Open
            && let Some(body) = self.line.quick_message()
        {
            let frame = Frame::from(Message::new(body));
            reports.push_back(NetEvent::Received(self.id, frame));
            *frames += 1;
            if *frames == FRAMES {
                return Some(After::More);
            }
        }
        loop {
            match self.line.poll() {
                Ok(Polled::Pending) => return None,
                Ok(Polled::Ended) => return Some(self.ended(reports)),
                Err(PeerFault::WrongFds { .. }) if self.lost.is_some() => {
                    return Some(self.lose(Loss::Errno(codes::TOO_MANY_FILES), reports));
                }
                Err(fault) => return Some(self.lose(Loss::Fault(fault), reports)),
                Ok(heard) => {
                    self.open(reports);
                    if let Polled::Frame(frame) = heard
                        && self.stage == Stage::Open
                    {
                        reports.push_back(NetEvent::Received(self.id, frame));
                    }
                    // A ping takes time too.
                    *frames += 1;
                    if *frames == FRAMES {
                        return Some(After::More);
                    }
                }
            }
        }
    }

    /// All has been read that was there. From one who cannot be written to, or has died, nothing more comes.
    fn drained(&mut self, reports: &mut Reports<S>) -> After {
        match self.broken {
            Some(errno) => self.lose(Loss::Errno(errno), reports),
            None if self.has_died() => self.lose(Loss::Died, reports),
            None => After::Stays,
        }
    }

    /// Reads once, by way of the engine's buffer, and tells whether that was all. `None`: there is nothing now.
    fn fill(&mut self, scratch: &mut Vec<u8>) -> io::Result<Option<bool>> {
        scratch.clear();
        scratch.reserve(limits::READ);
        let outcome = self.stream.receive_behind(scratch, limits::READ, Wait::Never);
        let Some(chunk) = judge(&mut self.line, &mut self.lost, outcome)? else { return Ok(None) };
        self.line.received(scratch, chunk.fds);
        Ok(Some(chunk.drained))
    }

    /// The machine takes leave.
    pub(super) fn leave(&mut self, now: Instant, linger: Duration) {
        self.line.goodbye();
        self.sends.clear();
        self.stage = Stage::Leaving { until: now.checked_add(linger).unwrap_or(now + FAR) };
    }

    /// Its descriptor, on loan.
    pub(super) fn borrowed(&self) -> S::Borrowed<'_> {
        self.stream.borrowed()
    }
}

pub(super) fn errno(error: &io::Error) -> i32 {
    match SocketError::of(error) {
        Some(SocketError::FdsLost { .. }) => codes::TOO_MANY_FILES,
        _ => error.raw_os_error().unwrap_or(codes::UNKNOWN),
    }
}

/// For ever, as far as clocks can tell.
const FAR: Duration = Duration::from_secs(u32::MAX as u64);

/// Reads of one turn, of 60 KiB each at most.
const READS: usize = 4;
/// Frames of one turn.
const FRAMES: usize = 64;
