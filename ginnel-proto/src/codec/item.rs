use super::error::Malformed;

/// The start of a CBOR value, RFC 8949 section 3: all of a number or string, the header of what holds others.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Item<'a> {
    Unsigned(u64),
    /// The number less than zero that is -1 minus this.
    Negative(u64),
    Bytes(&'a [u8]),
    Text(&'a str),
    /// Items that follow.
    Array(u64),
    /// Pairs of items that follow.
    Map(u64),
    /// Belongs to the one item that follows.
    Tag(u64),
    Bool(bool),
    /// `null` or `undefined`.
    Null,
    Float(f64),
}

/// Takes items from the front of a message, and accepts one form of each: see [`Cbor`](super::Cbor).
#[derive(Clone, Debug)]
pub(super) struct Items<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Items<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0 }
    }

    /// Bytes taken.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Bytes left.
    pub(super) fn left(&self) -> usize {
        self.body.len() - self.at
    }

    /// The bytes that are left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    /// What was taken since.
    pub(super) fn since(&self, from: usize) -> &'a [u8] {
        self.body.get(from..self.at).unwrap_or_default()
    }

    #[inline]
    pub(super) fn next(&mut self) -> Result<Item<'a>, Malformed> {
        let at = self.at;
        let [byte] = self.array()?;
        let (major, info) = (byte >> 5, byte & 0x1f);
        if major == 7 {
            return self.simple(byte, info);
        }
        let value = match info {
            0..24 => u64::from(info),
            24..28 => self.argument(at, info)?,
            31 if matches!(major, 2..=5) => return Err(Malformed::Indefinite { at }),
            _ => return Err(Malformed::Reserved { at, byte }),
        };
        Ok(match major {
            0 => Item::Unsigned(value),
            1 => Item::Negative(value),
            2 => Item::Bytes(self.string(at, value)?),
            3 => self.text(at, value)?,
            4 => Item::Array(value),
            5 => Item::Map(value),
            _ => Item::Tag(value),
        })
    }

    /// A number in the 1, 2, 4 or 8 bytes after its header, big-endian, that fits no fewer.
    fn argument(&mut self, at: usize, info: u8) -> Result<u64, Malformed> {
        let (value, least) = match info {
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 1 << 16),
            _ => (u64::from_be_bytes(self.array()?), 1 << 32),
        };
        if value < least { Err(Malformed::NotShortest { at }) } else { Ok(value) }
    }

    fn simple(&mut self, byte: u8, info: u8) -> Result<Item<'a>, Malformed> {
        Ok(match info {
            20 => Item::Bool(false),
            21 => Item::Bool(true),
            22 | 23 => Item::Null,
            25 => Item::Float(half(u16::from_be_bytes(self.array()?))),
            26 => Item::Float(f64::from(f32::from_be_bytes(self.array()?))),
            27 => Item::Float(f64::from_be_bytes(self.array()?)),
            _ => return Err(Malformed::Reserved { at: self.at - 1, byte }),
        })
    }

    fn text(&mut self, at: usize, len: u64) -> Result<Item<'a>, Malformed> {
        let bytes = self.string(at, len)?;
        let text = std::str::from_utf8(bytes);
        text.map(Item::Text)
            .map_err(|error| Malformed::Text { at: self.at - bytes.len() + error.valid_up_to() })
    }

    fn string(&mut self, at: usize, len: u64) -> Result<&'a [u8], Malformed> {
        let rest = self.rest();
        let taken = usize::try_from(len).ok().and_then(|len| rest.get(..len));
        let taken = taken.ok_or(Malformed::Length { at, declared: len, left: rest.len() })?;
        self.at += taken.len();
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let rest = self.rest();
        let taken = rest.first_chunk().ok_or(Malformed::Cut { at: self.body.len() })?;
        self.at += N;
        Ok(*taken)
    }
}

/// A float of 16 bits: 1 of sign, 5 of exponent, 10 of fraction. RFC 8949, appendix D.
fn half(bits: u16) -> f64 {
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    let size = match exponent {
        0 => fraction * power_of_two(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1024.0) * power_of_two(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// Exactly, which std does not promise of `powi`. The exponent is that of a normal number.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(u64::from((1023 + exponent).cast_unsigned()) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_of_16_bits_have_the_values_of_the_standard() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0x3e00, 1.5),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x0400, 0.000_061_035_156_25),
            (0xc400, -4.0),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:04x}");
        }
        assert!(half(0x8000).is_sign_negative());
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn every_normal_float_of_16_bits_keeps_its_bits() {
        for bits in (0..=u16::MAX).filter(|bits| (1..31).contains(&(bits >> 10 & 0x1f))) {
            let (sign, exponent) = (u64::from(bits >> 15), u64::from(bits >> 10 & 0x1f));
            let wide = sign << 63 | (exponent + 1023 - 15) << 52 | u64::from(bits & 0x3ff) << 42;
            assert_eq!(half(bits).to_bits(), wide, "{bits:04x}");
        }
    }
}
