use std::collections::VecDeque;

use super::Declared;
use crate::PeerFault;

/// Descriptors that no frame has claimed yet, each batch with the bytes that one receiving call brought beside it.
///
/// Descriptors travel with the first byte of their frame, and a read ends behind bytes that carried some; so a batch
/// belongs to exactly one frame, whose first byte is among the batch's bytes.
#[derive(Debug)]
pub(super) struct Fds<F> {
    batches: VecDeque<Batch<F>>,
    /// Bytes of the stream that were received.
    received: u64,
    /// Bytes of the stream before the first frame that was not taken.
    taken: u64,
}

#[derive(Debug)]
struct Batch<F> {
    from: u64,
    to: u64,
    fds: Vec<F>,
}

impl<F> Default for Fds<F> {
    fn default() -> Self {
        Self { batches: VecDeque::new(), received: 0, taken: 0 }
    }
}

impl<F> Fds<F> {
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub(super) fn arrived(&mut self, bytes: u64, fds: Vec<F>) {
        let from = self.received;
        self.received += bytes;
        if !fds.is_empty() {
            self.batches.push_back(Batch { from, to: self.received, fds });
        }
    }

    #[inline]
    pub(super) const fn passed(&mut self, bytes: u64) {
        self.taken += bytes;
    }

    /// The descriptors of the frame that is next, whose length is known. Whether others lie inside it is not looked at.
    #[inline]
    pub(super) fn claim(&mut self, declared: Declared, length: u64) -> Result<Vec<F>, PeerFault> {
        if self.batches.is_empty() && matches!(declared, Declared::Number(0) | Declared::Whatever) {
            return Ok(Vec::new());
        }
        self.claim_batch(declared, length)
    }

    #[cold]
    fn claim_batch(&mut self, declared: Declared, length: u64) -> Result<Vec<F>, PeerFault> {
        let declared = match declared {
            Declared::Number(number) => number,
            Declared::Whatever => {
                let end = self.taken.saturating_add(length);
                let own = self.batches.iter().take_while(|batch| batch.from < end).count();
                return Ok(self.batches.drain(..own).flat_map(|batch| batch.fds).collect());
            }
        };
        self.check_passed(self.taken)?;
        if declared == 0 {
            return Ok(Vec::new());
        }
        match self.batches.front() {
            Some(batch) if batch.from > self.taken => Err(PeerFault::WrongFds { declared, came: 0 }),
            Some(batch) if batch.fds.len() != declared => {
                Err(PeerFault::WrongFds { declared, came: batch.fds.len() })
            }
            _ => self
                .batches
                .pop_front()
                .map(|batch| batch.fds)
                .ok_or(PeerFault::WrongFds { declared, came: 0 }),
        }
    }

    /// A batch that ends before this byte belongs to nobody.
    fn check_passed(&self, byte: u64) -> Result<(), PeerFault> {
        match self.batches.front() {
            Some(batch) if batch.to <= byte => Err(PeerFault::UndeclaredFds { came: batch.fds.len() }),
            _ => Ok(()),
        }
    }

    /// The next frame is so long: what lies inside it belongs to nobody.
    #[inline]
    pub(super) fn check_inside(&self, length: u64) -> Result<(), PeerFault> {
        if self.batches.is_empty() { Ok(()) } else { self.check_passed(self.taken.saturating_add(length)) }
    }

    /// The next frame cannot be told yet: only a batch with its first byte may wait, if this wire carries any.
    #[inline]
    pub(super) fn check_unclaimed(&self, carried: bool) -> Result<(), PeerFault> {
        let stray = |batch: &&Batch<F>| !carried || batch.to <= self.taken || batch.from > self.taken;
        match self.batches.iter().find(stray) {
            Some(batch) => Err(PeerFault::UndeclaredFds { came: batch.fds.len() }),
            None => Ok(()),
        }
    }

    pub(super) fn clear(&mut self) {
        self.batches.clear();
    }
}
