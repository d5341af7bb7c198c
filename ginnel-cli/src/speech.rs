//! What is spoken over a stream: how messages are framed, and what is in them. Pure.

use std::borrow::Cow;
use std::fmt;

use clap::ValueEnum;
use ginnel::Wire;
use ginnel::codec::{Cbor, Codec as _, CodecError, Json};
use serde::Serialize;

use crate::escape;
use crate::exit::Unreadable;
use crate::value::Value;

/// How messages are framed, and what is in them: bytes, if nothing is said about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Speech {
    pub(crate) wire: Wire,
    pub(crate) codec: Option<Codec>,
}

/// A wire, as it is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum WireName {
    /// Ginnel's own: messages, requests and open files
    Native,
    /// Each message ends with a newline
    Lines,
    /// A length of four bytes, big-endian, in front of each
    Prefixed,
    /// No frames: what arrives together is one message
    Raw,
    /// The frames of kyneta 1.8
    Kyneta,
}

/// What messages are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Codec {
    /// CBOR, typed as JSON and printed like it
    Cbor,
    /// JSON
    Json,
    /// Bytes as they stand
    Raw,
}

impl From<WireName> for Wire {
    fn from(name: WireName) -> Self {
        match name {
            WireName::Native => Self::Native,
            WireName::Lines => Self::Lines,
            WireName::Prefixed => Self::LengthPrefixed,
            WireName::Raw => Self::Raw,
            WireName::Kyneta => Self::Kyneta,
        }
    }
}

impl Speech {
    /// Does a program see a line for each message? Else it sees the bytes, as if there were no messages.
    pub(crate) fn is_in_lines(self) -> bool {
        self.codec.is_some() || self.wire == Wire::Lines
    }

    /// The body of the message that was typed.
    pub(crate) fn body(self, typed: Vec<u8>) -> Result<Vec<u8>, NotTyped> {
        self.codec.unwrap_or(Codec::Raw).body(typed)
    }

    /// A body as it is printed.
    pub(crate) fn line(self, body: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
        self.codec.unwrap_or(Codec::Raw).line(body)
    }

    /// A body as it is told in an event.
    pub(crate) fn told(self, body: &[u8]) -> Told {
        self.codec.unwrap_or(Codec::Raw).told(body)
    }
}

impl Codec {
    /// The body of the message that was typed.
    pub(crate) fn body(self, typed: Vec<u8>) -> Result<Vec<u8>, NotTyped> {
        let value = match self {
            Self::Raw => return Ok(typed),
            Self::Cbor | Self::Json => Json::new().decode::<Value>(&typed),
        };
        match (self, value) {
            (_, Err(source)) => Err(NotTyped::NoJson(source)),
            (Self::Cbor, Ok(value)) => Cbor::new().encode(&value).map_err(NotTyped::NoCbor),
            (Self::Json | Self::Raw, Ok(_)) => Ok(typed),
        }
    }

    /// A body as it is printed: one line, unless it is bytes. What a terminal acts on is left in bytes alone.
    pub(crate) fn line(self, body: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
        let text = match self {
            Self::Raw => return Ok(Cow::Borrowed(body)),
            Self::Cbor => Cbor::new().decode::<Value>(body).map(|value| value.to_string()),
            Self::Json => Json::new().decode::<Value>(body).map(|_| compact(&String::from_utf8_lossy(body))),
        };
        match text {
            Ok(text) => Ok(Cow::Owned(escape::json(&text).into_bytes())),
            Err(source) => Err(Unreadable { codec: self, source }),
        }
    }

    /// A body as it is told in an event: a value if it can be read as one, else text, else hexadecimal digits.
    pub(crate) fn told(self, body: &[u8]) -> Told {
        let value = match self {
            Self::Raw => None,
            Self::Cbor => Cbor::new().decode::<Value>(body).ok(),
            Self::Json => Json::new().decode::<Value>(body).ok(),
        };
        match (value, str::from_utf8(body)) {
            (Some(value), _) => Told::Body(value.into_json()),
            (None, Ok(text)) => Told::Body(text.into()),
            (None, Err(_)) => Told::Hex(hex(body)),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cbor => "CBOR",
            Self::Json => "JSON",
            Self::Raw => "bytes",
        })
    }
}

/// A body in an event.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Told {
    Body(serde_json::Value),
    Hex(String),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(serde_json::Value::String(text)) | Self::Hex(text) => f.write_str(text),
            Self::Body(value) => value.fmt(f),
        }
    }
}

/// What was typed, or printed by a command, is no message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTyped {
    #[error("a message is JSON text here")]
    NoJson(#[source] CodecError),
    #[error("the message cannot be written as CBOR")]
    NoCbor(#[source] CodecError),
}

/// Two digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON without the white space between its parts, and else as it was written, so that no number is rounded.
fn compact(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let kept = text.chars().filter(|&c| {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            return true;
        }
        in_string = c == '"';
        !matches!(c, ' ' | '\t' | '\n' | '\r')
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_as_cbor_and_comes_back_as_it_was() {
        for text in [
            r#"{"b":1,"a":[true,null,-2,1.5,"\u001b\"x"]}"#,
            "18446744073709551615",
            "-9223372036854775808",
            "\"\"",
        ] {
            let body = Codec::Cbor.body(text.into()).unwrap();
            assert_eq!(String::from_utf8_lossy(&Codec::Cbor.line(&body).unwrap()), text);
        }
        assert_eq!(Codec::Cbor.body(b"{\"a\": [1]}".to_vec()).unwrap(), b"\xa1\x61a\x81\x01");
    }

    #[test]
    fn json_is_sent_as_it_is_and_printed_without_white_space() {
        let text = b"{ \"a b\\\" \" : 1.00000000000000000001 }\n";
        assert_eq!(Codec::Json.body(text.to_vec()).unwrap(), text);
        assert_eq!(&*Codec::Json.line(text).unwrap(), br#"{"a b\" ":1.00000000000000000001}"#);
        assert_eq!(&*Codec::Json.line("\"\u{9b}2J\"".as_bytes()).unwrap(), b"\"\\u009b2J\"");
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_reason() {
        for codec in [Codec::Cbor, Codec::Json] {
            for typed in ["", "{", "1 2", "{\"a\":1,\"a\":2}", "h'00'"] {
                let error = codec.body(typed.into()).unwrap_err();
                assert_eq!(error.to_string(), "a message is JSON text here", "{typed}");
            }
            let error = codec.line(b"\xff").unwrap_err();
            assert_eq!(error.to_string(), format!("what came is no {codec}"));
        }
    }

    #[test]
    fn an_event_has_a_value_or_text_or_digits() {
        assert_eq!(Codec::Cbor.told(b"\x82\x01\x41\xff"), Told::Body(serde_json::json!([1, "h'ff'"])));
        assert_eq!(Codec::Raw.told(b"text"), Told::Body("text".into()));
        assert_eq!(Codec::Raw.told(b"\xff\x00"), Told::Hex("ff00".into()));
    }
}
