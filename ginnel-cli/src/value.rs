//! Any value of CBOR or JSON, to be typed and printed.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::speech::hex;

/// A value of which nothing is known beforehand. Maps keep the order of their entries.
///
/// It is shown in the diagnostic notation of RFC 8949 section 8, without white space: JSON where JSON has a form for
/// it, and beside that bytes as `h'00ff'`, keys of any kind, `NaN` and `Infinity`. A descriptor stands as its number.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    /// Beyond what `Integer` holds.
    Huge(u128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

impl Value {
    /// As JSON. What JSON has no form for is a text as it would be shown.
    pub(crate) fn into_json(self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => value.into(),
            Self::Integer(number) => match (u64::try_from(number), i64::try_from(number)) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) => number.into(),
                _ => number.to_string().into(),
            },
            Self::Float(number) if number.is_finite() => number.into(),
            Self::Text(text) => text.into(),
            Self::Array(items) => items.into_iter().map(Self::into_json).collect(),
            Self::Map(entries) => {
                entries.into_iter().map(|(key, value)| (key.into_key(), value.into_json())).collect()
            }
            other => other.to_string().into(),
        }
    }

    fn into_key(self) -> String {
        match self {
            Self::Text(text) => text,
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Huge(number) => write!(f, "{number}"),
            Self::Float(number) if number.is_infinite() => {
                f.write_str(if *number < 0.0 { "-Infinity" } else { "Infinity" })
            }
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) => f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?),
            Self::Bytes(bytes) => write!(f, "h'{}'", hex(bytes)),
            Self::Array(items) => {
                f.write_str("[")?;
                joined(f, items, |f, item| write!(f, "{item}"))?;
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                joined(f, entries, |f, (key, value)| write!(f, "{key}:{value}"))?;
                f.write_str("}")
            }
        }
    }
}

fn joined<T>(
    f: &mut fmt::Formatter<'_>,
    parts: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(",")?;
        }
        write(f, part)?;
    }
    Ok(())
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(number) => match (u64::try_from(*number), i64::try_from(*number)) {
                (Ok(number), _) => serializer.serialize_u64(number),
                (_, Ok(number)) => serializer.serialize_i64(number),
                _ => serializer.serialize_i128(*number),
            },
            Self::Huge(number) => serializer.serialize_u128(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(i128::try_from(number).map_or(Value::Huge(number), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        // Grown with what there is, never with what was announced.
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use ginnel::codec::{Cbor, Codec};

    use super::*;

    #[test]
    fn what_json_has_no_form_for_is_shown_in_diagnostic_notation() {
        let table: [(&[u8], &str); 9] = [
            (b"\xa2\x01\x42\x00\xff\x61a\xf6", "{1:h'00ff',\"a\":null}"),
            (b"\xf9\x7e\x00", "NaN"),
            (b"\xf9\x7c\x00", "Infinity"),
            (b"\xf9\xfc\x00", "-Infinity"),
            (b"\xf9\x3e\x00", "1.5"),
            (b"\xf9\x3c\x00", "1.0"),
            (b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "-18446744073709551616"),
            (b"\xc2\x49\x01\0\0\0\0\0\0\0\0", "18446744073709551616"),
            (b"\x80", "[]"),
        ];
        for (body, text) in table {
            let value = Cbor::new().decode::<Value>(body).unwrap();
            assert_eq!(value.to_string(), text);
            let again = Cbor::new().encode(&value).unwrap();
            assert_eq!(Cbor::new().decode::<Value>(&again).unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_event_has_json_for_every_value() {
        let body = b"\xa2\x01\xf9\x7e\x00\x61b\x82\x41\xff\xf4";
        let value = Cbor::new().decode::<Value>(body).unwrap();
        assert_eq!(value.into_json(), serde_json::json!({"1": "NaN", "b": ["h'ff'", false]}));
    }
}
