//! Descriptors on a byte stream, over random cuts of what is sent and what is read.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;

use ginnel::Stream;
use proptest::prelude::*;

const FILES: usize = 8;

/// One send: so many bytes, and descriptors of these files with the first of them.
fn send() -> impl Strategy<Value = (usize, Vec<usize>)> {
    (1_usize..40, prop::collection::vec(0..FILES, 0..4))
}

fn files() -> Vec<(File, u64)> {
    let file = |_| tempfile::tempfile().expect("a temporary file");
    (0..FILES).map(file).map(|file| (file.try_clone().unwrap(), file.metadata().unwrap().ino())).collect()
}

/// Where a send starts in the stream, and the inodes that go with its first byte.
type Sent = (usize, Vec<u64>);

fn send_all(left: &Stream, sends: &[(usize, Vec<usize>)], files: &[(File, u64)]) -> (usize, Vec<Sent>) {
    let mut at = 0;
    let mut sent = Vec::new();
    for (length, chosen) in sends {
        let fds: Vec<BorrowedFd<'_>> = chosen.iter().map(|&file| files[file].0.as_fd()).collect();
        let bytes: Vec<u8> = (at..at + length).map(|position| position as u8).collect();
        assert_eq!(left.send_with_fds(&bytes, &fds).unwrap(), *length);
        if !chosen.is_empty() {
            sent.push((at, chosen.iter().map(|&file| files[file].1).collect()));
        }
        at += length;
    }
    (at, sent)
}

proptest! {
    #[test]
    fn each_descriptor_arrives_once_in_order_with_the_read_that_holds_its_first_byte(
        sends in prop::collection::vec(send(), 1..30),
        reads in prop::collection::vec(1_usize..64, 1..40),
    ) {
        let files = files();
        let (left, right) = Stream::pair().unwrap();
        let (total, sent) = send_all(&left, &sends, &files);
        let mut expected = sent.into_iter().peekable();
        let (mut at, mut sizes) = (0, reads.iter().cycle());
        while at < total {
            let mut bytes = vec![0; *sizes.next().unwrap()];
            let (n, fds) = right.recv_with_fds(&mut bytes).unwrap();
            prop_assert!(n > 0);
            prop_assert!(bytes[..n].iter().zip(at..).all(|(&byte, position)| byte == position as u8));
            let inodes: Vec<u64> =
                fds.iter().map(|fd| rustix::fs::fstat(fd).unwrap().st_ino).collect();
            if let Some((start, _)) = expected.peek()
                && (at..at + n).contains(start)
            {
                let (_, due) = expected.next().unwrap();
                prop_assert_eq!(inodes, due);
            } else {
                prop_assert!(inodes.is_empty());
            }
            at += n;
        }
        prop_assert_eq!(expected.next(), None);
    }
}
