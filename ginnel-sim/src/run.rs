//! One run: a world is made, everything goes wrong for a while, then nothing does, and all must be well.

mod beside;
mod names;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::cast;
use crate::choices::Choices;
use crate::fault::{Counts, Fault, Rates};
use crate::gathering;
use crate::kernel::{Pid, SockId};
use crate::play::Play;
use crate::scene::{Actor, Scene};
use crate::sp;

/// What came of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The first thing that was not as it must be.
    pub violation: Option<String>,
    /// What went wrong, and how often.
    pub faults: Counts,
    /// What else has happened, and how often, where SP was played.
    pub tally: BTreeMap<&'static str, u64>,
    /// Every decision, to run it again.
    pub spans: Vec<Vec<u32>>,
    /// What happened, if somebody asked.
    pub trace: Vec<String>,
    /// How long it lasted in its own time.
    pub age: Duration,
}

/// Runs what a seed decides.
pub fn run(seed: u64, play: Play) -> Outcome {
    run_with(Choices::fresh(seed), play, (seed, false))
}

/// Runs decisions again, and tells what happens.
pub fn run_again(spans: Vec<Vec<u32>>, play: Play, (seed, traced): (u64, bool)) -> Outcome {
    run_with(Choices::again(spans), play, (seed, traced))
}

fn run_with(choices: Choices, play: Play, (seed, traced): (u64, bool)) -> Outcome {
    let scene = Scene::new(choices, seed, traced);
    let stage = Stage::set(scene, play);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| stage.perform())) {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("of something");
        stage.scene.violated(format!("a panic: {text}"));
    }
    stage.scene.world.borrow_mut().interlude = None;
    let mut world = stage.scene.world.borrow_mut();
    let spans = std::mem::replace(&mut world.choices, Choices::again(Vec::new())).into_spans();
    Outcome {
        violation: world.violations.first().cloned(),
        faults: world.counts.clone(),
        tally: stage.scene.book.borrow().counts().clone(),
        spans,
        trace: world.take_log(),
        age: world.age(),
    }
}

/// An actor; it is borrowed while it does something, and meanwhile others may do something too.
type Slot = Rc<RefCell<Box<dyn Actor>>>;

struct Stage {
    scene: Scene,
    cast: RefCell<Vec<Slot>>,
    /// Who is in the middle of something.
    busy: RefCell<Vec<Pid>>,
    /// Children that do nothing but keep descriptors.
    children: RefCell<Vec<Pid>>,
    /// Whose socket the name led to after the last step.
    reached: Cell<Option<SockId>>,
    /// How many steps things go wrong.
    steps: u32,
    /// No name may be left at the end.
    tidy: Cell<bool>,
}

impl Stage {
    fn set(scene: Scene, play: Play) -> Rc<Self> {
        let mut world = scene.world.borrow_mut();
        let steps = world.choices.pick(&[60, 120, 300]);
        let rates = Rates::drawn(&mut world.choices);
        drop(world);
        let cast = match play {
            Play::Ours => cast::choose(&scene),
            Play::Sp(ends) => sp::choose(&scene, ends),
        };
        scene.world.borrow_mut().rates = rates;
        let tidy = Cell::new(false);
        let cast = RefCell::new(cast.into_iter().map(|actor| Rc::new(RefCell::new(actor))).collect());
        let (busy, children, reached) = Default::default();
        let stage = Rc::new(Self { scene, cast, busy, children, reached, steps, tidy });
        let weak = Rc::downgrade(&stage);
        let interlude = move || {
            if let Some(stage) = weak.upgrade() {
                stage.interlude();
            }
        };
        stage.scene.world.borrow_mut().interlude = Some(Rc::new(interlude));
        stage
    }

    fn perform(&self) {
        self.play();
        if !self.is_broken() {
            self.settle();
        }
        if !self.is_broken() {
            self.end();
        }
        drop(self.cast.take());
    }

    fn slots(&self) -> Vec<Slot> {
        self.cast.borrow().clone()
    }

    fn is_broken(&self) -> bool {
        !self.scene.world.borrow().violations.is_empty()
    }

    fn play(&self) {
        for _ in 0..self.steps {
            if !self.scene.world.borrow_mut().choices.next_span() || self.is_broken() {
                return;
            }
            let slots = self.slots();
            if slots.is_empty() {
                return;
            }
            self.step(&slots[self.scene.index(slots.len())]);
        }
    }

    fn step(&self, slot: &Slot) {
        match self.scene.index(36) {
            0..=9 => self.with(slot, "acts", |actor, scene| actor.act(scene)),
            10..=25 => self.turn(slot),
            26 | 27 => self.scene.pass(Duration::from_millis(self.scene.pick(&[1, 7, 60]))),
            28 => self.meddle(),
            29 => self.leap(),
            30 => self.strike(slot),
            31 => self.release(),
            32 => self.fork(slot),
            _ => drop(self.thread()),
        }
    }

    fn turn(&self, slot: &Slot) {
        let now = self.scene.now();
        if slot.try_borrow().is_ok_and(|actor| is_due(&**actor, now)) {
            self.with(slot, "turns", |actor, scene| actor.turn(scene));
        }
    }

    /// Somebody does something while somebody else is in the middle of something.
    fn interlude(&self) {
        let slots = self.slots();
        if self.busy.borrow().len() > INTERLUDES || slots.is_empty() {
            return;
        }
        let slot = &slots[self.scene.index(slots.len())];
        if !self.scene.waiting().is_empty() && self.scene.chance(300) {
            self.thread();
        } else if self.scene.chance(500) {
            self.with(slot, "acts meanwhile", |actor, scene| actor.act(scene));
        } else {
            self.turn(slot);
        }
    }

    /// Lets an actor do something, unless it is in the middle of something else.
    fn with(&self, slot: &Slot, what: &str, action: impl FnOnce(&mut dyn Actor, &Scene)) {
        let Ok(mut actor) = slot.try_borrow_mut() else { return };
        let (scene, pid) = (&self.scene, actor.pid());
        scene.note(|| format!("{} {} {what}", actor.name(), pid.0));
        let base = scene.world.borrow_mut().set_base();
        self.busy.borrow_mut().push(pid);
        action(&mut **actor, scene);
        self.busy.borrow_mut().pop();
        scene.world.borrow_mut().restore_base(base);
        drop(actor);
        self.check_name();
        if !scene.is_alive(pid) {
            self.bury(slot);
        }
    }

    /// It is dead: what its values still try has no effect.
    fn bury(&self, slot: &Slot) {
        self.cast.borrow_mut().retain(|other| !Rc::ptr_eq(other, slot));
        let Ok(mut actor) = slot.try_borrow_mut() else { return };
        let scene = &self.scene;
        actor.killed(scene);
        scene.claimed(actor.pid(), false);
        scene.ledger.borrow_mut().gone(actor.pid());
    }

    /// Somebody removes the name, or replaces its lock.
    fn meddle(&self) {
        let mut world = self.scene.world.borrow_mut();
        let (removes, replaces) = (world.rates.of(Fault::NameRemoved), world.rates.of(Fault::LockReplaced));
        if world.choices.chance(removes) {
            world.remove(b"s");
            self.reached.set(None);
        }
        if world.choices.chance(replaces) {
            world.replace_lock(b"s.lock");
        }
    }

    fn leap(&self) {
        let mut world = self.scene.world.borrow_mut();
        if world.choices.chance(300) {
            let length = world.choices.pick(&[1, 6, 40]);
            world.happened(Fault::Leap);
            world.pass(Duration::from_secs(length));
        }
    }

    /// Kills somebody, now or in the middle of what it does next.
    fn strike(&self, slot: &Slot) {
        let scene = &self.scene;
        let pid = slot.borrow().pid();
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
            self.bury(slot);
        }
    }

    /// A dead process lets go of something.
    fn release(&self) {
        let mut world = self.scene.world.borrow_mut();
        let remains = world.remains();
        if !remains.is_empty() {
            let pid: Pid = remains[world.choices.index(remains.len())];
            world.happened(Fault::LateRelease);
            world.release(pid);
        }
    }

    /// From here on nothing goes wrong, and everything comes to rest.
    fn settle(&self) {
        let scene = &self.scene;
        scene.note(|| "nothing goes wrong any more".to_owned());
        scene.world.borrow_mut().relent();
        self.end_children();
        self.release_all();
        for round in 0..3 {
            for slot in self.slots().iter().rev() {
                self.with(slot, "settles", |actor, scene| actor.settle(scene));
            }
            self.rest(if round < 2 { PATIENCE } else { Duration::ZERO });
            // From here on every deadline that passes was ours to keep.
            scene.calm.set(true);
        }
        for slot in self.slots() {
            slot.borrow_mut().check(scene);
        }
        let parts: Vec<_> = self.slots().iter().filter_map(|slot| slot.borrow().part()).collect();
        gathering::check(scene, &parts);
        self.check_letters();
    }

    fn check_letters(&self) {
        let scene = &self.scene;
        self.slots().iter().for_each(|slot| slot.borrow_mut().report(scene));
        let outcome = scene.book.borrow().check(&scene.world.borrow());
        scene.hold(outcome);
        let outcome = {
            let world = scene.world.borrow();
            scene.ledger.borrow().check(&world)
        };
        scene.hold(outcome);
    }

    fn release_all(&self) {
        let mut world = self.scene.world.borrow_mut();
        while let Some(&pid) = world.remains().first() {
            world.release(pid);
        }
    }

    /// Turns whoever is ready until nobody is, and lets so much time pass.
    fn rest(&self, length: Duration) {
        let scene = &self.scene;
        let end = scene.now() + length;
        for _ in 0..TURNS {
            if self.is_broken() {
                return;
            }
            self.release_all();
            if self.threads() || self.go_on() {
                scene.pass(TURN);
                continue;
            }
            let now = scene.now();
            let next = self.slots().iter().filter_map(|slot| slot.borrow().deadline()).min();
            match next.filter(|&next| next <= end) {
                Some(next) => scene.pass(next - now),
                None => return scene.pass(end.saturating_duration_since(now)),
            }
        }
        scene.violated("it does not come to rest");
    }

    /// Lets the first who has something to do do it. `false`: nobody has.
    fn go_on(&self) -> bool {
        let (slots, now) = (self.slots(), self.scene.now());
        if let Some(slot) = slots.iter().find(|slot| is_due(&**slot.borrow(), now)) {
            // Whoever was looked at goes to the end of the line.
            self.cast.borrow_mut().retain(|other| !Rc::ptr_eq(other, slot));
            self.cast.borrow_mut().push(Rc::clone(slot));
            self.turn(slot);
            return true;
        }
        let ripe = slots.iter().find(|slot| slot.borrow().is_ripe());
        ripe.inspect(|slot| self.with(slot, "goes on", |actor, scene| actor.ripen(scene))).is_some()
    }

    /// Everybody takes leave; nothing may be left.
    fn end(&self) {
        let scene = &self.scene;
        // If nobody is left, nobody sweeps.
        self.tidy.set(self.slots().iter().any(|slot| slot.borrow().sweeps()));
        for slot in self.slots().iter().rev() {
            self.with(slot, "leaves", |actor, scene| actor.leave(scene));
        }
        self.rest(PATIENCE);
        self.check_letters();
        for slot in self.cast.take() {
            let pid = slot.borrow().pid();
            drop(slot);
            scene.world.borrow_mut().exit(pid);
        }
        self.release_all();
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
}

/// Longer than any deadline of ours that matters here.
const PATIENCE: Duration = Duration::from_secs(12);

fn is_due(actor: &dyn Actor, now: Instant) -> bool {
    actor.is_ready() || actor.deadline().is_some_and(|due| due <= now)
}

/// How many may be in the middle of something at once, beside the first.
const INTERLUDES: usize = 2;

/// How long a turn takes, so that whoever waits comes to its end beside those who do not.
const TURN: Duration = Duration::from_micros(50);

/// Turns in which everything must have come to rest.
const TURNS: usize = 20_000;
