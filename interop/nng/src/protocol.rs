//! The protocols by name, with what a pipe's first eight bytes say of them.

use clap::ValueEnum;

/// One end of one of nng's protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
#[expect(missing_docs, reason = "the names are nng's")]
pub enum Protocol {
    Pair0,
    Pair1,
    Req,
    Rep,
    Pub,
    Sub,
    Push,
    Pull,
    Surveyor,
    Respondent,
    Bus,
}

impl Protocol {
    /// Every one, ends that belong together side by side.
    pub const ALL: [Self; 11] = [
        Self::Pair0,
        Self::Pair1,
        Self::Req,
        Self::Rep,
        Self::Pub,
        Self::Sub,
        Self::Push,
        Self::Pull,
        Self::Surveyor,
        Self::Respondent,
        Self::Bus,
    ];

    /// The number in the greeting.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::Pair0 => 0x10,
            Self::Pair1 => 0x11,
            Self::Pub => 0x20,
            Self::Sub => 0x21,
            Self::Req => 0x30,
            Self::Rep => 0x31,
            Self::Push => 0x50,
            Self::Pull => 0x51,
            Self::Surveyor => 0x62,
            Self::Respondent => 0x63,
            Self::Bus => 0x70,
        }
    }

    /// The end that this one talks to.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Pair0 => Self::Pair0,
            Self::Pair1 => Self::Pair1,
            Self::Pub => Self::Sub,
            Self::Sub => Self::Pub,
            Self::Req => Self::Rep,
            Self::Rep => Self::Req,
            Self::Push => Self::Pull,
            Self::Pull => Self::Push,
            Self::Surveyor => Self::Respondent,
            Self::Respondent => Self::Surveyor,
            Self::Bus => Self::Bus,
        }
    }

    /// As nng and the command line write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pair0 => "pair0",
            Self::Pair1 => "pair1",
            Self::Pub => "pub",
            Self::Sub => "sub",
            Self::Req => "req",
            Self::Rep => "rep",
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Surveyor => "surveyor",
            Self::Respondent => "respondent",
            Self::Bus => "bus",
        }
    }

    /// Which of the two sides this end is; one that talks to its like can be either.
    #[must_use]
    pub const fn side(self) -> Option<Side> {
        match self {
            Self::Pair0 | Self::Pair1 | Self::Bus => None,
            Self::Req | Self::Pub | Self::Push | Self::Surveyor => Some(Side::Lead),
            Self::Rep | Self::Sub | Self::Pull | Self::Respondent => Some(Side::Follow),
        }
    }
}

/// Who of two begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Side {
    /// Sends the first message.
    Lead,
    /// Waits for it.
    Follow,
}

impl Side {
    /// The side across.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Lead => Self::Follow,
            Self::Follow => Self::Lead,
        }
    }
}

/// The eight bytes that an end with this number sends first.
#[must_use]
pub const fn greeting(id: u16) -> [u8; 8] {
    let [high, low] = id.to_be_bytes();
    [0, b'S', b'P', 0, high, low, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_agree_about_each_other() {
        for protocol in Protocol::ALL {
            assert_eq!(protocol.peer().peer(), protocol);
            assert_eq!(protocol.peer().side(), protocol.side().map(Side::other));
        }
    }

    #[test]
    fn the_command_line_knows_the_same_names() {
        for protocol in Protocol::ALL {
            assert_eq!(<Protocol as ValueEnum>::from_str(protocol.name(), false), Ok(protocol));
        }
    }
}
