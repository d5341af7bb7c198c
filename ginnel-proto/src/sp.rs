//! SP, the messaging patterns of nanomsg and nng: one end of each protocol as a machine, byte for byte as nng 2.0.
//!
//! A [`Socket`] is one end with any number of pipes: connections to ends of the other kind. What its messages mean is the
//! business of its [`Pattern`], of which there is one in each file; what they share, dialling again, queues and counting,
//! is here.

mod asks;
mod bus;
mod dialers;
mod fault;
mod forward;
mod header;
mod options;
mod outlet;
mod pair;
mod pattern;
mod pipes;
mod protocol;
mod publish;
mod pull;
mod push;
mod queue;
mod raw_asker;
mod raw_pair;
mod raw_replier;
mod rep;
mod replier;
mod req;
mod respondent;
mod socket;
mod subscribe;
mod surveyor;
mod topics;
mod url;

pub use asks::{Answered, AskCommand, AskId, Asks};
pub use bus::Bus;
pub use dialers::DialerId;
pub use fault::SpFault;
pub use forward::{Forwards, Passing};
pub use header::Trace;
pub use options::Options;
pub use pair::{Pair, Pair0, Pair1};
pub use pattern::{Grant, Nothing, Pattern, Receives, Replies, Request, Sends};
pub use pipes::{Dropped, Pipes};
pub use protocol::Protocol;
pub use publish::Pub;
pub use pull::Pull;
pub use push::Push;
pub use raw_asker::{RawAsker, RawReq, RawSurveyor};
pub use raw_pair::RawPair1;
pub use raw_replier::{RawRep, RawReplier, RawRespondent};
pub use rep::Rep;
pub use replier::{Replier, Reply};
pub use req::Req;
pub use respondent::Respondent;
pub use socket::{Command, Event, Gone, Socket};
pub use subscribe::{Sub, SubCommand};
pub use surveyor::Surveyor;
pub use url::{Family, Url};

#[cfg(test)]
mod tests;
