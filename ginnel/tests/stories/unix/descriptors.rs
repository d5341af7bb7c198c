// Descriptors that travel with bytes and packets. Included by `list.rs` on Unix.

use std::os::fd::BorrowedFd;

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

#[cfg(target_os = "linux")]
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
driver! { story a_packet_that_is_cut_is_told_with_descriptors_as_without {
    let (left, right) = SeqPacket::pair()?;
    driver!(wait left.send_with_fds(&[1; 100], &[file("x").as_fd()]))?;
    driver!(wait left.send(b"next"))?;
    let error = driver!(wait right.recv_into(&mut [0; 10])).unwrap_err();
    assert_eq!(SocketError::of(&error), Some(&SocketError::PacketCut { size: 100, room: 10 }));
    assert_eq!(driver!(wait right.recv())?.expect("the next").body, "next");
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

driver! { story descriptors_go_through_halves_too {
    let (left, right) = Stream::pair()?;
    let (mut reader, _writer) = right.into_split();
    let (_back, mut forth) = left.into_split();
    driver!(wait forth.send_with_fds(b"x", &[file("half").as_fd()]))?;
    let (_, mut fds) = driver!(wait reader.recv_with_fds(&mut [0; 4]))?;
    assert_eq!(text_of(fds.remove(0)), "half");
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

driver! { story a_read_without_room_takes_no_descriptor {
    let (left, mut right) = Stream::pair()?;
    driver!(wait left.send_with_fds(b"x", &[file("kept").as_fd()]))?;
    assert_eq!(driver!(wait right.recv_with_fds(&mut []))?.0, 0);
    assert_eq!(driver!(wait right.read(&mut []))?, 0);
    let (n, mut fds) = driver!(wait right.recv_with_fds(&mut [0; 4]))?;
    assert_eq!((n, text_of(fds.remove(0)).as_str()), (1, "kept"));
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
