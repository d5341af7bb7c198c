//! What happens beside those who act: threads that wait for locks, and children that keep descriptors.

use super::{Slot, Stage};
use crate::fault::Fault;

impl Stage {
    /// A thread that waits gets its lock, or tells of it. `false`: none can.
    pub(super) fn thread(&self) -> bool {
        let scene = &self.scene;
        let waiting = scene.waiting();
        if waiting.is_empty() {
            return false;
        }
        let fake = &waiting[scene.index(waiting.len())];
        if scene.chance(500) && fake.give_lock() {
            return true;
        }
        self.tell(fake) || fake.give_lock()
    }

    /// The thread waits while somebody else of its process is in the middle of something.
    fn tell(&self, fake: &crate::kernel::Fake) -> bool {
        if self.busy.borrow().contains(&fake.pid()) {
            return false;
        }
        let base = self.scene.world.borrow_mut().set_base();
        self.busy.borrow_mut().push(fake.pid());
        let told = fake.tell_of_lock();
        self.busy.borrow_mut().pop();
        self.scene.world.borrow_mut().restore_base(base);
        told
    }

    /// All threads go on that can. `false`: none could.
    pub(super) fn threads(&self) -> bool {
        let mut some = false;
        for fake in self.scene.waiting() {
            while fake.has_threads() && (fake.give_lock() || self.tell(&fake)) {
                some = true;
            }
        }
        some
    }

    /// Somebody has a child that keeps all its descriptors, or such a child ends.
    pub(super) fn fork(&self, slot: &Slot) {
        let scene = &self.scene;
        let mut children = self.children.borrow_mut();
        if !children.is_empty() && scene.chance(300) {
            let at = scene.index(children.len());
            let child = children.remove(at);
            scene.world.borrow_mut().kill(child);
            return;
        }
        let Ok(actor) = slot.try_borrow() else { return };
        let rate = scene.world.borrow().rates.of(Fault::Forked);
        if actor.part().is_some() && scene.chance(rate) {
            scene.world.borrow_mut().happened(Fault::Forked);
            children.push(scene.world.borrow_mut().fork(actor.pid()));
        }
    }

    /// All children end.
    pub(super) fn end_children(&self) {
        let mut world = self.scene.world.borrow_mut();
        for child in self.children.take() {
            world.kill(child);
        }
    }
}
