//! Reading into tokio's buffers: no room, exact room, more room than bytes, room that was never written.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;

use ginnel_tokio::Stream;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

async fn read(stream: &mut Stream, buffer: &mut ReadBuf<'_>) -> io::Result<()> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, buffer)).await
}

#[tokio::test]
async fn as_many_bytes_are_initialised_as_are_read() -> io::Result<()> {
    let (mut left, mut right) = Stream::pair()?;
    for (held, room) in [(0, 4), (0, 5), (0, 64), (1, 5), (3, 7), (60, 64)] {
        left.write_all(b"four").await?;
        let mut space = vec![MaybeUninit::uninit(); room];
        let mut buffer = ReadBuf::uninit(&mut space);
        buffer.put_slice(&vec![b'h'; held]);
        read(&mut right, &mut buffer).await?;
        assert_eq!(buffer.filled(), [vec![b'h'; held], b"four".to_vec()].concat());
        assert_eq!(buffer.initialized().len(), held + 4, "and no byte more");
        assert_eq!(buffer.remaining(), room - held - 4);
    }
    Ok(())
}

#[tokio::test]
async fn what_was_initialised_stays_so() -> io::Result<()> {
    let (mut left, mut right) = Stream::pair()?;
    left.write_all(b"four").await?;
    let mut space = [MaybeUninit::uninit(); 16];
    let mut buffer = ReadBuf::uninit(&mut space);
    buffer.initialize_unfilled_to(10).fill(b'i');
    read(&mut right, &mut buffer).await?;
    assert_eq!(buffer.filled(), b"four");
    assert_eq!(buffer.initialized(), b"fouriiiiii");
    Ok(())
}

#[tokio::test]
async fn without_room_nothing_is_read_and_nothing_lost() -> io::Result<()> {
    let (mut left, mut right) = Stream::pair()?;
    left.write_all(b"four").await?;
    let mut none = ReadBuf::uninit(&mut []);
    read(&mut right, &mut none).await?;
    assert!(none.initialized().is_empty());
    let mut full = [7; 3];
    let mut buffer = ReadBuf::new(&mut full);
    buffer.advance(3);
    read(&mut right, &mut buffer).await?;
    assert_eq!(buffer.filled(), [7; 3]);
    for expected in [b"fo", b"ur"] {
        let mut space = [MaybeUninit::uninit(); 2];
        let mut buffer = ReadBuf::uninit(&mut space);
        read(&mut right, &mut buffer).await?;
        assert_eq!(buffer.filled(), expected, "of what is there, what there is room for");
    }
    Ok(())
}

#[tokio::test]
async fn the_end_initialises_nothing() -> io::Result<()> {
    let (left, mut right) = Stream::pair()?;
    drop(left);
    let mut space = [MaybeUninit::uninit(); 4];
    let mut buffer = ReadBuf::uninit(&mut space);
    read(&mut right, &mut buffer).await?;
    assert!(buffer.filled().is_empty() && buffer.initialized().is_empty());
    Ok(())
}
