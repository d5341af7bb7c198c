//! What only some ends can do.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use bytes::Bytes;
use ginnel_os::driven::Driven;
use ginnel_os::{Error, Message, Reason, SendError};
use ginnel_proto::sp::{self as proto, Answered, AskId, Asks, Pattern, Receives, Replies, Request, Sends};

use super::{Req, Socket, Sub, Surveyor};

impl<P: Sends> Socket<P> {
    /// Sends a message: `Ok` means that a pipe has it, or several, and that as much was written as needs no waiting. It
    /// waits while there is no pipe that takes it, but for a [`Pub`](super::Pub) and a [`Bus`](super::Bus), which tell
    /// whoever is there.
    ///
    /// Whoever ends right after this [flushes](Self::flush) first.
    ///
    /// # Errors
    /// The poller's, with the message.
    ///
    /// # Cancel safety
    /// Cancelled, the message was not sent, and is dropped.
    pub async fn send(&mut self, body: impl Into<Bytes>) -> Result<(), SendError> {
        self.feed(body).await?;
        self.attend().await.map_err(SendError::queued)
    }

    /// As [`send`](Self::send), but nothing is written before a pipe has taken all that it takes, or something else is
    /// called: one system call carries dozens of small messages.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn feed(&mut self, body: impl Into<Bytes>) -> Result<(), SendError> {
        let mut body = Some(body.into());
        let fed = self.turning.until(|os| Ok::<_, Error>(os.feed(&mut body))).await;
        fed.map_err(|error| SendError::with(error, body.map(Message::new)))
    }

    /// As [`send`](Self::send) without waiting: gives the message back if no pipe takes it now.
    ///
    /// # Errors
    /// `WouldBlock`, with the message.
    pub fn try_send(&mut self, body: impl Into<Bytes>) -> Result<(), SendError> {
        let mut body = Some(body.into());
        let fed = self.turning.driven.feed(&mut body);
        self.turning.driven.flush();
        match fed {
            Some(()) => Ok(()),
            None => {
                let busy = std::io::Error::from(std::io::ErrorKind::WouldBlock);
                Err(SendError::with(busy.into(), body.map(Message::new)))
            }
        }
    }
}

impl<P: Pattern> Socket<P> {
    /// Writes what was given and does what is ready, as far as that needs no waiting.
    async fn attend(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            for _ in 0..ATTENDED {
                match self.turning.poll_turn(cx) {
                    Poll::Ready(turned) => turned?,
                    Poll::Pending => break,
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }
}

impl<P: Receives> Socket<P> {
    /// Waits for the next message; of a [`Rep`](super::Rep) and a [`Respondent`](super::Respondent), for the next
    /// [`Request`], of which any number may be in hand.
    ///
    /// # Errors
    /// The poller's.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was taken.
    pub async fn recv(&mut self) -> Result<P::Item, Error> {
        self.turning.until(|os| Ok(os.received())).await
    }

    /// The next message, or request, if it has been read already.
    pub fn try_recv(&mut self) -> Option<P::Item> {
        self.turning.driven.received()
    }
}

impl Sub {
    /// Hears what begins with this; everything, if it is empty. Without a subscription it hears nothing.
    ///
    /// # Errors
    /// [`Limit::Subscriptions`](crate::Limit::Subscriptions): as many as are kept are there.
    pub fn subscribe(&mut self, prefix: impl Into<Bytes>) -> Result<(), Error> {
        self.turning.driven.subscribe(prefix.into())
    }

    /// Hears it no more; what waits to be received and is not wanted any more is dropped. `false`: it was not subscribed
    /// to.
    pub fn unsubscribe(&mut self, prefix: impl AsRef<[u8]>) -> bool {
        self.turning.driven.unsubscribe(prefix.as_ref())
    }
}

impl<P: Asks> Socket<P> {
    async fn ask(&mut self, body: impl Into<Bytes>) -> Result<Open<'_, P>, SendError> {
        let mut body = Some(body.into());
        let asked = self.turning.until(|os| Ok::<_, Error>(os.ask(&mut body))).await;
        let id = asked.map_err(|error| SendError::with(error, body.map(Message::new)))?;
        self.turning.driven.flush();
        Ok(Open { socket: self, id })
    }
}

/// A question that is open. Dropping it ends that.
pub(super) struct Open<'a, P: Asks> {
    pub(super) socket: &'a mut Socket<P>,
    pub(super) id: AskId,
}

impl<P: Asks> Open<'_, P> {
    async fn answered(&mut self) -> Result<Answered, Error> {
        let id = self.id;
        self.socket.turning.until(|os| Ok(os.answered(id))).await
    }
}

impl<P: Asks> Drop for Open<'_, P> {
    fn drop(&mut self) {
        self.socket.turning.driven.forget(self.id);
    }
}

impl Req {
    /// Asks, and waits for the answer. Many at once are for a [`Handle`](super::Handle).
    ///
    /// # Errors
    /// [`Error::Stopped`] with [`Reason::Gone`]: the pipe is lost that it was asked over, and it shall not be
    /// [asked again](super::Options::resend_after). Else the poller's.
    ///
    /// # Cancel safety
    /// Cancelled, by a timeout for instance, it is not asked again, and an answer that comes later is dropped.
    pub async fn request(&mut self, body: impl Into<Bytes>) -> Result<Bytes, SendError> {
        match self.ask(body).await?.answered().await.map_err(SendError::queued)? {
            Answered::Answer(body) => Ok(body),
            Answered::Over | Answered::Lost => Err(Reason::Gone.into()),
        }
    }
}

impl Surveyor {
    /// Asks everybody. Their answers are taken from the survey, until it is over. Several at once are for a
    /// [`Handle`](super::Handle).
    ///
    /// # Errors
    /// The poller's, with the question.
    ///
    /// # Cancel safety
    /// Cancelled, nobody was asked.
    pub async fn survey(&mut self, body: impl Into<Bytes>) -> Result<Survey<'_>, SendError> {
        // Those who have connected already are asked too.
        self.attend().await?;
        self.ask(body).await.map(Survey)
    }
}

/// A survey that is open; also a [`Stream`](futures_core::Stream) of answers. Dropping it ends it.
#[must_use = "dropping it ends the survey"]
pub struct Survey<'a>(pub(super) Open<'a, proto::Surveyor>);

impl Survey<'_> {
    /// Waits for the next answer. `None`: the survey is over.
    ///
    /// # Errors
    /// The poller's.
    ///
    /// # Cancel safety
    /// Cancelled, no answer was taken.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(answer(self.0.answered().await?))
    }
}

pub(super) fn answer(answered: Answered) -> Option<Bytes> {
    match answered {
        Answered::Answer(body) => Some(body),
        Answered::Over | Answered::Lost => None,
    }
}

impl fmt::Debug for Survey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Survey").field(&self.0.id).finish()
    }
}

impl<P: Replies> Socket<P> {
    /// Answers a request. It waits for nobody: what the pipe does not take at once waits for it, and if it is gone, the
    /// answer is dropped and counted. A request that is dropped is not answered, and may come again.
    pub fn reply(&mut self, request: Request, body: impl Into<Bytes>) {
        self.turning.driven.reply(request, body.into());
        self.turning.driven.flush();
    }
}

/// Turns until somebody who waits to be let in is, greeting included.
const ATTENDED: u32 = 8;
