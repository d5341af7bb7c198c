//! What comes, as it is printed.

use std::fmt::Write as _;

use anyhow::Result;

use crate::args::sp::Format;
use crate::events::{Event, Events, json_line};
use crate::output::{Output, OutputError};
use crate::speech::Codec;

/// Standard output, one message after another.
#[derive(Debug)]
pub(super) struct Printer {
    output: Output,
    format: Option<Format>,
    events: Events,
}

impl Printer {
    pub(super) fn new(format: Option<Format>, events: Events) -> Result<Self, OutputError> {
        Ok(Self { output: Output::stdout()?, format, events })
    }

    pub(super) fn print(&mut self, body: &[u8]) -> Result<()> {
        if !self.events.are_few() {
            self.events.tell(&Event::Message { told: Codec::Raw.told(body), bytes: body.len(), fds: 0 });
        }
        match self.format {
            None => self.output.line(body)?,
            Some(Format::Ascii) => self.output.line(&ascii(body))?,
            Some(Format::Hex) => self.output.line(hex(body).as_bytes())?,
            Some(Format::Json) => self.output.write(json_line(&Codec::Raw.told(body)).as_bytes())?,
            Some(Format::Raw) => {
                self.output.write(body)?;
                self.output.finish()?;
            }
        }
        Ok(())
    }
}

/// With a dot for what cannot be printed.
fn ascii(body: &[u8]) -> Vec<u8> {
    body.iter().map(|&byte| if matches!(byte, b' '..=b'~') { byte } else { b'.' }).collect()
}

/// As a string of C.
fn hex(body: &[u8]) -> String {
    let mut text = String::with_capacity(4 * body.len() + 2);
    text.push('"');
    for byte in body {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
    text.push('"');
    text
}
