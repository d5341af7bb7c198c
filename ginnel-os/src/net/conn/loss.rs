//! How a connection ends, and who is told what.

use ginnel_proto::PeerFault;
use ginnel_proto::machine::{Failure, Loss, NetEvent, Refused};

use super::{After, Conn, Reports, Stage};
use crate::sys::{Sys, codes};

impl<S: Sys> Conn<S> {
    /// The system cannot serve it.
    pub(in crate::net) fn give_up(&mut self, errno: i32, reports: &mut Reports<S>) {
        self.lose(Loss::Errno(errno), reports);
    }

    /// It was silent for too long.
    pub(in crate::net) fn cut(&mut self, fault: PeerFault, reports: &mut Reports<S>) -> After {
        self.lose(Loss::Fault(fault), reports)
    }

    /// The other side ended it, or it never stood: a port where nobody listens is told of by the first write.
    pub(super) fn ended(&mut self, reports: &mut Reports<S>) -> After {
        match (self.stage, self.broken) {
            (Stage::Opening { .. }, Some(errno)) if !matches!(errno, codes::BROKEN | codes::RESET) => {
                self.lose(Loss::Errno(errno), reports)
            }
            _ => {
                let goodbye = self.line.said_goodbye();
                self.lose(Loss::Closed { goodbye }, reports)
            }
        }
    }

    /// It is gone, and whoever knows of it is told.
    pub(super) fn lose(&mut self, loss: Loss, reports: &mut Reports<S>) -> After {
        match self.stage {
            Stage::Opening { accepted } => {
                let failure = match loss {
                    Loss::Closed { .. } | Loss::Died => Failure::Closed,
                    Loss::Fault(fault) => Failure::Fault(fault),
                    Loss::Errno(errno) => Failure::Errno(errno),
                };
                reports.push_back(match accepted {
                    true => NetEvent::NotAccepted(self.id, failure),
                    false => NetEvent::ConnectFailed(self.id, failure),
                });
            }
            Stage::Open => {
                for (end, frame) in self.line.outbound().recall() {
                    if let Ok(at) = self.sends.binary_search_by_key(&end, |&(_, end)| end) {
                        let send = self.sends[at].0;
                        reports.push_back(NetEvent::Refused(self.id, send, frame, Refused::Gone));
                    }
                }
                reports.push_back(NetEvent::Lost(self.id, loss));
            }
            Stage::Leaving { .. } => {}
        }
        After::Gone
    }
}
