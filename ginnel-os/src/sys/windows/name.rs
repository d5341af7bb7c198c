//! Names of pipes.

use std::fmt;
use std::ops::Range;

/// `\\.\pipe\NAME`, as the system wants it: UTF-16 with a NUL behind it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PipeName {
    wide: Vec<u16>,
}

impl PipeName {
    /// The name with its prefix. `None`: the system would take it for something else, or not at all.
    pub fn new(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_at_checked(PREFIX.len())?;
        let wide: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let fits = ALLOWED.contains(&(wide.len() - 1));
        let plain = !rest.is_empty() && !rest.contains(['\\', '/', '\0']);
        (prefix.eq_ignore_ascii_case(PREFIX) && fits && plain).then_some(Self { wide })
    }

    /// A name that nobody can guess.
    pub(super) fn private(bits: u128) -> Self {
        let text = format!("{PREFIX}ginnel-{:x}-{bits:032x}", std::process::id());
        Self { wide: text.encode_utf16().chain([0]).collect() }
    }

    /// With the NUL.
    pub(super) fn wide(&self) -> &[u16] {
        &self.wide
    }

    /// What follows the prefix, in capitals: names of pipes are the same whichever they are written in, names of other
    /// objects are not. Letter by letter, as the system compares: each has one capital, or is its own.
    pub(super) fn folded(&self) -> String {
        let capital = |char: char| {
            let mut capital = char.to_uppercase();
            capital.next().filter(|_| capital.next().is_none()).unwrap_or(char)
        };
        self.to_string()[PREFIX.len()..].chars().map(capital).collect()
    }
}

impl fmt::Display for PipeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_nul, name) = self.wide.split_last().unwrap_or((&0, &[]));
        char::decode_utf16(name.iter().copied())
            .try_for_each(|char| write!(f, "{}", char.unwrap_or(char::REPLACEMENT_CHARACTER)))
    }
}

impl fmt::Debug for PipeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

const PREFIX: &str = r"\\.\pipe\";

/// How long the whole may be. `CreateNamedPipe`
const ALLOWED: Range<usize> = 10..257;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_as_it_was_written() {
        let name = PipeName::new(r"\\.\pipe\Grüße").expect("a name");
        assert_eq!(name.to_string(), r"\\.\pipe\Grüße");
        assert_eq!(name.wide().last(), Some(&0));
    }

    #[test]
    fn names_of_one_pipe_are_one_name_of_everything_else() {
        let folded = |text: &str| PipeName::new(&format!("{PREFIX}{text}")).expect("a name").folded();
        assert_eq!(folded("App"), folded("aPP"));
        assert_eq!(folded("Grün"), folded("GRÜN"));
        // No letter depends on where it stands.
        assert_eq!(folded("ΟΔΟΣ"), folded("οδος"));
        assert_eq!(folded("οδος"), folded("οδοσ"));
        // Each stays one letter.
        assert_ne!(folded("Straße"), folded("Strasse"));
        assert_ne!(folded("Straße"), folded("STRASSE"));
    }

    #[test]
    fn what_is_no_name_of_a_pipe_is_refused() {
        let longest = format!("{PREFIX}{}", "x".repeat(256 - PREFIX.len()));
        assert!(PipeName::new(&longest).is_some());
        let bad = ["", PREFIX, "x", r"\\.\pipe\a\b", r"\\.\pipe\a/b", "\\\\.\\pipe\\a\0", r"\\host\pipe\x"];
        for text in bad.into_iter().chain([(longest + "x").as_str()]) {
            assert_eq!(PipeName::new(text), None, "{text:?}");
        }
    }
}
