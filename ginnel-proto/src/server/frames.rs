//! Frames that came, and frames that came back.

use super::{Event, Server};
use crate::calls::Answer;
use crate::machine::{Action, ConnId, Loss, Output, Refused, SendId};
use crate::session::Request;
use crate::{Frame, Kind, PeerFault};

impl<F> Server<F> {
    pub(super) fn received(&mut self, id: ConnId, frame: Frame<F>) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Frame { kind, message } = frame;
        let event = match kind {
            Kind::Message => Event::Message(id, message),
            Kind::Request(call) => match peer.calls.asked(call, peer.lane.answers()) {
                Ok(()) => Event::Request(Request::new(id, call, message)),
                Err(fault) => return self.misbehaved(id, fault),
            },
            Kind::Response(call) if peer.calls.forget(call) => {
                Event::Answered(id, call, Answer::Response(message))
            }
            Kind::Failure(call) if peer.calls.forget(call) => {
                Event::Answered(id, call, Answer::Failure(message))
            }
            Kind::Cancel(call) if peer.calls.settle(call) => Event::Cancelled(id, call),
            Kind::Cancel(call) => {
                self.change(id, |peer| peer.lane.withdraw_answer(call));
                return;
            }
            _ => return,
        };
        self.tell(event);
    }

    pub(super) fn misbehaved(&mut self, id: ConnId, fault: PeerFault) {
        self.outputs.push_back(Output::Net(Action::Close(id)));
        self.lost(id, Loss::Fault(fault));
    }

    pub(super) fn refused(&mut self, id: ConnId, (send, frame): (SendId, Frame<F>), why: Refused) {
        let Frame { kind, message } = frame;
        let took_back = self.change(id, |peer| {
            if let Kind::Request(call) = kind
                && why != Refused::Gone
            {
                peer.calls.forget(call);
            }
            peer.lane.took_back(send)
        });
        if took_back != Some(true) {
            return;
        }
        if why != Refused::Gone
            && let Some(peer) = self.peers.get_mut(&id)
        {
            peer.lane.refund();
            self.pump(id);
        }
        match kind {
            // Its loss is told with the connection's.
            Kind::Request(_) if why == Refused::Gone => {}
            Kind::Request(call) => self.tell(Event::CallReturned(id, call, message, why)),
            Kind::Message => self.tell(Event::Returned(id, send, message, why)),
            Kind::Response(call) | Kind::Failure(call) if why != Refused::Gone => {
                self.undelivered(id, call, why);
            }
            _ => {}
        }
    }
}
