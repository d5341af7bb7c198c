// Sockets that are handed in. Included by `sp_faults.rs` on Unix.

driver! { story what_is_no_connected_stream_is_not_adopted_and_comes_back {
    let mut pull = Pull::new()?;
    let null = std::fs::File::open("/dev/null")?;
    let (packets, _other) = rustix::net::socketpair(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::DGRAM,
        rustix::net::SocketFlags::empty(),
        None,
    )?;
    let dir = tempfile::tempdir()?;
    let listener = std::os::unix::net::UnixListener::bind(dir.path().join("s"))?;
    let lonely = rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::STREAM, None)?;
    let (pipe, _end) = rustix::pipe::pipe()?;
    for fd in [null.into(), packets, listener.into(), lonely, pipe] as [std::os::fd::OwnedFd; 5] {
        let number = std::os::fd::AsRawFd::as_raw_fd(&fd);
        let refused = pull.adopt(fd).expect_err("it is no connected stream");
        assert_eq!(refused.error.kind(), std::io::ErrorKind::InvalidInput, "{refused}");
        assert_eq!(std::os::fd::AsRawFd::as_raw_fd(&refused.fd), number, "it is the caller's");
    }
    assert!(pull.pipes().is_empty());
    Ok(())
}}
