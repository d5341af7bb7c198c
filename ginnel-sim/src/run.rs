//! One run: a world is made, everything goes wrong for a while, then nothing does, and all must be well.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::cast;
use crate::choices::Choices;
use crate::fault::{Counts, Fault, Rates};
use crate::kernel::{Pid, SockId, World};
use crate::scene::{Actor, Scene};

/// What came of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The first thing that was not as it must be.
    pub violation: Option<String>,
    /// What went wrong, and how often.
    pub faults: Counts,
    /// Every decision, to run it again.
    pub spans: Vec<Vec<u32>>,
    /// What happened, if somebody asked.
    pub trace: Vec<String>,
    /// How long it lasted in its own time.
    pub age: Duration,
}

/// Runs what a seed decides.
pub fn run(seed: u64) -> Outcome {
    run_with(Choices::fresh(seed), seed, false)
}

/// Runs decisions again, and tells what happens.
pub fn run_again(spans: Vec<Vec<u32>>, seed: u64, traced: bool) -> Outcome {
    run_with(Choices::again(spans), seed, traced)
}

fn run_with(choices: Choices, seed: u64, traced: bool) -> Outcome {
    let scene = Scene::new(choices, seed, traced);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| perform(&scene))) {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("of something");
        scene.violated(format!("a panic: {text}"));
    }
    let mut world = scene.world.borrow_mut();
    let spans = std::mem::replace(&mut world.choices, Choices::again(Vec::new())).into_spans();
    Outcome {
        violation: world.violations.first().cloned(),
        faults: world.counts.clone(),
        spans,
        trace: world.take_log(),
        age: world.age(),
    }
}

fn perform(scene: &Scene) {
    let mut stage = Stage::set(scene);
    stage.play(scene);
    if !stage.is_broken(scene) {
        stage.settle(scene);
    }
    if !stage.is_broken(scene) {
        stage.end(scene);
    }
}

struct Stage {
    cast: Vec<Box<dyn Actor>>,
    /// Whose socket the name led to after the last step.
    reached: Option<SockId>,
    /// How many steps things go wrong.
    steps: u32,
    /// No name may be left at the end.
    tidy: bool,
}

impl Stage {
    fn set(scene: &Scene) -> Self {
        let mut world = scene.world.borrow_mut();
        let steps = world.choices.pick(&[60, 120, 300]);
        let rates = Rates::drawn(&mut world.choices);
        drop(world);
        let cast = cast::choose(scene);
        scene.world.borrow_mut().rates = rates;
        let tidy = cast.iter().all(|actor| actor.sweeps());
        Self { cast, steps, tidy, reached: None }
    }

    fn is_broken(&self, scene: &Scene) -> bool {
        !scene.world.borrow().violations.is_empty()
    }

    fn play(&mut self, scene: &Scene) {
        for _ in 0..self.steps {
            if !scene.world.borrow_mut().choices.next_span() || self.is_broken(scene) || self.cast.is_empty()
            {
                return;
            }
            self.step(scene);
        }
    }

    fn step(&mut self, scene: &Scene) {
        let at = scene.index(self.cast.len());
        match scene.index(32) {
            0..=9 => self.with(scene, at, "acts", |actor, scene| actor.act(scene)),
            10..=25 => {
                let now = scene.now();
                if self.cast[at].is_ready() || self.cast[at].deadline().is_some_and(|due| due <= now) {
                    self.with(scene, at, "turns", |actor, scene| actor.turn(scene));
                }
            }
            26 | 27 => scene.pass(Duration::from_millis(scene.pick(&[1, 7, 60]))),
            28 => self.meddle(scene),
            29 => self.leap(scene),
            30 => self.strike(scene, at),
            _ => self.release(scene),
        }
    }

    fn with(&mut self, scene: &Scene, at: usize, what: &str, action: impl FnOnce(&mut dyn Actor, &Scene)) {
        let actor = &mut self.cast[at];
        scene.note(|| format!("{} {} {what}", actor.name(), actor.pid().0));
        scene.world.borrow_mut().set_base();
        action(&mut **actor, scene);
        self.check_name(scene);
        let actor = &mut self.cast[at];
        if !scene.is_alive(actor.pid()) {
            self.bury(scene, at);
        }
    }

    /// Nobody but its owner, or a stranger, takes a name from a listener that lives; and no two own it.
    fn check_name(&mut self, scene: &Scene) {
        for actor in &self.cast {
            scene.claimed(actor.pid(), actor.holds_name() && scene.is_alive(actor.pid()));
        }
        let mut world = scene.world.borrow_mut();
        let reached = world.listener_at(b"s");
        if let Some(was) = self.reached
            && reached != Some(was)
            && world.is_live_listener(was)
            && reached.is_none_or(|now| world.maker(now) != world.maker(was))
        {
            world.violated(format!("{was:?} listens, and its name leads to {reached:?}"));
        }
        self.reached = reached;
        let owners = scene.owners();
        if owners > 1 && !world.is_lock_replaced() {
            world.violated(format!("{owners} processes own one name"));
        }
    }

    /// It is dead: what its values still try has no effect.
    fn bury(&mut self, scene: &Scene, at: usize) {
        let mut actor = self.cast.remove(at);
        actor.killed(scene);
        scene.claimed(actor.pid(), false);
        scene.ledger.borrow_mut().gone(actor.pid());
    }

    /// Somebody removes the name, or replaces its lock.
    fn meddle(&mut self, scene: &Scene) {
        let mut world = scene.world.borrow_mut();
        let (removes, replaces) = (world.rates.of(Fault::NameRemoved), world.rates.of(Fault::LockReplaced));
        if world.choices.chance(removes) {
            world.remove(b"s");
            self.reached = None;
        }
        if world.choices.chance(replaces) {
            world.replace_lock(b"s.lock");
        }
    }

    fn leap(&self, scene: &Scene) {
        let mut world = scene.world.borrow_mut();
        if world.choices.chance(300) {
            let length = world.choices.pick(&[1, 6, 40]);
            world.happened(Fault::Leap);
            world.pass(Duration::from_secs(length));
        }
    }

    /// Kills somebody, now or in the middle of what it does next.
    fn strike(&mut self, scene: &Scene, at: usize) {
        let pid = self.cast[at].pid();
        let rate = scene.world.borrow().rates.of(Fault::Killed);
        if !scene.chance(rate) {
            return;
        }
        if scene.chance(500) {
            let calls = scene.index(20);
            scene.world.borrow_mut().kill_in(pid, u32::try_from(calls).unwrap_or(0));
        } else {
            scene.world.borrow_mut().happened(Fault::Killed);
            scene.world.borrow_mut().kill(pid);
            self.bury(scene, at);
        }
    }

    /// A dead process lets go of something.
    fn release(&self, scene: &Scene) {
        let mut world = scene.world.borrow_mut();
        let remains = world.remains();
        if !remains.is_empty() {
            let pid: Pid = remains[world.choices.index(remains.len())];
            world.happened(Fault::LateRelease);
            world.release(pid);
        }
    }

    /// From here on nothing goes wrong, and everything comes to rest.
    fn settle(&mut self, scene: &Scene) {
        scene.note(|| "nothing goes wrong any more".to_owned());
        scene.world.borrow_mut().relent();
        self.release_all(scene);
        for round in 0..3 {
            for at in (0..self.cast.len()).rev() {
                self.with(scene, at, "settles", |actor, scene| actor.settle(scene));
            }
            self.rest(scene, if round < 2 { PATIENCE } else { Duration::ZERO });
        }
        for actor in &mut self.cast {
            actor.check(scene);
        }
        self.check_letters(scene);
    }

    fn check_letters(&self, scene: &Scene) {
        let outcome = {
            let world = scene.world.borrow();
            scene.ledger.borrow().check(|at| world.maker(at), |at| world.has_failed(at))
        };
        scene.hold(outcome);
    }

    fn release_all(&self, scene: &Scene) {
        let mut world = scene.world.borrow_mut();
        while let Some(&pid) = world.remains().first() {
            world.release(pid);
        }
    }

    /// Turns whoever is ready until nobody is, and lets so much time pass.
    fn rest(&mut self, scene: &Scene, length: Duration) {
        let end = scene.now() + length;
        for _ in 0..TURNS {
            if self.is_broken(scene) {
                return;
            }
            self.release_all(scene);
            let now = scene.now();
            let ready = self
                .cast
                .iter()
                .position(|actor| actor.is_ready() || actor.deadline().is_some_and(|due| due <= now));
            if let Some(at) = ready {
                self.with(scene, at, "turns", |actor, scene| actor.turn(scene));
                // Whoever was looked at goes to the end of the line.
                if at < self.cast.len() {
                    let actor = self.cast.remove(at);
                    self.cast.push(actor);
                }
                continue;
            }
            if let Some(at) = self.cast.iter().position(|actor| actor.is_ripe()) {
                self.with(scene, at, "goes on", |actor, scene| actor.ripen(scene));
                continue;
            }
            let next = self.cast.iter().filter_map(|actor| actor.deadline()).min();
            match next.filter(|&next| next <= end) {
                Some(next) => scene.world.borrow_mut().pass(next - now),
                None => {
                    scene.world.borrow_mut().pass(end.saturating_duration_since(now));
                    return;
                }
            }
        }
        scene.violated("it does not come to rest");
    }

    /// Everybody takes leave; nothing may be left.
    fn end(&mut self, scene: &Scene) {
        // If nobody is left, nobody sweeps.
        self.tidy &= !self.cast.is_empty();
        for at in (0..self.cast.len()).rev() {
            self.with(scene, at, "leaves", |actor, scene| actor.leave(scene));
        }
        self.rest(scene, PATIENCE);
        self.check_letters(scene);
        for actor in self.cast.drain(..) {
            let pid = actor.pid();
            drop(actor);
            scene.world.borrow_mut().exit(pid);
        }
        self.release_all(scene);
        let mut world = scene.world.borrow_mut();
        self.check_names(&mut world);
        let (released, made) = (world.take_released().len() as u64, scene.ledger.borrow().tokens());
        if released != made {
            world.violated(format!("{made} descriptors were made, and {released} let go of"));
        }
        if let Some(left) = world.leftovers().first() {
            let left = left.clone();
            world.violated(format!("left over: {left}"));
        }
    }

    /// Whoever owned a name has removed it, and its private names.
    fn check_names(&self, world: &mut World) {
        let left = world.names().into_iter().find(|name| self.tidy && name != b"s.lock");
        if let Some(left) = left {
            world.violated(format!("the name {:?} is left", String::from_utf8_lossy(&left)));
        }
    }
}

/// Longer than any deadline of ours that matters here.
const PATIENCE: Duration = Duration::from_secs(3);

/// Turns in which everything must have come to rest.
const TURNS: usize = 20_000;
