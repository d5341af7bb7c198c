use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bounds::Bounds;
use super::error::Malformed;
use super::keys::{Keys, Mark};
use super::{Codec, CodecError};

/// JSON, RFC 8259: for people, and for peers that have nothing else.
///
/// At most 32 arrays and objects inside each other, 4,096 keys in all objects together, and no key twice in an object;
/// one value and nothing but white space around it. Bytes are arrays of numbers here: [`Cbor`](super::Cbor) takes a
/// third of the room.
///
/// ```
/// use ginnel_proto::codec::{Codec, Json};
/// let body = Json::new().encode(&vec![Some("one"), None])?;
/// assert_eq!(body, br#"["one",null]"#);
/// assert!(Json::new().decode::<Vec<Option<String>>>(br#"["one",null]"#)?[1].is_none());
/// # Ok::<(), ginnel_proto::codec::CodecError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Json {
    bounds: Bounds,
}

impl Json {
    /// With the default limits: 32 deep, 4,096 keys.
    pub const fn new() -> Self {
        Self { bounds: Bounds::DEFAULT }
    }

    /// Allows this many arrays and objects inside each other, up to 127.
    #[must_use]
    pub const fn depth(mut self, max: u8) -> Self {
        self.bounds.depth = if max < DEEPEST { max } else { DEEPEST };
        self
    }

    /// Allows this many keys in all objects of one message together.
    #[must_use]
    pub const fn keys(mut self, max: usize) -> Self {
        self.bounds.keys = max;
        self
    }
}

impl Default for Json {
    fn default() -> Self {
        Self::new()
    }
}

impl Codec for Json {
    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        let body = serde_json::to_vec(value).map_err(|error| CodecError::Encode(error.into()))?;
        scan(&body, self.bounds)?;
        Ok(body)
    }

    fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, CodecError> {
        scan(body, self.bounds)?;
        serde_json::from_slice(body).map_err(|error| CodecError::Decode(error.into()))
    }
}

/// Counts brackets and keys, without recursion. Whether the rest is JSON is for the parser to say.
fn scan(body: &[u8], bounds: Bounds) -> Result<(), Malformed> {
    let mut keys = Keys::new(bounds.keys);
    // What is open: of an object, where its keys start.
    let mut open: Vec<Option<Mark>> = Vec::new();
    let mut string = 0..0;
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => {
                string = at..end_of_string(body, at + 1);
                at = string.end;
                continue;
            }
            b'{' | b'[' if open.len() >= usize::from(bounds.depth) => {
                return Err(Malformed::Depth { depth: open.len() + 1, max: bounds.depth });
            }
            b'{' => open.push(Some(keys.mark())),
            b'[' => open.push(None),
            b'}' | b']' => {
                if let Some(Some(mark)) = open.pop() {
                    keys.close(mark)?;
                }
            }
            b':' if matches!(open.last(), Some(Some(_))) => {
                keys.announce(1)?;
                keys.push(unescaped(body.get(string.clone()).unwrap_or_default()), string.start);
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// After the closing quote, or after the last byte if there is none.
fn end_of_string(body: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    body.len()
}

/// One form of a key: `"\u0061"` is `"a"`. A string that is none is left as it is, and to the parser.
fn unescaped(string: &[u8]) -> Cow<'_, [u8]> {
    if !string.contains(&b'\\') {
        return Cow::Borrowed(string);
    }
    match serde_json::from_slice::<String>(string) {
        Ok(text) => Cow::Owned([b"\"", text.as_bytes(), b"\""].concat()),
        Err(_) => Cow::Borrowed(string),
    }
}

/// The parser refuses what is 128 deep.
const DEEPEST: u8 = 127;
