//! Small messages that declare much, or nest deeply: refused before they cost memory or stack.
#![expect(unsafe_code, reason = "only an allocator sees what is allocated")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;

use bytes::Bytes;
use ginnel_proto::codec::{Cbor, Codec, CodecError, Json, Malformed};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// Counts what each thread holds, and the most it ever held.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    HELD.set(HELD.get() + change);
    PEAK.set(PEAK.get().max(HELD.get()));
}

// SAFETY: every call goes to the system's allocator with the arguments that came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the caller keeps the promises of `dealloc`, and the pointer came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROOM: isize = 64 * 1024;

/// What a decoding said, and how much the heap grew meanwhile.
fn measured<T: DeserializeOwned>(codec: &impl Codec, body: &[u8]) -> (Result<(), CodecError>, isize) {
    let before = HELD.get();
    PEAK.set(before);
    let outcome = codec.decode::<T>(body).map(drop);
    (outcome, PEAK.get() - before)
}

fn on_a_small_stack(run: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn_scoped(scope, run);
        thread.expect("a thread can be started").join().expect("the thread did not panic");
    });
}

fn is_refused_cheaply<T: DeserializeOwned>(codec: &impl Codec, body: &[u8], what: &str) -> Malformed {
    let (outcome, growth) = measured::<T>(codec, body);
    println!("{what}: {growth} bytes, {outcome:?}");
    assert!(growth < ROOM, "{what}: the heap grew by {growth} bytes");
    match outcome {
        Err(CodecError::Malformed(malformed)) => malformed,
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn a_declared_length_costs_nothing() {
    // Arguments of 8 and 4 bytes after the headers of bytes, text, array and map.
    let lengths: [&[u8]; 2] = [b"\x1b\x10\0\0\0\0\0\0\0", b"\x1a\xff\xff\xff\xff"];
    on_a_small_stack(|| {
        for length in lengths {
            for major in [2, 3, 4, 5] {
                let header = [&[major << 5 | length[0]], &length[1..]].concat();
                for body in [header.clone(), [&header[..], &[0; 1000]].concat()] {
                    let codec = Cbor::new();
                    let what = format!("{} bytes of {:02x}", body.len(), body[0]);
                    for refused in [
                        is_refused_cheaply::<Vec<u64>>(&codec, &body, &what),
                        is_refused_cheaply::<Bytes>(&codec, &body, &what),
                        is_refused_cheaply::<BTreeMap<u64, u64>>(&codec, &body, &what),
                    ] {
                        assert!(matches!(refused, Malformed::Length { at: 0, .. }), "{refused}");
                    }
                }
            }
        }
    });
}

#[test]
fn lengths_at_many_levels_share_what_is_left() {
    // Each of 30 arrays claims all the bytes that follow; together they may claim them once.
    let mut body = vec![0; 10_000];
    for level in 0..30 {
        let left = u16::try_from(body.len() - 3 * (level + 1)).expect("it is less than 10,000");
        body[3 * level] = 0x99;
        body[3 * level + 1..3 * level + 3].copy_from_slice(&left.to_be_bytes());
    }
    on_a_small_stack(|| {
        let refused = is_refused_cheaply::<Nested>(&Cbor::new(), &body, "30 arrays");
        assert!(matches!(refused, Malformed::Length { at: 3, .. }), "{refused}");
    });
}

#[test]
fn depth_costs_neither_stack_nor_memory() {
    let too_deep = Malformed::Depth { depth: 33, max: 32 };
    on_a_small_stack(|| {
        for around in [&b"\x81"[..], b"\xc1", b"\xa1\x00", b"\x81\xc1"] {
            for len in [100_000, 1 << 20] {
                let body = around.repeat(len / around.len());
                let what = format!("{len} bytes of {around:x?}");
                assert_eq!(is_refused_cheaply::<IgnoredAny>(&Cbor::new(), &body, &what), too_deep);
                assert_eq!(is_refused_cheaply::<Nested>(&Cbor::new(), &body, &what), too_deep);
            }
        }
        for around in [&b"["[..], b"{\"a\":", b"[{\"\":"] {
            let body = around.repeat((1 << 20) / around.len());
            let what = format!("1 MiB of {around:x?}");
            assert_eq!(is_refused_cheaply::<IgnoredAny>(&Json::new(), &body, &what), too_deep);
        }
    });
}

#[test]
fn what_is_32_deep_is_read_on_a_small_stack() {
    let body = [&[0x81; 31][..], &[0x80]].concat();
    on_a_small_stack(|| {
        measured::<Nested>(&Cbor::new(), &body).0.expect("32 are allowed");
        measured::<Nested>(&Json::new(), &[[b'['; 32], [b']'; 32]].concat()).0.expect("32 are allowed");
    });
}

#[test]
fn keys_that_were_announced_cost_nothing() {
    // A map of 4,097 entries, and the bytes for them.
    let body = [&b"\xb9\x10\x01"[..], &[0; 8194]].concat();
    let refused = is_refused_cheaply::<IgnoredAny>(&Cbor::new(), &body, "4,097 keys");
    assert_eq!(refused, Malformed::Keys { count: 4097, max: 4096 });
}

/// Arrays inside arrays.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is only made")]
struct Nested(Vec<Nested>);
