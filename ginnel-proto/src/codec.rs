//! Typed values as the bytes of a message: what a [`Codec`] is, and three of them.
//!
//! A peer's bytes are measured before a value is made of them: [`Cbor`] and [`Json`] walk through the whole message
//! first, without recursion, and refuse what is too deep, has too many keys or names one key twice.

mod bounds;
mod cbor;
mod definite;
mod error;
mod item;
mod json;
mod keys;
mod raw;
mod read;
mod scan;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use cbor::Cbor;
pub use error::{CodecError, Malformed};
pub use json::Json;
pub use raw::Raw;

/// Turns values into the bytes of a message, and such bytes into values.
///
/// Bytes to decode come from a peer: an implementation checks what they claim before it allocates or recurses, and
/// never panics over them.
///
/// ```
/// use ginnel_proto::codec::{Cbor, Codec};
/// let body = Cbor::new().encode(&("answer", 42))?;
/// assert_eq!(body, b"\x82\x66answer\x18\x2a");
/// assert_eq!(Cbor::new().decode::<(String, u8)>(&body)?, ("answer".to_owned(), 42));
/// # Ok::<(), ginnel_proto::codec::CodecError>(())
/// ```
pub trait Codec {
    /// The bytes of a value.
    ///
    /// # Errors
    /// [`CodecError::Encode`] if the value cannot be written; the codecs here also refuse what they would not read.
    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, CodecError>;

    /// The value of such bytes, all of them.
    ///
    /// # Errors
    /// [`CodecError::Malformed`] if the bytes break the rules of the codec, [`CodecError::Decode`] if they are no `T`.
    fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, CodecError>;
}

#[cfg(test)]
mod tests;
