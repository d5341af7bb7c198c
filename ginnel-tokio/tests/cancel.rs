//! Cancels every async function while it waits, and shows that nothing was lost or half done.
#![cfg(unix)]

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::pin;
use std::task::Poll;

use ginnel_tokio::{Batch, Datagram, Listener, SeqPacket, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Polls a future until it has waited twice, letting the reactor run between, and drops it while it waits.
async fn cancel<T>(future: impl Future<Output = T>) {
    let mut future = pin!(future);
    for _ in 0..2 {
        let pending = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await;
        assert!(pending, "it was to be cancelled while it waits");
        tokio::task::yield_now().await;
    }
}

fn null() -> File {
    File::open("/dev/null").expect("it exists")
}

/// Sends until the kernel takes no more, and returns how many times it did.
async fn until_full<F: Future<Output = io::Result<()>>>(mut send: impl FnMut(u32) -> F) -> u32 {
    for count in 0.. {
        let mut future = pin!(send(count));
        let mut sent = false;
        for _ in 0..3 {
            let step = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
            if let Poll::Ready(result) = step {
                result.expect("the peer is there");
                sent = true;
                break;
            }
            tokio::task::yield_now().await;
        }
        if !sent {
            return count;
        }
    }
    unreachable!("a socket buffer ends")
}

/// Fills a stream until it takes no more, and returns how many bytes it took.
async fn fill(stream: &mut Stream) -> usize {
    let mut filled = 0;
    loop {
        let mut write = pin!(stream.write(&[1; 4096]));
        let step = poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx))).await;
        match step {
            Poll::Ready(written) => filled += written.expect("the peer is there"),
            Poll::Pending if filled > 0 => return filled,
            Poll::Pending => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn a_cancelled_receive_leaves_everything_for_the_next() -> io::Result<()> {
    let (mut left, mut right) = Stream::pair()?;
    let mut bytes = [0; 8];
    cancel(right.recv_with_fds(&mut bytes)).await;
    cancel(right.read(&mut bytes)).await;
    left.send_with_fds(b"one", &[null().as_fd()]).await?;
    left.write_all(b"two").await?;
    assert_eq!(right.recv_with_fds(&mut bytes).await?.1.len(), 1);
    assert_eq!(right.read(&mut bytes).await?, 3);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_send_sent_nothing() -> io::Result<()> {
    let (mut left, mut right) = Stream::pair()?;
    let filled = fill(&mut left).await;
    cancel(left.send_with_fds(b"never", &[null().as_fd()])).await;
    cancel(left.write(b"never")).await;
    drop(left);
    let mut body = Vec::new();
    assert_eq!(right.read_to_end(&mut body).await?, filled, "and no read reported descriptors");
    Ok(())
}

#[tokio::test]
async fn cancelled_halves_lose_nothing_either() -> io::Result<()> {
    let (mut left, right) = Stream::pair()?;
    let (mut reader, _writer) = right.into_split();
    let mut bytes = [0; 8];
    cancel(reader.recv_with_fds(&mut bytes)).await;
    let filled = fill(&mut left).await;
    let (_reader, mut writer) = left.into_split();
    cancel(writer.send_with_fds(b"never", &[null().as_fd()])).await;
    drop(writer);
    let mut body = Vec::new();
    assert_eq!(reader.read_to_end(&mut body).await?, filled);
    Ok(())
}

#[tokio::test]
async fn cancelled_packet_calls_lose_and_half_send_nothing() -> io::Result<()> {
    let (left, right) = SeqPacket::pair()?;
    let mut bytes = [0; 8];
    let mut batch = Batch::new(4, 8);
    cancel(right.recv()).await;
    cancel(right.recv_into(&mut bytes)).await;
    cancel(right.recv_batch(&mut batch)).await;
    let socket = &left;
    let sent = until_full(|number| async move { socket.send(&number.to_ne_bytes()).await }).await;
    cancel(left.send(b"never")).await;
    cancel(left.send_with_fds(b"never", &[null().as_fd()])).await;
    cancel(left.send_batch(&[IoSlice::new(b"never"), IoSlice::new(b"never")])).await;
    drop(left);
    for number in 0..sent {
        assert_eq!(right.recv().await?.expect("a packet").body, number.to_ne_bytes()[..]);
    }
    assert!(right.recv().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn cancelled_datagram_calls_lose_and_half_send_nothing() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("s");
    let receiver = Datagram::bind(&path)?;
    let mut bytes = [0; 8];
    cancel(receiver.recv()).await;
    cancel(receiver.recv_from()).await;
    cancel(receiver.recv_into(&mut bytes)).await;
    let (connected, unconnected) = (Datagram::connect(&path).await?, Datagram::unbound()?);
    let sent = until_full(|_| connected.send(b"it")).await;
    cancel(connected.send(b"never")).await;
    cancel(connected.send_with_fds(b"never", &[null().as_fd()])).await;
    cancel(unconnected.send_to(b"never", &path)).await;
    cancel(unconnected.send_to_with_fds(b"never", &[null().as_fd()], &path)).await;
    for _ in 0..sent {
        assert_eq!(receiver.recv().await?.body, "it");
    }
    cancel(receiver.recv()).await;
    Ok(())
}

#[tokio::test]
async fn a_cancelled_accept_takes_no_connection_and_a_cancelled_connect_leaves_none_half_made()
-> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("s");
    let listener = Listener::<Stream>::builder().backlog(0).listen(&path)?;
    cancel(listener.accept()).await;
    let mut first = Stream::connect(&path).await?;
    cancel(Stream::connect(&path)).await;
    first.write_all(b"x").await?;
    listener.accept().await?.read_exact(&mut [0; 1]).await?;
    let _second = Stream::connect(&path).await?;
    listener.accept().await?;
    Ok(())
}

#[tokio::test]
async fn a_datagram_call_that_is_put_off_by_the_budget_sent_nothing() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("s");
    let (receiver, sender) = (Datagram::bind(&path)?, Datagram::unbound()?);
    while tokio::task::coop::has_budget_remaining() {
        tokio::task::coop::consume_budget().await;
    }
    {
        let mut future = pin!(sender.send_to(b"never", &path));
        let step = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        assert!(step.is_pending(), "the budget was used up");
    }
    tokio::task::yield_now().await;
    cancel(receiver.recv()).await;
    Ok(())
}

#[tokio::test]
async fn clients_that_are_denied_over_and_over_starve_nobody() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("s");
    let listener = Listener::<Stream>::builder().allow(ginnel_tokio::Policy::nobody()).listen(&path)?;
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&done);
    let clients = std::thread::spawn(move || {
        while !seen.load(std::sync::atomic::Ordering::SeqCst) {
            drop(std::os::unix::net::UnixStream::connect(&path));
        }
    });
    let accepted = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(accepted.is_err(), "nobody is allowed");
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    // A client may be waiting in a full queue.
    drop(listener);
    clients.join().expect("it only connects");
    Ok(())
}

#[tokio::test]
async fn a_listener_that_somebody_shut_down_starves_nobody() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let listener = Stream::listen(dir.path().join("s"))?;
    rustix::net::shutdown(&listener, rustix::net::Shutdown::Both)?;
    // It may fail or wait, but the timer must run.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    Ok(())
}
