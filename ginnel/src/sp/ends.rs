//! What only some ends can do.

use bytes::Bytes;
use ginnel_os::driven::Driven;
use ginnel_os::{Error, Message, Reason, SendError};
use ginnel_proto::sp::{Answered, AskId, Asks, Receives, Replies, Request, Sends};

use super::{Req, Socket, Sub, Surveyor};
use crate::driver::turn_until;

impl<P: Sends> Socket<P> {
    /// Sends a message: `Ok` means that a pipe has it, or several, and that as much was written as needs no waiting. It
    /// waits while there is no pipe that takes it, but for a [`Pub`](super::Pub) and a [`Bus`](super::Bus), which tell
    /// whoever is there.
    ///
    /// Whoever ends right after this [flushes](Self::flush) first.
    ///
    /// # Errors
    /// The message comes back: `TimedOut`, the deadline passed; else the poller's.
    pub fn send(&mut self, body: impl Into<Bytes>) -> Result<(), SendError> {
        self.feed(body)?;
        self.os.attend().map_err(SendError::queued)
    }

    /// As [`send`](Self::send), but nothing is written before a pipe has taken all that it takes, or something else is
    /// called: one system call carries dozens of small messages.
    ///
    /// # Errors
    /// As there.
    pub fn feed(&mut self, body: impl Into<Bytes>) -> Result<(), SendError> {
        let mut body = Some(body.into());
        if self.os.feed(&mut body).is_some() {
            self.fed = self.fed.wrapping_add(1);
            if self.fed == 0 {
                self.os.look_after_pipes().map_err(SendError::queued)?;
            }
            return Ok(());
        }
        let fed = turn_until(&mut self.os, self.deadline, |os| Ok::<_, Error>(os.feed(&mut body)));
        fed.map_err(|error| SendError::with(error, body.map(Message::new)))
    }

    /// As [`send`](Self::send) without waiting: gives the message back if no pipe takes it now.
    ///
    /// # Errors
    /// `WouldBlock`, with the message. Else the poller's.
    pub fn try_send(&mut self, body: impl Into<Bytes>) -> Result<(), SendError> {
        let mut body = Some(body.into());
        let fed = self.os.feed(&mut body);
        let attended = self.os.attend();
        if fed.is_some() {
            attended.map_err(SendError::queued)?;
        }
        match fed {
            Some(()) => Ok(()),
            None => {
                let busy = std::io::Error::from(std::io::ErrorKind::WouldBlock);
                Err(SendError::with(busy.into(), body.map(Message::new)))
            }
        }
    }
}

impl<P: Receives> Socket<P> {
    /// Waits for the next message; of a [`Rep`](super::Rep) and a [`Respondent`](super::Respondent), for the next
    /// [`Request`], of which any number may be in hand.
    ///
    /// # Errors
    /// `TimedOut`: the deadline passed. Else the poller's.
    pub fn recv(&mut self) -> Result<P::Item, Error> {
        if let Some(body) = self.os.received() {
            return Ok(body);
        }
        turn_until(&mut self.os, self.deadline, |os| Ok(os.received()))
    }

    /// The next message, if there is one already. It reads what has come.
    ///
    /// # Errors
    /// The poller's.
    pub fn try_recv(&mut self) -> Result<Option<P::Item>, Error> {
        if let Some(body) = self.os.received() {
            return Ok(Some(body));
        }
        self.os.turn(true)?;
        Ok(self.os.received())
    }
}

impl Sub {
    /// Hears what begins with this; everything, if it is empty. Without a subscription it hears nothing.
    ///
    /// # Errors
    /// [`Limit::Subscriptions`](crate::Limit::Subscriptions): as many as are kept are there.
    pub fn subscribe(&mut self, prefix: impl Into<Bytes>) -> Result<(), Error> {
        self.os.subscribe(prefix.into())
    }

    /// Hears it no more; what waits to be received and is not wanted any more is dropped. `false`: it was not subscribed
    /// to.
    pub fn unsubscribe(&mut self, prefix: impl AsRef<[u8]>) -> bool {
        self.os.unsubscribe(prefix.as_ref())
    }
}

impl<P: Asks> Socket<P> {
    fn ask(&mut self, body: impl Into<Bytes>) -> Result<AskId, SendError> {
        let mut body = Some(body.into());
        let asked = turn_until(&mut self.os, self.deadline, |os| Ok::<_, Error>(os.ask(&mut body)));
        let id = asked.map_err(|error| SendError::with(error, body.map(Message::new)))?;
        self.os.flush();
        Ok(id)
    }

    fn answer(&mut self, id: AskId) -> Result<Answered, Error> {
        turn_until(&mut self.os, self.deadline, |os| Ok(os.answered(id)))
    }
}

impl Req {
    /// Asks, and waits for the answer. Many at once are for a [`Handle`](super::Handle).
    ///
    /// # Errors
    /// [`Error::Stopped`] with [`Reason::Gone`]: the pipe is lost that it was asked over, and it shall not be
    /// [asked again](super::Options::resend_after). `TimedOut`: the deadline passed; an answer that comes later is
    /// dropped. Else the poller's.
    pub fn request(&mut self, body: impl Into<Bytes>) -> Result<Bytes, SendError> {
        let id = self.ask(body)?;
        match self.answer(id) {
            Ok(Answered::Answer(body)) => Ok(body),
            Ok(Answered::Over | Answered::Lost) => Err(Reason::Gone.into()),
            Err(error) => {
                self.os.forget(id);
                Err(SendError::queued(error))
            }
        }
    }
}

impl Surveyor {
    /// Asks everybody. Their answers are taken from the survey, until it is over. Several at once are for a
    /// [`Handle`](super::Handle).
    ///
    /// # Errors
    /// The question comes back: `TimedOut`, the deadline passed while more surveys were open than may be.
    pub fn survey(&mut self, body: impl Into<Bytes>) -> Result<Survey<'_>, SendError> {
        self.os.let_in()?;
        let id = self.ask(body)?;
        Ok(Survey { surveyor: self, id })
    }
}

/// A survey that is open. Dropping it ends it.
#[derive(Debug)]
#[must_use = "dropping it ends the survey"]
pub struct Survey<'a> {
    surveyor: &'a mut Surveyor,
    id: AskId,
}

impl Survey<'_> {
    /// Waits for the next answer. `None`: the survey is over.
    ///
    /// # Errors
    /// `TimedOut`: the deadline passed. Else the poller's.
    #[expect(clippy::should_implement_trait, reason = "it can fail, and goes on after that")]
    pub fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match self.surveyor.answer(self.id)? {
            Answered::Answer(body) => Ok(Some(body)),
            Answered::Over | Answered::Lost => Ok(None),
        }
    }
}

impl Drop for Survey<'_> {
    fn drop(&mut self) {
        self.surveyor.os.forget(self.id);
    }
}

impl<P: Replies> Socket<P> {
    /// Answers a request. It waits for nobody: what the pipe does not take at once waits for it, and if it is gone, the
    /// answer is dropped and counted. A request that is dropped is not answered, and may come again.
    pub fn reply(&mut self, request: Request, body: impl Into<Bytes>) {
        self.os.reply(request, body.into());
        self.os.flush();
    }
}
