//! What sockets do on every platform: descriptors that tokio watches, or pipes whose completions wake tasks.

mod everywhere;

use std::io;
use std::sync::Arc;

use everywhere::{cancel, place};
use ginnel_tokio::{Listener, SeqPacket, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

#[tokio::test]
async fn a_megabyte_goes_there_and_comes_back() -> io::Result<()> {
    let place = place();
    let listener = Stream::listen(&place.address)?;
    let echo = tokio::spawn(async move {
        let (mut read, mut write) = listener.accept().await?.into_split();
        tokio::io::copy(&mut read, &mut write).await
    });
    let sent: Vec<u8> = (0..1 << 20_u32).map(|i| (i % 251) as u8).collect();
    let (mut read, mut write) = Stream::connect(&place.address).await?.into_split();
    let expected = sent.clone();
    let reading = tokio::spawn(async move {
        let mut came = vec![0; expected.len()];
        read.read_exact(&mut came).await?;
        assert!(came == expected, "what came back is what went");
        io::Result::Ok(())
    });
    write.write_all(&sent).await?;
    write.flush().await?;
    reading.await.expect("no panic")?;
    write.shutdown().await?;
    assert_eq!(echo.await.expect("no panic")?, 1 << 20);
    Ok(())
}

#[tokio::test]
async fn what_was_written_before_a_shutdown_is_read_and_then_the_end() -> io::Result<()> {
    let (mut left, mut right) = Stream::pair()?;
    let sent = vec![7; 300_000];
    let writing = async {
        left.write_all(&sent).await?;
        AsyncWriteExt::shutdown(&mut left).await?;
        AsyncWriteExt::shutdown(&mut left).await
    };
    let mut came = Vec::new();
    tokio::try_join!(writing, right.read_to_end(&mut came))?;
    assert!(came == sent, "all of it came");
    Ok(())
}

#[tokio::test]
async fn a_dropped_stream_ends_behind_what_was_written() -> io::Result<()> {
    let (mut left, mut right) = Stream::pair()?;
    left.write_all(b"last words").await?;
    drop(left);
    let mut came = String::new();
    right.read_to_string(&mut came).await?;
    assert_eq!(came, "last words");
    let mut rest = [0; 1];
    assert_eq!(right.read(&mut rest).await?, 0);
    Ok(())
}

#[tokio::test]
async fn whoever_writes_to_nobody_is_told() -> io::Result<()> {
    let (mut left, right) = Stream::pair()?;
    drop(right);
    // What a system takes before it knows is told by the next write.
    let failed = loop {
        if let Err(failed) = left.write_all(b"hello?").await {
            break failed;
        }
    };
    assert_eq!(failed.kind(), io::ErrorKind::BrokenPipe);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_clients_at_once_are_answered() -> io::Result<()> {
    let place = place();
    let listener = Arc::new(Stream::listen(&place.address)?);
    let mut tasks = JoinSet::new();
    // Four tasks wait at one listener.
    for _ in 0..4 {
        let listener = Arc::clone(&listener);
        tasks.spawn(async move {
            for _ in 0..CLIENTS / 4 {
                let mut stream = listener.accept().await?;
                tokio::spawn(async move {
                    let mut number = [0; 4];
                    while stream.read_exact(&mut number).await.is_ok() {
                        stream.write_all(&number).await.expect("the client reads");
                    }
                });
            }
            io::Result::Ok(())
        });
    }
    for client in 0..CLIENTS {
        let address = place.address.clone();
        tasks.spawn(async move {
            let mut stream = Stream::connect(&address).await?;
            for round in 0..20 {
                let sent = (client * 1000 + round).to_ne_bytes();
                stream.write_all(&sent).await?;
                let mut came = [0; 4];
                stream.read_exact(&mut came).await?;
                assert_eq!(came, sent);
            }
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_cancelled_read_loses_nothing() -> io::Result<()> {
    let (mut left, mut right) = Stream::pair()?;
    let mut room = [0; 16];
    for round in 0..10_u8 {
        cancel(right.read(&mut room)).await;
        left.write_all(&[round; 3]).await?;
        let mut came = [0; 3];
        right.read_exact(&mut came).await?;
        assert_eq!(came, [round; 3]);
    }
    Ok(())
}

#[tokio::test]
async fn a_cancelled_receive_leaves_the_packet() -> io::Result<()> {
    let (left, right) = SeqPacket::pair()?;
    for round in 0..10_u8 {
        cancel(right.recv()).await;
        left.send(&[round; 5]).await?;
        assert_eq!(right.recv().await?.expect("a packet").body, [round; 5][..]);
    }
    Ok(())
}

#[tokio::test]
async fn a_cancelled_accept_leaves_the_client() -> io::Result<()> {
    let place = place();
    let listener: Listener<Stream> = Stream::listen(&place.address)?;
    for _ in 0..3 {
        cancel(listener.accept()).await;
        let mut client = Stream::connect(&place.address).await?;
        client.write_all(b"x").await?;
        let mut byte = [0; 1];
        listener.accept().await?.read_exact(&mut byte).await?;
    }
    Ok(())
}

#[tokio::test]
async fn packets_keep_their_edges_whatever_their_size() -> io::Result<()> {
    let (left, right) = SeqPacket::pair()?;
    let sizes = [0, 1, 511, 512, 513, 4096, 4097, 65_536, 100_000, 0, 200_000, 3];
    let sending = async {
        for size in sizes {
            left.send(&vec![(size % 251) as u8; size]).await?;
        }
        drop(left);
        io::Result::Ok(())
    };
    let receiving = async {
        for size in sizes {
            let body = right.recv().await?.expect("a packet").body;
            assert_eq!(body.len(), size);
            assert!(body.iter().all(|&byte| byte == (size % 251) as u8));
        }
        assert!(right.recv().await?.is_none());
        Ok(())
    };
    tokio::try_join!(sending, receiving)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_tasks_that_receive_each_packet_goes_to_one() -> io::Result<()> {
    let (left, right) = SeqPacket::pair()?;
    let right = Arc::new(right);
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let right = Arc::clone(&right);
        tasks.spawn(async move {
            let mut came = Vec::new();
            while let Some(packet) = right.recv().await? {
                came.push(u32::from_ne_bytes(packet.body[..].try_into().expect("four bytes")));
            }
            io::Result::Ok(came)
        });
    }
    for number in 0..PACKETS {
        left.send(&number.to_ne_bytes()).await?;
    }
    drop(left);
    let mut all = Vec::new();
    while let Some(came) = tasks.join_next().await {
        let came = came.expect("no panic")?;
        assert!(came.is_sorted(), "each task saw them in order");
        all.extend(came);
    }
    all.sort_unstable();
    assert!(all.into_iter().eq(0..PACKETS));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_tasks_that_send_no_packets_mix() -> io::Result<()> {
    let (left, right) = SeqPacket::pair()?;
    let left = Arc::new(left);
    let mut tasks = JoinSet::new();
    for task in 0..8_u8 {
        let left = Arc::clone(&left);
        tasks.spawn(async move {
            for _ in 0..50 {
                left.send(&[task; 3000]).await?;
            }
            io::Result::Ok(())
        });
    }
    drop(left);
    let mut counts = [0; 8];
    while let Some(packet) = right.recv().await? {
        let task = packet.body[0];
        assert!(packet.body.len() == 3000 && packet.body.iter().all(|&byte| byte == task));
        counts[usize::from(task)] += 1;
    }
    assert_eq!(counts, [50; 8]);
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_dropped_writing_half_leaves_the_reading_half_alone() -> io::Result<()> {
    let (left, mut right) = Stream::pair()?;
    let (mut read, mut write) = left.into_split();
    write.write_all(b"x").await?;
    drop(write);
    let mut byte = [0; 1];
    right.read_exact(&mut byte).await?;
    right.write_all(b"still there").await?;
    drop(right);
    let mut came = String::new();
    read.read_to_string(&mut came).await?;
    assert_eq!(came, "still there");
    Ok(())
}

#[tokio::test]
async fn the_end_comes_when_both_halves_are_dropped_at_the_latest() -> io::Result<()> {
    let (left, mut right) = Stream::pair()?;
    let (read, mut write) = left.into_split();
    write.write_all(b"bye").await?;
    drop(read);
    drop(write);
    let mut came = String::new();
    right.read_to_string(&mut came).await?;
    assert_eq!(came, "bye");
    Ok(())
}

/// What a pipe of Windows holds is bounded; what is beyond is on its way until the other side has read.
#[cfg(windows)]
#[tokio::test]
async fn a_flush_waits_until_the_system_has_everything() -> io::Result<()> {
    let (mut left, mut right) = Stream::pair()?;
    left.write_all(&[0; 128 * 1024]).await?;
    cancel(left.flush()).await;
    let mut came = vec![0; 128 * 1024];
    tokio::try_join!(left.flush(), right.read_exact(&mut came))?;
    Ok(())
}

const CLIENTS: u32 = 32;

const PACKETS: u32 = 1000;
