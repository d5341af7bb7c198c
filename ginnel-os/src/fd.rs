//! Descriptors inside typed values.
//!
//! serde hands no context to a `Serialize` or `Deserialize`, so an [`Fd`] finds the descriptors of its message in a
//! thread-local of this file. It is empty except inside [`encode_with_fds`] and [`decode_with_fds`], which restore it
//! when they end, also by a panic, and hide it from calls inside them.

use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread::AccessError;

use ginnel_proto::codec::{Codec, CodecError};
use ginnel_proto::limits::MAX_FDS;
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A descriptor inside a typed value. It owns it: dropping the value closes it.
///
/// In the bytes of the message stands a number: which of the descriptors beside them it is, counted from 0. So it can
/// be written by [`encode_with_fds`] and read by [`decode_with_fds`] only; anywhere else it is an error, and no number
/// is ever taken for a descriptor of this process.
///
/// ```
/// use ginnel_os::{Fd, decode_with_fds, encode_with_fds};
/// use ginnel_proto::codec::Cbor;
/// let log = ("log", Fd::from(std::fs::File::open("/dev/null")?));
/// let (body, fds) = encode_with_fds(&Cbor::new(), &log)?;
/// assert_eq!((&body[..], fds.len()), (&b"\x82\x63log\x00"[..], 1));
/// let (name, fd): (String, Fd) = decode_with_fds(&Cbor::new(), &body, fds)?;
/// # assert_eq!(name, "log"); drop(fd);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Fd(OwnedFd);

impl Fd {
    /// Of anything that owns a descriptor: a socket, a pipe, a pidfd.
    pub fn new(fd: impl Into<OwnedFd>) -> Self {
        Self(fd.into())
    }
}

impl From<OwnedFd> for Fd {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<File> for Fd {
    fn from(file: File) -> Self {
        Self(file.into())
    }
}

impl From<Fd> for OwnedFd {
    fn from(fd: Fd) -> Self {
        fd.0
    }
}

impl From<Fd> for File {
    fn from(fd: Fd) -> Self {
        fd.0.into()
    }
}

impl AsFd for Fd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The bytes of a value, and duplicates of the descriptors in it, in the order in which it was written.
///
/// The value keeps its own. A duplicate costs one system call (`F_DUPFD_CLOEXEC`) and is closed when the message is
/// dropped, sent or not.
///
/// A value of one message may be written inside the `Serialize` of another's part: by this function it has its own
/// descriptors, by [`Codec::encode`] alone it adds to those of the message around it.
///
/// # Errors
/// What [`Codec::encode`] objects to, [`CodecError::TooManyFds`] beyond 253 descriptors, and [`CodecError::Encode`] if
/// one cannot be duplicated. The value keeps its descriptors, and the duplicates are closed.
///
/// ```
/// # use ginnel_os::{Fd, encode_with_fds};
/// # use ginnel_proto::codec::Json;
/// let (from, to) = std::io::pipe()?;
/// let (body, fds) = encode_with_fds(&Json::new(), &[Fd::new(from), Fd::new(to)])?;
/// assert_eq!((&body[..], fds.len()), (&b"[0,1]"[..], 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode_with_fds<C: Codec, T: Serialize + ?Sized>(
    codec: &C,
    value: &T,
) -> Result<(Vec<u8>, Vec<OwnedFd>), CodecError> {
    let call = Call::begin(Beside::Outgoing(Vec::new())).map_err(|error| CodecError::Encode(error.into()))?;
    let body = codec.encode(value);
    match (call.end()?, body?) {
        (Beside::Outgoing(fds), body) => Ok((body, fds)),
        (Beside::Nothing | Beside::Incoming(_), _) => Err(CodecError::Encode(NotUnderWay.into())),
    }
}

/// The value of a message: its bytes, and the descriptors that came with them.
///
/// Each descriptor belongs to exactly one [`Fd`] of the value. A type that tries several forms of one message (an
/// untagged enum) may take a descriptor only in the form that fits.
///
/// # Errors
/// What [`Codec::decode`] objects to, [`CodecError::FdMissing`] if the value names a descriptor that did not come,
/// [`CodecError::FdTwice`] if it names one twice, [`CodecError::FdsUnclaimed`] if it does not name one that came. All
/// descriptors are closed.
///
/// ```
/// # use ginnel_os::{Fd, decode_with_fds};
/// # use ginnel_proto::codec::{Cbor, CodecError};
/// let null = std::fs::File::open("/dev/null")?;
/// let error = decode_with_fds::<_, u8>(&Cbor::new(), &[7], vec![null.into()]).unwrap_err();
/// assert!(matches!(error, CodecError::FdsUnclaimed { count: 1 }));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn decode_with_fds<C: Codec, T: DeserializeOwned>(
    codec: &C,
    body: &[u8],
    fds: Vec<OwnedFd>,
) -> Result<T, CodecError> {
    let incoming = Beside::Incoming(fds.into_iter().map(Some).collect());
    let call = Call::begin(incoming).map_err(|error| CodecError::Decode(error.into()))?;
    let value = codec.decode(body);
    let count = match call.end()? {
        Beside::Incoming(left) => left.iter().flatten().count(),
        Beside::Nothing | Beside::Outgoing(_) => 0,
    };
    match (value?, count) {
        (value, 0) => Ok(value),
        (_, count) => Err(CodecError::FdsUnclaimed { count }),
    }
}

impl Serialize for Fd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let index = beside(|message| message.attach(self.as_fd())).map_err(S::Error::custom)?;
        serializer.serialize_newtype_struct("Fd", &index)
    }
}

impl<'de> Deserialize<'de> for Fd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct("Fd", Claim)
    }
}

struct Claim;

impl<'de> Visitor<'de> for Claim {
    type Value = Fd;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the number of a descriptor beside the message")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Fd, D::Error> {
        let index = u32::deserialize(deserializer)?;
        beside(|message| message.claim(index)).map(Fd).map_err(D::Error::custom)
    }
}

/// The descriptors of the message that is being written or read.
#[derive(Debug)]
enum Beside {
    /// No call is under way.
    Nothing,
    /// Those of the parts written so far.
    Outgoing(Vec<OwnedFd>),
    /// Those that came, less those that were claimed.
    Incoming(Vec<Option<OwnedFd>>),
}

impl Beside {
    /// `None` if no message is being written.
    fn attach(&mut self, fd: BorrowedFd<'_>) -> Option<Result<u32, CodecError>> {
        let Self::Outgoing(fds) = self else { return None };
        let index = match u32::try_from(fds.len()) {
            Ok(index) if fds.len() < MAX_FDS => index,
            _ => return Some(Err(CodecError::TooManyFds)),
        };
        let duplicate = fd.try_clone_to_owned().map_err(|error| CodecError::Encode(error.into()));
        Some(duplicate.map(|duplicate| {
            fds.push(duplicate);
            index
        }))
    }

    /// `None` if no message is being read.
    fn claim(&mut self, index: u32) -> Option<Result<OwnedFd, CodecError>> {
        let Self::Incoming(fds) = self else { return None };
        let count = fds.len();
        let place = usize::try_from(index).ok().and_then(|index| fds.get_mut(index));
        Some(match place {
            Some(place) => place.take().ok_or(CodecError::FdTwice { index }),
            None => Err(CodecError::FdMissing { index, count }),
        })
    }
}

#[derive(Debug)]
struct Context {
    beside: Beside,
    /// The first fault of a descriptor: serde passes on its words alone, and a type may go on after it.
    fault: Option<CodecError>,
}

thread_local! {
    static CONTEXT: RefCell<Context> = const { RefCell::new(Context { beside: Beside::Nothing, fault: None }) };
}

/// Does something with the descriptors of the message under way; or says in words why not, for serde.
fn beside<T>(act: impl FnOnce(&mut Beside) -> Option<Result<T, CodecError>>) -> Result<T, String> {
    let done = CONTEXT.try_with(|context| {
        let context = &mut *context.borrow_mut();
        act(&mut context.beside).map(|done| {
            done.map_err(|fault| {
                let words = fault.to_string();
                context.fault.get_or_insert(fault);
                words
            })
        })
    });
    done.ok().flatten().unwrap_or_else(|| Err(NotUnderWay.to_string()))
}

/// A call that is under way, and what it hides until it ends.
#[derive(Debug)]
struct Call {
    hidden: Option<Context>,
}

impl Call {
    /// Fails only while the thread ends.
    fn begin(beside: Beside) -> Result<Self, AccessError> {
        let context = Context { beside, fault: None };
        let hidden = CONTEXT.try_with(|place| place.replace(context))?;
        Ok(Self { hidden: Some(hidden) })
    }

    /// What is left beside the message, unless one of its descriptors was at fault.
    fn end(mut self) -> Result<Beside, CodecError> {
        match self.restore() {
            Some(Context { fault: Some(fault), .. }) => Err(fault),
            Some(Context { beside, fault: None }) => Ok(beside),
            None => Ok(Beside::Nothing),
        }
    }

    fn restore(&mut self) -> Option<Context> {
        let hidden = self.hidden.take()?;
        CONTEXT.try_with(|place| place.replace(hidden)).ok()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        drop(self.restore());
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a descriptor is written and read beside a message only: by encode_with_fds and decode_with_fds")]
struct NotUnderWay;

#[cfg(test)]
mod tests;
