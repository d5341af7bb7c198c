//! The step about messaging patterns: a survey among processes that inherited one end of a socket pair each.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::process;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ginnel::sp::{Event, Respondent, Surveyor};
use ginnel::{Address, Stream};

use super::part::{READY, Role, say};
use super::stage::Stage;

/// Asks all of them at once.
pub(super) fn survey(stage: &Stage) -> Result<String> {
    let mut surveyor = Surveyor::new()?;
    surveyor.set_deadline(Some(stage.deadline()));
    let mut parts = BTreeMap::new();
    for _ in 0..ASKED {
        let (ours, theirs) = Stream::pair()?;
        let part = stage.start_with(Role::Respond, OwnedFd::from(theirs))?;
        surveyor.adopt(ours)?;
        parts.insert(part.pid(), part);
    }
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
    let mut lines = vec![format!("{ASKED} asked over inherited sockets, all answered in {time:.1} ms")];
    for (pid, Answer { uid, asker, asker_uid, .. }) in answers {
        ensure!(parts.contains_key(&pid), "{pid} answered, whom nobody has started");
        ensure!(asker == me, "{pid} was told by the kernel that {asker} asks, where {me} does");
        lines.push(format!("{pid}, user {uid}, answers {asker}, user {asker_uid}, whom the kernel names"));
    }
    Ok(lines.join("\n"))
}

/// Answers one survey over the socket that it has inherited as its standard input.
pub(super) fn respond(deadline: Instant) -> Result<()> {
    let mut respondent = Respondent::new()?;
    respondent.set_deadline(Some(deadline));
    respondent.adopt(Stream::connect(Address::inherited(0))?)?;
    say(READY)?;
    let request = respondent.recv()?;
    // Of a socket pair, who has made it.
    let asker = respondent.peer_credentials(request.pipe())?;
    let answer = Answer {
        pid: process::id(),
        uid: rustix::process::geteuid().as_raw(),
        asker: asker.pid.context("whoever asks is out of sight")?,
        asker_uid: asker.uid,
    };
    respondent.reply(request, answer.written());
    Ok(respondent.close(PATIENCE)?)
}

/// Who answers, and who asks.
struct Answer {
    pid: u32,
    uid: u32,
    asker: u32,
    asker_uid: u32,
}

impl Answer {
    fn written(&self) -> String {
        let Self { pid, uid, asker, asker_uid } = self;
        format!("{pid} {uid} {asker} {asker_uid}")
    }

    fn read(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let mut numbers = text.split(' ').map(|number| number.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self { pid: next()?, uid: next()?, asker: next()?, asker_uid: next()? })
    }
}

const ASKED: usize = 3;

/// How long the surveyor may take to end too.
const PATIENCE: Duration = Duration::from_secs(1);
