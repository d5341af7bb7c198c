//! Two ends, and what becomes of them.

use super::*;
use std::thread;
use std::time::Instant;

#[test]
fn bytes_go_both_ways_and_then_the_end() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    send_all(&a, b"there")?;
    assert_eq!(receive(&b, 100)?, Some((b"there".to_vec(), 5)));
    send_all(&b, b"back")?;
    drop(b);
    assert_eq!(receive_all(&a)?, b"back");
    assert_eq!(receive(&a, 10)?, None, "the end stays");
    assert_eq!(send(&a, b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    Ok(())
}

#[test]
fn small_rooms_and_several_slices_lose_nothing() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    let bytes = pattern(3000);
    let (one, two) = bytes.split_at(1111);
    assert_eq!(a.send(&[IoSlice::new(one), IoSlice::new(&[]), IoSlice::new(two)])?, Some(3000));
    let mut all = Vec::new();
    for room in (1..).map(|at| at % 97 + 1) {
        all.extend(receive(&b, room)?.expect("not the end").0);
        if all.len() == 3000 {
            break;
        }
    }
    assert_eq!(all, bytes);
    Ok(())
}

#[test]
fn sixteen_mebibytes_both_ways_at_once() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    let bytes = &pattern(16 << 20);
    thread::scope(|scope| {
        for (one, other) in [(&a, &b), (&b, &a)] {
            scope.spawn(move || send_all(one, bytes).expect("sent"));
            scope.spawn(move || {
                let mut all = Vec::new();
                while all.len() < bytes.len() {
                    all.extend(receive(other, 1 << 17).expect("received").expect("not the end").0);
                }
                assert!(all == *bytes);
            });
        }
    });
    Ok(())
}

#[test]
fn a_peer_that_does_not_read_stops_the_writer() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    let chunk = pattern(64 * 1024);
    let mut taken = 0;
    while let Some(sent) = a.send(&[IoSlice::new(&chunk)])? {
        taken += sent;
        assert!(taken <= 1 << 20, "it takes and takes");
    }
    assert_eq!(a.wait(Directions::WRITE, Some(Instant::now())), None);
    let mut read = 0;
    while read < taken {
        read += receive(&b, 1 << 16)?.expect("not the end").1;
    }
    assert_eq!(a.wait(Directions::WRITE, None), Some(Directions::WRITE));
    assert!(a.send(&[IoSlice::new(b"more")])?.is_some());
    Ok(())
}

/// More than the pipe holds, so that the last write is still under way.
fn fill(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    let mut taken = 0;
    while let Some(sent) = socket.send(&[IoSlice::new(&bytes[taken..])])? {
        taken += sent;
    }
    Ok(taken)
}

#[test]
fn what_is_under_way_when_it_is_finished_arrives_and_then_the_end() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    let bytes = pattern(1 << 20);
    let taken = fill(&a, &bytes)?;
    a.finish();
    assert_eq!(a.send(&[IoSlice::new(b"x")]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    // Whoever waits for the end may end the process then.
    assert_eq!(a.receive(&mut [MaybeUninit::uninit()])?, None);
    assert_eq!(a.wait(Directions::READ, Some(Instant::now())), None);
    assert!(receive_all(&b)? == bytes[..taken]);
    assert_eq!(receive(&a, 10)?, None);
    assert_eq!(a.wait(Directions::BOTH, None), Some(Directions::BOTH));
    Ok(())
}

#[test]
fn what_is_under_way_when_it_is_finished_ends_when_the_reader_goes() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    fill(&a, &pattern(1 << 20))?;
    a.finish();
    drop(b);
    assert_eq!(receive(&a, 10)?, None);
    Ok(())
}

#[test]
fn whoever_waits_is_not_in_the_way_of_whoever_finishes() -> io::Result<()> {
    for _ in 0..1000 {
        let (a, _b) = Socket::pair(SocketKind::Stream, true)?;
        thread::scope(|scope| {
            scope.spawn(|| while a.wait(Directions::READ, Some(Instant::now())).is_none() {});
            a.finish();
        });
    }
    Ok(())
}

#[test]
fn what_is_under_way_when_it_is_dropped_arrives_and_then_the_end() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    let bytes = pattern(1 << 20);
    let taken = fill(&a, &bytes)?;
    drop(a);
    assert!(receive_all(&b)? == bytes[..taken]);
    Ok(())
}

#[test]
fn what_a_thread_has_begun_goes_on_when_the_thread_has_ended() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    let bytes = &pattern(1 << 20);
    let a = &a;
    let taken = thread::scope(|scope| {
        scope
            .spawn(move || {
                a.receive(&mut [MaybeUninit::uninit()]).map(|got| assert_eq!(got, None))?;
                fill(a, bytes)
            })
            .join()
    })
    .expect("no panic")?;
    let mut all = Vec::new();
    while all.len() < taken {
        all.extend(receive(&b, 1 << 16)?.expect("not the end").0);
    }
    assert!(all == bytes[..taken]);
    send_all(&b, b"!")?;
    assert_eq!(receive(a, 1)?, Some((b"!".to_vec(), 1)));
    Ok(())
}

#[test]
fn a_writer_is_told_by_its_next_write_that_nobody_reads() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    fill(&a, &pattern(1 << 20))?;
    drop(b);
    assert_eq!(a.wait(Directions::WRITE, None), Some(Directions::WRITE));
    assert_eq!(a.send(&[IoSlice::new(b"x")]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    Ok(())
}

#[test]
fn what_is_not_connected_says_so() -> io::Result<()> {
    let fresh = Socket::new(SocketKind::Stream, true);
    let not = io::ErrorKind::NotConnected;
    assert_eq!(fresh.send(&[IoSlice::new(b"x")]).unwrap_err().kind(), not);
    assert_eq!(fresh.receive(&mut [MaybeUninit::uninit()]).unwrap_err().kind(), not);
    assert_eq!(fresh.peer().unwrap_err().kind(), not);
    assert_eq!(fresh.accept(true).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(fresh.listen(8).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(fresh.connect(&name()).unwrap_err().kind(), io::ErrorKind::NotFound);
    Ok(())
}
