//! What a peer's process tells the one that has started it, and the other way round: packets over its standard input.

use anyhow::{Context as _, Result, bail};
use rustix::time::{ClockId, clock_gettime};

/// What a peer's process tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    /// Nanoseconds of the clock that all processes share.
    pub(crate) at: u64,
    pub(crate) what: Told,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    /// It listens.
    Leads,
    /// It is connected to the one of this number.
    Follows(usize),
    /// It does not know.
    Seeks,
    /// Something is wrong with the path.
    Trouble(String),
    /// It has forked a child of this process id, which keeps every descriptor.
    Child(i32),
    /// It takes part no more.
    Left,
}

/// What a peer's process is told to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// Fork a child that keeps every descriptor.
    Fork,
    /// Leave, in order.
    Leave,
}

impl Report {
    pub(crate) fn now(what: Told) -> Self {
        Self { at: now(), what }
    }

    pub(crate) fn encode(&self) -> String {
        let at = self.at;
        match &self.what {
            Told::Leads => format!("{at} leads"),
            Told::Follows(number) => format!("{at} follows {number}"),
            Told::Seeks => format!("{at} seeks"),
            Told::Trouble(why) => format!("{at} trouble {why}"),
            Told::Child(pid) => format!("{at} child {pid}"),
            Told::Left => format!("{at} left"),
        }
    }

    pub(crate) fn decode(packet: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(packet)?;
        let (at, rest) = text.split_once(' ').context("a report without a time")?;
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let what = match word {
            "leads" => Told::Leads,
            "follows" => Told::Follows(rest.parse()?),
            "seeks" => Told::Seeks,
            "trouble" => Told::Trouble(rest.into()),
            "child" => Told::Child(rest.parse()?),
            "left" => Told::Left,
            _ => bail!("a report that nobody knows: {text:?}"),
        };
        Ok(Self { at: at.parse()?, what })
    }
}

impl Order {
    pub(crate) const fn encode(self) -> &'static [u8] {
        match self {
            Self::Fork => b"fork",
            Self::Leave => b"leave",
        }
    }

    pub(crate) fn decode(packet: &[u8]) -> Option<Self> {
        [Self::Fork, Self::Leave].into_iter().find(|order| order.encode() == packet)
    }
}

/// Nanoseconds of the clock that all processes share. clock_gettime(2)
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_report_is_read_as_it_was_told() {
        let told = [
            Told::Leads,
            Told::Follows(17),
            Told::Seeks,
            Told::Trouble("no room".into()),
            Told::Child(4711),
            Told::Left,
        ];
        for what in told {
            let report = Report { at: 12, what };
            assert_eq!(Report::decode(report.encode().as_bytes()).unwrap(), report);
        }
        assert!(Report::decode(b"12 dances").is_err());
    }
}
