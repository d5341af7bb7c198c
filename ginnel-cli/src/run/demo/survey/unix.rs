use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;

use anyhow::Result;
use ginnel::sp::{Respondent, Surveyor};
use ginnel::{Address, Stream};

use super::ASKED;
use crate::run::demo::part::RESPOND;
use crate::run::demo::stage::{Part, Stage};

/// What is asked over.
pub(super) const OVER: &str = "inherited sockets";

/// Starts those who are asked, each with one end of a socket pair.
pub(super) fn gather(surveyor: &mut Surveyor, stage: &Stage) -> Result<BTreeMap<u32, Part>> {
    let mut parts = BTreeMap::new();
    for _ in 0..ASKED {
        let (ours, theirs) = Stream::pair()?;
        let part = stage.start_with(RESPOND, OwnedFd::from(theirs))?;
        surveyor.adopt(ours)?;
        parts.insert(part.pid(), part);
    }
    Ok(parts)
}

/// Takes the socket that it has inherited as its standard input. Of a socket pair the kernel names who has made it.
pub(super) fn attend(respondent: &mut Respondent, _: &OsStr) -> Result<()> {
    respondent.adopt(Stream::connect(Address::inherited(0))?)?;
    Ok(())
}

pub(super) fn own_user() -> String {
    format!(", user {},", rustix::process::geteuid().as_raw())
}
