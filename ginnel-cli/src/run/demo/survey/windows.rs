use std::collections::BTreeMap;
use std::ffi::OsStr;

use anyhow::{Context, Result};
use ginnel::sp::{Respondent, Surveyor};

use super::ASKED;
use crate::run::demo::part::RESPOND;
use crate::run::demo::stage::{Part, Stage};

/// What is asked over.
pub(super) const OVER: &str = "a pipe";

/// Starts those who are asked, who connect to whoever asks.
pub(super) fn gather(surveyor: &mut Surveyor, stage: &Stage) -> Result<BTreeMap<u32, Part>> {
    let address = stage.address("survey");
    surveyor.listen(&url(&address)?)?;
    let mut parts = BTreeMap::new();
    for _ in 0..ASKED {
        let part = stage.start(RESPOND, &address)?;
        parts.insert(part.pid(), part);
    }
    Ok(parts)
}

/// Connects to whoever asks, once somebody waits for something: whoever asks is still busy with starting others.
pub(super) fn attend(respondent: &mut Respondent, address: &OsStr) -> Result<()> {
    respondent.keep_dialing(&url(address)?)?;
    Ok(())
}

fn url(address: &OsStr) -> Result<String> {
    let name = address.to_str().and_then(|text| text.strip_prefix(r"\\.\pipe\"));
    Ok(format!("ipc://{}", name.context("this is no name of a pipe")?))
}

pub(super) fn own_user() -> String {
    String::new()
}
