//! What the messages of an exchange hold: their number, then bytes that depend on it.

use anyhow::{Result, bail, ensure};

use crate::protocol::Side;

/// Every message that counts begins with these bytes, as long as there are fewer than 2^32.
pub const PREFIX: [u8; 4] = [0; 4];

/// The first byte of a message that does not count: nobody subscribes to it.
const DECOY: u8 = 0xff;

/// How long a number is.
const NUMBER: usize = 8;

/// The message of that number, `size` bytes or as few as hold the number.
#[must_use]
pub fn body(number: u64, size: usize, from: Side) -> Vec<u8> {
    let mut body = Vec::with_capacity(size.max(NUMBER));
    body.extend(number.to_be_bytes());
    body.extend((NUMBER..size).map(|at| filler(number, at, from)));
    body
}

/// A message that a subscriber must not see.
#[must_use]
pub fn decoy(number: u64, size: usize) -> Vec<u8> {
    let mut body = body(number, size, Side::Lead);
    body[0] = DECOY;
    body
}

/// Fails unless these are the bytes of [`body`].
pub fn check(found: &[u8], number: u64, size: usize, from: Side) -> Result<()> {
    let expected = body(number, size, from);
    if found == expected {
        return Ok(());
    }
    let Some(head) = found.first_chunk() else {
        bail!("message {number}: {} bytes do not even hold a number", found.len());
    };
    let told = u64::from_be_bytes(*head);
    ensure!(told == number, "message {number} is missing: number {told} came in its place");
    ensure!(
        found.len() == expected.len(),
        "message {number}: {} bytes expected, {} came",
        expected.len(),
        found.len()
    );
    let wrong = found.iter().zip(&expected).position(|(a, b)| a != b);
    bail!("message {number}: byte {} is wrong", wrong.unwrap_or_default());
}

/// Differs between neighbours, between places and between the two directions; 251 is a prime, so that no pattern of a
/// power of two goes unseen.
fn filler(number: u64, at: usize, from: Side) -> u8 {
    let turned = match from {
        Side::Lead => 0,
        Side::Follow => 128,
    };
    ((number % 251 * 7 + at as u64 + turned) % 251) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_itself_and_no_other() {
        let message = body(5, 64, Side::Lead);
        assert!(check(&message, 5, 64, Side::Lead).is_ok());
        for (number, size, from) in [(6, 64, Side::Lead), (5, 65, Side::Lead), (5, 64, Side::Follow)] {
            assert!(check(&message, number, size, from).is_err());
        }
        assert!(check(b"short", 5, 64, Side::Lead).is_err());
    }

    #[test]
    fn what_is_wrong_is_told() {
        let mut message = body(5, 64, Side::Lead);
        message[17] ^= 1;
        let told = |found: &[u8], number| {
            check(found, number, 64, Side::Lead).expect_err("a wrong message").to_string()
        };
        assert_eq!(told(&message, 5), "message 5: byte 17 is wrong");
        assert_eq!(told(&message, 4), "message 4 is missing: number 5 came in its place");
        assert_eq!(told(&message[..63], 5), "message 5: 64 bytes expected, 63 came");
    }

    #[test]
    fn decoys_do_not_begin_as_messages_do() {
        assert!(body(u64::from(u32::MAX), 0, Side::Lead).starts_with(&PREFIX));
        assert!(!decoy(5, 64).starts_with(&PREFIX));
        assert_eq!(decoy(5, 64).len(), 64);
    }
}
