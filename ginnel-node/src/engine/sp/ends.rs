//! The eleven ends, by what they can do with messages.

use bytes::Bytes;
use ginnel_os::sp::{Options, Socket};
use ginnel_proto::sp::{
    Answered, AskId, Asks, Bus, Pair0, Pair1, Pattern, Pub, Pull, Push, Receives, Rep, Replies, Req, Request,
    Respondent, Sends, Sub, Surveyor,
};

use super::{Arrived, End, Pipes};
use crate::js::{Failure, Fault};

/// An end by its name.
pub(super) fn open(name: &str, options: &Options) -> Result<Box<dyn End>, Failure> {
    Ok(match name {
        "req" => Box::new(Asking(Socket::<Req>::new(options)?)),
        "surveyor" => Box::new(Asking(Socket::<Surveyor>::new(options)?)),
        "rep" => Box::new(Replying(Socket::<Rep>::new(options)?)),
        "respondent" => Box::new(Replying(Socket::<Respondent>::new(options)?)),
        "pub" => Box::new(Sending(Socket::<Pub>::new(options)?)),
        "push" => Box::new(Sending(Socket::<Push>::new(options)?)),
        "sub" => Box::new(Hearing(Socket::<Sub>::new(options)?)),
        "pull" => Box::new(Receiving(Socket::<Pull>::new(options)?)),
        "pair0" => Box::new(Talking(Socket::<Pair0>::new(options)?)),
        "pair1" => Box::new(Talking(Socket::<Pair1>::new(options)?)),
        "bus" => Box::new(Talking(Socket::<Bus>::new(options)?)),
        _ => return Err(Failure::new(Fault::Range, "ERR_OUT_OF_RANGE", format!("there is no end {name}"))),
    })
}

struct Asking<P: Pattern>(Socket<P>);
struct Replying<P: Pattern>(Socket<P>);
struct Sending<P: Pattern>(Socket<P>);
struct Receiving<P: Pattern>(Socket<P>);
struct Talking<P: Pattern>(Socket<P>);
struct Hearing(Socket<Sub>);

impl<P: Asks> End for Asking<P> {
    fn base(&mut self) -> &mut dyn Pipes {
        &mut self.0
    }

    fn ask(&mut self, body: &mut Option<Bytes>) -> Result<Option<AskId>, Failure> {
        Ok(self.0.ask(body))
    }

    fn answered(&mut self, id: AskId) -> Result<Option<Answered>, Failure> {
        Ok(self.0.answered(id))
    }

    fn ripe(&self) -> Vec<AskId> {
        self.0.ripe()
    }

    fn forget(&mut self, id: AskId) {
        self.0.forget(id);
    }
}

impl<P: Replies + Receives<Item = Request>> End for Replying<P> {
    fn base(&mut self) -> &mut dyn Pipes {
        &mut self.0
    }

    fn received(&mut self) -> Result<Option<Arrived>, Failure> {
        Ok(self.0.received().map(Arrived::Request))
    }

    fn reply(&mut self, request: Request, body: Bytes) -> Result<(), Failure> {
        self.0.reply(request, body);
        Ok(())
    }
}

impl<P: Sends> End for Sending<P> {
    fn base(&mut self) -> &mut dyn Pipes {
        &mut self.0
    }

    fn feed(&mut self, body: &mut Option<Bytes>) -> Result<Option<()>, Failure> {
        Ok(self.0.feed(body))
    }
}

impl<P: Receives<Item = Bytes>> End for Receiving<P> {
    fn base(&mut self) -> &mut dyn Pipes {
        &mut self.0
    }

    fn received(&mut self) -> Result<Option<Arrived>, Failure> {
        Ok(self.0.received().map(Arrived::Message))
    }
}

impl<P: Sends + Receives<Item = Bytes>> End for Talking<P> {
    fn base(&mut self) -> &mut dyn Pipes {
        &mut self.0
    }

    fn feed(&mut self, body: &mut Option<Bytes>) -> Result<Option<()>, Failure> {
        Ok(self.0.feed(body))
    }

    fn received(&mut self) -> Result<Option<Arrived>, Failure> {
        Ok(self.0.received().map(Arrived::Message))
    }
}

impl End for Hearing {
    fn base(&mut self) -> &mut dyn Pipes {
        &mut self.0
    }

    fn received(&mut self) -> Result<Option<Arrived>, Failure> {
        Ok(self.0.received().map(Arrived::Message))
    }

    fn subscribe(&mut self, prefix: Bytes) -> Result<(), Failure> {
        Ok(self.0.subscribe(prefix)?)
    }

    fn unsubscribe(&mut self, prefix: &[u8]) -> Result<bool, Failure> {
        Ok(self.0.unsubscribe(prefix))
    }
}
