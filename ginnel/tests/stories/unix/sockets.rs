// Sockets that are descriptors, and what only sockets do: datagrams, resets, ends of one direction, adoption. Included by
// `list.rs` on Unix.

#[cfg(target_os = "linux")]
driver! { story a_packet_larger_than_the_send_buffer_is_refused_and_the_socket_goes_on {
    let (left, right) = SeqPacket::pair()?;
    let error = driver!(wait left.send(&vec![0; 8 << 20])).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(90), "EMSGSIZE, not {error}");
    driver!(wait left.send(b"small"))?;
    assert_eq!(driver!(wait right.recv())?.expect("it").body, "small");
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

#[cfg(target_os = "linux")]
driver! { story the_wrong_kind_of_socket_is_told {
    let (_dir, path) = place();
    let _listener = SeqPacket::listen(&path)?;
    let error = driver!(wait Stream::connect(&path)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(91), "EPROTOTYPE, not {error}");
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
