//! Whose name it is, while things go wrong and when all have left.

use super::Stage;
use crate::fault::Fault;
use crate::kernel::World;

impl Stage {
    /// Nobody but its owner, or a stranger, takes a name from a listener that lives; and no two own it.
    pub(super) fn check_name(&self) {
        let scene = &self.scene;
        let mut given_up = Vec::new();
        for slot in self.slots() {
            // Of one in the middle of something nothing is known.
            if let Ok(actor) = slot.try_borrow() {
                scene.claimed(actor.pid(), actor.holds_name() && scene.is_alive(actor.pid()));
                given_up.extend(Some(actor.pid()).filter(|_| !actor.keeps_name()));
            }
        }
        let busy = self.busy.borrow();
        busy.iter().for_each(|&pid| scene.claimed(pid, false));
        let mut world = scene.world.borrow_mut();
        let reached = world.listener_at(b"s");
        if let Some(was) = self.reached.replace(reached)
            && reached != Some(was)
            && world.is_live_listener(was)
            && !busy.contains(&world.maker(was))
            && reached.is_none_or(|now| world.maker(now) != world.maker(was))
            && !given_up.contains(&world.maker(was))
            && !self.may_be_two(&world)
        {
            world.violated(format!("{was:?} listens, and its name leads to {reached:?}"));
        }
        let owners = scene.owners();
        if owners > 1 && !world.is_lock_replaced() {
            world.violated(format!("{owners} processes own one name"));
        }
    }

    /// Two may have a lock each: one of them is not told, or is about to put back what it found.
    fn may_be_two(&self, world: &World) -> bool {
        world.is_lock_replaced() && (world.is_anybody_blind() || !self.busy.borrow().is_empty())
    }

    /// Whoever owned a name has removed it, and its private names.
    pub(super) fn check_names(&self, world: &mut World) {
        // A name cannot be withdrawn without a lock of one's own, a call that works, or a random name to give it.
        let hindered = [Fault::NoRandom, Fault::NoFilesSocket, Fault::LockReplaced];
        let tidy = self.tidy.get() && hindered.iter().all(|&fault| world.counts.of(fault) == 0);
        let left = world.names().into_iter().find(|name| tidy && name != b"s.lock");
        if let Some(left) = left {
            world.violated(format!("the name {:?} is left", String::from_utf8_lossy(&left)));
        }
    }
}
