//! Vectors that the kernel fills: no room, exact room, one byte too many, and much more room than bytes.
#![cfg(unix)]

use std::io::{self, IoSlice};

use ginnel_os::{Chunk, Datagram, SeqPacket, SocketError, Stream, Wait};

const NEVER: Wait = Wait::Never;

fn send(stream: &Stream, bytes: &[u8]) -> io::Result<()> {
    assert_eq!(stream.send(&[IoSlice::new(bytes)], &[], NEVER)?, Some(bytes.len()));
    Ok(())
}

fn behind(stream: &Stream, buffer: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    let Chunk { bytes, .. } = stream.receive_behind(buffer, most, NEVER)?.expect("something is under way");
    Ok(bytes)
}

#[test]
fn a_stream_is_read_behind_what_a_vector_holds_and_never_beyond_its_room() -> io::Result<()> {
    for (held, capacity, most) in [
        (0, 4, 4),
        (0, 4, usize::MAX),
        (3, 7, 4),
        (3, 64, 4),
        (3, 64, 3),
        (3, 64, 64),
        (0, 1, 64),
        (63, 64, 64),
    ] {
        let (left, right) = Stream::pair(false)?;
        send(&left, b"four")?;
        let mut buffer = Vec::with_capacity(capacity);
        buffer.resize(held, b'h');
        let real = buffer.capacity();
        let read = behind(&right, &mut buffer, most)?;
        assert_eq!(read, most.min(real - held).min(4), "{held} held, room for {capacity}, at most {most}");
        assert_eq!(buffer, [vec![b'h'; held], b"four"[..read].to_vec()].concat());
        assert_eq!(buffer.capacity(), real, "it does not grow");
    }
    Ok(())
}

#[test]
fn without_room_a_stream_is_not_read() -> io::Result<()> {
    let (left, right) = Stream::pair(false)?;
    send(&left, b"four")?;
    assert_eq!(behind(&right, &mut Vec::new(), 64)?, 0);
    assert_eq!(behind(&right, &mut Vec::with_capacity(64), 0)?, 0);
    let mut full = vec![7; 16];
    full.shrink_to_fit();
    if full.capacity() == full.len() {
        assert_eq!(behind(&right, &mut full, 64)?, 0);
    }
    assert_eq!(full, [7; 16]);
    let mut buffer = Vec::with_capacity(64);
    assert_eq!(behind(&right, &mut buffer, 64)?, 4);
    assert_eq!(buffer, b"four");
    Ok(())
}

#[test]
fn a_packet_fills_its_message_exactly_or_is_refused_with_both_sizes() -> io::Result<()> {
    let (left, right) = SeqPacket::pair(false)?;
    let (from, to) = Datagram::pair(false)?;
    // At a quarter of the room and below, the bytes are copied out of it.
    for (size, room) in
        [(0, 0), (0, 64), (1, 1), (15, 64), (16, 64), (17, 64), (63, 64), (64, 64), (65, 64), (1, 0)]
    {
        let packet: Vec<u8> = (0..size).collect();
        left.send(&packet, &[], NEVER)?;
        from.send(&packet, &[], None, NEVER)?;
        let received = [
            right.receive(room, NEVER).map(|message| message.expect("it is there").expect("it is no end")),
            to.receive(room, NEVER).map(|message| message.expect("it is there").0),
        ];
        for received in received {
            if packet.len() <= room {
                assert_eq!(received?.body, packet, "{size} bytes with room for {room}");
                continue;
            }
            let error = received.expect_err("it does not fit");
            let cut = error.get_ref().and_then(|error| error.downcast_ref::<SocketError>());
            let (said, has) = (packet.len(), room);
            assert!(
                matches!(cut, Some(&SocketError::PacketCut { size, room }) if size == said && room == has),
                "{error:?}"
            );
        }
    }
    Ok(())
}
