//! Values where messages carry no descriptors.

use ginnel_proto::codec::{Codec, CodecError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sys::Carried;

/// The bytes of a value.
///
/// # Errors
/// What [`Codec::encode`] objects to.
pub(crate) fn encode_with_fds<C: Codec, T: Serialize + ?Sized>(
    codec: &C,
    value: &T,
) -> Result<(Vec<u8>, Vec<Carried>), CodecError> {
    Ok((codec.encode(value)?, Vec::new()))
}

/// The value of a message.
///
/// # Errors
/// What [`Codec::decode`] objects to.
pub(crate) fn decode_with_fds<C: Codec, T: DeserializeOwned>(
    codec: &C,
    body: &[u8],
    _: Vec<Carried>,
) -> Result<T, CodecError> {
    codec.decode(body)
}
