//! A hash that is the same for worlds which differ in names alone.
//!
//! All peers run the same code and compare sockets, peers and processes for nothing but equality. So two worlds in which
//! they are merely called otherwise have the same future, and visiting one of them is enough.

use std::hash::{Hash, Hasher};

/// A peer, by its place in the world.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Who(pub(super) u32);

/// A process. `Who`, `Process` and the numbers of sockets are told apart by their widths.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Process(pub(super) u16);

/// Calls sockets and processes by the order in which they appear, and peers as it was told to.
pub(super) struct Alike<'a> {
    state: u64,
    sockets: Vec<u64>,
    processes: Vec<u16>,
    /// What each peer is called.
    peers: &'a [u8],
}

impl<'a> Alike<'a> {
    pub(super) fn new(peers: &'a [u8]) -> Self {
        Self { state: 0, sockets: Vec::new(), processes: Vec::new(), peers }
    }

    fn mix(&mut self, word: u64) {
        let mixed = (self.state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.state = (mixed ^ (mixed >> 32)).wrapping_add(0x632b_e59b_d9b4_e019);
    }
}

fn place<T: PartialEq>(of: T, all: &mut Vec<T>) -> u64 {
    let at = all.iter().position(|it| *it == of).unwrap_or_else(|| {
        all.push(of);
        all.len() - 1
    });
    at as u64
}

impl Hasher for Alike<'_> {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.mix(u64::from(byte)));
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }

    fn write_u16(&mut self, process: u16) {
        let place = place(process, &mut self.processes);
        self.mix(place);
    }

    fn write_u32(&mut self, who: u32) {
        self.mix(u64::from(self.peers[who as usize]));
    }

    /// Part of an [`Inode`](crate::election::Inode). The lowest numbers have a meaning of their own.
    fn write_u64(&mut self, socket: u64) {
        let called = if socket < FIRST { socket } else { FIRST + place(socket, &mut self.sockets) };
        self.mix(called);
    }

    fn write_usize(&mut self, length: usize) {
        self.mix(length as u64);
    }

    fn write_isize(&mut self, variant: isize) {
        self.mix(variant as u64);
    }

    fn finish(&self) -> u64 {
        let mixed = (self.state ^ (self.state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 32)
    }
}

/// The hash of what has no names to be called otherwise.
pub(super) fn plain(it: &impl Hash) -> u64 {
    let mut hasher = Alike::new(&[]);
    it.hash(&mut hasher);
    hasher.finish()
}

/// The first number of a socket that a peer makes.
pub(super) const FIRST: u64 = 16;
