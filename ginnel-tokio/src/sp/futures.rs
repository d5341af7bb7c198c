//! Ends as a `Stream` of what arrives and a `Sink` of what is sent.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use ginnel_os::Error;
use ginnel_proto::sp::{Pattern, Receives, Sends};
use tokio::task::coop;

use super::Socket;
use super::ends::{Survey, answer};

impl<P: Pattern> Unpin for Socket<P> {}

/// It has no end, only errors: after one it may be asked again.
impl<P: Receives> Stream for Socket<P> {
    type Item = Result<P::Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let turn = ready!(coop::poll_proceed(cx));
        let received = ready!(self.turning.poll_until(cx, |os| Ok(os.received())));
        turn.made_progress();
        Poll::Ready(Some(received))
    }
}

/// Ready means that a pipe takes a message; flushed, that the kernel has all of them.
impl<P: Sends> Sink<Bytes> for Socket<P> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let turn = ready!(coop::poll_proceed(cx));
        let ready = ready!(self.turning.poll_until(cx, |os| Ok(os.takes().then_some(()))));
        turn.made_progress();
        Poll::Ready(ready)
    }

    fn start_send(mut self: Pin<&mut Self>, body: Bytes) -> Result<(), Error> {
        match self.turning.driven.feed(&mut Some(body)) {
            Some(()) => Ok(()),
            None => Err(std::io::Error::from(std::io::ErrorKind::WouldBlock).into()),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.turning.poll_until(cx, |os| Ok(os.flushed()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_flush(cx)
    }
}

impl Stream for Survey<'_> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let id = self.0.id;
        let turn = ready!(coop::poll_proceed(cx));
        let answered = ready!(self.0.socket.turning.poll_until(cx, |os| Ok(os.answered(id))));
        turn.made_progress();
        Poll::Ready(answered.map(answer).transpose())
    }
}
