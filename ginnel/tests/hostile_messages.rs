//! Peers and moments that are meant to hang, spin or cut a connection of messages, with threads.
#![cfg(unix)]

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ginnel::*;

type Told = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn with_bare_peer(options: &ConnectionOptions) -> (Connection, UnixStream) {
    let (ours, theirs) = Stream::pair().expect("two sockets");
    (Connection::over(ours, options), OwnedFd::from(theirs).into())
}

fn greeting() -> Vec<u8> {
    let mut bytes = b"GNL\x01\0\0\0\0".to_vec();
    bytes.extend((16u32 << 20).to_le_bytes());
    bytes.extend([16, 0, 0, 0]);
    bytes.extend([7; 16]);
    bytes
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], &[kind, 0, 0, 0], body].concat()
}

const MESSAGE: u8 = 1;
const PING: u8 = 6;
const PONG: u8 = 7;

/// What is there to read now.
fn there(peer: &mut UnixStream) -> Vec<u8> {
    peer.set_nonblocking(true).expect("a socket");
    let mut bytes = Vec::new();
    match peer.read_to_end(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => bytes,
        other => other.map(|_| bytes).expect("a socket"),
    }
}

fn in_millis(millis: u64) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(millis))
}

/// The share of a processor that this thread takes while it should only wait.
fn load_of_a_receive(connection: &mut Connection) -> f64 {
    let clock = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    connection.set_deadline(in_millis(300));
    let (begun, before) = (Instant::now(), clock());
    assert!(connection.recv().is_err_and(|error| error.is_timeout()), "it was to wait");
    (clock() - before) / begun.elapsed().as_secs_f64()
}

#[test]
fn receiving_with_something_queued_for_a_peer_that_reads_no_more_does_not_spin() -> Told {
    let (mut connection, peer) = with_bare_peer(&ConnectionOptions::new().greeting_deadline(None));
    peer.shutdown(Shutdown::Read)?;
    connection.try_feed("nobody reads this")?;
    let load = load_of_a_receive(&mut connection);
    assert!(load < 0.2, "a processor was busy for {load:.2} of the wait");
    Ok(())
}

#[test]
fn receiving_with_refused_descriptors_queued_does_not_spin() -> Told {
    let (mut left, right) = Connection::pair()?;
    if !right.refuse_fds()? {
        return Ok(());
    }
    left.try_feed(Message::new("refused").with_fds(vec![File::open("/dev/null")?.into()]))?;
    let load = load_of_a_receive(&mut left);
    assert!(load < 0.2, "a processor was busy for {load:.2} of the wait");
    Ok(())
}

/// Writes pongs that nobody asked for, without ever waiting, until told to stop or for three seconds.
fn flood(mut peer: UnixStream, over: &AtomicBool) {
    let pongs = [greeting(), frame(PONG, b"").repeat(8000)].concat();
    let (begun, mut at) = (Instant::now(), 0);
    peer.set_nonblocking(true).expect("a socket");
    while !over.load(Ordering::SeqCst) && begun.elapsed() < Duration::from_secs(3) {
        match peer.write(&pongs[at..]) {
            Ok(written) if at + written == pongs.len() => at = greeting().len(),
            Ok(written) => at += written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(_) => return,
        }
    }
}

/// Runs a receive while the peer floods with what brings no message, and returns how long it took.
fn in_a_flood<T: Send>(peer: UnixStream, receive: impl FnOnce() -> T) -> Duration {
    let done = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&done);
    let flood = thread::spawn(move || flood(peer, &over));
    let begun = Instant::now();
    receive();
    let took = begun.elapsed();
    done.store(true, Ordering::SeqCst);
    flood.join().expect("it only writes");
    took
}

#[test]
fn a_flood_that_brings_no_message_puts_off_no_deadline() -> Told {
    let (mut connection, peer) = with_bare_peer(&ConnectionOptions::new());
    connection.set_deadline(in_millis(50));
    let took = in_a_flood(peer, move || connection.recv());
    assert!(took < Duration::from_secs(1), "a deadline of 50 ms took {took:?}");
    Ok(())
}

#[test]
fn a_flood_that_brings_no_message_puts_off_no_deadline_of_a_half() -> Told {
    let (connection, peer) = with_bare_peer(&ConnectionOptions::new());
    let (sender, mut receiver) = connection.split();
    receiver.set_deadline(in_millis(50));
    let took = in_a_flood(peer, move || (receiver.recv(), sender));
    assert!(took < Duration::from_secs(1), "a deadline of 50 ms took {took:?}");
    Ok(())
}

#[test]
fn a_healthy_peer_is_not_taken_for_hung_because_nobody_looked() -> Told {
    let lively = ConnectionOptions::new().keep_alive(Duration::from_millis(40));
    let (mut connection, mut peer) = with_bare_peer(&lively);
    peer.write_all(&[greeting(), frame(MESSAGE, b"hello")].concat())?;
    assert!(connection.recv()?.is_some());
    there(&mut peer);
    connection.set_deadline(in_millis(2));
    assert!(connection.recv().is_err_and(|error| error.is_timeout()), "nothing came");
    // The application does something else. The peer has nothing to say, and is not asked.
    thread::sleep(Duration::from_millis(100));
    connection.set_deadline(in_millis(20));
    let error = connection.recv().expect_err("nothing came");
    assert!(there(&mut peer).starts_with(&frame(PING, b"")), "it is asked first: {error}");
    assert!(error.is_timeout(), "it was given no time to answer: {error}");
    Ok(())
}

#[test]
fn a_sender_whose_receiver_is_gone_does_not_wait_for_a_greeting_for_ever() -> Told {
    let (connection, mut peer) = with_bare_peer(&ConnectionOptions::new());
    peer.write_all(&greeting())?;
    let (mut sender, receiver) = connection.split();
    drop(receiver);
    sender.set_deadline(in_millis(500));
    let failed = sender.feed(vec![0; 100_000]).expect_err("nobody reads the greeting");
    assert!(!failed.error.is_timeout(), "it waits for nobody");
    Ok(())
}

#[test]
fn a_message_goes_out_whole_after_one_was_taken_back() -> Told {
    let (mut left, mut right) = Connection::pair()?;
    if !right.refuse_fds()? {
        return Ok(());
    }
    left.try_feed(vec![1; 2000])?;
    left.try_feed(Message::new("refused").with_fds(vec![File::open("/dev/null")?.into()]))?;
    left.flush().expect_err("descriptors are refused");
    left.set_deadline(in_millis(5));
    left.recv().expect_err("nothing was sent to it");
    left.set_deadline(None);
    left.send("after")?;
    assert_eq!(right.recv()?.expect("it came").body, vec![1; 2000]);
    assert_eq!(&right.recv()?.expect("it came").body[..], b"after");
    Ok(())
}
