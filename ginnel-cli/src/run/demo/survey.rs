//! The step about messaging patterns: a survey among processes that know each other by sockets alone.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix::{OVER, attend, gather, own_user};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows::{OVER, attend, gather, own_user};

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ginnel::sp::{Event, Respondent, Surveyor};

use super::part::{READY, say};
use super::stage::Stage;
use super::system::user;

/// Asks all of them at once.
pub(super) fn survey(stage: &Stage) -> Result<String> {
    let mut surveyor = Surveyor::new()?;
    surveyor.set_deadline(Some(stage.deadline()));
    let parts = gather(&mut surveyor, stage)?;
    // A survey goes to those who are attached.
    while surveyor.pipes().len() < ASKED {
        let event = surveyor.next_event()?;
        ensure!(matches!(event, Event::Attached(_)), "{event:?}");
    }
    let began = Instant::now();
    let mut survey = surveyor.survey("who are you, and who asks?")?;
    let mut answers = BTreeMap::new();
    while answers.len() < ASKED {
        let answer = survey.next()?.with_context(|| format!("{} of {ASKED} answered", answers.len()))?;
        let answer = Answer::read(&answer).with_context(|| format!("the answer was {answer:?}"))?;
        answers.insert(answer.pid, answer);
    }
    let time = began.elapsed().as_secs_f64() * 1e3;
    let me = process::id();
    let mut lines = vec![format!("{ASKED} asked over {OVER}, all answered in {time:.1} ms")];
    for (pid, Answer { user, asker, asker_user, .. }) in answers {
        ensure!(parts.contains_key(&pid), "{pid} answered, whom nobody has started");
        ensure!(asker == me, "{pid} was told by the kernel that {asker} asks, where {me} does");
        lines.push(format!("{pid}{user} answers {asker}, user {asker_user}, whom the kernel names"));
    }
    Ok(lines.join("\n"))
}

/// Answers one survey.
pub(super) fn respond(address: &OsStr, deadline: Instant) -> Result<()> {
    let mut respondent = Respondent::new()?;
    respondent.set_deadline(Some(deadline));
    attend(&mut respondent, address)?;
    say(READY)?;
    let request = respondent.recv()?;
    let asker = respondent.peer_credentials(request.pipe())?;
    let answer = Answer {
        pid: process::id(),
        user: own_user(),
        asker: asker.pid.context("whoever asks is out of sight")?,
        asker_user: user(&asker),
    };
    respondent.reply(request, answer.written());
    Ok(respondent.close(PATIENCE)?)
}

/// Who answers, and who asks.
struct Answer {
    pid: u32,
    /// Nothing, or `, user` and who, where a process easily finds out who it is.
    user: String,
    asker: u32,
    asker_user: String,
}

impl Answer {
    fn written(&self) -> String {
        let Self { pid, user, asker, asker_user } = self;
        format!("{pid}/{user}/{asker}/{asker_user}")
    }

    fn read(text: &[u8]) -> Option<Self> {
        let mut parts = str::from_utf8(text).ok()?.split('/');
        Some(Self {
            pid: parts.next()?.parse().ok()?,
            user: parts.next()?.into(),
            asker: parts.next()?.parse().ok()?,
            asker_user: parts.next()?.into(),
        })
    }
}

const ASKED: usize = 3;

/// How long the surveyor may take to end too.
const PATIENCE: Duration = Duration::from_secs(1);
