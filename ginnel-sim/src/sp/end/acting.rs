//! What an end does, and when all must be well with it.

use std::time::Instant;

use ginnel_proto::sp::{Command, Protocol};

use super::super::part::Part;
use super::{End, Place};
use crate::kernel::Pid;
use crate::scene::{Actor, Scene};

impl<P: Part> End<P> {
    fn rarely(&mut self, scene: &Scene) {
        match scene.index(6) {
            0 => {
                if let Some(pipe) = self.some_pipe(scene) {
                    scene.note(|| format!("  {} {} closes {pipe:?}", P::END, self.core.fake.pid().0));
                    self.command(scene, Command::Close(pipe));
                }
            }
            1 if !self.dialers.is_empty() => {
                let dialer = self.dialers.remove(scene.index(self.dialers.len()));
                self.command(scene, Command::HangUp(dialer));
            }
            1 | 2 if self.place != Place::Hub && self.dialers.len() < 3 => self.dial(scene),
            3 if self.is_listening() => self.core.engine.net_mut().close_all(),
            4 if scene.chance(200) => {
                scene.note(|| format!("  {} {} stops", P::END, self.core.fake.pid().0));
                self.dialers.clear();
                self.command(scene, Command::Stop);
            }
            _ if self.is_listening() => {
                // It fails if somebody else listens there by now.
                let _ = self.core.engine.net_mut().republish();
            }
            _ => {}
        }
    }

    /// Whoever dials somebody who is there has a pipe.
    fn check_dialers(&self, scene: &Scene) {
        let paired = matches!(P::END, Protocol::Pair0 | Protocol::Pair1);
        if paired || self.place == Place::Stray || !scene.is_listened_to() {
            return;
        }
        for &dialer in &self.dialers {
            let outcome = self.machine().dialled(dialer);
            if !matches!(outcome, Some(Ok(pipe)) if self.machine().pipes().contains(pipe)) {
                scene.violated(format!("somebody listens, and what came of dialling is {outcome:?}"));
            }
        }
    }
}

impl<P: Part> Actor for End<P> {
    fn name(&self) -> &'static str {
        P::END.name()
    }

    fn pid(&self) -> Pid {
        self.core.fake.pid()
    }

    fn act(&mut self, scene: &Scene) {
        match scene.index(16) {
            0..=6 => P::say(self, scene),
            7 | 8 => drop(P::hear(self, scene)),
            9 => self.holds = !self.holds,
            10 => {
                if let Some(pipe) = self.some_pipe(scene) {
                    self.core.pause(scene, pipe);
                }
            }
            11 => drop(self.core.engine.flush(scene.now())),
            12 => self.hand_over(scene),
            13 if scene.chance(300) => self.rarely(scene),
            14 if self.place == Place::Hub => self.listen(),
            _ => self.take_handed(scene),
        }
        self.take(scene);
    }

    fn is_ready(&self) -> bool {
        self.core.is_ready()
    }

    fn deadline(&self) -> Option<Instant> {
        Self::deadline(self)
    }

    fn turn(&mut self, scene: &Scene) {
        self.core.turn(scene);
        self.take(scene);
    }

    fn settle(&mut self, scene: &Scene) {
        (self.eager, self.holds) = (true, false);
        self.core.settle(scene);
        self.take_handed(scene);
        if self.is_listening() {
            let _ = self.core.engine.net_mut().republish();
        }
        P::finish(self, scene);
        self.take(scene);
    }

    fn is_ripe(&self) -> bool {
        !self.in_hand.is_empty() && self.eager
    }

    fn ripen(&mut self, scene: &Scene) {
        P::finish(self, scene);
        self.take(scene);
    }

    fn check(&mut self, scene: &Scene) {
        self.core.check(scene);
        self.check_dialers(scene);
        let has_pipe = !self.machine().pipes().is_empty();
        if has_pipe && self.place == Place::Stray {
            scene.violated(format!("a {} has a pipe to somebody with whom it does not go together", P::END));
        }
        if has_pipe && self.machine().unsent() > 0 {
            let unsent = self.machine().unsent();
            scene.violated(format!("{unsent} messages of a {} were never sent", P::END));
        }
        if (has_pipe || P::END == Protocol::Surveyor) && !self.asked.is_empty() {
            scene.violated(format!("a question of a {} was never answered", P::END));
        }
    }

    fn report(&mut self, scene: &Scene) {
        self.tell_book(scene, false);
    }

    fn sweeps(&self) -> bool {
        self.place == Place::Hub
    }

    fn leave(&mut self, scene: &Scene) {
        self.core.engine.net_mut().close_all();
        self.dialers.clear();
        self.command(scene, Command::Stop);
        self.take(scene);
    }

    fn killed(&mut self, scene: &Scene) {
        scene.book.borrow_mut().exits(self.pid());
        self.tell_book(scene, true);
    }
}

impl<P: Part> End<P> {
    /// Takes in the connections that others have made for it.
    fn take_handed(&mut self, scene: &Scene) {
        let handed = scene.book.borrow_mut().take_handed(self.core.fake.pid());
        for fd in handed {
            self.adopt(scene, fd);
        }
    }
}
