//! Descriptors that are taken by their number: once each, whoever asks at the same moment, and none that is not there.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::Barrier;
use std::thread;

use super::*;
use crate::sys::Descriptors;

/// The reading end of a pipe, and the number of its writing end, which nobody owns and which would go through exec.
fn inherited() -> (File, i32) {
    let (read, write) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(&write, FdFlags::empty()).unwrap();
    (OwnedFd::from(read).into(), write.into_raw_fd())
}

#[test]
fn what_several_threads_take_at_once_one_of_them_gets() {
    const THREADS: usize = 4;
    for _ in 0..2000 {
        let (mut read, number) = inherited();
        let start = Barrier::new(THREADS);
        let take = || {
            start.wait();
            take_inherited(number).unwrap()
        };
        let taken: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(taken.iter().flatten().count(), 1);
        drop(taken);
        assert_eq!(read.read(&mut [0; 1]).unwrap(), 0, "it is closed");
    }
}

#[test]
fn what_was_taken_is_close_on_exec_and_not_taken_again() {
    let (_read, number) = inherited();
    let taken = take_inherited(number).unwrap().expect("nobody has it");
    assert_eq!(taken.as_raw_fd(), number);
    assert!(rustix::io::fcntl_getfd(&taken).unwrap().contains(FdFlags::CLOEXEC));
    assert!(take_inherited(number).unwrap().is_none());
}

#[test]
fn a_number_that_is_not_open_is_refused_and_nothing_else_happens() {
    for number in [65_535, i32::MAX] {
        let error = take_inherited(number).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    }
    assert_eq!(Kernel.duplicate(u16::MAX).unwrap_err().raw_os_error(), Some(libc::EBADF));
}

#[test]
fn a_duplicate_leaves_the_original_open() {
    let (mut read, number) = inherited();
    let copy = Kernel.duplicate(u16::try_from(number).unwrap()).unwrap();
    assert_ne!(copy.as_raw_fd(), number);
    assert!(rustix::io::fcntl_getfd(&copy).unwrap().contains(FdFlags::CLOEXEC));
    drop(copy);
    let original = take_inherited(number).unwrap().expect("the original is as it was");
    rustix::io::write(&original, b"x").unwrap();
    drop(original);
    let mut told = String::new();
    read.read_to_string(&mut told).unwrap();
    assert_eq!(told, "x");
}
