//! Packets: their boundaries, and the kinds of pipe.

use super::*;
use crate::SocketError;

#[test]
fn packets_keep_their_boundaries() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::SeqPacket, true)?;
    for size in [1, 511, 512, 513, 4096, 70_000, 0, 1 << 20, 3] {
        let bytes = pattern(size);
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(send(&a, &bytes).expect("sent"), size));
            let (found, true_size) = receive(&b, 1 << 20).expect("received").expect("not the end");
            assert_eq!(true_size, size);
            assert!(found == bytes, "{size}");
        });
    }
    Ok(())
}

#[test]
fn an_empty_packet_is_not_the_end() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::SeqPacket, true)?;
    send(&a, b"")?;
    send(&a, b"x")?;
    send(&a, b"")?;
    drop(a);
    assert_eq!(receive(&b, 9)?, Some((vec![], 0)));
    assert_eq!(receive(&b, 9)?, Some((b"x".to_vec(), 1)));
    assert_eq!(receive(&b, 9)?, Some((vec![], 0)));
    assert_eq!(receive(&b, 9)?, None);
    Ok(())
}

#[test]
fn a_packet_that_was_cut_tells_its_size_and_the_next_is_whole() -> io::Result<()> {
    let (a, b) = Socket::pair(SocketKind::SeqPacket, true)?;
    for (size, room) in [(10, 4), (600, 100), (600, 550), (20_000, 512), (20_000, 19_999), (20_000, 0)] {
        let bytes = pattern(size);
        send(&a, &bytes)?;
        assert_eq!(receive(&b, room)?, Some((bytes[..room].to_vec(), size)));
        send(&a, b"next")?;
        assert_eq!(receive(&b, room.max(4))?, Some((b"next".to_vec(), 4)));
    }
    Ok(())
}

#[test]
fn a_pipe_of_the_other_kind_is_refused() -> io::Result<()> {
    let wanted = [
        (SocketKind::Stream, SocketKind::SeqPacket, false),
        (SocketKind::SeqPacket, SocketKind::Stream, true),
    ];
    for (listens, connects, packets) in wanted {
        let name = name();
        let _listener = listener(listens, &name);
        let error = connect(connects, &name).unwrap_err();
        assert_eq!(SocketError::of(&error), Some(&SocketError::WrongPipe { packets }));
    }
    Ok(())
}
