//! Packets, as they cross to JavaScript: one behind the other in a room of its, with their lengths beside them.

use std::io;

use ginnel_os::{Carried, Received, SocketError, Would};

use crate::fd;
use crate::js::{Answer, Call, Failure};

/// Stands for a length: nothing more comes.
const END: i32 = -1;
/// Stands for a length: the packet was larger than its room, and is lost.
const CUT: i32 = -2;
/// Stands for a length: something went wrong here, which the next call tells.
const FAILED: i32 = -3;

/// What came beside the bytes of packets.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// Their descriptors, in order.
    fds: Vec<Carried>,
    /// What went wrong after packets that were told first.
    failed: Option<io::Error>,
}

impl Beside {
    /// Fills a room with packets, as long as the largest still fits. Of each packet `lengths` gets two numbers: its
    /// bytes, or what stands for them, and its descriptors. How many came.
    pub(crate) fn fill(
        &mut self,
        room: &mut [u8],
        (lengths, largest): (&mut [u8], usize),
        mut receive: impl FnMut(&mut [u8]) -> Would<Option<Received>>,
    ) -> Result<i32, Failure> {
        if let Some(error) = self.failed.take() {
            return Err(error.into());
        }
        self.fds.clear();
        let (mut used, mut count) = (0, 0);
        for length in lengths.chunks_exact_mut(2 * size_of::<i32>()) {
            let Some(free) = room.get_mut(used..used + largest).filter(|_| self.fds.len() < fd::MANY) else {
                break;
            };
            let (bytes, carried) = match receive(free) {
                Ok(None) => break,
                Ok(Some(None)) => (END, 0),
                Ok(Some(Some((bytes, carried)))) => {
                    used += bytes;
                    let numbers = (bytes as i32, carried.len() as i32);
                    self.fds.extend(carried);
                    numbers
                }
                Err(error) if is_cut(&error) => (CUT, 0),
                Err(error) if count == 0 => return Err(error.into()),
                Err(error) => {
                    self.failed = Some(error);
                    (FAILED, 0)
                }
            };
            length[..4].copy_from_slice(&bytes.to_ne_bytes());
            length[4..].copy_from_slice(&carried.to_ne_bytes());
            count += 1;
            if bytes == END || bytes == FAILED {
                break;
            }
        }
        Ok(count)
    }

    /// Gives the descriptors away, as many as the second argument has room for.
    pub(crate) fn take_fds(&mut self, call: &Call) -> Answer {
        fd::give(call, 1, &mut self.fds)
    }
}

fn is_cut(error: &io::Error) -> bool {
    matches!(SocketError::of(error), Some(SocketError::PacketCut { .. }))
}
