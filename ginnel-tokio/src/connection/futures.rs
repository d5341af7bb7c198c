//! A connection as a `Stream` and a `Sink`.

use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_sink::Sink;
use ginnel_os::{self as os, Directions, Error, Message, SendError, Wait};

use super::Connection;

/// The messages that arrive; requests are refused, as by [`recv`](Connection::recv). It ends after an error.
impl Stream for Connection {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.failed {
            return Poll::Ready(None);
        }
        let attempt =
            |core: &mut os::Connection, stream: &os::Stream, ready| core.recv(stream, ready, Wait::Never);
        let received: Result<_, Error> = ready!(this.poll(cx, Directions::READ, attempt));
        this.failed = received.is_err();
        Poll::Ready(received.transpose())
    }
}

/// As [`feed`](Connection::feed) and [`flush`](Connection::flush). What was said to be ready takes one message whatever
/// its size, so the queue may exceed its bound by one. Closing flushes and says goodbye.
impl Sink<Message> for Connection {
    type Error = SendError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll(cx, Directions::WRITE, |core, stream, ready| core.make_room(stream, ready))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), SendError> {
        Ok(self.get_mut().core.session().push_over(message)?)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll(cx, Directions::WRITE, |core, stream, ready| core.flush(stream, ready))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let this = self.get_mut();
        this.core.session().line().goodbye();
        ready!(this.poll(cx, Directions::WRITE, |core, stream, ready| core.flush(stream, ready)))?;
        // The peer may have gone first; then there is nobody to tell. A pipe of Windows has no half of an end, and goes on
        // until it is dropped.
        let _ = this.watched.get().shutdown(Shutdown::Write);
        Poll::Ready(Ok(()))
    }
}
