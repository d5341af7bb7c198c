//! The codecs beside CBOR.

use super::*;

#[test]
fn json_counts_what_is_outside_of_strings() {
    let brackets = "[{".repeat(100) + "\\\"[[";
    assert!(Json::new().decode::<String>(format!("\"{brackets}\"").as_bytes()).is_ok());
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let bottom = Json::new().decode::<serde::de::IgnoredAny>(deep(32).as_bytes());
    assert!(bottom.is_ok());
    let deeper = Json::new().decode::<serde::de::IgnoredAny>(deep(33).as_bytes());
    assert_eq!(malformed(deeper), Malformed::Depth { depth: 33, max: 32 });
    let deepest = Json::new().depth(u8::MAX);
    assert!(deepest.decode::<serde::de::IgnoredAny>(deep(127).as_bytes()).is_ok());
    let deepest = deepest.decode::<serde::de::IgnoredAny>(deep(128).as_bytes());
    assert_eq!(malformed(deepest), Malformed::Depth { depth: 128, max: 127 });
}

#[test]
fn json_keys_are_compared_as_text() {
    let decode = |text: &str| Json::new().decode::<serde::de::IgnoredAny>(text.as_bytes());
    for text in [
        r#"{"a":{"a":1},"b":[{"a":1},{"a":1}]}"#,
        r#"{"a":"a","b":"a:","c":":"}"#,
        r#"{"a\\":1,"a":2}"#,
        r#"{}"#,
        r#" { "a" : 1 } "#,
    ] {
        assert!(decode(text).is_ok(), "{text}");
    }
    for (text, at) in [
        (r#"{"a":1,"a":2}"#, 7),
        (r#"{"a":1,"\u0061":2}"#, 7),
        (r#"{"a":{"b":1},"c":[],"a":2}"#, 20),
        (r#"[{"a" : 1 , "b":0, "a" : 2}]"#, 19),
    ] {
        assert_eq!(malformed(decode(text)), Malformed::DuplicateKey { at }, "{text}");
    }
    for text in
        ["", "{", "}", "]", "[}", r#"{"a":1"#, r#"{"a"#, r#"{"a\"#, r#"{:1}"#, "[:]", r#"{"\q":1}"#, "1 2"]
    {
        assert!(matches!(decode(text), Err(CodecError::Decode(_))), "{text}");
    }
}

#[test]
fn raw_takes_bytes_and_text_as_they_stand() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Name(String);
    let name = Name("ß".to_owned());
    assert_eq!(Raw::new().encode(&name).unwrap(), "ß".as_bytes());
    assert_eq!(there_and_back(&Raw::new(), &name), name);
    assert_eq!(there_and_back(&Raw::new(), &Bytes::from_static(b"\xff")), Bytes::from_static(b"\xff"));
    assert_eq!(there_and_back(&Raw::new(), &String::new()), "");

    for refused in [
        Raw::new().encode(&vec![1u8]),
        Raw::new().encode(&1.5),
        Raw::new().encode(&Some("text")),
        Raw::new().encode(&State::New),
        Raw::new().encode(&()),
        Raw::new().encode(&BTreeMap::from([("a", 1)])),
    ] {
        assert!(matches!(refused, Err(CodecError::NotRaw)));
    }
    let said = words(Raw::new().decode::<String>(b"a\xff"));
    assert!(said.ends_with("invalid utf-8 sequence of 1 bytes from index 1"), "{said}");
    let said = words(Raw::new().decode::<u8>(b"1"));
    assert!(said.ends_with("invalid type: byte array, expected u8"), "{said}");
}
