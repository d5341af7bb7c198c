//! What an end is told of its pipes: could that be?

use ginnel_proto::PeerFault;
use ginnel_proto::machine::{Failure, Loss};
use ginnel_proto::sp::{Gone, SpFault};

use crate::actors::engine::judge;
use crate::kernel::SockId;
use crate::scene::Scene;

/// A pipe is gone.
pub(super) fn detached(scene: &Scene, ours: Option<SockId>, gone: Gone) {
    match gone {
        Gone::Here => scene.tally("pipes closed here"),
        Gone::There => scene.tally("pipes that ended there"),
        Gone::Paired => scene.violated("a pipe is lost since there is another"),
        Gone::Fault(fault) => blamed(scene, ours, fault),
        Gone::Errno(errno) => {
            scene.tally("pipes lost to an error");
            judge(scene, Loss::Errno(errno), ours, true);
        }
    }
}

/// Somebody did not become a pipe.
pub(super) fn rejected(scene: &Scene, ours: Option<SockId>, gone: Gone) {
    match gone {
        Gone::Here => scene.violated("somebody was rejected since they were closed here"),
        Gone::There => scene.tally("comers who went"),
        Gone::Paired => scene.tally("comers rejected, as there is a pipe"),
        Gone::Fault(fault) => blamed(scene, ours, fault),
        Gone::Errno(errno) => judge(scene, Loss::Errno(errno), ours, true),
    }
}

/// Somebody could not be dialled.
pub(super) fn failed(scene: &Scene, failure: Failure) {
    match failure {
        Failure::Busy => scene.tally("dialled while busy"),
        Failure::Closed => scene.tally("dialled, and closed before a greeting"),
        Failure::Fault(fault) => blamed(scene, None, fault),
        Failure::Errno(libc::ENOENT | libc::ECONNREFUSED) => scene.tally("dialled where nobody is"),
        Failure::Errno(errno) => judge(scene, Loss::Errno(errno), None, true),
    }
}

/// Only who keeps no rules is blamed.
fn blamed(scene: &Scene, ours: Option<SockId>, fault: PeerFault) {
    let strays = scene.book.borrow().has_strays();
    if matches!(fault, PeerFault::Sp(SpFault::Protocol { .. })) && strays {
        return scene.tally("strays turned away");
    }
    scene.tally(match fault {
        PeerFault::Sp(_) => "pipes closed for a broken rule",
        PeerFault::TooLong { .. } => "pipes closed for an impossible length",
        PeerFault::CutShort { .. } => "pipes that ended in the middle of something",
        PeerFault::Silent | PeerFault::Stuck | PeerFault::Unresponsive => "pipes cut for silence",
        _ => "pipes closed for something else",
    });
    // A comer may have gone before its socket was looked for.
    let unknown = ours.is_none() && scene.book.borrow().has_liars();
    judge(scene, Loss::Fault(fault), ours, unknown);
}
