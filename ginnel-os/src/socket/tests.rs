//! A million descriptor passes through a kernel that misbehaves, and the edges of single calls.

use std::collections::HashMap;
use std::env;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;
use crate::sys::Taken;
use crate::sys::double::{Double, Meddle};

/// The real kernel, with faults on demand.
#[derive(Clone, Debug)]
struct Faulty(Fault);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Fault {
    None,
    /// `EAGAIN` on the way out.
    SendAgain,
    /// `EAGAIN` on the way in.
    ReceiveAgain,
    /// Room for one descriptor only, which admits two in its padding.
    ShortControl,
    /// The open-file limit is reached while descriptors arrive.
    NoFiles,
}

impl Meddle for Faulty {
    fn send(&self, fd: BorrowedFd<'_>, outgoing: Outgoing<'_>, wait: Wait) -> Would<usize> {
        if self.0 == Fault::SendAgain { Ok(None) } else { Kernel.send(fd, outgoing, wait) }
    }

    fn receive(&self, fd: BorrowedFd<'_>, incoming: Incoming<'_>, wait: Wait) -> Would<Taken> {
        match self.0 {
            Fault::ReceiveAgain => Ok(None),
            Fault::ShortControl => {
                let control = &mut incoming.control[..24];
                Kernel.receive(fd, Incoming { control, ..incoming }, wait)
            }
            Fault::NoFiles => with_limit_reached(|| Kernel.receive(fd, incoming, wait)),
            _ => Kernel.receive(fd, incoming, wait),
        }
    }
}

/// Room for exactly one more descriptor.
fn with_limit_reached<T>(call: impl FnOnce() -> T) -> T {
    let limit = getrlimit(Resource::Nofile);
    let next = File::open("/dev/null").expect("one is free").as_raw_fd();
    let lowered = Rlimit { current: Some(next as u64 + 1), ..limit };
    setrlimit(Resource::Nofile, lowered).expect("a lower limit is allowed");
    let result = call();
    setrlimit(Resource::Nofile, limit).expect("the hard limit did not change");
    result
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/dev/fd").expect("it is everywhere").count()
}

/// What one pass counts.
#[derive(Default)]
struct Tally {
    delivered: usize,
    lost: usize,
    faults: HashMap<Fault, usize>,
}

/// Sends one to three descriptors with the number of the pass and takes them at the other end.
fn pass(number: usize, pair: &(OwnedFd, OwnedFd), files: &[(File, u64)], tally: &mut Tally) {
    let fault = match number % 100 {
        7 => Fault::SendAgain,
        13 => Fault::ReceiveAgain,
        29 => Fault::ShortControl,
        31 => Fault::NoFiles,
        _ => Fault::None,
    };
    *tally.faults.entry(fault).or_default() += 1;
    let count = 1 + number % 3;
    let chosen: Vec<_> = (0..count).map(|i| &files[(number + i) % files.len()]).collect();
    let fds: Vec<_> = chosen.iter().map(|(file, _)| file.as_fd()).collect();
    let bytes = number.to_ne_bytes();
    let bytes = [IoSlice::new(&bytes)];
    let mut sys = Double(Faulty(fault));
    while send(&sys, pair.0.as_fd(), &bytes, &fds, Wait::Never).expect("it is sent").is_none() {
        sys = Double(Faulty(Fault::None));
    }
    let mut sys = Double(Faulty(fault));
    let mut got = [0; 8];
    let arrived = loop {
        match receive(&sys, pair.1.as_fd(), room(&mut got), Form::Chunk, Wait::Never) {
            Ok(Some(arrived)) => break arrived,
            Ok(None) => sys = Double(Faulty(Fault::None)),
            Err(error) => panic!("pass {number}: {error}"),
        }
    };
    assert_eq!((arrived.bytes, usize::from_ne_bytes(got)), (8, number));
    let cut = match fault {
        Fault::ShortControl => count > 2,
        Fault::NoFiles => count > 1,
        _ => false,
    };
    assert_eq!(arrived.lost, cut, "pass {number}, {fault:?}, {count} descriptors");
    assert_eq!(arrived.fds.len(), if cut { 0 } else { count });
    for (fd, (_, inode)) in arrived.fds.iter().zip(&chosen) {
        assert_eq!(rustix::fs::fstat(fd).expect("it is open").st_ino, *inode, "pass {number}");
    }
    tally.delivered += arrived.fds.len();
    tally.lost += if cut { count } else { 0 };
}

/// The limit of open files belongs to the whole process, so this runs in one of its own.
#[test]
fn a_million_passes_with_faults_lose_and_leak_no_descriptor() {
    let test = "socket::tests::a_million_passes_with_faults_lose_and_leak_no_descriptor";
    if env::var_os("GINNEL_ALONE").is_some() {
        return million();
    }
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("GINNEL_ALONE", "1")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

fn million() {
    let files: Vec<_> = (0..64)
        .map(|_| tempfile::tempfile().unwrap())
        .map(|file| (file.try_clone().unwrap(), file.metadata().unwrap().ino()))
        .collect();
    for kind in [SocketKind::Stream, SocketKind::SeqPacket] {
        let before = open_descriptors();
        let pair = Kernel.socket_pair(kind, false).unwrap();
        let mut tally = Tally::default();
        for number in 0..500_000 {
            pass(number, &pair, &files, &mut tally);
        }
        drop(pair);
        assert_eq!(open_descriptors(), before);
        assert_eq!(tally.delivered + tally.lost, 500_000 * 2 - 1);
        let Tally { delivered, lost, faults } = tally;
        eprintln!("{kind:?}: {delivered} delivered, {lost} lost in the kernel and told, {faults:?}");
    }
}

#[test]
fn control_data_one_descriptor_short_leaks_nothing_for_any_count() {
    let (left, right) = Kernel.socket_pair(SocketKind::Stream, false).unwrap();
    let null = File::open("/dev/null").unwrap();
    let sys = Double(Faulty(Fault::ShortControl));
    for count in 1..=253 {
        send(&Kernel, left.as_fd(), &[IoSlice::new(b"x")], &vec![null.as_fd(); count], Wait::Never).unwrap();
        let arrived =
            receive(&sys, right.as_fd(), room(&mut [0; 4]), Form::Chunk, Wait::Never).unwrap().unwrap();
        assert_eq!((arrived.lost, arrived.fds.len()), (count > 2, if count > 2 { 0 } else { count }));
    }
    let null = std::fs::metadata("/dev/null").unwrap().rdev();
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let nulls = open.filter(|entry| {
        entry.as_ref().is_ok_and(|e| std::fs::metadata(e.path()).is_ok_and(|m| m.rdev() == null))
    });
    assert!(nulls.count() < 10, "descriptors of a cut message were left open");
}

#[test]
fn descriptors_travel_with_the_first_part_of_a_partial_write_and_never_again() {
    let (left, right) = Kernel.socket_pair(SocketKind::Stream, false).unwrap();
    rustix::net::sockopt::set_socket_send_buffer_size(&left, 1).unwrap();
    let null = File::open("/dev/null").unwrap();
    let body = vec![7; 1 << 20];
    let (mut sent, mut received, mut fds) = (0, 0, 0);
    let mut bytes = vec![0; 1000];
    while received < body.len() {
        let attach: &[BorrowedFd<'_>] = if sent == 0 { &[null.as_fd()] } else { &[] };
        let rest = [IoSlice::new(&body[sent..])];
        if sent < body.len() {
            sent += send(&Kernel, left.as_fd(), &rest, attach, Wait::Never).unwrap().unwrap_or(0);
        }
        let arrived = receive(&Kernel, right.as_fd(), room(&mut bytes), Form::Chunk, Wait::Never).unwrap();
        let arrived = arrived.expect("there is always something under way");
        received += arrived.bytes;
        fds += arrived.fds.len();
        assert!(arrived.fds.is_empty() || received <= 1000, "it comes with the first byte");
    }
    assert_eq!((received, fds), (body.len(), 1));
}

#[test]
fn a_pidfd_that_an_adopted_socket_asked_for_is_closed() {
    const SO_PASSPIDFD: i32 = 76;
    let (left, right) = Kernel.socket_pair(SocketKind::Stream, false).unwrap();
    let on = 1_i32;
    // SAFETY: the kernel reads four bytes at `on`.
    let asked = unsafe {
        let on = (&raw const on).cast();
        libc::setsockopt(right.as_raw_fd(), libc::SOL_SOCKET, SO_PASSPIDFD, on, 4)
    };
    if asked != 0 {
        return; // Older than Linux 6.5: there is nothing to close.
    }
    send(&Kernel, left.as_fd(), &[IoSlice::new(b"x")], &[], Wait::Never).unwrap();
    let arrived =
        receive(&Kernel, right.as_fd(), room(&mut [0; 4]), Form::Chunk, Wait::Never).unwrap().unwrap();
    assert!(arrived.fds.is_empty() && !arrived.plain && !arrived.lost);
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    assert_eq!(links.filter(|link| link.to_string_lossy().contains("[pidfd]")).count(), 0);
}
