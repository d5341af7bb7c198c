//! No message has any on Windows.

use std::io::{self, Read};
use std::time::Instant;

use anyhow::{Context, Result};
use ginnel::{Message, Stream};

use super::check_size;
use crate::events::Events;
use crate::run::input::CHUNK;
use crate::wait;

/// Everything to the end of the stream.
pub(crate) fn collect(mut stream: &Stream, deadline: Option<Instant>) -> Result<Message> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        wait::check(deadline)?;
        let n = stream.read(&mut chunk).context("cannot receive")?;
        if n == 0 {
            return Ok(Message::new(bytes));
        }
        bytes.extend_from_slice(&chunk[..n]);
        check_size(bytes.len(), 0)?;
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it may fail elsewhere")]
pub(crate) fn tell_each<F>(_: &[F], _: Events) -> io::Result<()> {
    Ok(())
}
