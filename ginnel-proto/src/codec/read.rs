use serde::de::value::Error;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::item::{Item, Items};

/// Makes a value of a CBOR message that was scanned.
///
/// A type takes all that the message has for it, or it is an error: nothing is left over of which the next value could
/// be made. (cbor4ii, which writes for us, reads floats of one width only, and lets a variant leave its content to the
/// item after it: `a_variant_has_content_if_and_only_if_its_type_has`.)
#[derive(Debug)]
pub(super) struct Reader<'de> {
    items: Items<'de>,
}

impl<'de> Reader<'de> {
    pub(super) fn new(body: &'de [u8]) -> Self {
        Self { items: Items::new(body) }
    }

    fn next(&mut self) -> Result<Item<'de>, Error> {
        self.items.next().map_err(Error::custom)
    }

    fn visit<V: Visitor<'de>>(&mut self, item: Item<'de>, visitor: V) -> Result<V::Value, Error> {
        match item {
            Item::Unsigned(number) => visitor.visit_u64(number),
            Item::Negative(number) => match i64::try_from(number) {
                Ok(number) => visitor.visit_i64(-1 - number),
                Err(_) => visitor.visit_i128(-1 - i128::from(number)),
            },
            Item::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Item::Text(text) => visitor.visit_borrowed_str(text),
            Item::Array(left) => Held { reader: self, left }.all(|items| visitor.visit_seq(items)),
            Item::Map(left) => Held { reader: self, left }.all(|entries| visitor.visit_map(entries)),
            Item::Tag(tag) => self.big_number(tag, visitor),
            Item::Bool(value) => visitor.visit_bool(value),
            Item::Null => visitor.visit_unit(),
            Item::Float(number) => visitor.visit_f64(number),
        }
    }

    /// Numbers beyond 64 bits: tag 2, or 3 below zero, and 9 to 16 bytes. RFC 8949 section 3.4.3.
    fn big_number<V: Visitor<'de>>(&mut self, tag: u64, visitor: V) -> Result<V::Value, Error> {
        let (2 | 3, Item::Bytes(bytes)) = (tag, self.next()?) else {
            return Err(Error::custom(format_args!("tag {tag} is not read here")));
        };
        if !(9..=16).contains(&bytes.len()) || bytes.first() == Some(&0) {
            return Err(Error::custom("a big number takes 9 to 16 bytes, the first of them not zero"));
        }
        let size = bytes.iter().fold(0, |size: u128, &byte| size << 8 | u128::from(byte));
        match i128::try_from(size) {
            _ if tag == 2 => visitor.visit_u128(size),
            Ok(size) => visitor.visit_i128(-1 - size),
            Err(_) => Err(Error::custom("a number below what 128 bits hold")),
        }
    }

    fn skip(&mut self) -> Result<(), Error> {
        let mut owed: u64 = 1;
        while owed > 0 {
            let held = match self.next()? {
                Item::Array(len) => len,
                Item::Map(len) => len.saturating_mul(2),
                Item::Tag(_) => 1,
                _ => 0,
            };
            owed = (owed - 1).saturating_add(held);
        }
        Ok(())
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let item = self.next()?;
        self.visit(item, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let before = self.items.clone();
        if self.next()? == Item::Null {
            return visitor.visit_none();
        }
        self.items = before;
        visitor.visit_some(self)
    }

    /// `()` is written as an empty array; `null` is what other languages have for it.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.next()? {
            Item::Null | Item::Array(0) => visitor.visit_unit(),
            item => Err(mismatch(item, &visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// A map, never an array: a struct has one form.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.next()? {
            item @ Item::Map(_) => self.visit(item, visitor),
            item => Err(mismatch(item, &visitor)),
        }
    }

    /// The name of a variant without content, or a map of one entry from the name to the content.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.next()? {
            Item::Text(name) => visitor.visit_enum(name.into_deserializer()),
            Item::Map(1) => visitor.visit_enum(Content { reader: self }),
            item => Err(mismatch(item, &visitor)),
        }
    }

    /// The name of a field or variant: text, never its number.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.next()? {
            Item::Text(name) => visitor.visit_borrowed_str(name),
            item => Err(mismatch(item, &visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq tuple tuple_struct map
    }
}

/// The items of an array or the entries of a map.
struct Held<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: u64,
}

impl<'de> Held<'_, 'de> {
    /// Has them visited, and insists that none is left.
    fn all<T>(mut self, visit: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let value = visit(&mut self)?;
        match self.left {
            0 => Ok(value),
            left => Err(Error::custom(format_args!("{left} items more than the type takes"))),
        }
    }

    fn next<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

impl<'de> SeqAccess<'de> for &mut Held<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.next(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> MapAccess<'de> for &mut Held<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.next(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

/// The one entry of a map that is a variant with content.
struct Content<'a, 'de> {
    reader: &'a mut Reader<'de>,
}

impl<'de> EnumAccess<'de> for Content<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        Ok((seed.deserialize(&mut *self.reader)?, self))
    }
}

impl<'de> VariantAccess<'de> for Content<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Err(Error::invalid_type(Unexpected::NewtypeVariant, &"a variant without content"))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.reader.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.reader.deserialize_struct("", fields, visitor)
    }
}

fn mismatch<'de>(item: Item<'_>, visitor: &impl Visitor<'de>) -> Error {
    let found = match item {
        Item::Unsigned(number) => Unexpected::Unsigned(number),
        Item::Negative(_) => Unexpected::Other("a number below zero"),
        Item::Bytes(bytes) => Unexpected::Bytes(bytes),
        Item::Text(text) => Unexpected::Str(text),
        Item::Array(_) => Unexpected::Seq,
        Item::Map(_) => Unexpected::Map,
        Item::Tag(_) => Unexpected::Other("a tag"),
        Item::Bool(value) => Unexpected::Bool(value),
        Item::Null => Unexpected::Unit,
        Item::Float(number) => Unexpected::Float(number),
    };
    Error::invalid_type(found, visitor)
}
