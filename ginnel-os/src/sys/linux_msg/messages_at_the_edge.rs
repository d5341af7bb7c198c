//! Sending and receiving with no room, exact room and one byte or descriptor too many; names of every length.

use std::fs::File;
use std::io::Read;
use std::mem::offset_of;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::*;
use crate::ancillary::{self, Rights};
use crate::socket;
use crate::sys::{Kernel, SocketKind, Sockets};

const UNTOUCHED: u8 = 0xa5;

fn pair(kind: SocketKind) -> (OwnedFd, OwnedFd) {
    Kernel.socket_pair(kind, false).unwrap()
}

fn send_bytes(to: &OwnedFd, bytes: &[u8]) {
    let outgoing = Outgoing { bytes: &[IoSlice::new(bytes)], control: &[], to: None };
    assert_eq!(send(to.as_fd(), outgoing, Wait::Never).unwrap(), Some(bytes.len()));
}

/// Sends one byte with these descriptors, whatever their number.
fn send_fds(to: &OwnedFd, fds: &[BorrowedFd<'_>]) {
    let mut rights = Rights::new();
    let control = rights.encode(fds.iter().map(AsRawFd::as_raw_fd)).unwrap();
    let outgoing = Outgoing { bytes: &[IoSlice::new(b"x")], control, to: None };
    assert_eq!(send(to.as_fd(), outgoing, Wait::Never).unwrap(), Some(1));
}

fn receive_bytes(from: &OwnedFd, bytes: &mut [u8], whole: bool) -> Taken {
    let incoming = Incoming { bytes: socket::room(bytes), control: &mut [], whole, from: None };
    receive(from.as_fd(), incoming, Wait::Never).unwrap().unwrap()
}

/// A pipe's two ends: the reading one ends when every copy of the writing one is closed, which no other test disturbs.
fn telltale() -> (File, File) {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    (read.into(), write.into())
}

#[test]
fn a_packet_is_written_no_further_than_its_room() {
    for kind in [SocketKind::SeqPacket, SocketKind::Datagram] {
        let (left, right) = pair(kind);
        for room in 0..6 {
            send_bytes(&left, b"four");
            let mut bytes = [UNTOUCHED; 8];
            let taken = receive_bytes(&right, &mut bytes[..room], true);
            assert_eq!(taken.bytes, 4, "the true length, with room for {room}");
            let written = room.min(4);
            assert_eq!(&bytes[..written], &b"four"[..written]);
            assert!(
                bytes[written..].iter().all(|&byte| byte == UNTOUCHED),
                "{bytes:x?} with room for {room}"
            );
        }
        send_bytes(&left, b"");
        assert_eq!(receive_bytes(&right, &mut [0; 4], true).bytes, 0);
    }
}

#[test]
fn a_chunk_is_never_reported_larger_than_its_room() {
    let (left, right) = pair(SocketKind::Stream);
    for room in 1..6 {
        send_bytes(&left, b"four");
        let mut bytes = [UNTOUCHED; 8];
        let mut read = receive_bytes(&right, &mut bytes[..room], false).bytes;
        assert_eq!(read, room.min(4));
        assert!(bytes[read..].iter().all(|&byte| byte == UNTOUCHED));
        while read < 4 {
            read += receive_bytes(&right, &mut bytes[read..], false).bytes;
        }
        assert_eq!(&bytes[..4], b"four");
    }
}

#[test]
fn of_more_than_1024_slices_the_first_1024_go() {
    let (left, right) = pair(SocketKind::Stream);
    for (slices, sent) in [(0, 0), (1, 1), (1023, 1023), (1024, 1024), (1025, 1024)] {
        let bytes = vec![IoSlice::new(b"x"); slices];
        let outgoing = Outgoing { bytes: &bytes, control: &[], to: None };
        assert_eq!(send(left.as_fd(), outgoing, Wait::Never).unwrap(), Some(sent), "{slices} slices");
        if sent > 0 {
            assert_eq!(receive_bytes(&right, &mut [0; 2000], false).bytes, sent);
        }
    }
}

#[test]
fn descriptors_fit_exactly_or_what_was_dropped_is_told_and_the_rest_closed() {
    let space = |count: usize| ancillary::Rights::new().encode(vec![0; count].into_iter()).unwrap().len();
    let (left, right) = pair(SocketKind::Stream);
    for count in [1, 2, 3, 252, 253] {
        for room in [space(count), space(count) - 8, 0] {
            let (mut read, write) = telltale();
            send_fds(&left, &vec![write.as_fd(); count]);
            drop(write);
            let mut control = vec![MaybeUninit::new(UNTOUCHED); room + 8];
            let mut bytes = [0; 4];
            let bytes = socket::room(&mut bytes);
            let incoming = Incoming { bytes, control: &mut control[..room], whole: false, from: None };
            let taken = receive(right.as_fd(), incoming, Wait::Never).unwrap().unwrap();
            assert!(taken.control <= room);
            // SAFETY: the call above wrote both, and they are opened once.
            let opened = unsafe { ancillary::open(&Kernel, &control, taken.control) };
            let whole = opened.fds.len() == count;
            assert_eq!(whole, !taken.control_cut, "{count} in {room} bytes");
            assert_eq!(whole, room == space(count), "{count} in {room} bytes");
            drop(opened);
            assert_eq!(read.read(&mut [0; 1]).unwrap(), 0, "every copy is closed");
        }
    }
}

#[test]
fn batches_of_none_and_of_too_many() {
    let (left, right) = pair(SocketKind::SeqPacket);
    assert_eq!(send_many(left.as_fd(), &[], Wait::Never).unwrap(), Some(0));
    assert_eq!(receive_many(right.as_fd(), &mut [], Wait::Never).unwrap(), Some(0));
    // The queue may hold fewer of them, but never does a call look at more than 1,024.
    let packets = vec![IoSlice::new(b"x"); 1025];
    let sent = send_many(left.as_fd(), &packets, Wait::Never).unwrap().unwrap();
    assert!((1..=1024).contains(&sent));
    let (mut rooms, mut controls) = (vec![[0; 1]; 1025], vec![[MaybeUninit::uninit(); 32]; 1025]);
    let mut slots: Vec<_> = rooms
        .iter_mut()
        .zip(&mut controls)
        .map(|(bytes, control)| Slot { bytes: socket::room(bytes), control, taken: Taken::default() })
        .collect();
    let took = receive_many(right.as_fd(), &mut slots, Wait::Never).unwrap().unwrap();
    assert_eq!(took, sent);
    assert!(slots[..took].iter().all(|slot| slot.taken.bytes == 1));
    assert!(slots[took..].iter().all(|slot| slot.taken == Taken::default()));
    drop(slots);
    assert!(rooms[..took].iter().all(|room| room == b"x") && rooms[took..].iter().all(|room| *room == [0]));
}

#[test]
fn each_packet_of_a_batch_keeps_to_its_own_room() {
    let (left, right) = pair(SocketKind::SeqPacket);
    let (mut read, write) = telltale();
    for bytes in [&b"four"[..], b"", b"fives", b"four", b"x"] {
        send_bytes(&left, bytes);
    }
    send_fds(&left, &[write.as_fd()]);
    drop(write);
    let mut bytes = [[UNTOUCHED; 4]; 8];
    let mut control = [MaybeUninit::uninit(); 32];
    let mut only = Some(&mut control[..]);
    let mut slots: Vec<Slot<'_>> = Vec::new();
    for (index, bytes) in bytes.iter_mut().enumerate() {
        // The fourth has no room at all, the sixth alone takes descriptors.
        let room = if index == 3 { 0 } else { 4 };
        let control = if index == 5 { only.take().unwrap_or_default() } else { &mut [] };
        slots.push(Slot { bytes: socket::room(&mut bytes[..room]), control, taken: Taken::default() });
    }
    assert_eq!(receive_many(right.as_fd(), &mut slots, Wait::Never).unwrap(), Some(6));
    let lengths: Vec<_> = slots.iter().map(|slot| slot.taken.bytes).collect();
    assert_eq!(lengths, [4, 0, 5, 4, 1, 1, 0, 0]);
    let taken = slots[5].taken;
    assert!(!taken.control_cut && taken.control > 0);
    drop(slots);
    // SAFETY: the call above wrote both, and they are opened once.
    assert_eq!(unsafe { ancillary::open(&Kernel, &control, taken.control) }.fds.len(), 1);
    assert_eq!(read.read(&mut [0; 1]).unwrap(), 0, "it is closed");
    const U: u8 = UNTOUCHED;
    assert_eq!(bytes[..4], [*b"four", [U; 4], *b"five", [U; 4]]);
    assert_eq!(bytes[4..], [[b'x', U, U, U], [b'x', U, U, U], [U; 4], [U; 4]]);
}

/// What `copy_sun_path` makes of a name of which the kernel says that it is `length` bytes long.
fn copied(path: &[u8], length: usize) -> Vec<u8> {
    let mut name = MaybeUninit::<Name>::uninit();
    // SAFETY: any byte of the structure may be looked at as one that is perhaps not written.
    let space: &mut [MaybeUninit<u8>] =
        unsafe { std::slice::from_raw_parts_mut(name.as_mut_ptr().cast(), size_of::<Name>()) };
    for (place, &byte) in space.iter_mut().zip([1, 0].iter().chain(path)) {
        place.write(byte);
    }
    let mut into = b"of before".to_vec();
    copy_sun_path(&name, length, &mut into);
    into
}

#[test]
fn a_name_is_read_as_far_as_it_was_written() {
    let full = [b'p'; 108];
    let mut abstracted = [b'a'; 108];
    abstracted[0] = 0;
    // No name: nothing was written, or the family alone, or less.
    for length in 0..=2 {
        assert_eq!(copied(b"", length), b"");
    }
    assert_eq!(copied(b"/a\0", 5), b"/a");
    assert_eq!(copied(b"/a\0rest", 9), b"/a", "a path ends at its first NUL");
    assert_eq!(copied(b"/a", 4), b"/a", "or where it was cut");
    assert_eq!(copied(b"\0", 3), b"\0", "the shortest abstract name is empty");
    assert_eq!(copied(b"\0a\0b\0", 7), b"\0a\0b\0", "in an abstract name a NUL is like any other byte");
    assert_eq!(copied(&abstracted, 110), abstracted);
    assert_eq!(copied(&full, 110), full);
    // The kernel puts a NUL behind the longest path too.
    let ended = [&full[..], &[0]].concat();
    assert_eq!(copied(&ended, 111), full);
    // No address is longer than the room for one, whatever is reported.
    let filled = [&ended[..], &[0; 17]].concat();
    assert_eq!(copied(&filled, size_of::<Name>()), full);
    assert_eq!(copied(&filled, usize::MAX), full);
}

/// Binds to the bytes of a `sun_path` as they are, which no safe interface does for the longest.
fn bind_raw(sun_path: &[u8]) -> OwnedFd {
    let socket = Kernel.socket(SocketKind::Datagram, false).unwrap();
    // SAFETY: zeroes are a value of it.
    let mut name: libc::sockaddr_un = unsafe { MaybeUninit::zeroed().assume_init() };
    name.sun_family = libc::AF_UNIX as _;
    for (place, &byte) in name.sun_path.iter_mut().zip(sun_path) {
        *place = byte as _;
    }
    let length = (offset_of!(libc::sockaddr_un, sun_path) + sun_path.len()) as libc::socklen_t;
    // SAFETY: `length` bytes of the name are there; the call reads them only. bind(2)
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const name).cast(), length) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
    socket
}

/// The `sun_path` of whoever sends a packet from a socket that is bound so.
fn name_seen(sender: &OwnedFd, receiver: &OwnedFd, to: &rustix::net::SocketAddrUnix) -> Vec<u8> {
    let outgoing = Outgoing { bytes: &[IoSlice::new(b"x")], control: &[], to: Some(to) };
    assert_eq!(send(sender.as_fd(), outgoing, Wait::Never).unwrap(), Some(1));
    let mut from = b"of before".to_vec();
    let mut bytes = [0; 1];
    let bytes = socket::room(&mut bytes);
    let incoming = Incoming { bytes, control: &mut [], whole: true, from: Some(&mut from) };
    receive(receiver.as_fd(), incoming, Wait::Never).unwrap().unwrap();
    from
}

#[test]
fn the_sender_of_a_packet_is_known_by_names_of_every_length() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Kernel.socket(SocketKind::Datagram, false).unwrap();
    let to = rustix::net::SocketAddrUnix::new(dir.path().join("r")).unwrap();
    Kernel.bind(receiver.as_fd(), &to).unwrap();
    let long = |length: usize| {
        let start = dir.path().as_os_str().as_bytes();
        let rest = length - start.len() - 1;
        [start, b"/", &vec![b'n'; rest]].concat()
    };
    // 107 bytes and a NUL fill the structure; 108 bytes fill it without one.
    for path in [long(106), long(107), long(108)] {
        let sender = bind_raw(&path);
        assert_eq!(name_seen(&sender, &receiver, &to), path, "{} bytes", path.len());
        std::fs::remove_file(Path::new(std::ffi::OsStr::from_bytes(&path))).unwrap();
    }
    let id = std::process::id().to_ne_bytes();
    let abstracts = [b"\0ginnel-edge-".as_slice(), &id].concat();
    let longest = [&abstracts[..], &vec![0; 108 - abstracts.len()]].concat();
    for name in [abstracts, longest] {
        assert_eq!(name_seen(&bind_raw(&name), &receiver, &to), name);
    }
    // Bound to nothing, the kernel chooses an abstract name of five digits. unix(7), "Autobind feature"
    let chosen = name_seen(&bind_raw(b""), &receiver, &to);
    assert!(chosen.len() == 6 && chosen[0] == 0 && chosen[1..].iter().all(u8::is_ascii_hexdigit));
    let nameless = Kernel.socket(SocketKind::Datagram, false).unwrap();
    assert_eq!(name_seen(&nameless, &receiver, &to), b"");
}

/// Two TCP sockets, taken for local ones by mistake: `MSG_TRUNC` makes TCP report bytes that it does not write.
fn tcp() -> (TcpStream, OwnedFd) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    (client, server.into())
}

#[test]
fn a_socket_that_reports_more_than_it_writes_gives_no_unwritten_byte() {
    use std::io::Write;

    let (mut client, server) = tcp();
    client.write_all(b"not written").unwrap();
    let packets = crate::SeqPacket::from(server.try_clone().unwrap());
    let got = packets.receive(64, Wait::InCall).unwrap().unwrap().unwrap();
    assert_eq!(&got.body[..], [0; 11]);

    client.write_all(b"not written").unwrap();
    let mut bytes = [UNTOUCHED; 64];
    let (length, fds) = packets.receive_into(&mut bytes, Wait::InCall).unwrap().unwrap().unwrap();
    assert_eq!((length, fds.len(), bytes), (11, 0, [UNTOUCHED; 64]));

    client.write_all(b"not written").unwrap();
    let mut batch = crate::Batch::new(2, 64);
    assert_eq!(packets.receive_batch(&mut batch, Wait::InCall).unwrap(), Some(1));
    assert_eq!(batch.iter().next().unwrap().bytes().unwrap(), [0; 11]);

    client.write_all(b"not written").unwrap();
    let datagrams = crate::Datagram::from(server);
    let (got, from) = datagrams.receive(64, Wait::InCall).unwrap().unwrap();
    assert_eq!((&got.body[..], from), (&[0; 11][..], None));
}
