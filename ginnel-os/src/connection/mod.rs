//! Attempts at what a connection does: each reads and writes what is ready, and says whether it is done or what to wait
//! for. Who waits is the driver.

mod error;
mod options;
mod read;
mod step;
mod write;

use std::io;
use std::time::{Duration, Instant};

use ginnel_proto::client::Reason;
use ginnel_proto::link::Greeting;
use ginnel_proto::{Answer, Backoff, CallId, Delivery, Message, Next, Parts, PeerFault, Request, Session};

use crate::error::SocketError;
use crate::stream::Stream;
use crate::sys::{self, Kernel, Names, Sys, Wait, codes};

pub use error::{Error, SendError};
pub use options::ConnectionOptions;
pub(crate) use read::judge;
pub use step::{Directions, Step};
pub use write::Offer;
pub(crate) use write::{Written, write_all};

/// One connection, beside its stream. Never waits by itself.
#[derive(Debug)]
pub struct Connection<S: Sys = Kernel> {
    session: Session<S::Carried>,
    pause: Option<Box<Backoff>>,
    /// What the kernel was seen to have no more of, since a driver last asked.
    blocked: Directions,
    /// What waits cannot be written, and waiting for room would not help.
    stuck: bool,
    /// The writing direction is ended.
    shut: bool,
    /// A message was dropped while the connection was being closed, because its descriptors were refused.
    refused: bool,
    /// The kernel dropped descriptors: the frame that misses them is not the other side's fault.
    lost: Option<SocketError>,
}

impl Connection {
    /// A fresh connection; its greeting is queued.
    pub fn new(options: &ConnectionOptions) -> Self {
        Self::on(&Kernel, options)
    }
}

impl<S: Sys> Connection<S> {
    /// As [`new`](Connection::new), on this kernel.
    pub fn on(sys: &S, options: &ConnectionOptions) -> Self {
        let mut session = options.session.clone();
        session.link.incarnation = sys::incarnation(sys);
        Self {
            session: Session::new(&session),
            pause: None,
            blocked: Directions::default(),
            stuck: false,
            shut: false,
            refused: false,
            lost: None,
        }
    }

    /// Takes it apart, for whoever goes on with it in another way.
    pub fn into_parts(self) -> Parts<S::Carried> {
        self.session.into_parts()
    }

    /// What is decided about it.
    #[inline]
    pub const fn session(&mut self) -> &mut Session<S::Carried> {
        &mut self.session
    }

    /// What the other side takes and who it is, once it has greeted.
    pub const fn greeting(&self) -> Option<&Greeting> {
        self.session.greeting()
    }

    /// Has the other side said that nothing more will come?
    pub const fn said_goodbye(&self) -> bool {
        self.session.said_goodbye()
    }

    /// Which directions the kernel was seen to have no more of since the last time: their readiness may be cleared.
    #[inline]
    pub fn take_blocked(&mut self) -> Directions {
        std::mem::take(&mut self.blocked)
    }

    /// Before a wait: lets go of buffers, and says when to try again at the latest.
    ///
    /// # Errors
    /// The other side was silent for too long.
    pub fn before_wait(&mut self, stream: &Stream<S>) -> Result<Option<Instant>, PeerFault> {
        self.session.settle();
        if !self.session.line().watches_time() {
            self.session.line().excuse();
            return Ok(None);
        }
        let now = stream.sys().now();
        match self.session.line().look(now) {
            Ok(look) => {
                // A ping may have been queued.
                self.try_write(stream);
                Ok(look)
            }
            // Nobody may have looked for a while: what lies in the kernel counts.
            Err(_) if matches!(self.fill(stream, Wait::Never), Ok(true)) => Ok(Some(now)),
            Err(fault) => Err(fault),
        }
    }

    /// Does no deadline matter now? Then what was noted for it is let go.
    pub fn is_calm(&mut self) -> bool {
        let calm = !self.session.line().watches_time();
        if calm {
            self.session.line().excuse();
        }
        calm
    }

    /// Is there something to write, once there is room?
    pub fn waits_to_write(&mut self) -> bool {
        !self.stuck && !self.is_written()
    }

    /// A read waits inside the call only if nothing else has to be done meanwhile.
    fn calmly(&mut self, wait: Wait) -> Wait {
        if self.session.line().watches_time() || !self.is_written() { Wait::Never } else { wait }
    }

    /// Takes the next thing without asking the kernel.
    ///
    /// # Errors
    /// [`Error::Peer`].
    #[inline]
    pub fn take(&mut self) -> Result<Next<S::Carried>, Error> {
        self.session.poll_next().map_err(|fault| self.blame(fault))
    }

    /// Waits for the next thing; `None` is the end.
    ///
    /// # Errors
    /// [`Error::Peer`] and [`Error::Io`], after everything that arrived before.
    pub fn next(
        &mut self,
        stream: &Stream<S>,
        ready: Directions,
        wait: Wait,
    ) -> Result<Step<Option<Delivery<S::Carried>>>, Error> {
        for _ in 0..READS {
            match self.take()? {
                Next::Delivery(delivery) => return Ok(Step::Done(Some(delivery))),
                Next::Ended => return Ok(Step::Done(None)),
                Next::Pending => {}
            }
            // What cannot be written is told to whoever writes, and not waited for. What arrived comes first.
            if ready.write {
                self.try_write(stream);
            }
            if !ready.read || !self.fill(stream, wait)? {
                return Ok(Step::Wait(Directions { read: true, write: self.waits_to_write() }));
            }
        }
        // Much came, and nothing for the caller: a deadline, and other tasks, must have their turn.
        Ok(Step::Wait(Directions::READ))
    }

    /// As [`next`](Self::next), for messages alone. Requests are refused, so that whoever asks does not wait for ever.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn recv(
        &mut self,
        stream: &Stream<S>,
        ready: Directions,
        wait: Wait,
    ) -> Result<Step<Option<Message<S::Carried>>>, Error> {
        loop {
            match self.next(stream, ready, wait)? {
                Step::Done(Some(Delivery::Message(message))) => return Ok(Step::Done(Some(message))),
                Step::Done(Some(Delivery::Request(Request { id, .. }))) => self.session.refuse(id),
                Step::Done(Some(Delivery::Cancelled(_))) => {}
                other => return Ok(other.map(|_| None)),
            }
        }
    }

    /// Queues a message, once there is room. It is taken out of `message` then.
    ///
    /// # Errors
    /// Whatever does not pass by waiting. The message is still in `message`.
    #[inline]
    pub fn feed(
        &mut self,
        stream: &Stream<S>,
        ready: Directions,
        message: &mut Option<Message<S::Carried>>,
    ) -> Result<Step<()>, Error> {
        self.queue(stream, ready, message, |session, message| {
            session.push(message).map_err(|rejected| (rejected.refusal, rejected.into_message()))
        })
    }

    /// As [`feed`](Self::feed), for a question.
    ///
    /// # Errors
    /// As there.
    pub fn ask(
        &mut self,
        stream: &Stream<S>,
        ready: Directions,
        message: &mut Option<Message<S::Carried>>,
    ) -> Result<Step<CallId>, Error> {
        self.queue(stream, ready, message, |session, message| {
            session.ask(message).map_err(|rejected| (rejected.refusal, rejected.into_message()))
        })
    }

    /// As [`feed`](Self::feed), for the answer to a request.
    ///
    /// # Errors
    /// As there.
    pub fn answer(
        &mut self,
        stream: &Stream<S>,
        ready: Directions,
        (id, answer): (CallId, &mut Option<Answer<S::Carried>>),
    ) -> Result<Step<()>, Error> {
        self.queue(stream, ready, answer, |session, answer| {
            let failed = matches!(answer, Answer::Failure(_));
            session.answer(id, answer).map_err(|rejected| {
                let refusal = rejected.refusal;
                let message = rejected.into_message();
                (refusal, if failed { Answer::Failure(message) } else { Answer::Response(message) })
            })
        })
    }

    /// Waits for the answer to a question.
    ///
    /// # Errors
    /// As [`flush`](Self::flush) and [`next`](Self::next); [`Error::Stopped`] if the connection ended first,
    /// [`Error::Failure`] if the other side said so.
    pub fn answered(
        &mut self,
        stream: &Stream<S>,
        ready: Directions,
        (id, wait): (CallId, Wait),
    ) -> Result<Step<Message<S::Carried>>, SendError<S::Carried>> {
        for _ in 0..READS {
            self.gather().map_err(SendError::queued)?;
            match self.session.take_answer(id) {
                Some(Answer::Response(message)) => return Ok(Step::Done(message)),
                Some(Answer::Failure(message)) => {
                    return Err(SendError::queued(Error::Failure(message.body)));
                }
                None if self.session.line().is_ended() => return Err(SendError::queued(Reason::Closed)),
                None => {}
            }
            if ready.write
                && let Step::Pause(length) = self.drain(stream)?
            {
                self.read_aside(stream, Directions::BOTH).map_err(SendError::queued)?;
                return Ok(Step::Pause(length));
            }
            if !ready.read || !self.fill(stream, wait)? {
                return Ok(Step::Wait(Directions { read: true, write: !self.is_written() }));
            }
        }
        Ok(Step::Wait(Directions::READ))
    }

    /// Nobody waits for this answer any more; the other side is told, at once if that needs no waiting.
    pub fn forget(&mut self, id: CallId, stream: &Stream<S>) {
        self.session.forget(id);
        self.try_write(stream);
    }

    /// Takes leave: writes what is queued and a goodbye, ends the writing direction, and reads on, dropping what comes,
    /// until the other side has ended too. A socket that is closed with something unread would reset the other side.
    ///
    /// # Errors
    /// [`Error::Io`]: the connection broke before everything was written; or, once all is done, the other side refused
    /// the descriptors of a message (`EPERM`), which was dropped.
    pub fn close(&mut self, stream: &Stream<S>, ready: Directions) -> Result<Step<()>, Error> {
        self.session.line().goodbye();
        if ready.write
            && let Some(step) = self.say_the_rest(stream)?
        {
            return if matches!(step, Step::Done(())) { self.closed() } else { Ok(step) };
        }
        let write = !self.is_written_at(stream);
        if !write && !std::mem::replace(&mut self.shut, true) {
            // It fails if the other side has gone already, and then there is nobody to tell.
            let _ = stream.finish();
        }
        let ended = self.discard(stream, ready);
        if !ended || write {
            return Ok(Step::Wait(Directions { read: !ended, write }));
        }
        self.closed()
    }

    /// All is done; was anything dropped on the way?
    fn closed(&mut self) -> Result<Step<()>, Error> {
        match std::mem::take(&mut self.refused) {
            true => Err(io::Error::from_raw_os_error(codes::FDS_REFUSED).into()),
            false => Ok(Step::Done(())),
        }
    }

    /// Writes what is queued at the end; one message that cannot be sent must not cost those behind it.
    fn say_the_rest(&mut self, stream: &Stream<S>) -> Result<Option<Step<()>>, Error> {
        loop {
            match self.drain(stream) {
                Ok(Step::Pause(length)) => return Ok(Some(Step::Pause(length))),
                Ok(Step::Done(()) | Step::Wait(_)) => return Ok(None),
                Err(SendError { message: Some(_), .. }) => self.refused = true,
                // Nobody is there to hear the goodbye, and nothing else is left to say.
                Err(_) if self.session.line().outbound().queued().messages == 0 => {
                    return Ok(Some(Step::Done(())));
                }
                Err(failed) => return Err(failed.error),
            }
        }
    }

    /// Reads and drops what comes. `true`: nothing more will.
    fn discard(&mut self, stream: &Stream<S>, ready: Directions) -> bool {
        for _ in 0..READS {
            loop {
                match self.take() {
                    Ok(Next::Delivery(_)) => {}
                    Ok(Next::Pending) => break,
                    Ok(Next::Ended) | Err(_) => return true,
                }
            }
            match if ready.read { self.fill(stream, Wait::Never) } else { Ok(false) } {
                Ok(true) => {}
                Ok(false) => return false,
                Err(_) => return true,
            }
        }
        false
    }
}

/// How long to pause once more while descriptors wait for others to be read.
pub(crate) fn stall<S: Names>(sys: &S, pause: &mut Option<Box<Backoff>>) -> Duration {
    pause.get_or_insert_with(|| Box::new(PAUSE)).next(sys::jitter(sys))
}

const PAUSE: Backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(50));

/// Most reads of one attempt.
const READS: usize = 16;
