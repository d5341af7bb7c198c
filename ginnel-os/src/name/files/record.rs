//! What a lock file says: which sockets were put at the path by owners of it.
//!
//! Whoever finds a socket there that takes connections and says nothing, while nobody holds the leadership byte, must tell
//! two cases apart: a forked child that has kept its dead parent's socket, and a stranger who knows no lock.

use std::io;

use ginnel_proto::election::Inode;

use crate::sys::Names;

/// One line of text, padded with blanks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Record {
    /// So many sockets were put there.
    pub(super) count: u64,
    /// What stood there before the last was put.
    pub(super) there: Option<Inode>,
    /// The last that was put there, or was about to be.
    pub(super) put: Option<Inode>,
}

/// Bytes of it: a write of so few is whole or nothing, whenever its writer is killed.
const BYTES: usize = 128;

const MAGIC: &str = "ginnel-lock-1";

impl Record {
    /// Did an owner put this one there?
    pub(super) fn knows(&self, socket: Inode) -> bool {
        [self.there, self.put].contains(&Some(socket))
    }

    /// What is no record says nothing.
    pub(super) fn read<S: Names>(sys: &S, fd: S::Borrowed<'_>) -> io::Result<Self> {
        let mut bytes = [0; BYTES];
        let length = sys.read_record(fd, &mut bytes)?;
        let text = std::str::from_utf8(&bytes[..length]).unwrap_or_default();
        Ok(Self::parse(text).unwrap_or_default())
    }

    pub(super) fn write<S: Names>(&self, sys: &S, fd: S::Borrowed<'_>) -> io::Result<()> {
        sys.write_record(fd, format!("{:<width$}\n", self.text(), width = BYTES - 1).as_bytes())
    }

    fn text(&self) -> String {
        let socket =
            |it: Option<Inode>| it.map_or("-".into(), |it| format!("{:x}:{:x}", it.device, it.number));
        format!("{MAGIC} count {} socket {} before {}", self.count, socket(self.put), socket(self.there))
    }

    fn parse(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split_whitespace().collect();
        let [MAGIC, "count", count, "socket", put, "before", there] = words[..] else { return None };
        Some(Self { count: count.parse().ok()?, there: socket(there)?, put: socket(put)? })
    }
}

/// The inner `None`: there is none.
fn socket(text: &str) -> Option<Option<Inode>> {
    if text == "-" {
        return Some(None);
    }
    let (device, number) = text.split_once(':')?;
    let hex = |digits| u64::from_str_radix(digits, 16).ok();
    Some(Some(Inode { device: hex(device)?, number: hex(number)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Option<Inode> = Some(Inode { device: u64::MAX, number: u64::MAX - 1 });

    #[test]
    fn a_record_is_read_as_it_was_written_and_fits() {
        for record in [
            Record::default(),
            Record { count: u64::MAX, there: SOME, put: SOME },
            Record { count: 7, there: None, put: Some(Inode { device: 1, number: 2 }) },
        ] {
            let text = record.text();
            assert!(text.len() < BYTES, "{text}");
            assert_eq!(Record::parse(&text), Some(record));
        }
    }

    #[test]
    fn what_is_no_record_is_none() {
        for text in ["", "ginnel-lock-2 count 1 socket - before -", "ginnel-lock-1 count x socket - before -"]
        {
            assert_eq!(Record::parse(text), None, "{text:?}");
        }
        assert_eq!(Record::parse("ginnel-lock-1 count 1 socket 1 before -"), None);
    }
}
