//! What the fuzz targets check: one function for each, which takes any bytes and panics if a law does not hold.
//!
//! The targets in `fuzz/fuzz_targets` are shells around these functions, and `tests/corpus.rs` runs them over the kept
//! corpora as an ordinary test. How a function reads its bytes is told beside it.
#![expect(clippy::missing_panics_doc, reason = "to panic is how a check says that a law does not hold")]

mod address;
mod calls;
mod codecs;
mod coin;
mod contest;
mod control;
mod election;
mod frames;
mod greeting;
mod heap;
mod machines;
mod script;
mod session;
mod sp_header;
mod wires;

pub use address::address;
pub use calls::calls;
pub use codecs::{codec_cbor, codec_json, codec_raw};
pub use contest::contest;
pub use control::control_messages;
pub use election::election;
pub use frames::frames;
pub use greeting::greeting;
pub use machines::{client, peer, server, sp_ends};
pub use session::session;
pub use sp_header::sp_header;
pub use wires::{wire_kyneta, wire_lines, wire_native, wire_prefixed, wire_raw, wire_sp};

/// A check of any bytes.
pub type Check = fn(&[u8]);

/// Every check, by the name of its target and of its corpus.
pub const ALL: &[(&str, Check)] = &[
    ("address", address),
    ("calls", calls),
    ("client", client),
    ("codec_cbor", codec_cbor),
    ("codec_json", codec_json),
    ("codec_raw", codec_raw),
    ("contest", contest),
    ("control_messages", control_messages),
    ("election", election),
    ("frames", frames),
    ("greeting", greeting),
    ("peer", peer),
    ("server", server),
    ("session", session),
    ("sp_ends", sp_ends),
    ("sp_header", sp_header),
    ("wire_kyneta", wire_kyneta),
    ("wire_lines", wire_lines),
    ("wire_native", wire_native),
    ("wire_prefixed", wire_prefixed),
    ("wire_raw", wire_raw),
    ("wire_sp", wire_sp),
];
