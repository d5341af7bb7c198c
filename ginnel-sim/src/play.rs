//! What is played in a run.

use std::str::FromStr;

/// What is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_enums, reason = "each has its cast")]
pub enum Play {
    /// Servers, clients, peers, packets and names.
    #[default]
    Ours,
    /// Ends of SP.
    Sp(Ends),
}

/// Ends of SP that go together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the protocols of SP, which is finished")]
pub enum Ends {
    /// Whichever the seed says.
    Any,
    /// Pairs, version 0.
    Pair0,
    /// Pairs, version 1.
    Pair1,
    /// Those who publish, and those who have subscribed.
    PubSub,
    /// Those who ask, and those who answer.
    ReqRep,
    /// Those who give work, and those who take it.
    PushPull,
    /// Those who ask everybody, and those who answer.
    Survey,
    /// Neighbours.
    Bus,
}

impl Ends {
    /// Those of one protocol each.
    pub const ALL: [Self; 7] =
        [Self::Pair0, Self::Pair1, Self::PubSub, Self::ReqRep, Self::PushPull, Self::Survey, Self::Bus];

    /// How they are called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Pair0 => "pair0",
            Self::Pair1 => "pair1",
            Self::PubSub => "pub",
            Self::ReqRep => "req",
            Self::PushPull => "push",
            Self::Survey => "survey",
            Self::Bus => "bus",
        }
    }
}

impl FromStr for Ends {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.into_iter().chain([Self::Any]);
        known().find(|ends| ends.name() == name).ok_or_else(|| {
            let names: Vec<_> = known().map(Self::name).collect();
            format!("there is no {name}; there are {}", names.join(", "))
        })
    }
}
