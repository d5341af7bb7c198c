//! Typed values out of any bytes.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::os::fd::{AsRawFd, OwnedFd};

use bytes::Bytes;
use ginnel_os::{Fd, decode_with_fds, encode_with_fds};
use ginnel_proto::codec::{Cbor, Codec, CodecError, Json, Raw};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::heap::Growth;
use crate::script::Script;

/// Of everything that serde knows a little.
#[derive(Serialize, Deserialize, Debug, Default)]
#[serde(default)]
struct Order {
    id: u64,
    sign: i64,
    big: u128,
    low: i128,
    price: f64,
    rate: f32,
    name: String,
    letter: char,
    body: Bytes,
    paid: Option<bool>,
    state: State,
    history: Vec<State>,
    parts: BTreeMap<String, Order>,
    by_number: BTreeMap<i32, (u8, String)>,
    nothing: (),
    loose: Loose,
    #[serde(flatten)]
    rest: BTreeMap<String, u64>,
}

#[derive(Serialize, Deserialize, Debug, Default)]
enum State {
    #[default]
    New,
    Packed(u32),
    Sent(String, Option<i8>),
    Lost {
        at: f32,
        after: Vec<u16>,
    },
    Other(Box<State>),
}

/// Tried one after the other, with what was read kept meanwhile.
#[derive(Serialize, Deserialize, Debug)]
#[serde(untagged)]
enum Loose {
    Number(u64),
    Text(String),
    List(Vec<Loose>),
}

impl Default for Loose {
    fn default() -> Self {
        Self::Number(0)
    }
}

/// What is read is written so that it is read again as the same. How much memory it costs depends on the bytes that
/// there are, not on what they declare.
fn read<T: DeserializeOwned + Serialize + Debug>(codec: &impl Codec, body: &[u8]) {
    let growth = Growth::measure();
    let outcome = codec.decode::<T>(body);
    let most = growth.most();
    assert!(most <= body.len() * PER_BYTE + ROOM, "{most} bytes for {}", body.len());

    let value = match outcome {
        Ok(value) => value,
        Err(CodecError::Malformed(malformed)) => {
            let again = codec.decode::<IgnoredAny>(body).map(drop);
            return assert!(
                matches!(again, Err(CodecError::Malformed(again)) if again == malformed),
                "{malformed} whatever the type"
            );
        }
        Err(_) => return,
    };
    // A value may have more nesting or more keys than the message that it was made of: fields may have been left out.
    let Ok(written) = codec.encode(&value) else { return };
    let again: T = codec.decode(&written).expect("what was written can be read");
    assert_eq!(format!("{again:?}"), format!("{value:?}"));
    assert_eq!(
        codec.encode(&again).expect("it was written before"),
        written,
        "there is one form of each value"
    );
}

/// The largest value that one byte becomes, doubled while a vector grows.
const PER_BYTE: usize = 2 * size_of::<Order>();
/// What an error, and the marks of the keys that were seen, may cost.
const ROOM: usize = 64 << 10;

/// Any bytes as CBOR: values, and values with descriptors, of which none is lost. A first byte tells how many came.
pub fn codec_cbor(data: &[u8]) {
    let mut script = Script::new(data);
    let (count, depth) = (usize::from(script.byte() % 4), script.choose([32, 0, 1, 3]));
    let body = script.rest();
    let codec = Cbor::new().depth(depth);
    read::<Order>(&codec, body);
    read::<Loose>(&codec, body);
    read::<BTreeMap<i64, Bytes>>(&codec, body);
    with_fds(&codec, body, count);
}

/// A value with descriptors in it.
#[derive(Serialize, Deserialize, Debug)]
enum Passed {
    One(Fd),
    Named { name: String, fd: Option<Fd> },
    Many(Vec<Fd>),
    Nested(Box<Passed>),
}

fn with_fds(codec: &Cbor, body: &[u8], count: usize) {
    if count == 0 && codec.decode::<IgnoredAny>(body).is_err() {
        return;
    }
    let free = lowest_free();
    let fds: Vec<OwnedFd> = (0..count).map(|_| null()).collect();
    let outcome = decode_with_fds::<_, Passed>(codec, body, fds);
    if let Ok(value) = outcome {
        assert_eq!(value.held(), count, "each is taken once");
        if let Ok((written, fds)) = encode_with_fds(codec, &value) {
            assert_eq!(fds.len(), count);
            let again: Passed = decode_with_fds(codec, &written, fds).expect("what was written can be read");
            assert_eq!(again.held(), count);
        }
    }
    assert_eq!(lowest_free(), free, "every descriptor was closed");
}

impl Passed {
    fn held(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Named { fd, .. } => fd.iter().len(),
            Self::Many(fds) => fds.len(),
            Self::Nested(inner) => inner.held(),
        }
    }
}

thread_local! {
    static NULL: OwnedFd = std::fs::File::open("/dev/null").expect("every Unix has it").into();
}

fn null() -> OwnedFd {
    NULL.with(|null| null.try_clone().expect("there are few descriptors here"))
}

/// The number of the next descriptor; one that was not closed moves it.
fn lowest_free() -> i32 {
    null().as_raw_fd()
}

/// Any bytes as JSON.
pub fn codec_json(data: &[u8]) {
    let mut script = Script::new(data);
    let codec = Json::new().depth(script.choose([32, 127, 0, 1, 3]));
    let body = script.rest();
    read::<Order>(&codec, body);
    read::<Loose>(&codec, body);
    read::<BTreeMap<i64, Vec<u8>>>(&codec, body);
}

/// Any bytes as they stand.
pub fn codec_raw(data: &[u8]) {
    #[derive(Serialize, Deserialize, Debug)]
    struct Line(String);

    let codec = Raw::new();
    assert_eq!(codec.decode::<Bytes>(data).expect("all bytes are bytes"), data);
    assert_eq!(codec.encode(&Bytes::copy_from_slice(data)).expect("all bytes are bytes"), data);
    match (codec.decode::<Line>(data), str::from_utf8(data)) {
        (Ok(Line(line)), Ok(text)) => assert_eq!(line, text),
        (Err(CodecError::Decode(_)), Err(_)) => {}
        other => panic!("{other:?}"),
    }
    assert!(codec.decode::<u64>(data).is_err() && codec.decode::<Vec<u8>>(data).is_err());
    assert!(codec.decode::<State>(data).is_err() && codec.decode::<Order>(data).is_err());
}
