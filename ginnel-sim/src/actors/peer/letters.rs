//! What a peer's application sends, and hears of it again.

use ginnel_proto::machine::{ConnId, Crowd, SendId};
use ginnel_proto::peer::{Command, Role};
use ginnel_proto::server::Command as Ask;
use ginnel_proto::{Answer, CallId, Frame, Kind};

use super::{Peer, is_up};
use crate::ledger::{Entry, Post};
use crate::scene::{Actor, Scene};

impl Peer {
    /// Whoever listens, whoever that will be; or one who is connected.
    pub(super) fn someone(&self, scene: &Scene) -> Option<ConnId> {
        let mut all = vec![ConnId::LISTENER, ConnId::LISTENER];
        all.extend(self.core.machine().connections());
        Some(all[scene.index(all.len())]).filter(|id| *id != ConnId::LISTENER || self.role != Role::Listener)
    }

    pub(super) fn send(&mut self, scene: &Scene) {
        let Some(to) = self.someone(scene) else { return };
        let (entry, message) = scene.write(&self.core.fake);
        let frame = Frame::new(Kind::Message, message);
        if !matches!(self.core.machine().admit(to, &frame), Some(Ok(()))) {
            scene.came_back(&self.core.fake, &frame.message, None);
            return;
        }
        scene.note(|| format!("  peer {} sends {entry:?} to {to:?}", self.pid().0));
        self.address(scene, to, entry);
        self.post(scene, (to, entry, Post::Message), Ask::Send(to, frame.message));
    }

    /// What is for one is not for another.
    fn address(&self, scene: &Scene, to: ConnId, entry: Entry) {
        if let Some(ends) = self.ends.get(&to) {
            scene.ledger.borrow_mut().only_for(entry, ends.1);
        }
    }

    /// Gives a command that queues something.
    fn post(
        &mut self,
        scene: &Scene,
        (to, entry, post): (ConnId, Entry, Post),
        command: Ask<crate::kernel::Fd>,
    ) {
        let before = self.core.machine().last(to);
        self.core.command(scene, Command::Many(command));
        let Some(last) = self.core.machine().last(to).filter(|last| Some(*last) > before) else {
            if post == Post::Answer {
                scene.ledger.borrow_mut().dropped(entry);
            }
            return;
        };
        if is_up(to) {
            self.up.push(last, entry, post);
            if to != ConnId::LISTENER {
                self.addressed.push((last, to));
            }
        } else {
            self.neighbours.entry(to).or_default().push(last, entry, post);
        }
    }

    pub(super) fn ask(&mut self, scene: &Scene) {
        let Some(to) = self.someone(scene) else { return };
        let (entry, message) = scene.write(&self.core.fake);
        let Some(call) = self.core.machine().upcoming(to) else { return };
        let frame = Frame::new(Kind::Request(call), message);
        if !matches!(self.core.machine().admit(to, &frame), Some(Ok(()))) {
            scene.came_back(&self.core.fake, &frame.message, None);
            return;
        }
        scene.note(|| format!("  peer {} asks {to:?} {entry:?} as {call:?}", self.pid().0));
        self.address(scene, to, entry);
        self.asked.push((to, call, entry));
        self.post(scene, (to, entry, Post::Question), Ask::Ask(to, frame.message));
    }

    pub(super) fn answer(&mut self, scene: &Scene) {
        if self.requests.is_empty() {
            return;
        }
        let (to, call) = self.requests.remove(scene.index(self.requests.len()));
        let (entry, message) = scene.write(&self.core.fake);
        scene.note(|| format!("  peer {} answers {to:?} {call:?} with {entry:?}", self.pid().0));
        self.answered.push((to, call, entry));
        self.post(scene, (to, entry, Post::Answer), Ask::Answer(to, call, Answer::Response(message)));
    }

    pub(super) fn broadcast(&mut self, scene: &Scene) {
        let (entry, message) =
            scene.ledger.borrow_mut().write(&self.core.fake, scene.pick(&[8, 300, 9_000]), 0);
        let connected: Vec<_> = self.core.machine().connections().collect();
        let before: Vec<_> = connected.iter().map(|&id| self.core.machine().last(id)).collect();
        scene.note(|| format!("  peer {} broadcasts {entry:?}", self.pid().0));
        self.core.command(scene, Command::Many(Ask::Broadcast(message.body)));
        for (id, before) in connected.into_iter().zip(before) {
            let Some(last) = self.core.machine().last(id).filter(|last| Some(*last) > before) else {
                continue;
            };
            if is_up(id) {
                // To a connector it is a message to its listener.
                self.up.push(last, entry, Post::Message);
                self.addressed.push((last, id));
            } else {
                self.neighbours.entry(id).or_default().push(last, entry, Post::Broadcast);
            }
        }
    }

    /// Takes leave of one who is connected here.
    pub(super) fn disconnect(&self, scene: &Scene) -> Option<ConnId> {
        let id = self.someone(scene).filter(|id| !is_up(*id))?;
        scene.note(|| format!("  peer {} takes leave of {id:?}", self.pid().0));
        scene.excuse(self.ends.get(&id).map(|ends| ends.0));
        Some(id)
    }

    pub(super) fn settled(&mut self, scene: &Scene, id: ConnId, call: CallId) {
        let Some(at) = self.asked.iter().position(|(of, asked, _)| (*of, *asked) == (id, call)) else {
            return scene.violated(format!("{call:?} of {id:?} was answered twice, or never asked"));
        };
        let (.., entry) = self.asked.swap_remove(at);
        if is_up(id) {
            self.up.forget(entry);
        } else if let Some(outbox) = self.neighbours.get_mut(&id) {
            outbox.forget(entry);
        }
    }

    pub(super) fn gone(&mut self, id: ConnId, send: SendId, lost: bool) {
        let outbox = if is_up(id) { Some(&mut self.up) } else { self.neighbours.get_mut(&id) };
        if let Some(outbox) = outbox {
            if lost { outbox.lose(send) } else { outbox.settle(send) }
        }
    }

    /// A failure goes in its place.
    pub(super) fn undelivered(&self, scene: &Scene, id: ConnId, call: CallId) {
        match self.answered.iter().find(|(to, of, _)| (*to, *of) == (id, call)) {
            Some((.., entry)) => scene.ledger.borrow_mut().dropped(*entry),
            None => scene.violated(format!("an answer to {call:?} of {id:?} was not delivered, nor given")),
        }
    }
}
