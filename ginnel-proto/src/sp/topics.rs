//! What has been subscribed to.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::limits::{Bound, Load};

/// Prefixes. To see whether a message begins with one of them costs as many lookups as there are different lengths.
#[derive(Debug, Default)]
pub(super) struct Topics {
    prefixes: BTreeSet<Bytes>,
    /// How many there are of each length.
    lengths: BTreeMap<usize, usize>,
    bytes: usize,
}

impl Topics {
    /// Would this one be kept?
    pub(super) fn admits(&self, prefix: &[u8], bound: Bound) -> bool {
        let held = Load { bytes: self.bytes, messages: self.prefixes.len(), fds: 0 };
        self.prefixes.contains(prefix)
            || bound.admits(held, Load { bytes: prefix.len(), messages: 1, fds: 0 })
    }

    pub(super) fn add(&mut self, prefix: Bytes) {
        let length = prefix.len();
        if self.prefixes.insert(prefix) {
            *self.lengths.entry(length).or_default() += 1;
            self.bytes += length;
        }
    }

    /// `false`: it was not there.
    pub(super) fn remove(&mut self, prefix: &[u8]) -> bool {
        if !self.prefixes.remove(prefix) {
            return false;
        }
        self.bytes -= prefix.len();
        if let Some(count) = self.lengths.get_mut(&prefix.len()) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&prefix.len());
            }
        }
        true
    }

    pub(super) fn contains(&self, prefix: &[u8]) -> bool {
        self.prefixes.contains(prefix)
    }

    /// Does this message begin with one of them?
    #[inline]
    pub(super) fn match_start_of(&self, body: &[u8]) -> bool {
        let lengths = self.lengths.range(..=body.len());
        lengths.into_iter().any(|(&length, _)| self.prefixes.contains(&body[..length]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(prefixes: &[&'static str]) -> Topics {
        let mut topics = Topics::default();
        prefixes.iter().for_each(|prefix| topics.add(Bytes::from_static(prefix.as_bytes())));
        topics
    }

    #[test]
    fn a_message_is_wanted_if_it_begins_with_a_prefix() {
        let some = topics(&["ab", "abc", "x"]);
        for (body, wanted) in
            [("ab", true), ("abd", true), ("a", false), ("b", false), ("xyz", true), ("", false)]
        {
            assert_eq!(some.match_start_of(body.as_bytes()), wanted, "{body:?}");
        }
        assert!(topics(&[""]).match_start_of(b""), "the empty prefix begins everything");
        assert!(!topics(&[]).match_start_of(b"x"), "without a subscription nothing is wanted");
    }

    #[test]
    fn a_prefix_counts_once_and_is_gone_once_removed() {
        let mut some = topics(&["ab", "ab", "cd"]);
        assert!(some.remove(b"ab"));
        assert!(!some.remove(b"ab"));
        assert!(!some.match_start_of(b"ab"));
        assert!(some.match_start_of(b"cde"));
        assert_eq!(some.bytes, 2);
    }

    #[test]
    fn a_million_prefixes_are_kept_up_to_the_bound() {
        let bound = Bound { bytes: 64 << 20, messages: 1 << 20, fds: 0 };
        let mut many = Topics::default();
        for number in 0..1_u32 << 20 {
            let prefix = Bytes::copy_from_slice(&number.to_be_bytes());
            assert!(many.admits(&prefix, bound));
            many.add(prefix);
        }
        assert!(!many.admits(b"one more", bound));
        assert!(many.admits(&7_u32.to_be_bytes(), bound), "one that is there already costs nothing");
        assert!(many.match_start_of(&[0, 0, 1, 2, 3]));
    }
}
