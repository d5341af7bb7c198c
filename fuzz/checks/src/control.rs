//! Received control data: what a kernel writes beside the bytes of a message.
#![expect(unsafe_code, reason = "a kernel vouches for what it writes, also one on paper")]

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::rc::Rc;

use ginnel_os::sys::{
    Descriptors, Incoming, Outgoing, PeerIds, Slot, SocketKind, Sockets, Taken, Wait, Would,
};
use ginnel_os::{SeqPacket, SocketError, Stream};
use rustix::net::SocketAddrUnix;

use crate::coin::{Coin, Purse};
use crate::script::Script;

/// Control messages, well-formed or not, beside a few bytes: never a panic, each descriptor is owned, none comes from
/// nowhere, all are closed if some were lost, and well-formed ones arrive in order.
pub fn control_messages(data: &[u8]) {
    let mut script = Script::new(data);
    let (how, cut) = (script.byte() % 3, script.flag());
    let (control, expected) = written(&mut script);
    let kernel = Paper { control: Rc::new(RefCell::new(control)), cut, ..Paper::default() };
    let purse = kernel.purse.clone();
    let given = match how {
        0 => streamed(&kernel, cut),
        1 => packeted(&kernel, cut),
        _ => read_plainly(&kernel, cut, expected.as_deref()),
    };
    assert_eq!(purse.alive(), 0, "what was received is closed");
    assert!(given.len() <= kernel.owned.get(), "none comes from nowhere");
    if let Some(expected) = expected
        && !cut
        && how < 2
    {
        assert_eq!(given, expected, "in the order in which they stood there");
    }
}

/// What the kernel writes, and the numbers of the descriptors if all of it is well-formed.
fn written(script: &mut Script<'_>) -> (Vec<u8>, Option<Vec<i32>>) {
    let mut control = Vec::new();
    let mut expected = Some(Vec::new());
    while !script.is_over() && control.len() < ROOM {
        let kind = script.choose([libc::SCM_RIGHTS, libc::SCM_RIGHTS, PIDFD, libc::SO_TIMESTAMPNS, 99, 0]);
        let shape = script.byte();
        let data = script.take(usize::from(shape & 0x3f));
        if kind == 0 {
            control.extend(data);
            expected = None;
            continue;
        }
        let (level, length) = match shape >> 6 {
            0 | 1 => (libc::SOL_SOCKET, HEADER + data.len()),
            2 => (libc::SOL_IP, HEADER + data.len()),
            // Longer or shorter than it is, or absurd.
            _ => (libc::SOL_SOCKET, (script.number() as usize).wrapping_sub(3)),
        };
        if shape >> 6 == 3 {
            expected = None;
        }
        control.extend(length.to_ne_bytes());
        control.extend(level.to_ne_bytes());
        control.extend(kind.to_ne_bytes());
        control.extend(data);
        control.resize(control.len().next_multiple_of(size_of::<usize>()), 0);
        if let Some(expected) = &mut expected
            && (level, kind) == (libc::SOL_SOCKET, libc::SCM_RIGHTS)
        {
            let numbers = data.as_chunks::<4>().0.iter().map(|&number| i32::from_ne_bytes(number));
            expected.extend(numbers.filter(|&number| number >= 0));
        }
    }
    if control.len() > ROOM {
        expected = None;
    }
    (control, expected)
}

/// `SCM_PIDFD`, Linux 6.5.
const PIDFD: i32 = 4;
/// Bytes before the data of a control message, cmsg(3).
const HEADER: usize = size_of::<usize>() + 8;
/// Less than any receiving call has room for.
const ROOM: usize = 1000;

fn streamed(kernel: &Paper, cut: bool) -> Vec<i32> {
    let stream = Stream::made_on(kernel.clone(), kernel.socket_of_ours());
    let received = stream.receive(&mut [0; 8], Wait::Never);
    assert_eq!(received.is_err(), cut, "descriptors were lost, or none was");
    let Ok(Some(chunk)) = received else { return check_lost(received.err()) };
    assert_eq!(chunk.bytes, BYTES);
    chunk.fds.iter().map(|fd| fd.number).collect()
}

fn packeted(kernel: &Paper, cut: bool) -> Vec<i32> {
    let (near, _far) = SeqPacket::pair_on(kernel.clone(), true).expect("a pair on paper");
    let received = near.receive(8, Wait::Never);
    assert_eq!(received.is_err(), cut, "descriptors were lost, or none was");
    let Ok(Some(packet)) = received else { return check_lost(received.err()) };
    packet.expect("there are bytes").fds.iter().map(|fd| fd.number).collect()
}

/// A read without room for descriptors closes them, and the next call says so.
fn read_plainly(kernel: &Paper, cut: bool, expected: Option<&[i32]>) -> Vec<i32> {
    let stream = Stream::made_on(kernel.clone(), kernel.socket_of_ours());
    let chunk =
        stream.read(&mut [0; 8], Wait::Never).expect("the bytes are given out").expect("there are some");
    assert!(chunk.fds.is_empty());
    assert_eq!(kernel.purse.alive(), 1, "nothing but the socket is open");
    kernel.control.borrow_mut().clear();
    let next = stream.read(&mut [0; 8], Wait::Never);
    let came = expected.map_or(next.is_err(), |expected| !expected.is_empty());
    assert_eq!(next.is_err(), cut || came, "what was lost is told, and nothing else");
    Vec::new()
}

fn check_lost(error: Option<io::Error>) -> Vec<i32> {
    let error = error.and_then(|error| error.downcast::<SocketError>().ok());
    assert!(matches!(error, Some(SocketError::FdsLost { .. })), "{error:?}");
    Vec::new()
}

/// Bytes that come beside the control data.
const BYTES: usize = 3;

/// A kernel on paper: it hands out the same bytes again and again, and counts what is owned.
#[derive(Clone, Debug, Default)]
struct Paper {
    control: Rc<RefCell<Vec<u8>>>,
    cut: bool,
    purse: Purse,
    owned: Rc<Cell<usize>>,
}

/// A descriptor of it.
#[derive(Debug)]
struct Numbered {
    number: i32,
    _coin: Coin,
}

impl Paper {
    fn socket_of_ours(&self) -> Numbered {
        Numbered { number: 3, _coin: self.purse.mint() }
    }

    fn fill(&self, bytes: &mut [MaybeUninit<u8>], control: &mut [MaybeUninit<u8>]) -> Taken {
        for place in bytes.iter_mut().take(BYTES) {
            place.write(b'x');
        }
        let written = self.control.borrow();
        let count = written.len().min(control.len());
        for (place, &byte) in control.iter_mut().zip(&*written) {
            place.write(byte);
        }
        let bytes = BYTES.min(bytes.len());
        Taken { bytes, control: count, control_cut: self.cut }
    }
}

impl Descriptors for Paper {
    type Fd = Numbered;
    type Borrowed<'a> = &'a Numbered;
    type Carried = Numbered;
    type Lent<'a> = &'a Numbered;

    fn borrow<'a>(&self, fd: &'a Numbered) -> &'a Numbered {
        fd
    }

    fn lend<'a>(&self, fd: &'a Numbered) -> &'a Numbered {
        fd
    }

    fn number(&self, fd: &Numbered) -> i32 {
        fd.number
    }

    unsafe fn own(&self, number: i32) -> Numbered {
        assert!(number >= 0, "an error number is no descriptor");
        self.owned.set(self.owned.get() + 1);
        Numbered { number, _coin: self.purse.mint() }
    }

    fn duplicate(&self, _: u16) -> io::Result<Numbered> {
        nothing()
    }
}

/// Calls that a socket on paper does not know.
fn nothing<T>() -> io::Result<T> {
    Err(ErrorKind::Unsupported.into())
}

// SAFETY: bytes and control data are written one by one from the start of the room, and counted as far as there was
// room; what is owned is a number on paper.
unsafe impl Sockets for Paper {
    fn receive(&self, _: &Numbered, incoming: Incoming<'_>, _: Wait) -> Would<Taken> {
        Ok(Some(self.fill(incoming.bytes, incoming.control)))
    }
    fn socket_pair(&self, _: SocketKind, _: bool) -> io::Result<(Numbered, Numbered)> {
        Ok((self.socket_of_ours(), self.socket_of_ours()))
    }
    fn stamp_packets(&self, _: &Numbered) -> io::Result<()> {
        Ok(())
    }
    fn socket(&self, _: SocketKind, _: bool) -> io::Result<Numbered> {
        nothing()
    }
    fn bind(&self, _: &Numbered, _: &SocketAddrUnix) -> io::Result<()> {
        nothing()
    }
    fn listen(&self, _: &Numbered, _: u32) -> io::Result<()> {
        nothing()
    }
    fn connect(&self, _: &Numbered, _: &SocketAddrUnix) -> Would<()> {
        nothing()
    }
    fn accept(&self, _: &Numbered, _: bool) -> Would<Numbered> {
        nothing()
    }
    fn send(&self, _: &Numbered, _: Outgoing<'_>, _: Wait) -> Would<usize> {
        nothing()
    }
    fn send_many(&self, _: &Numbered, _: &[IoSlice<'_>], _: Wait) -> Would<usize> {
        nothing()
    }
    fn receive_many(&self, _: &Numbered, _: &mut [Slot<'_>], _: Wait) -> Would<usize> {
        nothing()
    }
    fn shutdown(&self, _: &Numbered, _: Shutdown) -> io::Result<()> {
        nothing()
    }
    fn peer_ids(&self, _: &Numbered) -> io::Result<PeerIds> {
        nothing()
    }
    fn peer_groups(&self, _: &Numbered) -> io::Result<Vec<u32>> {
        nothing()
    }
    fn kind(&self, _: &Numbered) -> io::Result<Option<SocketKind>> {
        nothing()
    }
    fn is_listening(&self, _: &Numbered) -> io::Result<bool> {
        nothing()
    }
    fn set_nonblocking(&self, _: &Numbered) -> io::Result<()> {
        nothing()
    }
    fn set_send_buffer(&self, _: &Numbered, _: usize) -> io::Result<()> {
        nothing()
    }
}
