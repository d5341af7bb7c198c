//! What peers tell each other in control frames. `docs/wire.md`, section 11

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::PeerFault;
use crate::election::Inode;
use crate::limits;
use crate::machine::ProcessId;

/// Who a peer is.
///
/// ```
/// use ginnel_proto::peer::Hello;
/// let hello = Hello::new("worker 3")?;
/// assert_eq!(hello.name(), "worker 3");
/// assert!(Hello::new(&"x".repeat(256)).is_err());
/// # Ok::<(), ginnel_proto::peer::HelloError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    name: String,
    data: Bytes,
    /// It takes a duplicate of the listener's socket.
    pub(crate) takes_over: bool,
    /// The so-manieth socket at the path, as far as it knows.
    pub(crate) epoch: u64,
    pub(crate) process: Option<ProcessId>,
}

impl Hello {
    /// A peer of this name, which may be empty, and need not be its alone.
    ///
    /// # Errors
    /// [`HelloError::Name`]: it has more than 255 bytes.
    pub fn new(name: &str) -> Result<Self, HelloError> {
        match name.len() {
            ..=limits::PEER_NAME => {
                Ok(Self { name: name.into(), data: Bytes::new(), takes_over: true, epoch: 0, process: None })
            }
            bytes => Err(HelloError::Name { bytes }),
        }
    }

    /// The same, with bytes that mean something to the application.
    ///
    /// # Errors
    /// [`HelloError::Data`]: more than 16 KiB.
    pub fn with_data(self, data: impl Into<Bytes>) -> Result<Self, HelloError> {
        let data = data.into();
        match data.len() {
            ..=limits::PEER_DATA => Ok(Self { data, ..self }),
            bytes => Err(HelloError::Data { bytes }),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the application has to say about it.
    pub const fn data(&self) -> &Bytes {
        &self.data
    }

    /// The so-manieth socket at the path, as far as this one knows.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The process that it says it lives in.
    pub const fn process(&self) -> Option<ProcessId> {
        self.process
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut body = BytesMut::with_capacity(HELLO_BYTES + self.name.len() + self.data.len());
        let ProcessId { pid, id } = self.process.unwrap_or(ProcessId { pid: 0, id: 0 });
        body.put_u8(HELLO);
        body.put_u8(u8::from(self.takes_over));
        body.put_u64_le(self.epoch);
        body.put_u32_le(pid);
        body.put_u64_le(id);
        body.put_u8(self.name.len() as u8);
        body.put_slice(self.name.as_bytes());
        body.put_slice(&self.data);
        body.freeze()
    }
}

/// Why a peer cannot introduce itself so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HelloError {
    /// The name is too long.
    #[error("a peer's name of {bytes} bytes was given, {} fit", limits::PEER_NAME)]
    Name {
        /// Bytes of the name.
        bytes: usize,
    },
    /// The data is too long.
    #[error("{bytes} bytes of greeting data were given, {} fit", limits::PEER_DATA)]
    Data {
        /// Bytes of the data.
        bytes: usize,
    },
}

/// A control frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    /// Who it is.
    Hello(Hello),
    /// The frame brings a duplicate of the listening socket, which stands at the path as this file.
    Standby(Inode),
    /// It listens no more: the path is not its own any longer.
    StepDown,
}

impl Word {
    /// The body of a control frame.
    pub(crate) fn encode(&self) -> Bytes {
        match self {
            Self::Hello(hello) => hello.encode(),
            Self::Standby(Inode { device, number }) => {
                let mut body = BytesMut::with_capacity(17);
                body.put_u8(STANDBY);
                body.put_u64_le(*device);
                body.put_u64_le(*number);
                body.freeze()
            }
            Self::StepDown => Bytes::from_static(&[STEP_DOWN]),
        }
    }

    /// `Ok(None)`: a word that is not known here, which says nothing.
    pub(crate) fn decode(body: &Bytes) -> Result<Option<Self>, PeerFault> {
        let word = match body.first() {
            Some(&HELLO) => decode_hello(body).map(Self::Hello),
            Some(&STANDBY) => decode_standby(&body[1..]).map(Self::Standby),
            Some(&STEP_DOWN) if body.len() == 1 => Some(Self::StepDown),
            Some(&STEP_DOWN) | None => None,
            Some(_) => return Ok(None),
        };
        word.map(Some).ok_or(PeerFault::BadWord { length: body.len() })
    }
}

fn decode_hello(body: &Bytes) -> Option<Hello> {
    let mut rest = body.get(1..HELLO_BYTES)?;
    let (flags, epoch) = (rest.get_u8(), rest.get_u64_le());
    let process = ProcessId { pid: rest.get_u32_le(), id: rest.get_u64_le() };
    let name = body.get(HELLO_BYTES..HELLO_BYTES + usize::from(rest.get_u8()))?;
    let data = body.slice(HELLO_BYTES + name.len()..);
    if data.len() > limits::PEER_DATA {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?.to_owned();
    let process = Some(process).filter(|process| process.pid != 0);
    Some(Hello { name, data, takes_over: flags & 1 != 0, epoch, process })
}

fn decode_standby(rest: &[u8]) -> Option<Inode> {
    let (device, rest) = rest.split_first_chunk()?;
    let number = rest.try_into().ok()?;
    Some(Inode { device: u64::from_le_bytes(*device), number: u64::from_le_bytes(number) })
}

const HELLO: u8 = 1;
const STANDBY: u8 = 2;
const STEP_DOWN: u8 = 3;

/// Bytes of a hello before its name.
const HELLO_BYTES: usize = 23;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_was_said() {
        let process = Some(ProcessId { pid: 5, id: 6 });
        let hello =
            Hello { epoch: 7, process, ..Hello::new("näme").unwrap().with_data("some data").unwrap() };
        let quiet = Hello { takes_over: false, ..Hello::new("").unwrap() };
        for word in [
            Word::Hello(hello),
            Word::Hello(quiet),
            Word::Standby(Inode { device: 1, number: u64::MAX }),
            Word::StepDown,
        ] {
            assert_eq!(Word::decode(&word.encode()), Ok(Some(word)));
        }
    }

    #[test]
    fn the_words_of_the_page_are_these() {
        let page = include_str!("../../../docs/wire.md");
        let (_, block) = page.split_once("```words\n").unwrap();
        let (block, _) = block.split_once("```").unwrap();
        let byte = |two| u8::from_str_radix(two, 16).unwrap();
        let process = Some(ProcessId { pid: 5, id: 6 });
        let hello = Hello { epoch: 7, process, ..Hello::new("anna").unwrap().with_data("!").unwrap() };
        let words = [Word::Hello(hello), Word::Standby(Inode { device: 1, number: 2 }), Word::StepDown];
        assert_eq!(block.lines().count(), words.len());
        for (line, word) in block.lines().zip(words) {
            let frame: Vec<_> = line.split("  ").next().unwrap().split(' ').map(byte).collect();
            let fds = u8::from(matches!(word, Word::Standby(_)));
            assert_eq!(frame[..8], [frame.len() as u8 - 8, 0, 0, 0, 9, fds, 0, 0], "{line}");
            assert_eq!(word.encode(), frame[8..], "{line}");
        }
    }

    #[test]
    fn a_cut_word_is_a_fault_and_an_unknown_one_says_nothing() {
        for word in [Word::Hello(Hello::new("name").unwrap()), Word::Standby(Inode { device: 1, number: 2 })]
        {
            let whole = word.encode();
            let least = if matches!(word, Word::Hello(_)) { HELLO_BYTES + 4 } else { 17 };
            for cut in 0..least {
                let fault = Err(PeerFault::BadWord { length: cut });
                assert_eq!(Word::decode(&whole.slice(..cut)), fault, "{word:?} cut to {cut}");
            }
        }
        assert_eq!(Word::decode(&Bytes::from_static(&[99, 1])), Ok(None));
        assert!(Word::decode(&Bytes::from_static(&[STEP_DOWN, 0])).is_err());
        assert!(
            Word::decode(&Bytes::from_static(b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\xff\xfe"))
                .is_err(),
            "no text"
        );
    }
}
