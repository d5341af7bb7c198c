//! A client whose connections somebody else makes.

use super::{Client, ClientOptions, Event, Reason, State};
use crate::machine::{ConnId, Outputs, Refused, SendId};
use crate::{Frame, Kind};

impl<F> Client<F> {
    /// A client whose connections somebody else makes, see [`joined`](Self::joined). Its queue stays between them.
    pub(crate) fn led(options: ClientOptions) -> Self {
        Self {
            led: true,
            ..Self::in_state(State::Disconnected { reason: Reason::Intentional }, None, options)
        }
    }

    /// Somebody has connected for it.
    pub(crate) fn joined(&mut self, connection: ConnId) {
        self.lane.room();
        self.change(State::Connected { connection });
        self.pump();
    }

    /// Nobody will connect for it: what waits is given back.
    pub(crate) fn give_back(&mut self, why: Refused) {
        self.returns(Reason::Intentional, why);
    }

    /// Takes a frame out that was not given to the link.
    pub(crate) fn take_back(&mut self, send: SendId) -> Option<Frame<F>> {
        let frame = self.lane.take_back(send)?;
        if let Kind::Request(call) = frame.kind {
            self.calls.forget(call);
        }
        Some(frame)
    }

    /// What it has to say.
    pub(crate) const fn outputs(&mut self) -> Outputs<'_, Event<F>, F> {
        Outputs::new(&mut self.outputs)
    }
}
