//! A process that wants to listen at a path, as others do.

use std::io;
use std::time::Instant;

use ginnel_os::{Knock, Listener, ListenerOptions, SocketKind};
use ginnel_proto::Address;

use crate::kernel::{Fake, Pid};
use crate::scene::{Actor, Scene};

/// A process, and its listener if it has one.
#[derive(Debug)]
pub(crate) struct Owner {
    fake: Fake,
    address: Address,
    listener: Option<Listener<Fake>>,
}

impl Owner {
    pub(crate) const fn new(fake: Fake, address: Address) -> Self {
        Self { fake, address, listener: None }
    }

    fn open(&mut self, scene: &Scene) -> io::Result<()> {
        let mut options = ListenerOptions::default();
        options.backlog = 3;
        options.nonblocking = true;
        let opened = Listener::open_on(self.fake.clone(), SocketKind::Stream, &self.address, options);
        let outcome = opened.map(|listener| self.listener = Some(listener));
        scene.note(|| format!("  owner {} claims: {outcome:?}", self.pid().0));
        outcome
    }

    /// Takes in whoever has come, if only to look.
    fn accept(&self) {
        while let Some(listener) = &self.listener
            && let Ok(Some(knock)) = listener.accept()
        {
            match knock {
                Knock::Allowed(fd) => drop(fd),
                Knock::Denied => {}
            }
        }
    }
}

impl Actor for Owner {
    fn name(&self) -> &'static str {
        "owner"
    }

    fn pid(&self) -> Pid {
        self.fake.pid()
    }

    fn act(&mut self, scene: &Scene) {
        match scene.index(8) {
            0..=3 if self.listener.is_none() => drop(self.open(scene)),
            4 if self.listener.is_some() => {
                scene.note(|| "  lets go".to_owned());
                self.listener = None;
            }
            5 | 6 => {
                if let Some(listener) = &mut self.listener {
                    let outcome = listener.republish();
                    scene.note(|| format!("  publishes anew: {outcome:?}"));
                }
            }
            _ => self.accept(),
        }
    }

    fn is_ready(&self) -> bool {
        false
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn settle(&mut self, scene: &Scene) {
        self.accept();
        if self.listener.is_none() {
            let claimed = self.open(scene);
            let held = scene.owners() > 0;
            match claimed {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && held => {}
                Err(error) => scene.violated(format!("a path that is free cannot be claimed: {error}")),
                Ok(()) => scene.claimed(self.pid(), true),
            }
        }
    }

    fn check(&mut self, scene: &Scene) {
        if let Some(listener) = &mut self.listener {
            let published = listener.republish().and_then(|_| listener.is_published());
            scene.note(|| format!("  owner {}: published {published:?}", self.fake.pid().0));
            match published {
                Ok(true) => {}
                Ok(false) => scene.violated("a listener has published its name anew, and is not published"),
                // Whoever has lost the lock, and the name to another, is told so.
                Err(_) if scene.is_lock_replaced() => {}
                Err(error) => scene.violated(format!("an owner cannot publish its name: {error}")),
            }
        }
    }

    fn holds_name(&self) -> bool {
        self.listener.is_some()
    }

    fn sweeps(&self) -> bool {
        true
    }

    fn leave(&mut self, scene: &Scene) {
        self.listener = None;
        scene.claimed(self.pid(), false);
        // What the dead have left is swept up by whoever comes next.
        if self.open(scene).is_ok() {
            self.listener = None;
        }
    }
}
