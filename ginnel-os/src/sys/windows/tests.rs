//! Real pipes.

mod ends;
mod many;
mod packets;
mod ports;
mod processes;
mod tcp;
mod whom;

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering};

use super::security::Access;
use super::{PipeName, Socket};
use crate::connection::Directions;
use crate::sys::SocketKind;

/// A name that no other test has.
fn name() -> PipeName {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    PipeName::new(&format!(r"\\.\pipe\ginnel-test-{}-{number}", std::process::id())).expect("a name")
}

fn listener(kind: SocketKind, name: &PipeName) -> Socket {
    let listener = Socket::new(kind, true);
    listener.bind(name, &Access::Owner).expect("the name is free");
    listener.listen(8).expect("it listens");
    listener
}

fn accept(listener: &Socket) -> Socket {
    loop {
        if let Some(socket) = listener.accept(true).expect("accepted") {
            return socket;
        }
        listener.wait(Directions::READ, None);
    }
}

/// Connects, however busy the listener is.
fn connect(kind: SocketKind, name: &PipeName) -> io::Result<Socket> {
    loop {
        let socket = Socket::new(kind, true);
        if socket.connect(name)?.is_some() {
            return Ok(socket);
        }
        std::thread::yield_now();
    }
}

/// What comes next, with its true size; `None`: the end.
fn receive(socket: &Socket, room: usize) -> io::Result<Option<(Vec<u8>, usize)>> {
    let mut bytes = vec![MaybeUninit::new(0); room];
    loop {
        if let Some(got) = socket.receive(&mut bytes)? {
            let written = bytes[..got.bytes.min(room)].iter();
            #[expect(unsafe_code, reason = "a received byte is looked at")]
            // SAFETY: all of them were initialised above.
            let written = written.map(|byte| unsafe { byte.assume_init() }).collect();
            return Ok((!got.end).then_some((written, got.bytes)));
        }
        socket.wait(Directions::READ, None);
    }
}

/// Everything up to the end.
fn receive_all(socket: &Socket) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some((bytes, _)) = receive(socket, 1 << 17)? {
        all.extend(bytes);
    }
    Ok(all)
}

fn send(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    loop {
        if let Some(sent) = socket.send(&[IoSlice::new(bytes)])? {
            return Ok(sent);
        }
        socket.wait(Directions::WRITE, None);
    }
}

fn send_all(socket: &Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        bytes = &bytes[send(socket, bytes)?..];
    }
    Ok(())
}

/// Bytes that do not look alike wherever they are cut.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_mul(31) ^ (at >> 8)) as u8).collect()
}
