//! Messages out and in, as far as that needs no waiting.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ginnel_proto::sp::{
    Answered, AskCommand, AskId, Asks, Command, Pattern, Receives, Replies, Request, Sends, Sub, SubCommand,
};

use super::Socket;
use crate::Limit;
use crate::connection::Error;
use crate::driven::Driven;

impl<P: Sends> Socket<P> {
    /// Gives a message to whomever it is for, if that can be done now. It is taken out of `body` then.
    #[inline]
    pub fn feed(&mut self, body: &mut Option<Bytes>) -> Option<()> {
        let length = body.as_ref()?.len();
        if !self.stopped
            && let Some(grant) = self.engine.machine_mut().grant(length)
        {
            self.engine.net_mut().hand_over(grant, body.take()?, self.moment);
            self.write_if_choked();
            return Some(());
        }
        if !self.takes() {
            return None;
        }
        self.order_now(Command::Pattern(P::send(body.take()?)));
        Some(())
    }
}

impl<P: Pattern> Socket<P> {
    /// Writes what was given, as far as that needs no waiting, and looks after the pipes if nobody has done so for a
    /// moment: whoever only sends lets others in too. For those who have the end for themselves.
    ///
    /// # Errors
    /// The poller's.
    pub fn attend(&mut self) -> io::Result<()> {
        if !self.look_after_pipes()? {
            self.flush();
        }
        Ok(())
    }

    /// Looks after the pipes if nobody has done so for a moment. `false`: somebody has.
    ///
    /// # Errors
    /// The poller's.
    pub fn look_after_pipes(&mut self) -> io::Result<bool> {
        let now = Instant::now();
        if now.saturating_duration_since(self.attended) < MOMENT {
            return Ok(false);
        }
        self.attended = now;
        self.turn(true).map(|_| true)
    }

    /// Lets those in who have connected already. For those who have the end for themselves.
    ///
    /// # Errors
    /// The poller's.
    pub fn let_in(&mut self) -> io::Result<()> {
        for _ in 0..GREETING {
            if !self.turn(true)? {
                break;
            }
        }
        Ok(())
    }

    /// Would a message, or a question, be taken now?
    #[inline]
    pub fn takes(&self) -> bool {
        let machine = self.engine.machine();
        !self.stopped && machine.pattern().takes(machine.pipes())
    }

    /// Has the kernel everything?
    pub fn flushed(&self) -> Option<()> {
        (self.engine.machine().unsent() == 0).then_some(())
    }
}

impl<P: Receives> Socket<P> {
    /// The next message, or request.
    #[inline]
    pub fn received(&mut self) -> Option<P::Item> {
        self.engine.machine_mut().pattern_mut().receive()
    }
}

impl<P: Asks> Socket<P> {
    /// Asks, if there may be one question more. It is taken out of `body` then.
    pub fn ask(&mut self, body: &mut Option<Bytes>) -> Option<AskId> {
        if !self.takes() {
            return None;
        }
        let id = self.engine.machine().pattern().upcoming();
        let body = body.take()?;
        self.order(Command::Pattern(AskCommand::Ask(body)));
        Some(id)
    }

    /// What has come of a question, once.
    pub fn answered(&mut self, id: AskId) -> Option<Answered> {
        let answered = self.engine.machine_mut().pattern_mut().answered(id);
        // There is room for another question.
        self.stirred |= answered.is_some();
        answered
    }

    /// The questions of which something has come. For whoever waits for many.
    pub fn ripe(&self) -> Vec<AskId> {
        self.engine.machine().pattern().ripe().collect()
    }

    /// Nobody waits for this any more.
    pub fn forget(&mut self, id: AskId) {
        self.order(Command::Pattern(AskCommand::Forget(id)));
        self.stirred = true;
    }
}

impl<P: Replies> Socket<P> {
    /// Answers. If whoever asked has gone, the answer is dropped and counted.
    pub fn reply(&mut self, request: Request, body: Bytes) {
        self.order(Command::Pattern(P::reply(request, body)));
    }
}

impl Socket<Sub> {
    /// Hears what begins with this.
    ///
    /// # Errors
    /// [`Limit::Subscriptions`]: as many prefixes, or bytes of them, as are kept are there.
    pub fn subscribe(&mut self, prefix: Bytes) -> Result<(), Error> {
        let sub = self.engine.machine().pattern();
        if !sub.may_subscribe(&prefix) {
            let bound = sub.bound();
            return Err(Limit::Subscriptions { most: bound.messages, bytes: bound.bytes }.into());
        }
        self.order(Command::Pattern(SubCommand::Subscribe(prefix)));
        Ok(())
    }

    /// Hears it no more; what waits and is not wanted any more is dropped. `false`: it was not subscribed to.
    pub fn unsubscribe(&mut self, prefix: &[u8]) -> bool {
        let was_there = self.engine.machine().pattern().is_subscribed(prefix);
        self.order(Command::Pattern(SubCommand::Unsubscribe(Bytes::copy_from_slice(prefix))));
        was_there
    }
}

/// How long nobody need look after the pipes: a look is a system call.
const MOMENT: Duration = Duration::from_millis(1);

/// Turns until somebody who waits to be let in is, greeting included.
const GREETING: u32 = 8;
