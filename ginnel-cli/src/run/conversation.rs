//! A connection that is joined to standard input and output, or to a command, on Windows.
//!
//! A pipe has no end of one direction: whoever closes it hears no more. So one thread hears, one says, and the third
//! decides when it is over. The two are left behind at the end: each may be waiting for something that never comes.

mod plain;

use std::io::{self, ErrorKind, Write};
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::input::{Input, Lines, Most, NO_INPUT, chunk};
use crate::output::Output;
use crate::wait::check;

pub(crate) use self::plain::Plain;

/// What is heard.
pub(super) enum Heard {
    /// A piece of a stream, a packet or a message.
    Piece(Vec<u8>),
    End {
        /// The other side has ended without reading everything.
        unread: bool,
    },
}

/// The half that hears.
pub(super) trait Ear: Send + 'static {
    fn hear(&mut self) -> Result<Heard>;
}

/// The half that says.
pub(super) trait Mouth: Send + 'static {
    /// `None`: the other side has gone.
    fn say(&mut self, piece: Vec<u8>) -> Result<Option<()>>;
    /// Waits until the system has everything: what is under way ends with the process.
    fn settle(&mut self) -> Result<()>;
}

/// What is between two pieces where they are typed and printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Nothing: they are parts of a stream.
    Bytes,
    /// Each is a line, with so many bytes at most.
    Lines(Most),
}

/// A connection in its two halves.
pub(super) struct Conversation<E, M> {
    pub(super) ear: E,
    pub(super) mouth: M,
    pub(super) form: Form,
}

/// What happens in the two threads.
enum Event<T> {
    Heard(Result<Heard>),
    Said(Result<T>),
}

impl<E: Ear, M: Mouth> Conversation<E, M> {
    /// Standard input is said, what is heard is printed: until the other side ends it, or, if something was said, until
    /// nothing has come for a while. `true`: the other side has ended without reading everything.
    pub(super) fn join(self, deadline: Option<Instant>) -> Result<bool> {
        let mut output = Output::stdout()?;
        let Self { ear, mouth, form } = self;
        let input = Input::stdin(deadline)?;
        let events = begin(ear, move || say_all(mouth, form, input, NO_INPUT))?;
        // Held until the end of everything.
        let mut said: Option<Said<M>> = None;
        loop {
            check(deadline)?;
            let spoke = said.as_ref().is_some_and(|said| said.pieces > 0);
            let lull = spoke.then(|| Instant::now() + LULL);
            let event = match next(&events, [deadline, lull].into_iter().flatten().min())? {
                Some(event) => event,
                // The deadline is looked at above.
                None if lull.is_none_or(|lull| lull > Instant::now()) => continue,
                None => {
                    output.finish()?;
                    return Ok(false);
                }
            };
            match event {
                Event::Said(all) => said = Some(all?),
                Event::Heard(heard) => match heard? {
                    Heard::Piece(piece) if form == Form::Bytes => output.write(&piece)?,
                    Heard::Piece(piece) => output.line(&piece)?,
                    Heard::End { unread } => {
                        output.finish()?;
                        // No result yet means that it waits for input which nobody would take.
                        return so_far(&events).transpose().map(|_| unread);
                    }
                },
            }
        }
    }

    /// What a command prints is said, what is heard is its standard input: until it has ended.
    pub(super) fn exec(self, mut child: Child) -> Result<ExitStatus> {
        let Self { ear, mouth, form } = self;
        let mut stdin = child.stdin.take();
        let events = begin(ear, move || say_printed(mouth, form, child))?;
        loop {
            match next(&events, None)? {
                None => {}
                Some(Event::Said(status)) => return status.map(|(status, _)| status),
                Some(Event::Heard(heard)) => match heard {
                    Ok(Heard::Piece(piece)) => give(&piece, form, &mut stdin)?,
                    Ok(Heard::End { .. }) => stdin = None,
                    // Once the command has ended, nobody needs the rest. Asked while its input is open, whose end would
                    // end it.
                    Err(error) => return so_far(&events).unwrap_or(Err(error)).map(|(status, _)| status),
                },
            }
        }
    }
}

/// Everything was said.
struct Said<M> {
    pieces: u64,
    /// Dropped, it would end the connection.
    _mouth: M,
}

/// Starts the two threads.
fn begin<T: Send + 'static>(
    mut ear: impl Ear,
    say: impl FnOnce() -> Result<T> + Send + 'static,
) -> io::Result<Receiver<Event<T>>> {
    // Whoever does not print what came does not hear more.
    let (told, events) = sync_channel(1);
    let tell: SyncSender<Event<T>> = told.clone();
    thread::Builder::new().spawn(move || {
        loop {
            let heard = ear.hear();
            let goes_on = matches!(heard, Ok(Heard::Piece(_)));
            if tell.send(Event::Heard(heard)).is_err() || !goes_on {
                break;
            }
        }
    })?;
    // It fails if nobody asks any more.
    thread::Builder::new().spawn(move || told.send(Event::Said(say())).unwrap_or_default())?;
    Ok(events)
}

/// `None`: nothing has happened until then.
fn next<T>(events: &Receiver<Event<T>>, until: Option<Instant>) -> Result<Option<Event<T>>> {
    let Some(until) = until else { return events.recv().map(Some).context(PANICKED) };
    match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Err(RecvTimeoutError::Timeout) => Ok(None),
        event => event.map(Some).context(PANICKED),
    }
}

/// What has come of saying everything, if that is known.
fn so_far<T>(events: &Receiver<Event<T>>) -> Option<Result<T>> {
    events.try_iter().find_map(|event| match event {
        Event::Said(result) => Some(result),
        Event::Heard(_) => None,
    })
}

/// Says what is read, until its end or until the other side has gone.
fn say_all<M: Mouth>(
    mut mouth: M,
    form: Form,
    input: impl io::Read,
    trouble: &'static str,
) -> Result<Said<M>> {
    let mut pieces = 0;
    let mut say = |piece| {
        pieces += 1;
        mouth.say(piece).map(|said| said.is_some())
    };
    match form {
        Form::Bytes => {
            let mut input = input;
            while let Some(piece) = chunk(&mut input).context(trouble)?
                && say(piece)?
            {}
        }
        Form::Lines(most) => {
            let mut lines = Lines::of(input, most);
            while let Some(line) = lines.next().context(trouble)?
                && say(line)?
            {}
        }
    }
    mouth.settle()?;
    Ok(Said { pieces, _mouth: mouth })
}

/// Says what a command prints, and waits for its end.
fn say_printed<M: Mouth>(mouth: M, form: Form, mut child: Child) -> Result<(ExitStatus, M)> {
    let printed = child.stdout.take().context(NOT_PRINTED)?;
    let said = say_all(mouth, form, printed, NOT_PRINTED);
    if said.is_err() {
        // It fails if the command has ended already.
        let _ = child.kill();
    }
    let status = child.wait()?;
    said.map(|said| (status, said._mouth))
}

/// A command need not read what it is given.
fn give(piece: &[u8], form: Form, stdin: &mut Option<ChildStdin>) -> io::Result<()> {
    let Some(open) = stdin else { return Ok(()) };
    let end: &[u8] = if form == Form::Bytes { b"" } else { b"\r\n" };
    match open.write_all(piece).and_then(|()| open.write_all(end)) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            *stdin = None;
            Ok(())
        }
        other => other,
    }
}

const NOT_PRINTED: &str = "cannot read what the command prints";
const PANICKED: &str = "a thread of this connection has panicked";

/// How long nothing comes until whoever has said everything believes that nothing will.
const LULL: Duration = Duration::from_secs(1);
