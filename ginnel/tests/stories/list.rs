// What users do, told once for both drivers. Included by `stories.rs` of each, which brings the types into scope
// and says what `driver!` means there.

use std::fs::{self, File};
use std::io::{self, ErrorKind, IoSlice, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

/// A temporary directory and a path in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("s");
    (dir, path)
}

/// An unnamed file with this text.
fn file(text: &str) -> File {
    let mut file = tempfile::tempfile().expect("a temporary file");
    io::Write::write_all(&mut file, text.as_bytes()).expect("room for the text");
    file
}

fn text_of(fd: OwnedFd) -> String {
    let mut file = File::from(fd);
    file.seek(SeekFrom::Start(0)).expect("it is a file");
    io::read_to_string(file).expect("it is text")
}

fn same_file(one: impl AsFd, other: impl AsFd) -> bool {
    let identity = |fd: BorrowedFd<'_>| {
        let file = File::from(fd.try_clone_to_owned().expect("a free descriptor"));
        let status = file.metadata().expect("an open file");
        (status.dev(), status.ino())
    };
    identity(one.as_fd()) == identity(other.as_fd())
}

#[cfg(not(target_vendor = "apple"))]
fn inode(path: &PathBuf) -> u64 {
    fs::symlink_metadata(path).expect("it is there").ino()
}

/// A socket file whose listener is gone.
fn leave_dead_socket(path: &PathBuf) {
    drop(UnixListener::bind(path).expect("the path is free"));
    assert!(path.exists());
}

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

driver! { story an_open_file_travels_and_is_read_by_its_descriptor_alone {
    let (left, right) = Stream::pair()?;
    let sent = file("through the wall");
    driver!(wait left.send_with_fds(b"see", &[sent.as_fd()]))?;
    let mut bytes = [0; 16];
    let (n, mut fds) = driver!(wait right.recv_with_fds(&mut bytes))?;
    assert_eq!((&bytes[..n], fds.len()), (&b"see"[..], 1));
    assert!(same_file(&sent, &fds[0]));
    assert_eq!(text_of(fds.remove(0)), "through the wall");
    Ok(())
}}

driver! { story descriptors_are_delivered_no_later_than_the_first_byte_they_were_sent_with {
    let (mut left, right) = Stream::pair()?;
    let (one, two) = (file("1"), file("2"));
    driver!(wait left.write_all(b"aaaa"))?;
    driver!(wait left.send_with_fds(b"b", &[one.as_fd()]))?;
    driver!(wait left.send_with_fds(b"cc", &[two.as_fd(), one.as_fd()]))?;
    driver!(wait left.write_all(b"dddd"))?;
    let mut bytes = [0; 64];
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (n, fds) = driver!(wait right.recv_with_fds(&mut bytes))?;
        seen.push((String::from_utf8_lossy(&bytes[..n]).into_owned(), fds));
    }
    let shapes: Vec<_> = seen.iter().map(|(text, fds)| (text.as_str(), fds.len())).collect();
    assert_eq!(shapes, [("aaaab", 1), ("cc", 2), ("dddd", 0)]);
    assert!(same_file(&seen[0].1[0], &one));
    assert!(same_file(&seen[1].1[0], &two) && same_file(&seen[1].1[1], &one));
    Ok(())
}}

driver! { story descriptors_come_with_the_first_of_the_bytes_however_few_are_read {
    let (left, right) = Stream::pair()?;
    let sent = file("x");
    driver!(wait left.send_with_fds(b"abc", &[sent.as_fd()]))?;
    let mut one = [0; 1];
    let mut counts = Vec::new();
    for _ in 0..3 {
        let (n, fds) = driver!(wait right.recv_with_fds(&mut one))?;
        counts.push((n, fds.len()));
    }
    assert_eq!(counts, [(1, 1), (1, 0), (1, 0)]);
    Ok(())
}}

driver! { story a_read_that_a_descriptor_ended_is_followed_by_one_that_does_not_hang {
    let (mut left, right) = Stream::pair()?;
    driver!(wait left.send_with_fds(b"first", &[file("x").as_fd()]))?;
    driver!(wait left.write_all(b"second"))?;
    let mut bytes = [0; 4096];
    assert_eq!(driver!(wait right.recv_with_fds(&mut bytes))?.0, 5);
    assert_eq!(driver!(wait right.recv_with_fds(&mut bytes))?.0, 6);
    Ok(())
}}

driver! { story two_hundred_and_fifty_three_descriptors_fit_and_one_more_is_refused {
    let (left, right) = Stream::pair()?;
    let sent = file("x");
    let many = vec![sent.as_fd(); 254];
    let error = driver!(wait left.send_with_fds(b"x", &many)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.to_string(), "254 descriptors given, 253 fit one message");
    for count in [1, 16, 17, 64, 65, 253] {
        driver!(wait left.send_with_fds(b"x", &many[..count]))?;
        let (n, fds) = driver!(wait right.recv_with_fds(&mut [0; 8]))?;
        assert_eq!((n, fds.len()), (1, count));
    }
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story descriptors_without_a_byte_are_refused_on_a_stream_and_sent_in_an_empty_packet {
    let (left, _right) = Stream::pair()?;
    let sent = file("x");
    assert_eq!(kind(driver!(wait left.send_with_fds(b"", &[sent.as_fd()]))), ErrorKind::InvalidInput);
    let (left, right) = SeqPacket::pair()?;
    driver!(wait left.send_with_fds(b"", &[sent.as_fd()]))?;
    let message = driver!(wait right.recv())?.expect("a packet");
    assert_eq!((message.body.len(), message.fds.len()), (0, 1));
    Ok(())
}}

#[cfg(target_os = "linux")]
driver! { story received_descriptors_are_close_on_exec {
    let (left, right) = SeqPacket::pair()?;
    driver!(wait left.send_with_fds(b"x", &[file("x").as_fd()]))?;
    let message = driver!(wait right.recv())?.expect("a packet");
    for fd in [message.fds[0].as_fd(), left.as_fd(), right.as_fd()] {
        let number = std::os::fd::AsRawFd::as_raw_fd(&fd);
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags");
        let flags = u32::from_str_radix(flags.trim(), 8).expect("octal");
        assert_ne!(flags & 0o2_000_000, 0, "O_CLOEXEC is missing in {info}");
    }
    Ok(())
}}

driver! { story a_plain_read_that_meets_descriptors_says_so_and_goes_on {
    let (mut left, mut right) = Stream::pair()?;
    driver!(wait left.send_with_fds(b"with", &[file("x").as_fd()]))?;
    driver!(wait left.write_all(b"after"))?;
    let mut bytes = [0; 16];
    assert_eq!(driver!(wait right.read(&mut bytes))?, 4);
    let error = driver!(wait right.read(&mut bytes)).unwrap_err();
    assert_eq!(SocketError::of(&error), Some(&SocketError::FdsUnread));
    assert_eq!(driver!(wait right.read(&mut bytes))?, 5);
    assert_eq!(&bytes[..5], b"after");
    Ok(())
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
    driver!(wait left.send_with_fds(&[1; 100], &[file("x").as_fd()]))?;
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
driver! { story a_packet_larger_than_the_send_buffer_is_refused_and_the_socket_goes_on {
    let (left, right) = SeqPacket::pair()?;
    let error = driver!(wait left.send(&vec![0; 8 << 20])).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(90), "EMSGSIZE, not {error}");
    driver!(wait left.send(b"small"))?;
    assert_eq!(driver!(wait right.recv())?.expect("it").body, "small");
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story batches_carry_many_packets_in_one_call {
    let (left, right) = SeqPacket::pair()?;
    let packets = ["a", "", "ccc", "dddddddd"].map(|text| IoSlice::new(text.as_bytes()));
    assert_eq!(driver!(wait left.send_batch(&packets))?, 4);
    assert_eq!(driver!(wait left.send_batch(&[]))?, 0);
    driver!(wait left.send_with_fds(b"e", &[file("fd").as_fd()]))?;
    drop(left);
    let mut batch = Batch::new(16, 4);
    assert_eq!(driver!(wait right.recv_batch(&mut batch))?, 5);
    let seen: Vec<_> = batch.iter().map(|packet| packet.bytes().map(<[u8]>::len).ok()).collect();
    assert_eq!(seen, [Some(1), Some(0), Some(3), None, Some(1)]);
    let cut = batch.iter().nth(3).expect("the fourth").bytes().unwrap_err();
    assert_eq!(cut.to_string(), "the packet has 8 bytes, 4 fit");
    assert_eq!(batch.iter().nth(4).expect("the fifth").fds().len(), 1);
    assert_eq!(text_of(batch.take_fds(4).remove(0)), "fd");
    assert_eq!(driver!(wait right.recv_batch(&mut batch))?, 0);
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story what_had_arrived_is_delivered_before_a_reset {
    let (left, right) = SeqPacket::pair()?;
    driver!(wait left.send(b"one"))?;
    driver!(wait left.send(b"two"))?;
    driver!(wait right.send(b"never read"))?;
    drop(left);
    assert_eq!(driver!(wait right.recv())?.expect("the first").body, "one");
    assert_eq!(driver!(wait right.recv())?.expect("the second").body, "two");
    assert_eq!(kind(driver!(wait right.recv())), ErrorKind::ConnectionReset);
    assert!(driver!(wait right.recv())?.is_none());
    let (mut left, mut right) = Stream::pair()?;
    driver!(wait left.write_all(b"one"))?;
    driver!(wait right.write_all(b"never read"))?;
    drop(left);
    assert_eq!(kind(driver!(wait right.write_all(b"more"))), ErrorKind::BrokenPipe);
    let mut bytes = [0; 8];
    assert_eq!(driver!(wait right.read(&mut bytes))?, 3);
    assert_eq!(kind(driver!(wait right.read(&mut bytes))), ErrorKind::ConnectionReset);
    Ok(())
}}

driver! { story datagrams_find_their_receiver_and_say_where_they_come_from {
    let (dir, path) = place();
    let back = dir.path().join("back");
    let receiver = Datagram::bind(&path)?;
    let named = Datagram::bind(&back)?;
    driver!(wait named.send_to_with_fds(b"hello", &[file("with it").as_fd()], &path))?;
    driver!(wait driver!(wait Datagram::connect(&path))?.send(b""))?;
    let (mut first, from) = driver!(wait receiver.recv_from())?;
    assert_eq!(first.body, "hello");
    assert_eq!(text_of(first.fds.remove(0)), "with it");
    let (empty, nameless) = driver!(wait receiver.recv_from())?;
    assert_eq!((empty.body.len(), nameless), (0, None));
    driver!(wait receiver.send_to(b"answer", from.expect("it has a name")))?;
    assert_eq!(driver!(wait named.recv())?.body, "answer");
    assert_eq!(kind(driver!(wait Datagram::unbound()?.send_to(b"x", dir.path().join("none")))), ErrorKind::NotFound);
    drop(receiver);
    assert!(!path.exists());
    Ok(())
}}

driver! { story a_full_datagram_receiver_makes_its_senders_wait {
    let (_dir, path) = place();
    let receiver = Datagram::bind(&path)?;
    let target = path.clone();
    let sender = driver!(spawn {
        let socket = Datagram::unbound()?;
        for i in 0..100_u8 {
            driver!(wait socket.send_to(&[i], &target))?;
        }
        io::Result::Ok(())
    });
    for i in 0..100 {
        let mut bytes = [0; 4];
        assert_eq!(driver!(wait receiver.recv_into(&mut bytes))?.0, 1);
        assert_eq!(bytes[0], i);
    }
    driver!(join sender)
}}

driver! { story a_cut_datagram_is_an_error_too {
    let (left, mut right) = Datagram::pair()?;
    right.set_max_packet(4);
    driver!(wait left.send(b"12345"))?;
    driver!(wait left.send(b"1234"))?;
    assert_eq!(kind(driver!(wait right.recv())), ErrorKind::InvalidData);
    assert_eq!(driver!(wait right.recv())?.body, "1234");
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story a_live_listener_is_never_displaced {
    let (_dir, path) = place();
    let first = Stream::listen(&path)?;
    let before = inode(&path);
    assert_eq!(kind(Stream::listen(&path)), ErrorKind::AddrInUse);
    assert_eq!(kind(SeqPacket::listen(&path)), ErrorKind::AddrInUse);
    assert_eq!(kind(Datagram::bind(&path)), ErrorKind::AddrInUse);
    assert_eq!(inode(&path), before);
    let _client = driver!(wait Stream::connect(&path))?;
    driver!(wait first.accept())?;
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story a_live_listener_that_knows_no_lock_is_not_displaced_either {
    let (_dir, path) = place();
    let foreign = UnixListener::bind(&path)?;
    assert_eq!(kind(Stream::listen(&path)), ErrorKind::AddrInUse);
    assert_eq!(kind(SeqPacket::listen(&path)), ErrorKind::AddrInUse);
    drop(foreign);
    drop(Stream::listen(&path)?);
    Ok(())
}}

driver! { story a_dead_listener_is_replaced {
    let (dir, path) = place();
    leave_dead_socket(&path);
    let listener = Stream::listen(&path)?;
    let _client = driver!(wait Stream::connect(&path))?;
    driver!(wait listener.accept())?;
    drop(listener);
    let left: Vec<_> = fs::read_dir(dir.path())?.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["s.lock"]);
    Ok(())
}}

driver! { story what_is_no_socket_is_left_alone {
    let (dir, path) = place();
    let (directory, link) = (dir.path().join("d"), dir.path().join("l"));
    fs::write(&path, "precious")?;
    fs::create_dir(&directory)?;
    std::os::unix::fs::symlink(&path, &link)?;
    for taken in [&path, &directory, &link] {
        let error = Stream::listen(taken).unwrap_err();
        assert_eq!(SocketError::of(&error), Some(&SocketError::NotASocketFile), "{error}");
    }
    assert_eq!(fs::read_to_string(&path)?, "precious");
    assert!(directory.is_dir() && link.is_symlink());
    Ok(())
}}

driver! { story closing_a_listener_leaves_its_successors_name_alone {
    let (_dir, path) = place();
    let first = Stream::listen(&path)?;
    fs::remove_file(&path)?;
    let successor = UnixListener::bind(&path)?;
    drop(first);
    assert!(fs::symlink_metadata(&path)?.file_type().is_socket());
    let _client = UnixStream::connect(&path)?;
    successor.accept()?;
    Ok(())
}}

driver! { story a_name_that_somebody_removed_is_published_again_and_no_waiting_connection_is_lost {
    let (_dir, path) = place();
    let mut listener = Stream::listen(&path)?;
    let mut early = driver!(wait Stream::connect(&path))?;
    fs::remove_file(&path)?;
    assert!(!listener.is_published()?);
    listener.republish()?;
    assert!(listener.is_published()?);
    let mut late = driver!(wait Stream::connect(&path))?;
    driver!(wait early.write_all(b"early"))?;
    driver!(wait late.write_all(b"late"))?;
    for expected in ["early", "late"] {
        let mut bytes = vec![0; expected.len()];
        driver!(wait driver!(wait listener.accept())?.read_exact(&mut bytes))?;
        assert_eq!(bytes, expected.as_bytes());
    }
    listener.republish()?;
    drop(listener);
    assert!(!path.exists());
    Ok(())
}}

driver! { story whoever_waits_at_a_name_that_is_published_again_is_served_without_another_to_come {
    let (_dir, path) = place();
    let mut listener = Stream::listen(&path)?;
    let _early = driver!(wait Stream::connect(&path))?;
    fs::remove_file(&path)?;
    listener.republish()?;
    driver!(wait listener.accept())?;
    let _first = driver!(wait Stream::connect(&path))?;
    fs::remove_file(&path)?;
    listener.republish()?;
    driver!(next listener.incoming()).expect("it never ends")?;
    Ok(())
}}

driver! { story publishing_again_does_not_displace_a_stranger_and_needs_the_lock_file {
    let (dir, path) = place();
    let mut listener = Stream::listen(&path)?;
    fs::remove_file(&path)?;
    let stranger = UnixListener::bind(&path)?;
    assert_eq!(kind(listener.republish()), ErrorKind::AddrInUse);
    drop(stranger);
    listener.republish()?;
    fs::remove_file(dir.path().join("s.lock"))?;
    fs::remove_file(&path)?;
    let error = listener.republish().unwrap_err();
    assert_eq!(SocketError::of(&error), Some(&SocketError::LockLost));
    drop(Stream::listen(&path)?);
    Ok(())
}}

driver! { story the_mode_is_as_asked_from_the_moment_the_name_appears {
    let (_dir, path) = place();
    let listener = Stream::listen(&path)?;
    assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    drop(listener);
    for mode in [0o660, 0o666, 0o777, 0o600, 0o000] {
        let listener = Listener::<Stream>::builder().mode(mode).listen(&path)?;
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, mode);
        drop(listener);
    }
    Ok(())
}}

driver! { story paths_of_any_length_work {
    let dir = tempfile::tempdir()?;
    let deep = dir.path().join("d".repeat(200)).join("e".repeat(200));
    fs::create_dir_all(&deep)?;
    let names = ["s".to_owned(), "n".repeat(100), "n".repeat(250), "n".repeat(251), "n".repeat(255)];
    for path in names.iter().map(|name| deep.join(name)).chain([dir.path().join("n".repeat(255))]) {
        let listener = Stream::listen(&path)?;
        assert_eq!(kind(Stream::listen(&path)), ErrorKind::AddrInUse);
        let _client = driver!(wait Stream::connect(&path))?;
        driver!(wait listener.accept())?;
        drop(listener);
        assert!(!path.exists());
        leave_dead_socket_anywhere(&path)?;
        drop(Stream::listen(&path)?);
        let receiver = Datagram::bind(&path)?;
        driver!(wait Datagram::unbound()?.send_to(b"x", &path))?;
        assert_eq!(driver!(wait receiver.recv())?.body, "x");
    }
    let error = Stream::listen(dir.path().join("n".repeat(256))).unwrap_err();
    assert_eq!(error.to_string(), "256 bytes given, 255 fit");
    Ok(())
}}

/// A dead socket at a path that std cannot bind.
fn leave_dead_socket_anywhere(path: &PathBuf) -> io::Result<()> {
    let temp = tempfile::tempdir()?;
    let short = temp.path().join("s");
    leave_dead_socket(&short);
    fs::rename(&short, path)
}

driver! { story sun_path_is_full_at_107_bytes_and_nothing_changes_there {
    let dir = tempfile::tempdir()?;
    let base = dir.path().as_os_str().len();
    for length in [106, 107, 108, 109] {
        let path = dir.path().join("x".repeat(length - base - 1));
        let listener = Stream::listen(&path)?;
        let _client = driver!(wait Stream::connect(&path))?;
        driver!(wait listener.accept())?;
    }
    Ok(())
}}

#[cfg(target_os = "linux")]
driver! { story an_abstract_name_needs_a_policy {
    let name = format!("@ginnel-story-{}-{}", std::process::id(), env!("CARGO_PKG_NAME"));
    let error = Stream::listen(&name).unwrap_err();
    assert_eq!(SocketError::of(&error), Some(&SocketError::AbstractWithoutPolicy));
    let listener = Listener::<Stream>::builder().allow(Policy::same_user()).listen(&name)?;
    let _client = driver!(wait Stream::connect(&name))?;
    driver!(wait listener.accept())?;
    assert_eq!(kind(Listener::<Stream>::builder().allow(Policy::anyone()).listen(&name)), ErrorKind::AddrInUse);
    Ok(())
}}

#[cfg(target_os = "linux")]
driver! { story whoever_the_policy_does_not_allow_is_closed_before_a_byte_is_read {
    let (_dir, path) = place();
    let me = fs::metadata("/proc/self")?.uid();
    let listener = Listener::<Stream>::builder().allow(Policy::nobody().or_uid(me + 1)).listen(&path)?;
    let mut refused = driver!(wait Stream::connect(&path))?;
    let server = driver!(spawn { driver!(wait listener.accept()).map(|_| ()) });
    assert!(matches!(driver!(wait refused.read(&mut [0; 1])), Ok(0) | Err(_)));
    drop(server);
    Ok(())
}}

#[cfg(target_os = "linux")]
driver! { story credentials_say_who_is_at_the_other_end {
    let (_dir, path) = place();
    let listener = Stream::listen(&path)?;
    let client = driver!(wait Stream::connect(&path))?;
    let server = driver!(wait listener.accept())?;
    for end in [client.peer_credentials()?, server.peer_credentials()?] {
        assert_eq!(end.pid, Some(std::process::id()));
        assert_eq!(end.uid, fs::metadata("/proc/self")?.uid());
        assert_eq!(end.gid, fs::metadata("/proc/self")?.gid());
        assert!(Policy::same_user().allows(&end));
        assert!(!Policy::nobody().allows(&end));
    }
    Ok(())
}}

driver! { story halves_work_apart_and_dropping_the_writing_one_sends_the_end {
    let (left, right) = Stream::pair()?;
    let (mut reader, mut writer) = right.into_split();
    let (mut back, mut forth) = left.into_split();
    let echo = driver!(spawn {
        let mut bytes = Vec::new();
        driver!(wait reader.read_to_end(&mut bytes))?;
        driver!(wait writer.write_all(&bytes))?;
        drop(writer);
        io::Result::Ok(())
    });
    driver!(wait forth.write_all(b"there and back"))?;
    drop(forth);
    let mut text = String::new();
    driver!(wait back.read_to_string(&mut text))?;
    assert_eq!(text, "there and back");
    driver!(join echo)
}}

driver! { story descriptors_go_through_halves_too {
    let (left, right) = Stream::pair()?;
    let (mut reader, _writer) = right.into_split();
    let (_back, mut forth) = left.into_split();
    driver!(wait forth.send_with_fds(b"x", &[file("half").as_fd()]))?;
    let (_, mut fds) = driver!(wait reader.recv_with_fds(&mut [0; 4]))?;
    assert_eq!(text_of(fds.remove(0)), "half");
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

#[cfg(not(target_vendor = "apple"))]
driver! { story adopting_checks_and_gives_back_what_it_refuses {
    let (packets, _other) = SeqPacket::pair()?;
    let before = inode_of(&packets);
    let refused = Stream::adopt(OwnedFd::from(packets)).unwrap_err();
    assert_eq!(SocketError::of(&refused.error), Some(&SocketError::WrongSocket { expected: "SOCK_STREAM" }));
    assert_eq!(inode_of(&refused.fd), before);
    assert!(SeqPacket::adopt(refused.fd).is_ok());
    assert!(Stream::adopt(OwnedFd::from(file("x"))).is_err());
    assert!(Stream::adopt(OwnedFd::from(std::net::UdpSocket::bind("127.0.0.1:0")?)).is_err());
    let (_dir, path) = place();
    let listening = UnixListener::bind(&path)?;
    let refused = Stream::adopt(OwnedFd::from(listening)).unwrap_err();
    assert_eq!(SocketError::of(&refused.error), Some(&SocketError::WrongRole { listening: true }));
    let listener = Listener::<Stream>::adopt(refused.fd).map_err(io::Error::from)?;
    let _client = driver!(wait Stream::connect(&path))?;
    driver!(wait listener.accept())?;
    drop(listener);
    assert!(path.exists(), "a name that an adopted listener did not make stays");
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
fn inode_of(fd: &impl AsFd) -> u64 {
    let file = File::from(fd.as_fd().try_clone_to_owned().expect("a free descriptor"));
    file.metadata().expect("an open file").ino()
}

#[cfg(target_os = "linux")]
driver! { story an_adopted_descriptor_keeps_its_flags {
    let (ours, theirs) = UnixStream::pair()?;
    let shared = ours.try_clone()?;
    let mut stream = Stream::adopt(OwnedFd::from(ours)).map_err(io::Error::from)?;
    io::Write::write_all(&mut &theirs, b"x")?;
    driver!(wait stream.read_exact(&mut [0; 1]))?;
    driver!(wait stream.write_all(b"y"))?;
    let number = std::os::fd::AsRawFd::as_raw_fd(&shared);
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags");
    let flags = u32::from_str_radix(flags.trim(), 8).expect("octal");
    assert_eq!(flags & 0o4000, 0, "O_NONBLOCK was set on a shared descriptor");
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story an_inherited_descriptor_is_an_address {
    let (_dir, path) = place();
    let listening = UnixListener::bind(&path)?;
    let number = std::os::fd::AsRawFd::as_raw_fd(&listening);
    let listener = Stream::listen(format!("fd:{number}"))?;
    let client = UnixStream::connect(&path)?;
    driver!(wait listener.accept())?;
    let number = std::os::fd::AsRawFd::as_raw_fd(&client);
    assert!(driver!(wait Stream::connect(format!("fd:{number}"))).is_ok());
    assert_eq!(kind(driver!(wait SeqPacket::connect(format!("fd:{number}")))), ErrorKind::InvalidInput);
    let closed = driver!(wait Stream::connect("fd:65000")).unwrap_err();
    assert_eq!(closed.raw_os_error(), Some(9), "EBADF, not {closed}");
    client.peer_addr()?;
    Ok(())
}}

driver! { story a_receiver_that_wants_no_descriptors_is_sent_none {
    let (left, right) = Stream::pair()?;
    if right.refuse_fds()? {
        let error = driver!(wait left.send_with_fds(b"x", &[file("x").as_fd()])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        driver!(wait left.send_with_fds(b"y", &[]))?;
        assert_eq!(driver!(wait right.recv_with_fds(&mut [0; 4]))?.0, 1);
    }
    Ok(())
}}

driver! { story bad_input_names_the_fact_and_the_limit_and_touches_nothing {
    let dir = tempfile::tempdir()?;
    let directory = dir.path().to_str().expect("a plain name");
    let table = [
        (String::new(), "the address is empty"),
        ("@".to_owned(), "the address is empty"),
        (format!("{directory}/a\0b"), "the path holds a NUL byte"),
        (format!("{directory}/"), "the path ends in no name"),
        (format!("{directory}/{}", "n".repeat(256)), "256 bytes given, 255 fit"),
        (format!("@{}", "n".repeat(108)), "108 bytes given, 107 fit"),
        ("fd:x".to_owned(), "after fd: stands no number from 0 to 65535"),
    ];
    for (address, message) in table {
        for error in [Stream::listen(&address).unwrap_err(), driver!(wait Stream::connect(&address)).unwrap_err()] {
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidInput, message));
        }
    }
    assert_eq!(fs::read_dir(dir.path())?.count(), 0);
    assert_eq!(kind(Stream::listen(dir.path().join("none/s"))), ErrorKind::NotFound);
    assert_eq!(kind(driver!(wait Stream::connect(dir.path().join("none")))), ErrorKind::NotFound);
    Ok(())
}}

#[cfg(not(target_vendor = "apple"))]
driver! { story the_wrong_kind_of_socket_is_told {
    let (_dir, path) = place();
    let _listener = SeqPacket::listen(&path)?;
    let error = driver!(wait Stream::connect(&path)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(91), "EPROTOTYPE, not {error}");
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
    let (left, mut right) = Stream::pair()?;
    driver!(wait left.send_with_fds(b"x", &[file("kept").as_fd()]))?;
    assert_eq!(driver!(wait right.recv_with_fds(&mut []))?.0, 0);
    assert_eq!(driver!(wait right.read(&mut []))?, 0);
    let (n, mut fds) = driver!(wait right.recv_with_fds(&mut [0; 4]))?;
    assert_eq!((n, text_of(fds.remove(0)).as_str()), (1, "kept"));
    Ok(())
}}

driver! { story more_slices_than_one_call_takes_all_leave {
    let (mut left, mut right) = Stream::pair()?;
    let slices = vec![IoSlice::new(b"x"); 2000];
    let first = driver!(wait left.write_vectored(&slices))?;
    assert_eq!(first, 1024);
    assert_eq!(driver!(wait left.write_vectored(&slices[first..]))?, 976);
    let mut bytes = [0; 4096];
    let mut read = 0;
    while read < 2000 {
        read += driver!(wait right.read(&mut bytes))?;
    }
    let empty_then_one: Vec<_> = std::iter::repeat_n(IoSlice::new(b""), 1024).chain([IoSlice::new(b"y")]).collect();
    assert_eq!(driver!(wait left.write_vectored(&empty_then_one))?, 0);
    Ok(())
}}

driver! { story a_policy_goes_with_an_adopted_listener_too {
    let (_dir, path) = place();
    let listening = UnixListener::bind(&path)?;
    let builder = Listener::<Stream>::builder().allow(Policy::same_user());
    let listener = builder.adopt(OwnedFd::from(listening)).map_err(io::Error::from)?;
    let _client = driver!(wait Stream::connect(&path))?;
    driver!(wait listener.accept())?;
    Ok(())
}}

driver! { story a_name_that_looks_like_another_names_lock_has_its_own {
    let dir = tempfile::tempdir()?;
    let long = dir.path().join("x".repeat(252));
    let _long = Stream::listen(&long)?;
    let lock = fs::read_dir(dir.path())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find_map(|name| name.strip_suffix(".lock").map(str::to_owned))
        .expect("a lock file");
    drop(Stream::listen(dir.path().join(lock))?);
    Ok(())
}}

driver! { story an_odd_lock_file_is_refused {
    let (dir, path) = place();
    let lock = dir.path().join("s.lock");
    fs::create_dir(&lock)?;
    assert!(Stream::listen(&path).is_err());
    fs::remove_dir(&lock)?;
    std::os::unix::fs::symlink("elsewhere", &lock)?;
    assert!(Stream::listen(&path).is_err());
    fs::remove_file(&lock)?;
    drop(UnixListener::bind(&lock)?);
    assert!(Stream::listen(&path).is_err());
    fs::remove_file(&lock)?;
    drop(Stream::listen(&path)?);
    Ok(())
}}

#[cfg(target_os = "linux")]
driver! { story nothing_is_left_open_when_everything_is_dropped {
    let (_dir, path) = place();
    for _ in 0..20 {
        let listener = Stream::listen(&path)?;
        let client = driver!(wait Stream::connect(&path))?;
        let server = driver!(wait listener.accept())?;
        driver!(wait client.send_with_fds(b"x", &[file("never taken").as_fd()]))?;
        drop(server);
        assert_eq!(kind(Stream::listen(&path)), ErrorKind::AddrInUse);
    }
    let open = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.starts_with(_dir.path()))
        .count();
    assert_eq!(open, 0, "descriptors into the directory are still open");
    Ok(())
}}
