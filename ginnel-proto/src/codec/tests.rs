mod json_and_raw;

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::limits;

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Order {
    id: u64,
    sign: i64,
    big: u128,
    low: i128,
    price: f64,
    name: String,
    letter: char,
    body: Bytes,
    paid: Option<bool>,
    state: State,
    history: Vec<State>,
    parts: BTreeMap<String, Order>,
    by_number: BTreeMap<i32, (u8, String)>,
    nothing: (),
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Rest {
    flag: bool,
    #[serde(flatten)]
    more: BTreeMap<String, u64>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
enum State {
    New,
    Packed(u32),
    Sent(String, Option<i8>),
    Lost { at: f32, after: Vec<u16> },
    Other(Box<State>),
}

fn state() -> impl Strategy<Value = State> {
    let leaf = prop_oneof![
        Just(State::New),
        any::<u32>().prop_map(State::Packed),
        (any::<String>(), any::<Option<i8>>()).prop_map(|(to, how)| State::Sent(to, how)),
        (-1e30f32..1e30, any::<Vec<u16>>()).prop_map(|(at, after)| State::Lost { at, after }),
    ];
    leaf.prop_recursive(4, 8, 1, |inner| inner.prop_map(|state| State::Other(state.into())))
}

fn order() -> impl Strategy<Value = Order> {
    let numbers = (any::<u64>(), any::<i64>(), any::<u128>(), any::<i128>(), -1e300..1e300);
    let words = (any::<String>(), any::<char>(), any::<Vec<u8>>(), any::<Option<bool>>());
    let states = (state(), prop::collection::vec(state(), 0..4));
    let maps = (
        prop::collection::btree_map(any::<i32>(), any::<(u8, String)>(), 0..4),
        any::<bool>(),
        prop::collection::btree_map("[a-e]{1,2}", any::<u64>(), 0..4),
    );
    let leaf = (numbers, words, states, maps).prop_map(|(numbers, words, states, maps)| Order {
        id: numbers.0,
        sign: numbers.1,
        big: numbers.2,
        low: numbers.3,
        price: numbers.4,
        name: words.0,
        letter: words.1,
        body: words.2.into(),
        paid: words.3,
        state: states.0,
        history: states.1,
        parts: BTreeMap::new(),
        by_number: maps.0,
        nothing: (),
        rest: Rest { flag: maps.1, more: maps.2 },
    });
    leaf.prop_recursive(3, 8, 2, |inner| {
        let parts = prop::collection::btree_map("[a-z]{1,3}", inner.clone(), 0..3);
        (inner, parts).prop_map(|(order, parts)| Order { parts, ..order })
    })
}

fn there_and_back<T: Serialize + DeserializeOwned>(codec: &impl Codec, value: &T) -> T {
    codec.decode(&codec.encode(value).expect("it can be written")).expect("what was written can be read")
}

fn malformed<T: std::fmt::Debug>(outcome: Result<T, CodecError>) -> Malformed {
    match outcome {
        Err(CodecError::Malformed(malformed)) => malformed,
        other => panic!("{other:?}"),
    }
}

/// The words of the error and of what caused it.
fn words<T: std::fmt::Debug>(outcome: Result<T, CodecError>) -> String {
    let error = outcome.expect_err("it is refused");
    let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

proptest! {
    #[test]
    fn every_value_comes_back(value in order()) {
        prop_assert_eq!(&there_and_back(&Cbor::new(), &value), &value);
        prop_assert_eq!(&there_and_back(&Json::new(), &value), &value);
    }

    #[test]
    fn another_decoder_reads_what_is_written_and_the_other_way_round(value in order()) {
        let body = Cbor::new().encode(&value).unwrap();
        let read: Order = cbor4ii::serde::from_slice(&body).unwrap();
        prop_assert_eq!(&read, &value);
        let theirs = definite::definite(&cbor4ii::serde::to_vec(Vec::new(), &value).unwrap());
        prop_assert_eq!(&Cbor::new().decode::<Order>(&theirs).unwrap(), &value);
    }

    #[test]
    fn any_bytes_are_answered_without_panic(body in any::<Vec<u8>>()) {
        let _ = Cbor::new().decode::<Order>(&body);
        let _ = Json::new().decode::<Order>(&body);
        let _ = Raw::new().decode::<String>(&body);
        definite::definite(&body);
    }
}

/// Pieces of which messages for `State` are made, right or wrong.
const PIECES: [&[u8]; 12] = [
    b"\xa1",
    b"\x63New",
    b"\x66Packed",
    b"\x64Sent",
    b"\x65Other",
    b"\x07",
    b"\x18\x64",
    b"\x82",
    b"\x61x",
    b"\xf6",
    b"\xc1",
    b"\x20",
];

#[test]
fn what_is_read_is_written_in_the_same_bytes() {
    let mut read = 0;
    let mut bodies = vec![Vec::new()];
    for _ in 0..5 {
        bodies = bodies.iter().flat_map(|body| PIECES.map(|piece| [body, piece].concat())).collect();
        for body in &bodies {
            if let Ok(value) = Cbor::new().decode::<State>(body) {
                assert_eq!(&Cbor::new().encode(&value).unwrap(), body);
                read += 1;
            }
        }
    }
    // New; Packed with 2 numbers; Sent with 5 texts and 4 ends; Other with one of the first 3, or with Other and New.
    assert_eq!(read, 1 + 2 + 5 * 4 + 3 + 1);
}

fn example() -> Order {
    let part = Order {
        id: u64::MAX,
        sign: i64::MIN,
        big: u128::MAX,
        low: i128::MIN,
        price: -0.1,
        name: "a name that is longer than 23 bytes".to_owned(),
        letter: 'ß',
        body: Bytes::from_static(b"\xff\0bytes"),
        paid: None,
        state: State::Lost { at: 1.5, after: vec![0, 256] },
        history: vec![State::New, State::Packed(70_000), State::Sent("x".to_owned(), Some(-1))],
        parts: BTreeMap::new(),
        by_number: BTreeMap::from([(-5, (24, "five".to_owned()))]),
        nothing: (),
        rest: Rest { flag: true, more: BTreeMap::from([("z".to_owned(), 1 << 40)]) },
    };
    Order { parts: BTreeMap::from([("inner".to_owned(), part.clone())]), ..part }
}

#[test]
fn every_prefix_is_refused() {
    let body = Cbor::new().encode(&example()).unwrap();
    for end in 0..body.len() {
        let error = Cbor::new().decode::<Order>(&body[..end]).expect_err("it is cut");
        assert!(matches!(error, CodecError::Malformed(_)), "{end}: {error}");
    }
    let body = Json::new().encode(&example()).unwrap();
    for end in 0..body.len() {
        Json::new().decode::<Order>(&body[..end]).expect_err("it is cut");
    }
}

#[test]
fn no_corrupted_byte_panics_or_slips_through_the_scan() {
    let example = Order { parts: BTreeMap::new(), ..example() };
    let body = Cbor::new().encode(&example).unwrap();
    for at in 0..body.len() {
        for flip in 1..=255 {
            let mut body = body.clone();
            body[at] ^= flip;
            let _ = Cbor::new().decode::<Order>(&body);
            let _ = Cbor::new().decode::<serde::de::IgnoredAny>(&body);
        }
    }
    let body = Json::new().encode(&example).unwrap();
    for at in 0..body.len() {
        for flip in [1, 2, 8, 32, 128, 255] {
            let mut body = body.clone();
            body[at] ^= flip;
            let _ = Json::new().decode::<Order>(&body);
        }
    }
}

#[test]
fn what_would_be_refused_is_not_written() {
    let deep = (0..32).fold(State::New, |state, _| State::Other(state.into()));
    assert_eq!(there_and_back(&Cbor::new(), &deep), deep);
    let deeper = State::Other(deep.into());
    assert_eq!(malformed(Cbor::new().encode(&deeper)), Malformed::Depth { depth: 33, max: 32 });
    assert_eq!(malformed(Json::new().encode(&deeper)), Malformed::Depth { depth: 33, max: 32 });
    assert_eq!(there_and_back(&Cbor::new().depth(33), &deeper), deeper);
    assert_eq!(there_and_back(&Json::new().depth(33), &deeper), deeper);

    let keys: BTreeMap<u32, ()> = (0..4097).map(|key| (key, ())).collect();
    assert_eq!(malformed(Cbor::new().encode(&keys)), Malformed::Keys { count: 4097, max: 4096 });
    assert_eq!(malformed(Json::new().encode(&keys)), Malformed::Keys { count: 4097, max: 4096 });
    assert_eq!(there_and_back(&Cbor::new().keys(4097), &keys), keys);
    assert_eq!(there_and_back(&Json::new().keys(4097), &keys), keys);

    let twice = Rest { flag: true, more: BTreeMap::from([("flag".to_owned(), 1)]) };
    assert_eq!(malformed(Cbor::new().encode(&twice)), Malformed::DuplicateKey { at: 7 });
    assert_eq!(malformed(Json::new().encode(&twice)), Malformed::DuplicateKey { at: 13 });
}

/// A `Serialize` that counts wrongly.
struct Liar;

impl Serialize for Liar {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut seq = serializer.serialize_seq(Some(2))?;
        seq.serialize_element(&1)?;
        seq.end()
    }
}

struct Objecting;

impl Serialize for Objecting {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

#[test]
fn a_value_that_cannot_be_written_says_why() {
    assert_eq!(malformed(Cbor::new().encode(&Liar)), Malformed::Length { at: 0, declared: 2, left: 1 });
    for said in [words(Cbor::new().encode(&Objecting)), words(Json::new().encode(&Objecting))] {
        assert_eq!(said, "the value cannot be written: not today");
    }
    assert_eq!(words(Raw::new().encode(&Objecting)), "the value cannot be written: not today");
}

#[test]
fn lengths_that_were_not_known_are_written_in_front() {
    struct Odd;
    impl Serialize for Odd {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..9).filter(|number| number % 2 == 1))
        }
    }
    assert_eq!(Cbor::new().encode(&Odd).unwrap(), b"\x84\x01\x03\x05\x07");

    struct Long;
    impl Serialize for Long {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&format_args!("{}{}", "ä".repeat(200), "b".repeat(200)))
        }
    }
    let text: String = Cbor::new().decode(&Cbor::new().encode(&Long).unwrap()).unwrap();
    assert_eq!(text, "ä".repeat(200) + &"b".repeat(200));
}

#[test]
fn floats_of_any_width_and_whole_numbers_are_read_as_floats() {
    for (body, value) in [
        (&b"\xf9\x3e\x00"[..], 1.5),
        (b"\xfa\x3f\xc0\x00\x00", 1.5),
        (b"\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5),
        (b"\x05", 5.0),
        (b"\x24", -5.0),
    ] {
        assert_eq!(Cbor::new().decode::<f64>(body).unwrap(), value, "{body:x?}");
        assert_eq!(f64::from(Cbor::new().decode::<f32>(body).unwrap()), value, "{body:x?}");
    }
    assert!(Cbor::new().decode::<u8>(b"\xf9\x3c\x00").is_err(), "a float is no whole number");
}

#[test]
fn null_and_undefined_are_none() {
    for body in [b"\xf6", b"\xf7"] {
        assert_eq!(Cbor::new().decode::<Option<u8>>(body).unwrap(), None);
        Cbor::new().decode::<()>(body).unwrap();
    }
}

#[test]
fn what_fits_no_type_is_said_with_the_reason() {
    let wrong = "the message is no value of the wanted type: ";
    for (said, reason) in [
        (words(Cbor::new().decode::<u8>(b"\x61a")), "invalid type: string \"a\", expected u8"),
        (words(Cbor::new().decode::<u8>(b"\x19\x01\x00")), "invalid value: integer `256`, expected u8"),
        (words(Cbor::new().decode::<(u8,)>(b"\x82\x01\x02")), "1 items more than the type takes"),
        (words(Cbor::new().decode::<u8>(b"\xc1\x00")), "tag 1 is not read here"),
        (
            words(Cbor::new().decode::<u128>(b"\xc2\x41\x01")),
            "a big number takes 9 to 16 bytes, the first of them not zero",
        ),
        (
            words(Cbor::new().decode::<i128>(&[&[0xc3, 0x50][..], &[0xff; 16]].concat())),
            "a number below what 128 bits hold",
        ),
    ] {
        assert_eq!(said, format!("{wrong}{reason}"));
    }
}

#[test]
fn a_struct_is_a_map_of_names_and_nothing_else() {
    #[derive(Deserialize, PartialEq, Debug)]
    struct Point {
        x: u8,
    }
    assert_eq!(Cbor::new().decode::<Point>(b"\xa1\x61x\x05").unwrap(), Point { x: 5 });
    assert_eq!(
        Cbor::new().decode::<Point>(b"\xa2\x61y\xc1\x82\x01\xa1\x02\x03\x61x\x05").unwrap(),
        Point { x: 5 }
    );
    for body in [&b"\x81\x05"[..], b"\xa1\x00\x05", b"\xa1\x41x\x05", b"\xa0"] {
        assert!(Cbor::new().decode::<Point>(body).is_err(), "{body:x?}");
    }
}

#[test]
fn a_variant_has_content_if_and_only_if_its_type_has() {
    for body in [
        // A unit variant with content: its content would be read as the next item.
        &b"\x81\xa1\x63New\x01"[..],
        b"\x82\xa1\x63New\x66Packed\x05",
        // A variant without the content it needs: the next item would be read as its content.
        b"\x82\x66Packed\x05",
        b"\x81\xa2\x63New\x01\x64Sent\x02",
        b"\x81\x05",
    ] {
        assert!(Cbor::new().decode::<Vec<State>>(body).is_err(), "{body:x?}");
    }
}

#[test]
fn messages_for_people_name_the_fact_and_the_limit() {
    for (error, expected) in [
        (Malformed::Cut { at: 3 }, "the message ends at byte 3, inside a value"),
        (
            Malformed::Length { at: 0, declared: 1 << 60, left: 4 },
            "byte 0 declares a length of 1152921504606846976, 4 bytes are left for it",
        ),
        (Malformed::Reserved { at: 2, byte: 0x1c }, "byte 2 is 0x1c, which starts no value"),
        (Malformed::Keys { count: 4097, max: limits::KEYS }, "4097 keys in the maps, 4096 allowed"),
    ] {
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(
        CodecError::TooManyFds.to_string(),
        "more descriptors in the value than the 253 that fit one message"
    );
}
