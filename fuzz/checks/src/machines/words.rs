//! Frames, and reports that fit or do not, out of bytes.

use ginnel_proto::link::{Limit, Misuse, Refusal};
use ginnel_proto::machine::{ConnId, Failure, Loss, NetEvent, Refused, SendId};
use ginnel_proto::{CallId, Frame, Kind, Message, PeerFault};

use crate::coin::{Coin, Purse};
use crate::script::Script;

/// A frame as one may be asked to make it twice.
#[derive(Clone, Copy)]
pub(super) struct Sketch {
    pub(super) kind: Kind,
    pub(super) length: usize,
    pub(super) fds: usize,
}

impl Sketch {
    /// Mostly small messages; sometimes one that uses up all credit.
    pub(super) fn message(script: &mut Script<'_>) -> Self {
        let byte = usize::from(script.byte());
        let length = if byte >= 0xf0 { 70_000 } else { (byte >> 2) * 40 };
        Self { kind: Kind::Message, length, fds: byte & 3 }
    }

    pub(super) fn frame_of(script: &mut Script<'_>) -> Self {
        let id = CallId(script.number() % 8);
        let kinds = [
            Kind::Message,
            Kind::Request(id),
            Kind::Response(id),
            Kind::Failure(id),
            Kind::Cancel(id),
            Kind::Ping,
            Kind::Pong,
            Kind::Goodbye,
            Kind::Control,
        ];
        let kind = script.choose(kinds);
        Self { kind, ..Self::message(script) }
    }

    pub(super) fn make(self, purse: &Purse) -> Message<Coin> {
        // All of them share one body: only how long it is counts here.
        let body = bytes::Bytes::from_static(&BODY[..self.length]);
        Message::new(body).with_fds(purse.mint_all(self.fds))
    }

    pub(super) fn frame(self, purse: &Purse) -> Frame<Coin> {
        Frame::new(self.kind, self.make(purse))
    }
}

static BODY: [u8; 70_000] = [b'b'; 70_000];

pub(super) fn failure(script: &mut Script<'_>) -> Failure {
    script.choose([Failure::Busy, Failure::Closed, Failure::Errno(111), Failure::Fault(PeerFault::Silent)])
}

pub(super) fn loss(script: &mut Script<'_>) -> Loss {
    let closed = |goodbye| Loss::Closed { goodbye };
    script.choose([closed(true), closed(false), Loss::Errno(104), Loss::Fault(PeerFault::Stuck)])
}

/// Why a link does not want a frame, though the connection stands.
pub(super) fn refusal(script: &mut Script<'_>) -> Refused {
    let limit = Limit::Message { length: 2, limit: 1 };
    script.choose([
        Refused::Descriptors,
        Refused::Refusal(Refusal::Limit(limit)),
        Refused::Refusal(Refusal::Misuse(Misuse::NoBody)),
    ])
}

/// Any report of this connection; or a late one, of a connection that is gone.
pub(super) fn any_report(
    script: &mut Script<'_>,
    id: ConnId,
    late: bool,
) -> impl Fn(&Purse) -> NetEvent<Coin> + use<> {
    let what = if late { script.byte() % 7 } else { script.byte() % 10 };
    let send = SendId(script.number() % 16);
    let sketch = Sketch::frame_of(script);
    let (failure, loss) = (failure(script), loss(script));
    let why = if script.flag() { Refused::Gone } else { refusal(script) };
    move |purse| match what {
        0 => NetEvent::Connected(id, None),
        1 => NetEvent::ConnectFailed(id, failure),
        2 => NetEvent::Received(id, sketch.frame(purse)),
        3 => NetEvent::Sent(id, send),
        4 => NetEvent::Refused(id, send, sketch.frame(purse), why),
        5 => NetEvent::Room(id),
        7 => NetEvent::Listening,
        8 => NetEvent::ListenFailed(failure),
        9 => NetEvent::Accepted(id, None),
        _ => NetEvent::Lost(id, loss),
    }
}
