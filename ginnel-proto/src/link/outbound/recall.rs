//! Frames that were queued, taken out again.

use bytes::Bytes;

use super::{Outbound, Splice, Spliced};
use crate::link::{Wire, kyneta, native, prefixed, sp_wire};
use crate::{Frame, Kind, Message};

impl<F> Outbound<F> {
    /// Takes the frame back that is next to be written and carries descriptors: the other side refuses them, and that
    /// must not hold up what is behind. It counts as gone. `None`: no such frame is next.
    pub fn take_back(&mut self) -> Option<Frame<F>> {
        match self.splices.front()? {
            Splice { at, what: Spliced::Fds(_) } if *at == self.written => self.take_front(),
            _ => None,
        }
    }

    /// Takes every frame back of which nothing was written, with the byte it would have ended at, counted from the
    /// beginning of the connection: it is lost. Pings and their like are not given back, nor is what was cut.
    pub fn recall(&mut self) -> Vec<(u64, Frame<F>)> {
        let mut recalled = Vec::new();
        while let Some(&(start, end)) = self.frames.front() {
            if start < self.gone {
                self.transmitted((end - self.gone) as usize);
                continue;
            }
            self.advance((start - self.gone) as usize);
            self.gone = start;
            match self.take_front() {
                Some(frame) => recalled.push((end, frame)),
                None => break,
            }
        }
        recalled
    }

    /// Takes the frame out that begins where the next write would.
    fn take_front(&mut self) -> Option<Frame<F>> {
        let (_, end) = self.frames.pop_front()?;
        let mut copied = (end - self.gone) as usize;
        let fds = self.take_spliced_fds();
        let body = self.take_spliced_body(copied);
        copied -= body.as_ref().map_or(0, Bytes::len);
        let bytes = Bytes::from(self.copied.drain(self.written..self.written + copied).collect::<Vec<_>>());
        for splice in &mut self.splices {
            splice.at -= copied;
        }
        self.gone = end;
        if self.gone == self.pushed {
            self.reset();
        }
        let (kind, head) = match self.wire {
            Wire::Native => native::kind(&bytes)?,
            Wire::LengthPrefixed => (Kind::Message, prefixed::HEADER),
            Wire::Kyneta => (Kind::Message, kyneta::HEADER),
            Wire::Sp(_) => (Kind::Message, sp_wire::header(false)),
            Wire::SpIpc(_) => (Kind::Message, sp_wire::header(true)),
            Wire::Raw | Wire::Lines => (Kind::Message, 0),
        };
        let trail = usize::from(self.wire == Wire::Lines);
        let copied = bytes.slice(head..bytes.len() - trail);
        let body = match body {
            // A word of the header was copied, and the body was not.
            Some(body) if !copied.is_empty() => [copied, body].concat().into(),
            Some(body) => body,
            None => copied,
        };
        Some(Frame { kind, message: Message { body, fds } })
    }

    fn take_spliced_fds(&mut self) -> Vec<F> {
        match self.splices.pop_front() {
            Some(Splice { at, what: Spliced::Fds(fds) }) if at == self.written => {
                self.fds -= fds.len();
                fds
            }
            other => {
                other.into_iter().for_each(|splice| self.splices.push_front(splice));
                Vec::new()
            }
        }
    }

    /// The body of the frame that begins here and has so many bytes, if it was not copied.
    fn take_spliced_body(&mut self, bytes: usize) -> Option<Bytes> {
        match self.splices.pop_front() {
            Some(Splice { at, what: Spliced::Body(body) }) if at + body.len() <= self.written + bytes => {
                Some(body)
            }
            other => {
                other.into_iter().for_each(|splice| self.splices.push_front(splice));
                None
            }
        }
    }
}
