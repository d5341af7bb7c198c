//! A million descriptor passes with futures cancelled and the limit of open files reached on the way. Alone in
//! its process, since that limit belongs to all of it.
#![cfg(unix)]

use std::fs::{self, File};
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::pin::pin;
use std::task::Poll;

use ginnel_tokio::{SocketError, Stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Polls a future once and drops it.
async fn cancel_after_one_poll<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn open_descriptors() -> usize {
    fs::read_dir("/dev/fd").expect("it is everywhere").count()
}

type Files = Vec<(File, u64)>;

async fn send(left: &Stream, number: usize, files: &Files) -> io::Result<()> {
    let count = 1 + number % 3;
    let fds: Vec<_> = (0..count).map(|i| files[(number + i) % files.len()].0.as_fd()).collect();
    assert_eq!(left.send_with_fds(&number.to_ne_bytes(), &fds).await?, 8);
    Ok(())
}

fn check(number: usize, bytes: [u8; 8], fds: &[OwnedFd], files: &Files) {
    assert_eq!(usize::from_ne_bytes(bytes), number);
    assert_eq!(fds.len(), 1 + number % 3);
    for (i, fd) in fds.iter().enumerate() {
        let inode = rustix::fs::fstat(fd).expect("it is open").st_ino;
        assert_eq!(inode, files[(number + i) % files.len()].1, "pass {number}");
    }
}

async fn pass(number: usize, (left, right): (&Stream, &Stream), files: &Files) -> io::Result<usize> {
    let mut bytes = [0; 8];
    match number % 100 {
        // The receiver gives up before anything came.
        7 => assert!(cancel_after_one_poll(right.recv_with_fds(&mut bytes)).await.is_none()),
        // The sender never gets to run.
        13 => drop(send(left, number, files)),
        // The receiver waits first (EAGAIN).
        29 => {
            let (_, fds) = {
                let mut waiting = pin!(right.recv_with_fds(&mut bytes));
                assert!(cancel_after_one_poll(waiting.as_mut()).await.is_none());
                send(left, number, files).await?;
                waiting.await?
            };
            check(number, bytes, &fds, files);
            return Ok(fds.len());
        }
        // No descriptors are left when they arrive.
        31 => {
            send(left, number, files).await?;
            let limit = getrlimit(Resource::Nofile);
            let next = File::open("/dev/null")?.as_raw_fd() as u64;
            setrlimit(Resource::Nofile, Rlimit { current: Some(next), ..limit })?;
            let error = right.recv_with_fds(&mut bytes).await.expect_err("there is no room for any");
            setrlimit(Resource::Nofile, limit)?;
            assert_eq!(SocketError::of(&error), Some(&SocketError::FdsLost { bytes: 8 }));
            assert_eq!(usize::from_ne_bytes(bytes), number);
            return Ok(0);
        }
        _ => {}
    }
    send(left, number, files).await?;
    let (n, fds) = right.recv_with_fds(&mut bytes).await?;
    assert_eq!(n, 8);
    check(number, bytes, &fds, files);
    Ok(fds.len())
}

#[test]
fn a_million_passes_with_cancelled_futures_lose_and_leak_no_descriptor() -> io::Result<()> {
    let files: Files = (0..64)
        .map(|_| tempfile::tempfile().expect("a temporary file"))
        .map(|file| (file.try_clone().expect("one more"), file.metadata().expect("it is open").ino()))
        .collect();
    let before = open_descriptors();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let delivered = runtime.block_on(async {
        let (left, right) = Stream::pair()?;
        let mut delivered = 0;
        for number in 0..1_000_000 {
            delivered += pass(number, (&left, &right), &files).await?;
        }
        io::Result::Ok(delivered)
    })?;
    drop(runtime);
    assert_eq!(open_descriptors(), before);
    let told_lost: usize = (0..10_000).map(|i| 1 + (100 * i + 31) % 3).sum();
    assert_eq!(delivered + told_lost, 1_999_999);
    println!("{delivered} delivered, {told_lost} lost in the kernel and told");
    Ok(())
}
