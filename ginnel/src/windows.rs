//! What only Windows has.

use std::io;

use crate::SeqPacket;
use crate::driver::settle;

impl SeqPacket {
    /// Waits until the system has what was sent. A packet that is larger than the pipe has room for is under way until the
    /// other side reads, and lost if this process ends before.
    ///
    /// # Errors
    /// `TimedOut`: the deadline passed.
    pub fn flush(&self) -> io::Result<()> {
        settle(self.os.borrowed(), self.waits.deadline())
    }
}
