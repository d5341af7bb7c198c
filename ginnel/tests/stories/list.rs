// What users do, told once for both drivers. Included by `stories.rs` of each, which brings the types into scope
// and says what `driver!` means there. What only Unix has stands in `unix/`.

use std::io::{self, ErrorKind, IoSlice};

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("it should have failed").kind()
}

driver! { story bytes_go_both_ways {
    let (_dir, path) = place();
    let listener = Stream::listen(&path)?;
    let client = driver!(spawn {
        let mut stream = driver!(wait Stream::connect(&path))?;
        driver!(wait stream.write_all(b"ping"))?;
        let mut answer = [0; 4];
        driver!(wait stream.read_exact(&mut answer))?;
        assert_eq!(&answer, b"pong");
        io::Result::Ok(())
    });
    let mut stream = driver!(wait listener.accept())?;
    let mut question = [0; 4];
    driver!(wait stream.read_exact(&mut question))?;
    assert_eq!(&question, b"ping");
    driver!(wait stream.write_all(b"pong"))?;
    driver!(join client)
}}

driver! { story vectored_writes_leave_in_one_piece {
    let (mut left, mut right) = Stream::pair()?;
    let sent = driver!(wait left.write_vectored(&[IoSlice::new(b"one "), IoSlice::new(b"two")]))?;
    assert_eq!(sent, 7);
    let mut bytes = [0; 16];
    assert_eq!(driver!(wait right.read(&mut bytes))?, 7);
    assert_eq!(&bytes[..7], b"one two");
    Ok(())
}}

driver! { story a_large_body_arrives_whole {
    let (mut left, mut right) = Stream::pair()?;
    let writer = driver!(spawn { driver!(wait left.write_all(&vec![7; 4 << 20])) });
    let mut body = Vec::new();
    assert_eq!(driver!(wait right.read_to_end(&mut body))?, 4 << 20);
    assert!(body.iter().all(|&byte| byte == 7));
    driver!(join writer)
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story packets_keep_their_borders_and_an_empty_one_is_not_the_end {
    let (_dir, path) = place();
    let listener = SeqPacket::listen(&path)?;
    let client = driver!(spawn {
        let socket = driver!(wait SeqPacket::connect(&path))?;
        for packet in ["one", "", "two", "", ""] {
            driver!(wait socket.send(packet.as_bytes()))?;
        }
        io::Result::Ok(())
    });
    let socket = driver!(wait listener.accept())?;
    let mut packets = Vec::new();
    while let Some(message) = driver!(wait socket.recv())? {
        packets.push(String::from_utf8_lossy(&message.body).into_owned());
    }
    assert_eq!(packets, ["one", "", "two", "", ""]);
    driver!(join client)
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story a_cut_packet_names_both_sizes_and_the_next_is_whole {
    let (left, right) = SeqPacket::pair()?;
    driver!(wait left.send(&[1; 100]))?;
    driver!(wait left.send(b"next"))?;
    let mut small = [0; 10];
    let error = driver!(wait right.recv_into(&mut small)).unwrap_err();
    assert_eq!(SocketError::of(&error), Some(&SocketError::PacketCut { size: 100, room: 10 }));
    assert_eq!(driver!(wait right.recv())?.expect("the next").body, "next");
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story the_largest_packet_that_recv_takes_can_be_set {
    let (left, mut right) = SeqPacket::pair()?;
    right.set_max_packet(4);
    driver!(wait left.send(b"12345"))?;
    driver!(wait left.send(b"1234"))?;
    let error = driver!(wait right.recv()).unwrap_err();
    assert_eq!(error.to_string(), "the packet has 5 bytes, 4 fit");
    assert_eq!(driver!(wait right.recv())?.expect("the next").body, "1234");
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story batches_carry_many_packets {
    let (left, right) = SeqPacket::pair()?;
    let packets = ["a", "", "ccc", "dddddddd", "e"].map(|text| IoSlice::new(text.as_bytes()));
    let mut sent = 0;
    while sent < packets.len() {
        sent += driver!(wait left.send_batch(&packets[sent..]))?;
    }
    assert_eq!(driver!(wait left.send_batch(&[]))?, 0);
    drop(left);
    let mut batch = Batch::new(16, 4);
    let mut seen = Vec::new();
    while driver!(wait right.recv_batch(&mut batch))? > 0 {
        seen.extend(batch.iter().map(|packet| packet.bytes().map(<[u8]>::to_vec).map_err(|error| error.to_string())));
    }
    let cut = Err("the packet has 8 bytes, 4 fit".to_owned());
    assert_eq!(seen, [Ok(b"a".to_vec()), Ok(vec![]), Ok(b"ccc".to_vec()), cut, Ok(b"e".to_vec())]);
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story a_live_listener_is_never_displaced {
    let (_dir, path) = place();
    let first = Stream::listen(&path)?;
    assert_eq!(kind(Stream::listen(&path)), ErrorKind::AddrInUse);
    assert_eq!(kind(SeqPacket::listen(&path)), ErrorKind::AddrInUse);
    let _client = driver!(wait Stream::connect(&path))?;
    driver!(wait first.accept())?;
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story a_name_is_free_as_soon_as_its_listener_is_dropped {
    let (_dir, path) = place();
    for _ in 0..20 {
        let listener = Stream::listen(&path)?;
        let client = driver!(wait Stream::connect(&path))?;
        driver!(wait listener.accept())?;
        drop((client, listener));
        assert!(is_free(&path));
        drop(SeqPacket::listen(&path)?);
    }
    assert_eq!(kind(driver!(wait Stream::connect(&path))), ErrorKind::NotFound);
    Ok(())
}}

driver! { story credentials_say_who_is_at_the_other_end {
    let (_dir, path) = place();
    let listener = Stream::listen(&path)?;
    let client = driver!(wait Stream::connect(&path))?;
    let server = driver!(wait listener.accept())?;
    for end in [client.peer_credentials()?, server.peer_credentials()?] {
        assert!(is_this_process(&end), "{end:?}");
        assert!(Policy::same_user().allows(&end));
        assert!(!Policy::nobody().allows(&end));
    }
    Ok(())
}}

driver! { story halves_read_and_write_at_the_same_time {
    let (left, right) = Stream::pair()?;
    let (mut reader, mut writer) = right.into_split();
    let (mut back, mut forth) = left.into_split();
    let echo = driver!(spawn {
        let mut bytes = vec![0; 1000];
        for _ in 0..1000 {
            driver!(wait reader.read_exact(&mut bytes))?;
            driver!(wait writer.write_all(&bytes))?;
        }
        io::Result::Ok((reader, writer))
    });
    let sending = driver!(spawn {
        for _ in 0..1000 {
            driver!(wait forth.write_all(&[7; 1000]))?;
        }
        io::Result::Ok(forth)
    });
    let mut bytes = vec![0; 1_000_000];
    driver!(wait back.read_exact(&mut bytes))?;
    assert!(bytes.iter().all(|&byte| byte == 7));
    driver!(join sending)?;
    drop(driver!(join echo)?);
    // Both halves over there are gone.
    assert_eq!(driver!(wait back.read(&mut bytes))?, 0);
    Ok(())
}}

driver! { story a_listener_is_a_sequence_of_connections {
    let (_dir, path) = place();
    let listener = Stream::listen(&path)?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(driver!(wait Stream::connect(&path))?);
    }
    let mut incoming = listener.incoming();
    for mut client in clients {
        let mut stream = driver!(next incoming).expect("it never ends")?;
        driver!(wait client.write_all(b"x"))?;
        driver!(wait stream.read_exact(&mut [0; 1]))?;
    }
    Ok(())
}}

driver! { story a_connection_waits_while_the_queue_is_full {
    let (_dir, path) = place();
    let listener = Listener::<Stream>::builder().backlog(1).listen(&path)?;
    let target = path.clone();
    let clients = driver!(spawn {
        for i in 0..8_u8 {
            let mut client = driver!(wait Stream::connect(&target))?;
            driver!(wait client.write_all(&[i]))?;
        }
        io::Result::Ok(())
    });
    for i in 0..8 {
        let mut byte = [0];
        driver!(wait driver!(wait listener.accept())?.read_exact(&mut byte))?;
        assert_eq!(byte, [i]);
    }
    driver!(join clients)
}}

driver! { story a_read_without_room_takes_nothing {
    let (mut left, mut right) = Stream::pair()?;
    driver!(wait left.write_all(b"kept"))?;
    assert_eq!(driver!(wait right.read(&mut []))?, 0);
    let mut bytes = [0; 8];
    assert_eq!(driver!(wait right.read(&mut bytes))?, 4);
    assert_eq!(&bytes[..4], b"kept");
    Ok(())
}}

#[cfg(unix)]
mod unix {
    use std::fs::{self, File};
    use std::io::{Seek, SeekFrom};
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::PathBuf;

    use super::*;

    include!("unix/descriptors.rs");
    include!("unix/names.rs");
    include!("unix/sockets.rs");
}
