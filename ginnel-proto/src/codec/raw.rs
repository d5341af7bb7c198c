use std::fmt;

use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::ser::{Impossible, Serializer};
use serde::{Serialize, forward_to_deserialize_any};

use super::{Codec, CodecError};

/// The bytes as they stand: no encoding, for values that are bytes or text.
///
/// `bytes::Bytes`, `String`, `&str` and newtypes around them. A `Vec<u8>` is a list of numbers to serde, and an error
/// here: wrap it in `Bytes`.
///
/// ```
/// use bytes::Bytes;
/// use ginnel_proto::codec::{Codec, Raw};
/// assert_eq!(Raw::new().encode("as it stands")?, b"as it stands");
/// assert_eq!(Raw::new().decode::<Bytes>(b"\xff\0")?, Bytes::from_static(b"\xff\0"));
/// assert!(Raw::new().encode(&7).is_err());
/// # Ok::<(), ginnel_proto::codec::CodecError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Raw(());

impl Raw {
    /// There is nothing to set.
    pub const fn new() -> Self {
        Self(())
    }
}

impl Codec for Raw {
    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        value.serialize(Writer).map_err(|error| match error {
            Fault::NotRaw => CodecError::NotRaw,
            Fault::Other(error) => CodecError::Encode(error.into()),
        })
    }

    fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, CodecError> {
        T::deserialize(Reader(body)).map_err(|error| CodecError::Decode(error.into()))
    }
}

struct Reader<'de>(&'de [u8]);

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(self.0)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(std::str::from_utf8(self.0).map_err(Error::custom)?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("neither bytes nor text")]
    NotRaw,
    #[error(transparent)]
    Other(Error),
}

impl serde::ser::Error for Fault {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::Other(serde::ser::Error::custom(words))
    }
}

struct Writer;

type Written = Result<Vec<u8>, Fault>;
type Never = Impossible<Vec<u8>, Fault>;

impl Serializer for Writer {
    type Ok = Vec<u8>;
    type Error = Fault;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn serialize_bytes(self, bytes: &[u8]) -> Written {
        Ok(bytes.to_vec())
    }

    fn serialize_str(self, text: &str) -> Written {
        self.serialize_bytes(text.as_bytes())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Written {
        value.serialize(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, _: bool) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_i8(self, _: i8) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_i16(self, _: i16) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_i32(self, _: i32) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_i64(self, _: i64) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_i128(self, _: i128) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_u8(self, _: u8) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_u16(self, _: u16) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_u32(self, _: u32) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_u64(self, _: u64) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_u128(self, _: u128) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_f32(self, _: f32) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_f64(self, _: f64) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_char(self, _: char) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_none(self) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_unit(self) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Written {
        Err(Fault::NotRaw)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Never, Fault> {
        Err(Fault::NotRaw)
    }

    fn serialize_tuple(self, _: usize) -> Result<Never, Fault> {
        Err(Fault::NotRaw)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Never, Fault> {
        Err(Fault::NotRaw)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, Fault> {
        Err(Fault::NotRaw)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Never, Fault> {
        Err(Fault::NotRaw)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Never, Fault> {
        Err(Fault::NotRaw)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, Fault> {
        Err(Fault::NotRaw)
    }
}
