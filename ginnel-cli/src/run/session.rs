//! A connection joined to standard input and output.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use ginnel::{SeqPacket, Stream, WriteHalf};

use super::descriptors::tell_closed;
use super::input::{CHUNK, Input, Lines, Most, NO_INPUT};
use super::sending::{self, Sending};
use crate::events::{Event, Events};
use crate::output::Output;
use crate::wait::check;

/// A connection that is a descriptor.
pub(crate) trait Plain: AsFd + Into<OwnedFd> {
    /// Joins it to standard input and output until both directions have ended.
    fn serve(self, deadline: Option<Instant>, events: Events) -> Result<()>;
}

impl Plain for Stream {
    fn serve(self, deadline: Option<Instant>, events: Events) -> Result<()> {
        bytes(self, deadline, events)
    }
}

impl Plain for SeqPacket {
    fn serve(self, deadline: Option<Instant>, events: Events) -> Result<()> {
        packets(self, deadline, events)
    }
}

/// Standard input to the stream, the stream to standard output.
fn bytes(mut stream: Stream, deadline: Option<Instant>, events: Events) -> Result<()> {
    let mut output = Output::stdout()?;
    let mut input = Input::stdin(deadline)?;
    stream.set_deadline(deadline)?;
    let (mut reader, writer) = stream.into_split();
    let sending = Sending::start(writer, move |writer| send_bytes(&mut input, writer), sending::shut)?;
    let mut chunk = vec![0; CHUNK];
    let unread = loop {
        check(deadline)?;
        let received = reader.recv_with_fds(&mut chunk);
        let Some((n, fds)) = unless_gone(received).context("cannot receive")? else { break true };
        tell_closed(fds.len(), events);
        if n == 0 {
            break false;
        }
        output.write(&chunk[..n])?;
    };
    output.finish()?;
    sending.end(reader, deadline)?;
    events.tell(&Event::Closed { unread });
    Ok(())
}

/// Every line of standard input as a packet, every packet as a line on standard output.
fn packets(mut socket: SeqPacket, deadline: Option<Instant>, events: Events) -> Result<()> {
    let mut output = Output::stdout()?;
    let mut lines = Lines::of(Input::stdin(deadline)?, Most::PACKET);
    socket.set_deadline(deadline)?;
    let socket = Arc::new(socket);
    let sending =
        Sending::start(Arc::clone(&socket), move |socket| send_lines(&mut lines, socket), sending::shut)?;
    let unread = loop {
        check(deadline)?;
        let Some(received) = unless_gone(socket.recv()).context("cannot receive")? else { break true };
        let Some(message) = received else { break false };
        tell_closed(message.fds.len(), events);
        output.line(&message.body)?;
    };
    sending.end(&*socket, deadline)?;
    events.tell(&Event::Closed { unread });
    Ok(())
}

fn send_bytes(input: &mut Input, writer: &mut WriteHalf) -> Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let n = input.read(&mut chunk).context(NO_INPUT)?;
        if n == 0 || unless_gone(writer.write_all(&chunk[..n])).context("cannot send")?.is_none() {
            return Ok(());
        }
    }
}

fn send_lines(lines: &mut Lines<Input>, socket: &SeqPacket) -> Result<()> {
    while let Some(line) = lines.next().context(NO_INPUT)? {
        let sent = unless_gone(socket.send(&line));
        if sent.with_context(|| format!("cannot send a packet of {} bytes", line.len()))?.is_none() {
            break;
        }
    }
    Ok(())
}

/// `None`: the peer closed the connection, perhaps without reading everything.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => Ok(None),
        other => other.map(Some),
    }
}
