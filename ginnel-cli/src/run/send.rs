//! `ginnel send`

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use ginnel::{Datagram, SeqPacket, Stream};

use super::connection::{self, no_connection};
use super::input::{Input, Most};
use crate::events::{Event, Events};
use crate::exit::Exit;
use crate::plan::{Body, Kind, Place, Send};
use crate::wait;

pub(crate) fn run(plan: Send, events: Events) -> Result<Exit> {
    let Send { place, files, body } = plan;
    let deadline = wait::deadline(place.timeout);
    let files = files.iter().map(open).collect::<Result<Vec<_>>>()?;
    let fds: Vec<_> = files.iter().map(AsFd::as_fd).collect();
    let bytes = match place.kind {
        Kind::Stream => send_bytes(&place, body, &fds, deadline, events),
        Kind::SeqPacket => {
            let (mut socket, _) = connection::open::<SeqPacket>(&place, deadline, events)?;
            socket.set_deadline(deadline)?;
            send_packet(packet(body, deadline)?, |packet| socket.send_with_fds(packet, &fds))
        }
        Kind::Datagram => {
            let mut socket =
                Datagram::connect(&place.address).map_err(|source| no_connection(&place, source))?;
            socket.set_deadline(deadline)?;
            send_packet(packet(body, deadline)?, |packet| socket.send_with_fds(packet, &fds))
        }
    }?;
    events.tell(&Event::Sent { bytes, fds: fds.len() });
    Ok(Exit::SUCCESS)
}

pub(super) fn open(path: &PathBuf) -> Result<File> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

fn packet(body: Body, deadline: Option<Instant>) -> Result<Vec<u8>> {
    match body {
        Body::Text(text) => Ok(text.into_vec()),
        Body::Input => Input::stdin(deadline)?.all(Most::PACKET).context("cannot read standard input"),
    }
}

fn send_packet(packet: Vec<u8>, send: impl FnOnce(&[u8]) -> io::Result<()>) -> Result<usize> {
    send(&packet).with_context(|| format!("cannot send a packet of {} bytes", packet.len()))?;
    Ok(packet.len())
}

fn send_bytes(
    place: &Place,
    body: Body,
    fds: &[BorrowedFd<'_>],
    deadline: Option<Instant>,
    events: Events,
) -> Result<usize> {
    let (mut stream, _) = connection::open::<Stream>(place, deadline, events)?;
    stream.set_deadline(deadline)?;
    match body {
        Body::Input => copy(&mut Input::stdin(deadline)?, &mut stream),
        Body::Text(text) => {
            let text = text.into_vec();
            // On a stream descriptors travel with a byte.
            let bytes = if text.is_empty() && !fds.is_empty() { b"\n" } else { &text[..] };
            send_whole(&mut stream, bytes, fds).context("cannot send")?;
            Ok(bytes.len())
        }
    }
}

/// The descriptors go with the first byte, so what is left of the bytes goes without them.
fn send_whole(stream: &mut Stream, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let sent = if fds.is_empty() { 0 } else { stream.send_with_fds(bytes, fds)? };
    stream.write_all(&bytes[sent..])
}

/// Sends what is typed, and says how much it was.
fn copy(input: &mut Input, stream: &mut Stream) -> Result<usize> {
    let mut chunk = vec![0; 64 << 10];
    let mut bytes = 0;
    loop {
        let n = input.read(&mut chunk).context("cannot read standard input")?;
        if n == 0 {
            return Ok(bytes);
        }
        stream.write_all(&chunk[..n]).context("cannot send")?;
        bytes += n;
    }
}
