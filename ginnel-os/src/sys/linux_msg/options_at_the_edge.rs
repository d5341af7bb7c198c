//! Socket options: no room, exact room, room that has to grow, and sockets that have nothing to tell.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;

use super::*;
use crate::sys::{Kernel, SocketKind, Sockets};

fn pair() -> (OwnedFd, OwnedFd) {
    Kernel.socket_pair(SocketKind::Stream, false).unwrap()
}

fn tcp() -> OwnedFd {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    TcpStream::connect(listener.local_addr().unwrap()).unwrap().into()
}

#[test]
fn an_option_is_written_no_further_than_its_room() {
    let (socket, _other) = pair();
    for room in 0..6 {
        let mut space = [MaybeUninit::new(0xa5_u8); 6];
        let length = option(socket.as_fd(), libc::SO_TYPE, &mut space[..room]).unwrap();
        assert_eq!(length, room.min(4));
        // SAFETY: each was written above, if not by the kernel.
        let space = space.map(|byte| unsafe { byte.assume_init() });
        assert_eq!(space[..length], libc::SOCK_STREAM.to_ne_bytes()[..length]);
        assert!(space[length..].iter().all(|&byte| byte == 0xa5));
    }
}

/// A connected pair made by a thread that is in this many groups; `None` if this process may not choose its groups.
fn pair_in(groups: u32) -> Option<(OwnedFd, OwnedFd)> {
    let make = move || {
        let list: Vec<libc::gid_t> = (1..=groups).collect();
        // SAFETY: the call reads `groups` numbers. The bare system call changes this thread only, which ends soon.
        let changed = unsafe { libc::syscall(libc::SYS_setgroups, list.len(), list.as_ptr()) };
        (changed == 0).then(pair)
    };
    thread::spawn(make).join().unwrap()
}

#[test]
fn a_peers_groups_are_read_in_any_number() {
    // 64 groups fill the first buffer, 256 the second; 65,536 is the most that there can be.
    for count in [0, 1, 63, 64, 65, 256, 257, 65_535, 65_536] {
        let Some((socket, _other)) = pair_in(count) else {
            eprintln!("not checked: this process may not choose its groups");
            return;
        };
        assert_eq!(peer_groups(socket.as_fd()).unwrap(), (1..=count).collect::<Vec<_>>());
    }
}

#[test]
fn the_peer_of_a_pair_is_its_maker() {
    let (socket, _other) = pair();
    let ids = peer_ids(socket.as_fd()).unwrap();
    assert_eq!(ids.pid, Some(std::process::id()));
    assert_eq!(ids.uid, crate::sys::user());
}

#[test]
fn a_socket_without_a_peer_has_no_process() {
    for socket in [Kernel.socket(SocketKind::Stream, false).unwrap(), tcp()] {
        assert_eq!(peer_ids(socket.as_fd()).unwrap().pid, None);
        assert!(peer_pidfd(socket.as_fd()).unwrap().is_none());
        peer_label(socket.as_fd()).unwrap();
    }
}

#[test]
fn what_is_no_socket_is_an_error_of_every_option() {
    let null = File::open("/dev/null").unwrap();
    let null = null.as_fd();
    let errors = [
        peer_ids(null).err(),
        peer_groups(null).err(),
        peer_pidfd(null).err(),
        peer_label(null).err(),
        stamp_packets(null).err(),
        refuse_fds(null).err(),
    ];
    for error in errors {
        assert_eq!(error.and_then(|error| error.raw_os_error()), Some(libc::ENOTSOCK));
    }
}

#[test]
fn each_pidfd_is_a_new_descriptor_of_our_own() {
    let (socket, _other) = pair();
    let Some(first) = peer_pidfd(socket.as_fd()).unwrap() else { return };
    let second = peer_pidfd(socket.as_fd()).unwrap().unwrap();
    assert_ne!(first.as_raw_fd(), second.as_raw_fd());
    drop(second);
    for fd in [&first, &peer_pidfd(socket.as_fd()).unwrap().unwrap()] {
        assert!(rustix::io::fcntl_getfd(fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }
}

#[test]
fn a_label_says_the_same_however_often_it_is_asked_for() {
    let (socket, _other) = pair();
    let label = peer_label(socket.as_fd()).unwrap();
    assert!(label.as_ref().is_none_or(|label| !label.is_empty() && !label.ends_with(b"\0")));
    assert_eq!(peer_label(socket.as_fd()).unwrap(), label);
}
