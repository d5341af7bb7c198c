use cbor4ii::serde::EncodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bounds::Bounds;
use super::definite::definite;
use super::read::Reader;
use super::scan::scan;
use super::{Codec, CodecError, Malformed};

/// CBOR, RFC 8949: compact, and any language reads it. The default.
///
/// It writes one form of each value, and reads no other: numbers and lengths in their shortest form (section 4.1),
/// strings, arrays and maps with their length in front, no key twice in a map, one value and nothing after it, at most
/// 32 arrays, maps and tags inside each other and 4,096 keys in all maps together. Floats may have 16, 32 or 64 bits,
/// and a whole number may stand for a float. What other languages call preferred, deterministic or canonical encoding
/// fits; where that is an option, turn it on (cbor-x: `useRecords: false, variableMapSize: true`).
///
/// A struct is a map from the names of its fields, an enum the name of its variant or a map from the name to the
/// content, `()` an empty array, `None` null. Maps keep the order in which their entries are serialised. Numbers
/// beyond 64 bits are tags 2 and 3; other tags are skipped in fields nobody reads, and refused elsewhere.
///
/// ```
/// use ginnel_proto::codec::{Cbor, Codec};
/// #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
/// struct Ping { id: u64, note: Option<String> }
/// let body = Cbor::new().encode(&Ping { id: 7, note: None })?;
/// assert_eq!(body, b"\xa2\x62id\x07\x64note\xf6");
/// assert_eq!(Cbor::new().decode::<Ping>(&body)?, Ping { id: 7, note: None });
/// # Ok::<(), ginnel_proto::codec::CodecError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cbor {
    bounds: Bounds,
}

impl Cbor {
    /// With the default limits: 32 deep, 4,096 keys.
    pub const fn new() -> Self {
        Self { bounds: Bounds::DEFAULT }
    }

    /// Allows this many arrays, maps and tags inside each other.
    ///
    /// Reading a value takes stack for each, so threads with small stacks want few.
    #[must_use]
    pub const fn depth(mut self, max: u8) -> Self {
        self.bounds.depth = max;
        self
    }

    /// Allows this many keys in all maps of one message together. Fields of structs are keys, too.
    #[must_use]
    pub const fn keys(mut self, max: usize) -> Self {
        self.bounds.keys = max;
        self
    }
}

impl Default for Cbor {
    fn default() -> Self {
        Self::new()
    }
}

impl Codec for Cbor {
    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        let body = cbor4ii::serde::to_vec(Vec::with_capacity(CAPACITY), &value).map_err(not_written)?;
        match scan(&body, self.bounds) {
            Ok(()) => Ok(body),
            // A flattened struct, or an iterator, does not know its length beforehand.
            Err(Malformed::Indefinite { .. }) => {
                let body = definite(&body);
                scan(&body, self.bounds)?;
                Ok(body)
            }
            Err(malformed) => Err(malformed.into()),
        }
    }

    fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, CodecError> {
        scan(body, self.bounds)?;
        T::deserialize(&mut Reader::new(body)).map_err(|error| CodecError::Decode(error.into()))
    }
}

/// The encoder's own error shows its `Debug` form; the words of the `Serialize` are for people.
fn not_written(error: EncodeError<std::collections::TryReserveError>) -> CodecError {
    CodecError::Encode(match error {
        EncodeError::Custom(words) => String::from(words).into(),
        error => error.into(),
    })
}

/// Bytes that most messages fit.
const CAPACITY: usize = 128;
