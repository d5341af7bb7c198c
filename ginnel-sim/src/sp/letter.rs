//! What ends of SP send each other here: bodies that tell what they are.

use bytes::Bytes;

/// The number of something that was sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Letter(pub(crate) u64);

/// What a body turns out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Read {
    /// Somebody who keeps no rules has written it.
    Lie,
    /// A letter, and what it answers.
    Letter(Letter, Option<Letter>),
}

/// A body of at least so many bytes, that begins with this topic.
///
/// ```text
/// topic | number, 8 bytes | length, 4 | number of what it answers, 8 | the number's last byte, again and again
/// ```
pub(crate) fn write(letter: Letter, topic: u8, re: Option<Letter>, length: usize) -> Bytes {
    let length = length.max(HEADER);
    let mut body = vec![letter.0 as u8; length];
    body[0] = topic;
    body[1..9].copy_from_slice(&letter.0.to_le_bytes());
    body[9..13].copy_from_slice(&(length as u32).to_le_bytes());
    body[13..21].copy_from_slice(&re.map_or(u64::MAX, |re| re.0).to_le_bytes());
    body.into()
}

/// Which letter this is, if it is whole.
pub(crate) fn read(body: &[u8]) -> Result<Read, String> {
    if body.first().is_none_or(|&topic| topic == LIE) {
        return Ok(Read::Lie);
    }
    let number =
        |at: usize| body.get(at..).and_then(|rest| rest.first_chunk()).copied().map(u64::from_le_bytes);
    let length = body.get(9..).and_then(|rest| rest.first_chunk()).copied().map(u32::from_le_bytes);
    let (Some(letter), Some(length), Some(re)) = (number(1), length, number(13)) else {
        return Err(format!("{} bytes came that nobody has written", body.len()));
    };
    let is_whole = body.len() == length as usize && body[HEADER..].iter().all(|&byte| byte == letter as u8);
    let re = Some(Letter(re)).filter(|re| re.0 != u64::MAX);
    if is_whole { Ok(Read::Letter(Letter(letter), re)) } else { Err(format!("Letter({letter}) has changed")) }
}

/// How a body begins that is a lie.
pub(crate) const LIE: u8 = 0xee;

/// How a letter may begin.
pub(crate) const TOPICS: [u8; 3] = *b"abc";

const HEADER: usize = 21;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_read_as_it_was_written_and_a_change_is_seen() {
        for (length, re) in [(0, None), (700, Some(Letter(9)))] {
            let body = write(Letter(300), b'a', re, length);
            assert_eq!(read(&body), Ok(Read::Letter(Letter(300), re)));
            let mut changed = body.to_vec();
            changed.push(0);
            assert!(read(&changed).is_err());
        }
        assert_eq!(read(b""), Ok(Read::Lie));
        assert_eq!(read(&[LIE, 1, 2]), Ok(Read::Lie));
        assert!(read(b"abc").is_err());
    }
}
