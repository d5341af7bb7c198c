//! The steps of Windows: no message carries an open file there, and a name is no file.

use std::io::ErrorKind;
use std::process;

use anyhow::{Context, Result, bail, ensure};
use ginnel::{Stream, Typed};

use super::{Step, bytes, ensure_reached, flood, in_use, packets, restart, talk};
use crate::run::demo::part::{Finding, LOOK, Question, STAY};
use crate::run::demo::peers::peers;
use crate::run::demo::stage::Stage;
use crate::run::demo::survey::survey;
use crate::run::demo::system::token;

/// All steps, in the order in which they are shown.
pub(in crate::run::demo) const STEPS: &[Step] = &[
    Step { name: "bytes", run: bytes },
    Step { name: "packets", run: packets },
    Step { name: "typed", run: typed },
    Step { name: "restart", run: restart },
    Step { name: "flood", run: flood },
    Step { name: "in use", run: in_use },
    Step { name: "freed", run: freed },
    Step { name: "peers", run: peers },
    Step { name: "survey", run: survey },
];

fn typed(stage: &Stage) -> Result<String> {
    let address = stage.address("typed");
    let part = stage.start(LOOK, &address)?;
    let word = token()?;
    let text = format!("{word} and again {word}\n");
    let expected = Finding { times: 2, bytes: text.len() };
    let mut asking: Typed<_, Question, Finding> = Typed::new(talk(&address, stage.deadline())?);
    let finding = asking.call(&Question { word, text })?;
    ensure!(finding == expected, "{finding:?} was answered where {expected:?} is right");
    let Finding { times, bytes } = finding;
    Ok(format!("{} found a word {times} times in {}'s text, {bytes} bytes", part.pid(), process::id()))
}

fn freed(stage: &Stage) -> Result<String> {
    let address = stage.address("freed");
    let part = stage.start(STAY, &address)?;
    let dead = part.pid();
    ensure_reached(&address, dead, stage.deadline())?;
    part.kill()?;
    match Stream::connect_deadline(&*address, stage.deadline()) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).context("the pipe of a dead process"),
        Ok(_) => bail!("somebody answers for {dead}, which is dead"),
    }
    let next = stage.start(STAY, &address)?;
    ensure_reached(&address, next.pid(), stage.deadline())?;
    Ok(format!("{dead} was killed, its name went with it, {} has it now", next.pid()))
}
