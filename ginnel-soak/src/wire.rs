//! The native wire as bytes, for peers that keep to it only as far as it serves them: see docs/wire.md.

pub(crate) const MESSAGE: u8 = 1;
pub(crate) const REQUEST: u8 = 2;
pub(crate) const PING: u8 = 6;

/// Of one who takes bodies up to 16 MiB, with up to 16 descriptors.
pub(crate) fn greeting() -> Vec<u8> {
    let most = 16u32 << 20;
    [b"GNL\x01\0\0\0\0".as_slice(), &most.to_le_bytes(), &[16, 0, 0, 0], &[7; 16]].concat()
}

/// The header of a frame with so many bytes behind it, and so many descriptors beside it.
pub(crate) fn header(length: u32, kind: u8, fds: u8) -> [u8; 8] {
    let [a, b, c, d] = length.to_le_bytes();
    [a, b, c, d, kind, fds, 0, 0]
}

pub(crate) fn frame(kind: u8, fds: u8, body: &[u8]) -> Vec<u8> {
    // Nothing here is larger than 16 MiB.
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&header(length, kind, fds)[..], body].concat()
}

pub(crate) fn question(number: u64, fds: u8, body: &[u8]) -> Vec<u8> {
    frame(REQUEST, fds, &[&number.to_le_bytes()[..], body].concat())
}
