//! Small messages, queued with few moves.

use super::{HEADERS, Outbound};
use crate::Kind;
use crate::limits::{self, Load};
use crate::link::{Wire, native, sp_wire};

impl<F> Outbound<F> {
    /// Queues a small native message without descriptors, if there is room: the short way of [`push`](Self::push),
    /// which streams of them take. `false` says nothing.
    #[inline]
    pub fn quick_push(&mut self, body: &[u8]) -> bool {
        let more = Load { bytes: body.len() + HEADERS, messages: 1, fds: 0 };
        let may = self.wire == Wire::Native && !self.closing && body.len() <= limits::COPIED;
        if !may || !self.bound.admits(self.queued(), more) {
            return false;
        }
        self.make_room(body.len());
        let start = self.pushed;
        native::head(Kind::Message, body.len(), 0, &mut self.copied);
        self.copied.extend_from_slice(body);
        self.pushed += (native::HEADER + body.len()) as u64;
        self.frames.push_back((start, self.pushed));
        true
    }

    /// Queues a small message of SP, behind this word, however full the queue is: the short way of
    /// [`push_over`](Self::push_over). `false` says nothing.
    #[inline]
    pub fn quick_push_over(&mut self, word: Option<u32>, body: &[u8]) -> bool {
        let ipc = match self.wire {
            Wire::Sp(_) => false,
            Wire::SpIpc(_) => true,
            _ => return false,
        };
        if self.closing || body.len() > limits::COPIED {
            return false;
        }
        self.make_room(body.len());
        let (begin, start) = (self.copied.len(), self.pushed);
        sp_wire::head(word.map_or(Kind::Message, Kind::Headed), body.len(), ipc, &mut self.copied);
        self.copied.extend_from_slice(body);
        self.pushed += (self.copied.len() - begin) as u64;
        self.frames.push_back((start, self.pushed));
        true
    }
}
