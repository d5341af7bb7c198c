//! Numbers with names, as a line of text: what a process of the play tells the one that started it.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result};

/// Numbers with names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// 0 unless it was counted.
    pub(crate) fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, name: &str, more: u64) {
        match self.0.get_mut(name) {
            Some(count) => *count += more,
            None => drop(self.0.insert(name.to_owned(), more)),
        }
    }

    pub(crate) fn set(&mut self, name: &str, count: u64) {
        self.0.insert(name.to_owned(), count);
    }

    pub(crate) fn raise(&mut self, name: &str, count: u64) {
        self.set(name, self.of(name).max(count));
    }

    /// Those of several processes together; of ages the largest counts.
    pub(crate) fn join(&mut self, other: &Self) {
        for (name, &count) in &other.0 {
            if name.starts_with(LARGEST) { self.raise(name, count) } else { self.add(name, count) }
        }
    }

    pub(crate) fn parse(line: &str) -> Result<Self> {
        let pairs = line.split_whitespace().map(|pair| {
            let (name, count) = pair.split_once('=').with_context(|| format!("no number in {pair:?}"))?;
            Ok((name.to_owned(), count.parse().with_context(|| format!("no number in {pair:?}"))?))
        });
        Ok(Self(pairs.collect::<Result<_>>()?))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<_> = self.0.iter().map(|(name, count)| format!("{name}={count}")).collect();
        f.write_str(&pairs.join(" "))
    }
}

/// What begins so is not added up.
const LARGEST: &str = "max-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_and_joins_by_its_names() {
        let mut counts = Counts::parse("cut=2 max-age=5").unwrap();
        assert_eq!(Counts::parse(&counts.to_string()).unwrap(), counts);
        counts.join(&Counts::parse("cut=3 max-age=4 other=1").unwrap());
        assert_eq!(counts.to_string(), "cut=5 max-age=5 other=1");
        assert!(Counts::parse("cut=many").is_err());
    }
}
