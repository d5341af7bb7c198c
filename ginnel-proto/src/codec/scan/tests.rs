use super::*;

use Malformed::*;

fn scanned(body: &[u8]) -> Result<(), Malformed> {
    scan(body, Bounds::DEFAULT)
}

/// `around` once for each level, then a zero.
fn nested(around: &[u8], levels: usize) -> Vec<u8> {
    [&around.repeat(levels)[..], &[0]].concat()
}

#[test]
fn one_value_in_one_form_is_accepted() {
    for body in [
        &b"\x00"[..],
        b"\x17",
        b"\x18\x18",
        b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x40",
        b"\x43abc",
        b"\x62\xc3\xa9",
        b"\x80",
        b"\xa0",
        b"\x83\x01\x80\xa0",
        b"\xa2\x61a\x01\x61b\x82\x02\x03",
        b"\xa2\x01\x00\x20\x00",
        b"\xa2\x80\x00\x81\x80\x00",
        b"\xc1\x1a\x51\x4b\x67\xb0",
        b"\xf4",
        b"\xf5",
        b"\xf6",
        b"\xf7",
        b"\xf9\x3c\x00",
        b"\xfa\x3f\x80\x00\x00",
        b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00",
    ] {
        assert_eq!(scanned(body), Ok(()), "{body:x?}");
    }
}

#[test]
fn what_is_malformed_is_named_with_its_place() {
    for (body, expected) in [
        (&b""[..], Cut { at: 0 }),
        (b"\x18", Cut { at: 1 }),
        (b"\x19\x01", Cut { at: 2 }),
        (b"\xfb\x00\x00", Cut { at: 3 }),
        (b"\xc1", Cut { at: 1 }),
        (b"\x00\x00\x00", Trailing { count: 2 }),
        (b"\x80\xff", Trailing { count: 1 }),
        (b"\x41", Length { at: 0, declared: 1, left: 0 }),
        (b"\x81\x62a", Length { at: 1, declared: 2, left: 1 }),
        (b"\x82\x00", Length { at: 0, declared: 2, left: 1 }),
        (b"\xa1\x00", Length { at: 0, declared: 2, left: 1 }),
        // The inner array could have the two bytes that are left, had the outer one not spoken for one of them.
        (b"\x82\x82\x00\x00", Length { at: 1, declared: 2, left: 1 }),
        (b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", Length { at: 0, declared: u64::MAX, left: 0 }),
        (b"\x5f\x41a\xff", Indefinite { at: 0 }),
        (b"\x7f\xff", Indefinite { at: 0 }),
        (b"\x81\x9f\xff", Indefinite { at: 1 }),
        (b"\xbf\xff", Indefinite { at: 0 }),
        (b"\x18\x17", NotShortest { at: 0 }),
        (b"\x19\x00\xff", NotShortest { at: 0 }),
        (b"\x1a\x00\x00\xff\xff", NotShortest { at: 0 }),
        (b"\x3b\x00\x00\x00\x00\xff\xff\xff\xff", NotShortest { at: 0 }),
        (b"\x81\x58\x01a", NotShortest { at: 1 }),
        (b"\xb9\x00\x01\x61a\x00", NotShortest { at: 0 }),
        (b"\xd8\x02\x00", NotShortest { at: 0 }),
        (b"\x1c", Reserved { at: 0, byte: 0x1c }),
        (b"\x81\x5d", Reserved { at: 1, byte: 0x5d }),
        (b"\x1f", Reserved { at: 0, byte: 0x1f }),
        (b"\xdf", Reserved { at: 0, byte: 0xdf }),
        (b"\xe0", Reserved { at: 0, byte: 0xe0 }),
        (b"\xf8\xff", Reserved { at: 0, byte: 0xf8 }),
        (b"\xff", Reserved { at: 0, byte: 0xff }),
        (b"\x63a\xffb", Text { at: 2 }),
        (b"\x61\xc3", Text { at: 1 }),
        (b"\xa2\x61a\x00\x61a\x01", DuplicateKey { at: 4 }),
        (b"\xa3\x02\x00\x01\x00\x02\x00", DuplicateKey { at: 5 }),
        (b"\xa2\x81\x00\x00\x81\x00\x00", DuplicateKey { at: 4 }),
    ] {
        assert_eq!(scanned(body), Err(expected), "{body:x?}");
    }
}

#[test]
fn arrays_maps_and_tags_may_be_32_deep() {
    for around in [&b"\x81"[..], b"\xa1\x00", b"\xc1"] {
        assert_eq!(scanned(&nested(around, 32)), Ok(()), "{around:x?}");
        let deeper = nested(around, 33);
        assert_eq!(scanned(&deeper), Err(Depth { depth: 33, max: 32 }), "{around:x?}");
        assert_eq!(scan(&deeper, Bounds { depth: 33, ..Bounds::DEFAULT }), Ok(()), "{around:x?}");
    }
    assert_eq!(scanned(&nested(b"\x81\xa1\x00\xc1", 11)), Err(Depth { depth: 33, max: 32 }));
    let empty_at_the_bottom = [&[0x81; 32][..], &[0x80]].concat();
    assert_eq!(scanned(&empty_at_the_bottom), Err(Depth { depth: 33, max: 32 }));
    assert_eq!(scan(b"\x80", Bounds { depth: 0, ..Bounds::DEFAULT }), Err(Depth { depth: 1, max: 0 }));
    assert_eq!(scan(b"\x00", Bounds { depth: 0, ..Bounds::DEFAULT }), Ok(()));
}

/// `maps` maps of `keys` keys each, in one array.
fn maps_of(maps: u16, keys: u16) -> Vec<u8> {
    let mut body = Vec::new();
    head(&mut body, 4, maps);
    for _ in 0..maps {
        head(&mut body, 5, keys);
        for key in 0..keys {
            head(&mut body, 0, key);
            body.push(0xf6);
        }
    }
    body
}

fn head(body: &mut Vec<u8>, major: u8, value: u16) {
    match u8::try_from(value) {
        Ok(value @ 0..24) => body.push(major << 5 | value),
        Ok(value) => body.extend([major << 5 | 24, value]),
        Err(_) => {
            body.push(major << 5 | 25);
            body.extend(value.to_be_bytes());
        }
    }
}

#[test]
fn all_maps_together_may_have_4096_keys() {
    assert_eq!(scanned(&maps_of(1, 4096)), Ok(()));
    assert_eq!(scanned(&maps_of(1, 4097)), Err(Malformed::Keys { count: 4097, max: 4096 }));
    assert_eq!(scanned(&maps_of(2, 2048)), Ok(()));
    assert_eq!(scanned(&maps_of(17, 241)), Err(Malformed::Keys { count: 4097, max: 4096 }));
    assert_eq!(scan(&maps_of(1, 4097), Bounds { keys: 4097, ..Bounds::DEFAULT }), Ok(()));
    assert_eq!(scan(b"\xa0", Bounds { keys: 0, ..Bounds::DEFAULT }), Ok(()));
}

#[test]
fn only_keys_of_the_same_map_are_compared() {
    for body in [
        // {1: {1: 0}, 2: {1: 0, 2: 0}}
        &b"\xa2\x01\xa1\x01\x00\x02\xa2\x01\x00\x02\x00"[..],
        // {{1: 0}: 0, {1: 1}: 0}
        b"\xa2\xa1\x01\x00\x00\xa1\x01\x01\x00",
        // The same bytes as a key and as a value.
        b"\xa1\x61a\x61a",
        // The number 1, the text "1" and the bytes "1".
        b"\xa3\x01\x00\x611\x00\x411\x00",
    ] {
        assert_eq!(scanned(body), Ok(()), "{body:x?}");
    }
    // {1: {2: 0}, 1: 0}: found after an inner map ended.
    assert_eq!(scanned(b"\xa2\x01\xa1\x02\x00\x01\x00"), Err(DuplicateKey { at: 5 }));
    // {1: {2: 0, 2: 0}}
    assert_eq!(scanned(b"\xa1\x01\xa2\x02\x00\x02\x00"), Err(DuplicateKey { at: 5 }));
}
