//! `ginnel call`

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ginnel::{Connection, Message, Stream, Wire};

use super::connection;
use super::files::Files;
use super::input::{Input, Most, NO_INPUT};
use super::talk::{Talk, options, plain};
use crate::events::Events;
use crate::exit::Exit;
use crate::output::Output;
use crate::plan::{Body, Call};
use crate::speech::{Codec, Speech};
use crate::wait;

pub(crate) fn run(plan: Call, events: Events) -> Result<Exit> {
    let Call { place, codec, files, body } = plan;
    let deadline = wait::deadline(place.timeout);
    let files = Files::open(&files)?;
    let question = codec.body(typed(body, deadline)?)?;
    let (mut stream, _) = connection::open::<Stream>(&place, deadline, events)?;
    stream.set_deadline(deadline)?;
    let mut connection = Connection::over(stream, &options(Wire::Native));
    let answer = connection.call(files.with(Message::new(question))).map_err(plain)?;
    // The answer is here: that the listener is slow to part is no failure.
    let _ = connection.close(Duration::ZERO);
    let talk = Talk { speech: Speech { wire: Wire::Native, codec: Some(codec) }, deadline, events };
    talk.tell(&answer)?;
    print(codec, &answer).map(|()| Exit::SUCCESS)
}

fn typed(body: Body, deadline: Option<Instant>) -> Result<Vec<u8>> {
    match body {
        Body::Text(text) => Ok(text.into_encoded_bytes()),
        Body::Input => Input::stdin(deadline)?.all(Most::MESSAGE).context(NO_INPUT),
    }
}

fn print(codec: Codec, answer: &Message) -> Result<()> {
    let mut output = Output::stdout()?;
    let line = codec.line(&answer.body)?;
    if codec == Codec::Raw {
        output.write(&line)?;
        output.finish()?;
    } else {
        output.line(&line)?;
    }
    Ok(())
}
