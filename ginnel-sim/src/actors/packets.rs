//! One end of a packet connection.

use std::time::Instant;

use ginnel_os::sys::Descriptors;
use ginnel_os::{SeqPacket, SocketError, SocketKind, Wait};

use super::engine::{Ends, judge_errno};
use crate::kernel::{Fake, Pid};
use crate::scene::{Actor, Scene};

/// One end, and what its application counts.
#[derive(Debug)]
pub(crate) struct Packets {
    fake: Fake,
    socket: Option<SeqPacket<Fake>>,
    ends: Option<Ends>,
    /// It has ended: by itself, or over there.
    ended: bool,
}

impl Packets {
    pub(crate) fn pair(scene: &Scene, a: Fake, b: Fake) -> Option<(Self, Self)> {
        let (left, right) = a.pair_with(&b, SocketKind::SeqPacket).ok()?;
        Some((Self::new(scene, a, left), Self::new(scene, b, right)))
    }

    fn new(scene: &Scene, fake: Fake, fd: crate::kernel::Fd) -> Self {
        let socket = SeqPacket::unchecked_on(fake.clone(), fd);
        let ends = fake.ends(socket.borrowed());
        scene.know(ends.map(|ends| ends.0));
        Self { fake, socket: Some(socket), ends, ended: false }
    }

    fn send(&self, scene: &Scene) {
        let (Some(socket), Some((_, theirs))) = (&self.socket, self.ends) else { return };
        let (entry, message) = scene.write(&self.fake);
        let fds: Vec<_> = message.fds.iter().map(|fd| self.fake.borrow(fd)).collect();
        let sent = socket.send(&message.body, &fds, Wait::Never);
        scene.note(|| format!("  packets {} sends {entry:?}: {sent:?}", self.pid().0));
        match sent {
            Ok(Some(())) => scene.ledger.borrow_mut().sent(entry, theirs),
            Ok(None) | Err(_) => {
                scene.came_back(&self.fake, &message, None);
            }
        }
    }

    fn send_nothing(&self) {
        if let Some(socket) = &self.socket {
            // Nobody counts those that find no room.
            let _ = socket.send(&[], &[], Wait::Never);
        }
    }

    fn receive(&mut self, scene: &Scene) {
        let Some(socket) = &self.socket else { return };
        match socket.receive(1 << 20, Wait::Never) {
            Ok(Some(Some(message))) if message.body.is_empty() => {}
            Ok(Some(Some(message))) => {
                scene.arrived(self.ends.map(|ends| ends.0), &self.fake, &message);
            }
            Ok(Some(None)) => self.ended = true,
            Ok(None) => {}
            Err(error) => match SocketError::of(&error) {
                Some(SocketError::FdsLost { .. }) => scene.lost_one(self.ends.map(|ends| ends.0)),
                Some(other) => scene.violated(format!("nothing can have led to: {other}")),
                // All that had come was handed out before.
                None if error.raw_os_error() == Some(libc::ECONNRESET) => self.ended = true,
                None => judge_errno(scene, error.raw_os_error().unwrap_or(0), self.ends.map(|ends| ends.0)),
            },
        }
    }

    fn is_readable(&self) -> bool {
        self.ends.is_some_and(|ends| self.fake.is_readable(ends.0))
    }

    fn close(&mut self, scene: &Scene) {
        scene.excuse(self.ends.map(|ends| ends.0));
        self.socket = None;
    }
}

impl Actor for Packets {
    fn name(&self) -> &'static str {
        "packets"
    }

    fn pid(&self) -> Pid {
        self.fake.pid()
    }

    fn act(&mut self, scene: &Scene) {
        match scene.index(10) {
            0..=4 => self.send(scene),
            5 => self.send_nothing(),
            6 if scene.chance(100) => self.close(scene),
            _ => self.receive(scene),
        }
    }

    fn is_ready(&self) -> bool {
        self.socket.is_some() && !self.ended && self.is_readable()
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn turn(&mut self, scene: &Scene) {
        self.receive(scene);
    }

    fn check(&mut self, scene: &Scene) {
        if self.socket.is_some() && self.ended && self.is_readable() && self.fake.has_data(self.ends) {
            scene.violated("an end was told though packets wait");
        }
    }

    fn leave(&mut self, scene: &Scene) {
        self.close(scene);
    }

    fn killed(&mut self, scene: &Scene) {
        scene.excuse(self.ends.map(|ends| ends.0));
    }
}
