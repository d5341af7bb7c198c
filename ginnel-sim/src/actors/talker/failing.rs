//! What a talker makes of errors: which of them it must have been told, and what is lost with them.

use std::io;

use ginnel_os::{Error, SendError, SocketError};
use ginnel_proto::PeerFault;

use super::Talker;
use crate::actors::engine::judge_errno;
use crate::actors::readiness::Doing;
use crate::kernel::{DEAD, Fd};
use crate::scene::Scene;

impl Talker {
    /// A message that cannot be sent comes back; what became of the others is not known any more.
    pub(super) fn given_back(&mut self, scene: &Scene, failed: SendError<Fd>) -> Error {
        if let Some(message) = &failed.message {
            let back = scene.came_back(&self.fake, message, None);
            self.fed.retain(|fed| Some(*fed) != back);
        }
        failed.error
    }

    pub(super) fn failed(&mut self, scene: &Scene, error: &Error, doing: Doing) {
        scene.note(|| format!("  talker {}: {error}", self.fake.pid().0));
        let reads = matches!(doing, Doing::Receiving);
        match error {
            Error::Peer(PeerFault::CutShort { .. }) => self.ended = true,
            Error::Peer(PeerFault::Silent | PeerFault::Stuck | PeerFault::Unresponsive) => self.over(scene),
            Error::Peer(fault) => scene.violated(format!("one who keeps all rules was blamed: {fault}")),
            Error::Io(error) => self.failed_io(scene, error, reads),
            // Only our own wire has calls.
            Error::Misuse(_) if !scene.wire().greets() => {}
            Error::Limit(_) => self.full = true,
            Error::Stopped(_) | Error::Failure(_) => {}
            _ => scene.violated(format!("nothing can have led to: {error}")),
        }
        if matches!(error, Error::Peer(_)) || self.deaf {
            // What became of the rest is not known.
            self.fed.clear();
        }
        self.doing = doing;
        self.cancel(scene);
    }

    fn failed_io(&mut self, scene: &Scene, error: &io::Error, reads: bool) {
        let lost = matches!(SocketError::of(error), Some(SocketError::FdsLost { .. }));
        let has_failed = self.here().is_some_and(|here| scene.has_failed(here));
        match error.raw_os_error() {
            None if lost && has_failed => self.over(scene),
            Some(libc::ECONNRESET) if reads => self.ended = true,
            // It refuses descriptors, and goes on; or this process was killed.
            Some(libc::EPERM | DEAD) => {}
            Some(errno) if !reads => {
                judge_errno(scene, errno, self.here());
                scene.spoil();
                self.deaf = true;
            }
            errno => scene.violated(format!("nothing can have led to: {error} ({errno:?})")),
        }
    }

    /// It reads no more, and was told why.
    pub(super) fn over(&mut self, scene: &Scene) {
        scene.spoil();
        scene.excuse(self.here());
        (self.ended, self.deaf) = (true, true);
    }
}
