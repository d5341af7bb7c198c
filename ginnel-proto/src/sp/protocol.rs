use std::fmt;

/// One end of a protocol of SP, as its greeting names it.
///
/// ```
/// use ginnel_proto::sp::Protocol;
/// assert_eq!(Protocol::Req.number(), 0x30);
/// assert_eq!(Protocol::Req.peer(), Protocol::Rep);
/// assert_eq!(Protocol::Bus.peer(), Protocol::Bus);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the ends of SP, which is finished")]
pub enum Protocol {
    /// Two talk, version 0.
    Pair0,
    /// Two talk, version 1, which counts hops.
    Pair1,
    /// Tells everybody.
    Pub,
    /// Hears what it has subscribed to.
    Sub,
    /// Asks one.
    Req,
    /// Answers.
    Rep,
    /// Gives work to one of many.
    Push,
    /// Takes work.
    Pull,
    /// Asks everybody.
    Surveyor,
    /// Answers a survey.
    Respondent,
    /// Tells all neighbours, and hears them.
    Bus,
}

impl Protocol {
    /// Every end.
    pub const ALL: [Self; 11] = [
        Self::Pair0,
        Self::Pair1,
        Self::Pub,
        Self::Sub,
        Self::Req,
        Self::Rep,
        Self::Push,
        Self::Pull,
        Self::Surveyor,
        Self::Respondent,
        Self::Bus,
    ];

    /// Its number in the greeting.
    pub const fn number(self) -> u16 {
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

    /// The end that must be on the other side.
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

    /// Its name, as in the command.
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
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
