//! Control bytes of a peer, made harmless: a terminal acts on them.

use std::fmt::Write as _;

/// Escapes a byte stream that arrives in pieces.
///
/// Escaped are C0 except newline and tab, DEL, and C1, be it in UTF-8 (U+0080 to U+009F) or as a single byte
/// that is no UTF-8. Everything else passes as it is.
#[derive(Debug, Default)]
pub(crate) struct Escape {
    /// The start of a character whose rest has not come yet, at most 3 bytes.
    tail: Vec<u8>,
}

impl Escape {
    /// Appends `chunk` to `out`, except the start of a character at its end.
    pub(crate) fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        self.tail.extend_from_slice(chunk);
        let bytes = std::mem::take(&mut self.tail);
        let mut pieces = bytes.utf8_chunks().peekable();
        while let Some(piece) = pieces.next() {
            push_text(piece.valid(), out);
            if pieces.peek().is_none() && is_start_of_a_character(piece.invalid()) {
                self.tail.extend_from_slice(piece.invalid());
            } else {
                push_raw(piece.invalid(), out);
            }
        }
    }

    /// Appends what was held back: no more will come.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        push_raw(&std::mem::take(&mut self.tail), out);
    }
}

/// Escapes a text that belongs on one line, so newline and tab too.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        push_char(c, &mut line);
    }
    line
}

/// Replaces what `serde_json` leaves as it is and a terminal acts on. Such characters stand in strings only, where
/// this is another way to write them.
pub(crate) fn json(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            // Writing to a `String` cannot fail.
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line
}

fn is_start_of_a_character(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\n' | '\t') {
            line.push(c);
        } else {
            push_char(c, &mut line);
        }
    }
    out.extend_from_slice(line.as_bytes());
}

fn push_char(c: char, line: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = match c {
        c if !c.is_control() => line.write_char(c),
        c if c.is_ascii() => write!(line, "\\x{:02x}", u32::from(c)),
        c => write!(line, "\\u{{{:x}}}", u32::from(c)),
    };
}

fn push_raw(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        if matches!(byte, 0x80..=0x9f) {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        } else {
            out.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[(&[u8], &[u8])] = &[
        (b"plain text\n\tgoes through", b"plain text\n\tgoes through"),
        ("gr\u{fc}\u{df}e \u{2713} \u{1f980}".as_bytes(), "gr\u{fc}\u{df}e \u{2713} \u{1f980}".as_bytes()),
        // Writes to the clipboard of many terminals.
        (b"\x1b]52;c;cm0gLXJmIH4K\x07", b"\\x1b]52;c;cm0gLXJmIH4K\\x07"),
        (b"\x1b[2J", b"\\x1b[2J"),
        (b"a\rb\x08\x00\x7f", b"a\\x0db\\x08\\x00\\x7f"),
        ("\u{9b}2J\u{85}".as_bytes(), b"\\u{9b}2J\\u{85}"),
        (b"\x9b2J", b"\\x9b2J"),
        // U+009B in two and three bytes where one form is right: overlong forms are no UTF-8.
        (b"\xe0\x82\x9b", b"\xe0\\x82\\x9b"),
        (b"\xc1\x9b", b"\xc1\\x9b"),
        (b"\xff\xfe\xa0", b"\xff\xfe\xa0"),
        // The starts of characters that never end.
        (b"\xf0\x9f\xa6", b"\xf0\\x9f\xa6"),
        (b"\xe2\x9c\x1b", b"\xe2\\x9c\\x1b"),
    ];

    fn escaped<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let (mut escape, mut out) = (Escape::default(), Vec::new());
        for piece in pieces {
            escape.push(piece, &mut out);
        }
        escape.finish(&mut out);
        out
    }

    #[test]
    fn control_bytes_are_escaped_and_nothing_else() {
        for (bytes, expected) in TABLE {
            assert_eq!(escaped([*bytes]), *expected, "{bytes:?}");
        }
    }

    #[test]
    fn where_the_stream_is_cut_makes_no_difference() {
        for (bytes, expected) in TABLE {
            for at in 0..=bytes.len() {
                assert_eq!(escaped([&bytes[..at], &bytes[at..]]), *expected, "{bytes:?} cut at {at}");
            }
            assert_eq!(escaped(bytes.chunks(1)), *expected, "{bytes:?} byte by byte");
        }
    }

    #[test]
    fn a_whole_character_is_not_held_back() {
        let (mut escape, mut out) = (Escape::default(), Vec::new());
        escape.push("\u{2713}".as_bytes(), &mut out);
        assert_eq!(out, "\u{2713}".as_bytes());
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(one_line("a\nb\t\u{9b}\u{7f}c"), "a\\x0ab\\x09\\u{9b}\\x7fc");
        assert_eq!(json("{\"a\":\"\u{9b}\u{7f}\"}"), "{\"a\":\"\\u009b\\u007f\"}");
    }
}
