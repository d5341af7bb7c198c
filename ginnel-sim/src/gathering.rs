//! All is quiet: do all peers agree on who listens?

use ginnel_proto::peer::Role;

use crate::fault::Fault;
use crate::scene::{Part, Scene};

/// Exactly one leads and is found at the path, all others are connected to it, and nothing lies about.
pub(crate) fn check(scene: &Scene, parts: &[Part]) {
    if parts.is_empty() {
        return;
    }
    let mut leaders = parts.iter().filter(|part| part.role == Role::Listener);
    let (Some(leader), None) = (leaders.next(), leaders.next()) else {
        if !is_excused(scene) {
            scene.violated(format!("not one of them leads: {parts:?}"));
        }
        return;
    };
    if is_excused(scene) {
        return;
    }
    let at = scene.world.borrow().listener_at(b"s");
    if at != leader.socket || at.is_none() {
        scene.violated(format!("{leader:?} leads, and the name leads to {at:?}"));
    }
    for part in parts.iter().filter(|part| part.pid != leader.pid) {
        let is_known = part.link.is_some_and(|(_, theirs)| leader.followers.contains(&theirs));
        if part.role != Role::Connector || !is_known {
            scene.violated(format!("{part:?} is not with {leader:?}"));
        }
    }
    if leader.followers.len() + 1 != parts.len() {
        scene.violated(format!("{leader:?} knows others than there are"));
    }
    check_names(scene);
}

/// If it could not be had that somebody is told of removed names, they stay removed.
fn is_excused(scene: &Scene) -> bool {
    let world = scene.world.borrow();
    let meddled = [Fault::NameRemoved, Fault::LockReplaced].iter().any(|&fault| world.counts.of(fault) > 0);
    meddled && world.is_anybody_blind()
}

fn check_names(scene: &Scene) {
    let names = scene.world.borrow_mut().names();
    if let Some(left) = names.into_iter().find(|name| name != b"s" && name != b"s.lock") {
        scene.violated(format!("beside the path lies {:?}", String::from_utf8_lossy(&left)));
    }
}
