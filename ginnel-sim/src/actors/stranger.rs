//! Somebody who keeps no rules: whatever it says, others are served, and nothing is kept for it.

use std::io::IoSlice;
use std::time::Instant;

use ginnel_os::sys::Descriptors;
use ginnel_os::{Connecting, SocketKind, Stream, Wait};
use ginnel_proto::Address;

use crate::kernel::{Fake, Fd, Pid};
use crate::scene::{Actor, Scene};

/// A stranger, and its connection if it has one.
#[derive(Debug)]
pub(crate) struct Stranger {
    fake: Fake,
    address: Address,
    stream: Option<Stream<Fake>>,
}

impl Stranger {
    pub(crate) const fn new(fake: Fake, address: Address) -> Self {
        Self { fake, address, stream: None }
    }

    fn connect(&mut self, scene: &Scene) {
        let connecting = Connecting::on(self.fake.clone(), SocketKind::Stream, &self.address, true);
        let Ok(connecting) = connecting else { return };
        if let Ok(Some(())) = connecting.attempt() {
            let stream = Stream::made_on(self.fake.clone(), connecting.into_fd());
            if let Some((ours, theirs)) = self.fake.ends(stream.borrowed()) {
                scene.ledger.borrow_mut().strange(ours, theirs);
            }
            self.stream = Some(stream);
        }
    }

    fn say(&self, scene: &Scene) {
        let Some(stream) = &self.stream else { return };
        let words = words(scene);
        let fds: Vec<Fd> =
            (0..scene.pick(&[0, 0, 0, 1, 3])).filter_map(|_| scene.made_up(&self.fake)).collect();
        let lent: Vec<_> = fds.iter().map(|fd| self.fake.borrow(fd)).collect();
        let said = stream.send(&[IoSlice::new(&words)], &lent, Wait::Never);
        scene.note(|| format!("  stranger says {} bytes, {} descriptors: {said:?}", words.len(), fds.len()));
    }

    fn listen(&self) {
        if let Some(stream) = &self.stream {
            let mut bytes = [0; 300];
            // Whatever it is.
            let _ = stream.receive(&mut bytes, Wait::Never);
        }
    }
}

/// Something between a greeting and nonsense.
fn words(scene: &Scene) -> Vec<u8> {
    let mut greeting = b"GNL\x01".to_vec();
    greeting.extend([0; 4]);
    greeting.extend((1_u32 << 24).to_le_bytes());
    greeting.extend(16_u16.to_le_bytes());
    greeting.extend([0; 18]);
    let kind = scene.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 9]);
    let length = scene.pick(&[0_u32, 3, 8, 20, 1 << 30]);
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend([kind, scene.pick(&[0, 0, 1, 255]), 0, 0]);
    frame.resize(8 + length.min(20) as usize, 1);
    match scene.index(6) {
        0 | 1 => greeting,
        2 => greeting[..scene.index(32)].to_vec(),
        3 => vec![0xff; 1 + scene.index(50)],
        4 => frame,
        _ => [greeting, frame].concat(),
    }
}

impl Actor for Stranger {
    fn name(&self) -> &'static str {
        "stranger"
    }

    fn pid(&self) -> Pid {
        self.fake.pid()
    }

    fn act(&mut self, scene: &Scene) {
        match scene.index(8) {
            0..=4 if self.stream.is_none() => self.connect(scene),
            0..=4 => self.say(scene),
            5 => self.stream = None,
            _ => self.listen(),
        }
    }

    fn is_ready(&self) -> bool {
        false
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn settle(&mut self, _scene: &Scene) {
        self.stream = None;
    }

    fn leave(&mut self, _scene: &Scene) {
        self.stream = None;
    }
}
