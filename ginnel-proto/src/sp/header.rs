//! What stands before a body: words of four bytes, big-endian.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::SpFault;
use crate::{Frame, Kind, Message};

/// The way back to whoever asked: the pipes that a question came over, the last first, and its number, whose topmost bit
/// is set.
///
/// ```
/// use bytes::Bytes;
/// use ginnel_proto::sp::Trace;
/// let mut body = Bytes::from_static(&[0, 0, 0, 7, 0x80, 0, 0, 0x2a, b'q']);
/// let trace = Trace::take(&mut body, 8)?.expect("two words are not too many");
/// assert_eq!(trace.words(), [7, 0x8000_002a]);
/// assert_eq!(&body[..], b"q");
/// # Ok::<(), ginnel_proto::sp::SpFault>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trace {
    words: [u32; MOST_HOPS as usize],
    length: u8,
}

impl Trace {
    /// Takes the words off the front of a message. `None`: there are more than `ttl` of them, and the message is to be
    /// dropped.
    ///
    /// # Errors
    /// [`SpFault::ShortHeader`]: it ends before a word with the topmost bit.
    pub fn take(body: &mut Bytes, ttl: u8) -> Result<Option<Self>, SpFault> {
        let bytes = body.len();
        let mut trace = Self { words: [0; MOST_HOPS as usize], length: 0 };
        for word in trace.words.iter_mut().take(ttl.into()) {
            *word = take_word(body).map_err(|_| SpFault::ShortHeader { bytes })?;
            trace.length += 1;
            if is_number(*word) {
                return Ok(Some(trace));
            }
        }
        Ok(None)
    }

    /// The words, as they came.
    pub fn words(&self) -> &[u32] {
        &self.words[..self.length.into()]
    }

    /// Puts the words in front of a body again. Most traces are one word, and then the body is not copied.
    pub(super) fn frame<F>(&self, body: Bytes) -> Frame<F> {
        if let &[number] = self.words() {
            return headed(number, body);
        }
        let mut whole = BytesMut::with_capacity(WORD * self.words().len() + body.len());
        self.words().iter().for_each(|&word| whole.put_u32(word));
        whole.put(body);
        Message::new(whole.freeze()).into()
    }
}

/// A message behind one word.
pub(super) const fn headed<F>(word: u32, body: Bytes) -> Frame<F> {
    Frame::new(Kind::Headed(word), Message { body, fds: Vec::new() })
}

/// Takes one word off the front of a message.
pub(super) fn take_word(body: &mut Bytes) -> Result<u32, SpFault> {
    let bytes = body.len();
    let word = *body.first_chunk::<WORD>().ok_or(SpFault::ShortHeader { bytes })?;
    body.advance(WORD);
    Ok(u32::from_be_bytes(word))
}

/// Is it the number of a question, and so the last word?
pub(super) const fn is_number(word: u32) -> bool {
    word & NUMBER != 0
}

/// The bit that tells a question's number from a pipe's.
pub(super) const NUMBER: u32 = 1 << 31;

/// Bytes of a word.
const WORD: usize = 4;

/// Most words that any end may be told to take.
pub(super) const MOST_HOPS: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32], rest: &[u8]) -> Bytes {
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        bytes.extend_from_slice(rest);
        bytes.into()
    }

    #[test]
    fn a_trace_ends_with_the_number_and_goes_back_as_it_came() {
        for hops in 0..8_u32 {
            let mut sent: Vec<u32> = (1..=hops).collect();
            sent.push(NUMBER | 42);
            let mut body = words(&sent, b"body");
            let trace = Trace::take(&mut body, 8).unwrap().unwrap();
            assert_eq!((trace.words(), &body[..]), (&sent[..], &b"body"[..]));
            let frame: Frame<u32> = trace.frame(Bytes::from_static(b"answer"));
            match frame.kind {
                Kind::Headed(word) => assert_eq!((word, &frame.message.body[..]), (sent[0], &b"answer"[..])),
                _ => assert_eq!(frame.message.body, words(&sent, b"answer")),
            }
        }
    }

    #[test]
    fn more_words_than_the_limit_are_dropped_and_an_end_before_the_number_is_a_fault() {
        let nine: Vec<u32> = (1..9).chain([NUMBER]).collect();
        assert_eq!(Trace::take(&mut words(&nine, b""), 8), Ok(None));
        assert!(matches!(Trace::take(&mut words(&nine, b""), 9), Ok(Some(_))));
        for bytes in 0..4 {
            let mut short = words(&[NUMBER], b"").slice(..bytes);
            assert_eq!(Trace::take(&mut short, 8), Err(SpFault::ShortHeader { bytes }));
        }
        let no_number = words(&[1, 2], b"abc");
        assert_eq!(Trace::take(&mut no_number.clone(), 8), Err(SpFault::ShortHeader { bytes: 11 }));
        assert_eq!(Trace::take(&mut no_number.clone(), 2), Ok(None), "it is dropped before it is read on");
    }
}
