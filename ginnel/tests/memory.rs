//! What a peer can make a connection hold, in bytes of the heap.
#![cfg(unix)]

mod counting;

use std::io::{ErrorKind, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use counting::Heap;
use ginnel::*;

type Told = Result<(), Box<dyn std::error::Error + Send + Sync>>;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// A read takes so much at most.
const READ: usize = 64 * KIB;
/// The allocator's callers are not only ours: the test's own vectors, and what a thread needs for itself.
const SLACK: usize = 4 * KIB;

fn with_bare_peer(options: &ConnectionOptions) -> (Connection, UnixStream) {
    let (ours, theirs) = Stream::pair().expect("two sockets");
    let peer = UnixStream::from(OwnedFd::from(theirs));
    peer.set_nonblocking(true).expect("a socket");
    (Connection::over(ours, options), peer)
}

fn greeting() -> Vec<u8> {
    let mut bytes = b"GNL\x01\0\0\0\0".to_vec();
    bytes.extend((16u32 << 20).to_le_bytes());
    bytes.extend([16, 0, 0, 0]);
    bytes.extend([7; 16]);
    bytes
}

fn after_millis(millis: u64) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(millis))
}

/// Headers that announce as much as four bytes can say.
fn bombs() -> Vec<(&'static str, Wire, Vec<u8>)> {
    let native = |kind| [&greeting()[..], &[255, 255, 255, 255, kind, 0, 0, 0], &[1; 8]].concat();
    vec![
        ("message", Wire::Native, native(1)),
        ("request", Wire::Native, native(2)),
        ("response", Wire::Native, native(3)),
        ("control", Wire::Native, native(9)),
        ("prefixed", Wire::LengthPrefixed, vec![255, 255, 255, 255, 1]),
        ("complete", Wire::Kyneta, vec![2, 0, 255, 255, 255, 255, 1]),
        ("skipped", Wire::Kyneta, vec![9, 0, 255, 255, 255, 255, 1]),
        (
            "fragment",
            Wire::Kyneta,
            [&[2, 1, 255, 255, 255, 255, 0, 7, 0, 0, 0, 2][..], &[255; 4], &[1]].concat(),
        ),
        (
            "small fragment of something large",
            Wire::Kyneta,
            [&[2, 1, 0, 0, 0, 1, 0, 7, 0, 0, 4, 0][..], &[255; 4], &[1]].concat(),
        ),
        ("line", Wire::Lines, vec![b'x'; 100]),
        ("chunk", Wire::Raw, vec![b'x'; 100]),
    ]
}

fn a_header_that_announces_four_gigabytes_costs_no_more_than_what_has_come() -> Told {
    for (what, wire, bytes) in bombs() {
        for limit in [16 * MIB, u32::MAX as usize] {
            let options = ConnectionOptions::new().wire(wire).largest_message(limit);
            let (mut connection, mut peer) = with_bare_peer(&options);
            peer.write_all(&bytes)?;
            connection.set_deadline(after_millis(5));
            let heap = Heap::watch();
            let received = connection.recv();
            let peak = heap.peak();
            drop(heap);
            println!("{what} on {wire:?}, limit {limit}: {peak} bytes, {received:?}");
            // One that is refused costs less than 64 KiB; one that may be that large gets as much again to begin with.
            let most = if limit == 16 * MIB { READ - 1 } else { READ + READ + SLACK };
            assert!(peak <= most, "{what} on {wire:?}: {peak} bytes at most");
        }
    }
    Ok(())
}

fn a_large_message_costs_twice_what_has_come_at_most() -> Told {
    let (mut connection, mut peer) =
        with_bare_peer(&ConnectionOptions::new().largest_message(u32::MAX as usize));
    peer.write_all(&[&greeting()[..], &u32::MAX.to_le_bytes(), &[1, 0, 0, 0]].concat())?;
    let piece = vec![0; READ];
    let mut came = 0;
    let heap = Heap::watch();
    for _ in 0..100 {
        match peer.write(&piece) {
            Ok(written) => came += written,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        connection.set_deadline(after_millis(1));
        assert!(connection.recv().is_err_and(|error| error.is_timeout()), "it is not whole");
    }
    let (peak, held) = (heap.peak(), heap.held());
    println!("{came} bytes of a body came: {held} bytes held, {peak} at most");
    assert!(held <= 2 * came + 2 * READ + SLACK, "{held} bytes");
    Ok(())
}

fn a_peer_that_never_reads_costs_the_queue_and_one_message() -> Told {
    for size in [0, 10, 100, 1000, 4096, 5000, 60_000, 1_000_000, 3_000_000] {
        let (mut connection, mut peer) = with_bare_peer(&ConnectionOptions::new());
        peer.write_all(&[&greeting()[..], &[1, 0, 0, 0, 1, 0, 0, 0, b'x']].concat())?;
        connection.recv()?;
        let heap = Heap::watch();
        loop {
            while connection.try_feed(vec![0; size]).is_ok() {}
            connection.set_deadline(after_millis(1));
            if connection.flush().is_err() {
                break;
            }
        }
        while connection.try_feed(vec![0; size]).is_ok() {}
        let (peak, held) = (heap.peak(), heap.held());
        println!("messages of {size} bytes: {held} bytes held, {peak} at most");
        // What is behind a body of its own, and the room that a growing vector leaves behind its end.
        assert!(held <= 2 * MIB + size + READ, "messages of {size} bytes: {held} held");
    }
    Ok(())
}

/// A peer that only writes: the same frame over and over, as often as the kernel takes it while we receive.
fn received_in_a_flood(
    write: impl Fn(u64) -> Vec<u8>,
) -> Result<(usize, u64), Box<dyn std::error::Error + Send + Sync>> {
    let (mut connection, mut peer) = with_bare_peer(&ConnectionOptions::new());
    peer.write_all(&greeting())?;
    let heap = Heap::watch();
    let (mut next, mut rest) = (1, Vec::new());
    for _ in 0..20 {
        loop {
            if rest.is_empty() {
                rest = (0..1000).flat_map(|more| write(next + more)).collect();
                next += 1000;
            }
            match peer.write(&rest) {
                Ok(written) => drop(rest.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        connection.set_deadline(after_millis(1));
        let received = connection.recv();
        if received.as_ref().is_err_and(|error| !error.is_timeout()) {
            break;
        }
    }
    rest = Vec::new();
    let held = heap.held();
    drop((connection, rest));
    Ok((held, next))
}

fn call(kind: u8, id: u64) -> Vec<u8> {
    [&[8, 0, 0, 0, kind, 0, 0, 0][..], &id.to_le_bytes()].concat()
}

fn pings_pongs_cancellations_and_answers_that_nobody_asked_for_cost_nothing() -> Told {
    for kind in [3, 4, 5] {
        let (held, frames) = received_in_a_flood(|id| call(kind, id))?;
        println!("{frames} frames of kind {kind}: {held} bytes held");
        assert!(held <= 2 * READ, "{frames} frames of kind {kind}: {held} bytes");
    }
    for kind in [6, 7, 9] {
        let (held, frames) = received_in_a_flood(|_| vec![0, 0, 0, 0, kind, 0, 0, 0])?;
        println!("{frames} frames of kind {kind}: {held} bytes held");
        assert!(held <= 2 * READ, "{frames} frames of kind {kind}: {held} bytes");
    }
    Ok(())
}

fn refusals_for_a_peer_that_asks_and_never_reads_stay_within_the_queue() -> Told {
    let (held, frames) = received_in_a_flood(|id| call(2, id))?;
    println!("{frames} requests: {held} bytes held");
    assert!(held <= 2 * MIB + READ, "{frames} requests of 16 bytes: {held} bytes");
    Ok(())
}

/// One after another and nothing beside them: the allocator counts for the whole process.
#[test]
fn what_is_held_is_bounded() -> Told {
    a_header_that_announces_four_gigabytes_costs_no_more_than_what_has_come()?;
    a_large_message_costs_twice_what_has_come_at_most()?;
    a_peer_that_never_reads_costs_the_queue_and_one_message()?;
    pings_pongs_cancellations_and_answers_that_nobody_asked_for_cost_nothing()?;
    refusals_for_a_peer_that_asks_and_never_reads_stay_within_the_queue()?;
    Ok(())
}
