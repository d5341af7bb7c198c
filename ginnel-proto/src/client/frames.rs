//! Frames that came, and frames that came back.

use std::time::Instant;

use super::{Client, Event};
use crate::calls::Answer;
use crate::machine::{Action, ConnId, Loss, Output, Refused, SendId};
use crate::session::Request;
use crate::{CallId, Frame, Kind};

impl<F> Client<F> {
    pub(super) fn refused(&mut self, send: SendId, frame: Frame<F>, why: Refused) {
        if why != Refused::Gone {
            self.lane.refund();
        }
        let Frame { kind, message } = frame;
        let event = match (why, kind) {
            // Answers and cancellations belong to the connection that is gone.
            (Refused::Gone, Kind::Message | Kind::Request(_)) => {
                return self.came_back.push((send, Frame { kind, message }));
            }
            (Refused::Gone, _) => return,
            (_, Kind::Request(id)) => {
                self.calls.forget(id);
                Event::CallReturned(id, message, why)
            }
            (_, Kind::Response(id) | Kind::Failure(id)) => {
                // Whoever asked must not wait for ever.
                self.lane.push(Answer::undeliverable(why).into_frame(id));
                Event::Returned(send, message, why)
            }
            (_, Kind::Message) => Event::Returned(send, message, why),
            _ => return,
        };
        self.outputs.push_back(Output::App(event));
    }

    pub(super) fn received(&mut self, connection: ConnId, frame: Frame<F>, now: Instant) {
        let Frame { kind, message } = frame;
        let event = match kind {
            Kind::Message => Event::Message(message),
            Kind::Request(id) => match self.calls.asked(id, self.lane.answers()) {
                Ok(()) => Event::Request(Request::new(connection, id, message)),
                Err(fault) => {
                    self.outputs.push_back(Output::Net(Action::Close(connection)));
                    return self.lost(Loss::Fault(fault), now);
                }
            },
            Kind::Response(id) => return self.answered(id, Answer::Response(message)),
            Kind::Failure(id) => return self.answered(id, Answer::Failure(message)),
            Kind::Cancel(id) if self.calls.settle(id) => Event::Cancelled(id),
            Kind::Cancel(id) => return self.lane.withdraw_answer(id),
            Kind::Headed(_) | Kind::Control | Kind::Ping | Kind::Pong | Kind::Goodbye => return,
        };
        self.outputs.push_back(Output::App(event));
    }

    pub(super) fn answered(&mut self, id: CallId, answer: Answer<F>) {
        if self.calls.forget(id) {
            self.outputs.push_back(Output::App(Event::Answered(id, answer)));
        }
    }
}
