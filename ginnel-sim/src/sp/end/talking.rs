//! Messages out and in.

use std::collections::BTreeSet;

use bytes::Bytes;
use ginnel_proto::sp::{
    Answered, AskCommand, AskId, Asks, Protocol, Receives, Replies, Sends, Sub, SubCommand,
};

use super::super::letter::{self, Letter, Read, TOPICS};
use super::super::part::Part;
use super::{Asked, End};
use crate::scene::Scene;

/// A letter of a length that is interesting somewhere.
fn write(scene: &Scene, re: Option<Letter>) -> (Letter, Bytes) {
    let length = scene.pick(&[8, 8, 30, 100, 700, 4_100, 9_000, 66_000]);
    let letter = scene.book.borrow_mut().next_letter();
    (letter, letter::write(letter, scene.pick(&TOPICS), re, length))
}

/// What the application makes of a body.
fn read(scene: &Scene, body: &[u8]) -> Option<Read> {
    scene.hold(letter::read(body))
}

impl<P: Part> End<P> {
    fn takes(&self) -> bool {
        self.pattern().takes(self.machine().pipes())
    }
}

impl<P: Part + Sends> End<P> {
    pub(crate) fn send(&mut self, scene: &Scene) {
        if !self.takes() {
            return scene.tally("messages that would have had to wait");
        }
        let (letter, body) = write(scene, None);
        scene.note(|| format!("  {} {} sends {letter:?}", P::END, self.core.fake.pid().0));
        // The short way is for those that go to one pipe at once.
        let grant = if scene.chance(500) { self.witness().grant(&body) } else { None };
        match grant {
            Some(grant) => {
                scene.tally("messages handed over");
                self.core.engine.net_mut().hand_over(grant, body, scene.now());
            }
            None => self.order(scene, P::send(body)),
        }
    }
}

impl<P: Part + Receives<Item = Bytes>> End<P> {
    pub(crate) fn receive(&mut self, scene: &Scene) -> bool {
        let witness = self.witness();
        let got = witness.pattern_mut().receive();
        let right = witness.model.take().map(|arrived| arrived.body);
        if got != right {
            scene.violated(format!("{got:?} is received, and {right:?} is right"));
        }
        if let Some(body) = &got {
            read(scene, body);
            scene.tally("messages received");
        }
        got.is_some()
    }
}

impl End<Sub> {
    pub(crate) fn subscribe(&mut self, scene: &Scene) {
        let topic = scene.pick(&[&b"a"[..], b"b", b"c", b"", b"a", b"nothing", b"a\x01", b"\xee"]);
        let topic = Bytes::from_static(topic);
        let command = if scene.chance(300) {
            self.witness().model.unsubscribed(&topic);
            SubCommand::Unsubscribe(topic)
        } else {
            self.witness().model.subscribed(topic.clone());
            SubCommand::Subscribe(topic)
        };
        self.order(scene, command);
    }
}

impl<P: Part + Asks> End<P> {
    pub(crate) fn ask(&mut self, scene: &Scene) {
        let known: Vec<_> = self.asked.keys().copied().collect();
        if !known.is_empty() && scene.chance(100) {
            return self.forget(scene, known[scene.index(known.len())]);
        }
        if !self.takes() {
            return scene.tally("messages that would have had to wait");
        }
        let (letter, body) = write(scene, None);
        let id = self.pattern().upcoming();
        scene.note(|| format!("  {} {} asks {letter:?} as {id:?}", P::END, self.core.fake.pid().0));
        self.witness().model.asked(id, scene.now());
        if self.asked.insert(id, Asked { letter, answers: BTreeSet::new() }).is_some() {
            scene.violated(format!("{id:?} is given out while it is open"));
        }
        self.order(scene, AskCommand::Ask(body));
    }

    fn forget(&mut self, scene: &Scene, id: AskId) {
        scene.note(|| format!("  {} {} forgets {id:?}", P::END, self.core.fake.pid().0));
        self.asked.remove(&id);
        self.witness().model.forgotten(id);
        self.order(scene, AskCommand::Forget(id));
    }

    pub(crate) fn take_answers(&mut self, scene: &Scene) -> bool {
        let known: Vec<_> = self.asked.keys().copied().collect();
        let mut some = false;
        for id in known {
            let is_ripe = self.pattern().has_answer(id);
            let witness = self.witness();
            let right = witness.model.answered(id);
            let got = witness.pattern_mut().answered(id);
            if got != right || got.is_some() != is_ripe {
                scene.violated(format!("{id:?} is answered {got:?}, and {right:?} is right"));
            }
            if let Some(answered) = got {
                some = true;
                self.has_answer(scene, id, &answered);
            }
        }
        some
    }

    fn has_answer(&mut self, scene: &Scene, id: AskId, answered: &Answered) {
        let Some(asked) = self.asked.get_mut(&id) else { return };
        match answered {
            Answered::Answer(body) => match read(scene, body) {
                Some(Read::Letter(letter, re)) => {
                    if re != Some(asked.letter) {
                        scene.violated(format!("{:?} is answered as {re:?} should be", asked.letter));
                    }
                    if !asked.answers.insert(letter) {
                        scene.violated(format!("{letter:?} has come twice as an answer"));
                    }
                    scene.tally("answers");
                }
                Some(Read::Lie) => scene.tally("answers that were lies"),
                None => {}
            },
            Answered::Over => scene.tally("surveys that ended"),
            Answered::Lost => scene.tally("questions that were lost, and told so"),
        }
        if P::END == Protocol::Req || *answered == Answered::Over {
            self.asked.remove(&id);
        }
    }
}

impl<P: Part + Replies> End<P> {
    pub(crate) fn take_request(&mut self, scene: &Scene) -> bool {
        let witness = self.witness();
        let got = witness.pattern_mut().receive();
        let right = witness.model.take();
        let same = match (&got, &right) {
            (Some(got), Some(right)) => {
                got.pipe() == right.pipe && got.trace().words() == right.words && got.body == right.body
            }
            (None, None) => true,
            _ => false,
        };
        if !same {
            scene.violated(format!("{got:?} is asked, and {right:?} is right"));
        }
        let Some(request) = got else { return false };
        read(scene, &request.body);
        scene.tally("requests");
        self.in_hand.push(request);
        true
    }

    /// Answers one of those that are in hand. `false`: there is none.
    pub(crate) fn reply(&mut self, scene: &Scene) -> bool {
        if self.in_hand.is_empty() {
            return false;
        }
        let request = self.in_hand.swap_remove(scene.index(self.in_hand.len()));
        let re = match letter::read(&request.body) {
            Ok(Read::Letter(letter, _)) => Some(letter),
            _ => None,
        };
        let (letter, body) = write(scene, re);
        scene.note(|| format!("  {} {} answers {re:?} with {letter:?}", P::END, self.core.fake.pid().0));
        let words = request.trace().words().to_vec();
        self.witness().ways_back.insert(letter, words);
        self.order(scene, P::reply(request, body));
        true
    }
}
