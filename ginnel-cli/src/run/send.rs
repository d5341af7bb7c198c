//! `ginnel send`

use std::io::{self, Read, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use ginnel::{SeqPacket, Stream};

use super::connection;
use super::datagrams;
use super::files::Files;
use super::input::{CHUNK, Input, Most, NO_INPUT};
use crate::events::{Event, Events};
use crate::exit::Exit;
use crate::plan::{Body, Kind, Place, Send};
use crate::wait;

pub(crate) fn run(plan: Send, events: Events) -> Result<Exit> {
    let Send { place, files, body } = plan;
    let deadline = wait::deadline(place.timeout);
    let files = Files::open(&files)?;
    let bytes = match place.kind {
        Kind::Stream => send_bytes(&place, body, &files, deadline, events),
        Kind::SeqPacket => {
            let (mut socket, _) = connection::open::<SeqPacket>(&place, deadline, events)?;
            socket.set_deadline(deadline)?;
            send_packet(body, deadline, |packet| files.send_packet(&socket, packet))
        }
        Kind::Datagram(packets) => datagrams::send(packets, &place, body, &files, deadline),
    }?;
    events.tell(&Event::Sent { bytes, fds: files.count() });
    Ok(Exit::SUCCESS)
}

/// Sends one packet, and says how long it was.
pub(super) fn send_packet(
    body: Body,
    deadline: Option<Instant>,
    send: impl FnOnce(&[u8]) -> io::Result<()>,
) -> Result<usize> {
    let packet = match body {
        Body::Text(text) => text.into_encoded_bytes(),
        Body::Input => Input::stdin(deadline)?.all(Most::PACKET).context(NO_INPUT)?,
    };
    send(&packet).with_context(|| format!("cannot send a packet of {} bytes", packet.len()))?;
    Ok(packet.len())
}

fn send_bytes(
    place: &Place,
    body: Body,
    files: &Files,
    deadline: Option<Instant>,
    events: Events,
) -> Result<usize> {
    let (mut stream, _) = connection::open::<Stream>(place, deadline, events)?;
    stream.set_deadline(deadline)?;
    match body {
        Body::Input => copy(&mut Input::stdin(deadline)?, &mut stream),
        Body::Text(text) => {
            let text = text.into_encoded_bytes();
            // On a stream descriptors travel with a byte.
            let bytes = if text.is_empty() && files.count() > 0 { b"\n" } else { &text[..] };
            send_whole(&mut stream, bytes, files).context("cannot send")?;
            Ok(bytes.len())
        }
    }
}

/// The descriptors go with the first byte, so what is left of the bytes goes without them.
fn send_whole(stream: &mut Stream, bytes: &[u8], files: &Files) -> io::Result<()> {
    let sent = if files.count() == 0 { 0 } else { files.send_with(stream, bytes)? };
    stream.write_all(&bytes[sent..])?;
    stream.flush()
}

/// Sends what is typed, and says how much it was.
fn copy(input: &mut Input, stream: &mut Stream) -> Result<usize> {
    let mut chunk = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        let n = input.read(&mut chunk).context(NO_INPUT)?;
        if n == 0 {
            stream.flush().context("cannot send")?;
            return Ok(bytes);
        }
        stream.write_all(&chunk[..n]).context("cannot send")?;
        bytes += n;
    }
}
