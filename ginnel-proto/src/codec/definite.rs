use super::item::{Item, Items};

/// Writes the same CBOR with a length in front of everything, where a `Serialize` did not know it beforehand.
///
/// For what our own encoder wrote. It is measured again afterwards, so what is not well-formed here is copied as it
/// stands.
pub(super) fn definite(body: &[u8]) -> Vec<u8> {
    let mut work = Rewrite { rest: body, out: Vec::with_capacity(body.len() + 8), open: Vec::new() };
    while work.step().is_some() {}
    work.out.extend_from_slice(work.rest);
    work.out
}

#[derive(Debug)]
struct Rewrite<'a> {
    rest: &'a [u8],
    out: Vec<u8>,
    open: Vec<Open>,
}

/// What holds the next item.
#[derive(Debug)]
enum Open {
    /// With a length: items it still waits for.
    Known(u64),
    /// Until [`BREAK`]: where its header belongs, which one, and its items so far.
    Unknown { at: usize, major: u8, count: u64 },
}

impl Rewrite<'_> {
    fn step(&mut self) -> Option<()> {
        let (&byte, rest) = self.rest.split_first()?;
        match byte {
            0x5f | 0x7f => {
                self.string(byte >> 5, rest)?;
                self.ended();
            }
            0x9f | 0xbf => {
                self.open.push(Open::Unknown { at: self.out.len(), major: byte >> 5, count: 0 });
                self.rest = rest;
            }
            BREAK => {
                let Open::Unknown { at, major, count } = self.open.pop()? else { return None };
                let len = if major == 5 { count / 2 } else { count };
                self.out.splice(at..at, header(major, len));
                self.rest = rest;
                self.ended();
            }
            _ => self.copy()?,
        }
        Some(())
    }

    /// An item as it stands, of which only the header if it holds others.
    fn copy(&mut self) -> Option<()> {
        let mut items = Items::new(self.rest);
        let owed = match items.next().ok()? {
            Item::Array(len) => len,
            Item::Map(len) => len.saturating_mul(2),
            Item::Tag(_) => 1,
            _ => 0,
        };
        self.out.extend_from_slice(items.since(0));
        self.rest = items.rest();
        if owed > 0 {
            self.open.push(Open::Known(owed))
        } else {
            self.ended()
        }
        Some(())
    }

    /// A string in pieces, joined.
    fn string(&mut self, major: u8, pieces: &[u8]) -> Option<()> {
        let mut joined = Vec::new();
        let mut items = Items::new(pieces);
        while items.rest().first() != Some(&BREAK) {
            match items.next().ok()? {
                Item::Bytes(piece) => joined.extend_from_slice(piece),
                Item::Text(piece) => joined.extend_from_slice(piece.as_bytes()),
                _ => return None,
            }
        }
        self.out.extend(header(major, joined.len() as u64));
        self.out.append(&mut joined);
        self.rest = self.rest.get(1 + items.at() + 1..)?;
        Some(())
    }

    /// An item ended, and with it perhaps those around it.
    fn ended(&mut self) {
        while let Some(open) = self.open.last_mut() {
            match open {
                Open::Unknown { count, .. } => *count += 1,
                Open::Known(owed) if *owed > 1 => *owed -= 1,
                Open::Known(_) => {
                    self.open.pop();
                    continue;
                }
            }
            return;
        }
    }
}

/// The shortest header for this length.
fn header(major: u8, len: u64) -> impl Iterator<Item = u8> {
    let (info, bytes) = match len {
        0..24 => (len.to_be_bytes()[7], 0),
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 8),
    };
    [major << 5 | info].into_iter().chain(len.to_be_bytes().into_iter().skip(8 - bytes))
}

/// Ends what has no length.
const BREAK: u8 = 0xff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_put_in_front() {
        for (given, expected) in [
            (&b"\x9f\xff"[..], &b"\x80"[..]),
            (b"\xbf\xff", b"\xa0"),
            (b"\x9f\x01\x9f\x02\xff\x82\x9f\xff\x03\xff", b"\x83\x01\x81\x02\x82\x80\x03"),
            (b"\xbf\x61a\xbf\x61b\x01\x61c\xc1\x02\xff\xff", b"\xa1\x61a\xa2\x61b\x01\x61c\xc1\x02"),
            (b"\x82\x7f\x61a\x62bc\xff\x5f\xff", b"\x82\x63abc\x40"),
        ] {
            assert_eq!(definite(given), expected, "{given:x?}");
        }
    }

    #[test]
    fn long_lengths_take_the_shortest_header() {
        for (len, expected) in [
            (23, &[0x97][..]),
            (24, &[0x98, 24]),
            (255, &[0x98, 255]),
            (256, &[0x99, 1, 0]),
            (65_536, &[0x9a, 0, 1, 0, 0]),
            (1 << 32, &[0x9b, 0, 0, 0, 1, 0, 0, 0, 0]),
        ] {
            assert_eq!(header(4, len).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn what_is_not_well_formed_is_copied() {
        for bytes in [&b""[..], b"\xff", b"\x82\xff", b"\x7f\x61a", b"\x7f\x01\xff", b"\x1c\x9f"] {
            assert_eq!(definite(bytes), bytes);
        }
        definite(b"\x9f\x01");
    }
}
