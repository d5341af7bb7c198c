//! Processes: what they inherit and hand over, and what of theirs outlives a directory, a mask or an end.

use super::*;

#[test]
fn a_dead_peer_is_known_by_its_pidfd_and_not_by_its_number() -> io::Result<()> {
    let (_dir, path) = place();
    let listener = Stream::listen(&path)?;
    let mut child = part("connects", &path).spawn()?;
    let accepted = listener.accept()?;
    child.kill()?;
    child.wait()?;
    let peer = accepted.peer_credentials()?;
    assert_eq!(peer.pid, Some(child.id()), "the number stays, whoever has it now");
    if let Some(pidfd) = peer.pidfd {
        let mut watched = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        assert_eq!(
            rustix::event::poll(&mut watched, Some(&now))?,
            1,
            "it is readable: the process has ended"
        );
    }
    Ok(())
}

#[test]
fn no_socket_of_ours_reaches_a_program_that_is_started() -> io::Result<()> {
    let (_dir, path) = place();
    let listener = Stream::listen(&path)?;
    let _client = Stream::connect(&path)?;
    let _server = listener.accept()?;
    let (left, right) = SeqPacket::pair()?;
    left.send_with_fds(b"x", &[File::open("/dev/null")?.as_fd()])?;
    let _message = right.recv()?;
    let _datagram = ginnel::Datagram::unbound()?;
    let listed = Command::new("sh").args(["-c", "ls -l /proc/self/fd"]).output()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(!listed.contains("socket:") && !listed.contains(".lock"), "{listed}");
    Ok(())
}

#[test]
fn sockets_sent_over_themselves_are_collected() -> io::Result<()> {
    let sockets = || fs::read_to_string("/proc/net/unix").map(|table| table.lines().count());
    let before = sockets()?;
    for _ in 0..10_000 {
        let (left, _right) = Stream::pair()?;
        left.send_with_fds(b"x", &[left.as_fd()])?;
    }
    for _ in 0..10_000 {
        if sockets()? < before + 1_000 {
            return Ok(());
        }
        drop(Stream::pair()?);
    }
    panic!("{} sockets are left of {before}", sockets()?);
}

#[test]
fn a_relative_path_stays_where_it_was_when_the_directory_changes() {
    let (dir, path) = place();
    told(part("changes directory", &path));
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["s.lock"]);
}

pub(super) fn changes_directory(path: &Path) -> io::Result<()> {
    env::set_current_dir(path.parent().unwrap())?;
    let mut listener = Stream::listen("s")?;
    fs::remove_file(path)?;
    env::set_current_dir("/")?;
    listener.republish()?;
    UnixStream::connect(path).map(drop)
}

#[test]
fn a_umask_takes_nothing_from_the_lock_and_the_name() {
    let (_dir, path) = place();
    told(part("masks everything", &path));
    assert_eq!(fs::metadata(path.with_extension("lock")).unwrap().permissions().mode() & 0o777, 0o600);
}

pub(super) fn masks_everything(path: &Path) -> io::Result<()> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o777));
    drop(Stream::listen(path)?);
    let receiver = ginnel::Datagram::bind(path)?;
    assert_eq!(fs::metadata(path)?.permissions().mode() & 0o777, 0o600);
    drop(receiver);
    Ok(())
}

#[test]
fn a_number_in_place_of_a_pidfd_that_could_not_be_made_is_no_descriptor() {
    told(part("has no room for a pidfd", Path::new("")));
}

pub(super) fn has_no_room_for_a_pidfd() -> io::Result<()> {
    const SO_PASSPIDFD: i32 = 76;
    let (left, right) = UnixStream::pair()?;
    let on = 1_i32;
    // SAFETY: the kernel reads four bytes at `on`. setsockopt(2)
    unsafe {
        let on = (&raw const on).cast();
        libc::setsockopt(right.as_raw_fd(), libc::SOL_SOCKET, SO_PASSPIDFD, on, 4)
    };
    let right = Stream::adopt(right.into()).map_err(io::Error::from)?;
    (&left).write_all(b"x")?;
    let limit = getrlimit(Resource::Nofile);
    let next = File::open("/dev/null")?.as_raw_fd() as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(next), ..limit })?;
    let received = right.recv_with_fds(&mut [0; 4]);
    setrlimit(Resource::Nofile, limit)?;
    // Older kernels do without; either way nothing is closed that was never open.
    assert!(received.is_ok_and(|(_, fds)| fds.is_empty()) || next > 0);
    Ok(())
}

#[test]
fn a_packet_that_is_sent_just_before_the_end_is_never_taken_for_it() -> io::Result<()> {
    let null = File::open("/dev/null")?;
    let open = || fs::read_dir("/proc/self/fd").map(Iterator::count);
    let before = open()?;
    for round in 0..30_000 {
        let (left, right) = SeqPacket::pair()?;
        let right = SeqPacket::adopt(right.into()).map_err(io::Error::from)?;
        let fd = null.try_clone()?;
        let sender = std::thread::spawn(move || left.send_with_fds(b"x", &[fd.as_fd()]));
        let (mut got, mut batch) = (0, ginnel::Batch::new(4, 8));
        if round % 2 == 0 {
            while let Some(message) = right.recv()? {
                got += message.fds.len();
            }
        } else {
            while right.recv_batch(&mut batch)? > 0 {
                got += batch.take_fds(0).len();
            }
        }
        sender.join().unwrap()?;
        assert_eq!(got, 1, "round {round}");
    }
    // Other tests of this process open and close theirs meanwhile.
    assert!(open()? < before + 1_000, "descriptors of packets after the end were left open");
    Ok(())
}

#[test]
fn a_deadline_bounds_one_large_write_and_denied_clients_put_off_none() -> io::Result<()> {
    let (mut left, mut right) = Stream::pair()?;
    let reader = std::thread::spawn(move || {
        let mut bytes = vec![0; 4096];
        while right.read(&mut bytes).is_ok_and(|n| n > 0) {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    left.set_deadline(Some(Instant::now() + Duration::from_millis(50)))?;
    assert_eq!(left.write_all(&vec![0; 256 << 20]).unwrap_err().kind(), io::ErrorKind::TimedOut);
    drop(left);
    reader.join().unwrap();
    let (_dir, path) = place();
    let mut listener = Listener::<Stream>::builder().allow(Policy::nobody()).listen(&path)?;
    let done = std::sync::Arc::new(AtomicU32::new(0));
    let seen = std::sync::Arc::clone(&done);
    let clients = std::thread::spawn(move || {
        while seen.load(Ordering::SeqCst) == 0 {
            drop(UnixStream::connect(&path));
        }
    });
    listener.set_deadline(Some(Instant::now() + Duration::from_millis(50)))?;
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::TimedOut);
    done.store(1, Ordering::SeqCst);
    // A client may be waiting in a full queue.
    drop(listener);
    clients.join().unwrap();
    Ok(())
}

#[test]
fn a_service_manager_hands_over_a_listener_once_and_only_to_us() {
    let (_dir, path) = place();
    let listening = UnixListener::bind(&path).unwrap();
    let child = part("is activated", &path);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", r#"exec 3<&0 4<&0 </dev/null; LISTEN_PID=$$ exec "$0" "$@""#])
        .arg(child.get_program())
        .args(child.get_args())
        .envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("LISTEN_FDS", "2")
        .env("LISTEN_FDNAMES", "admin:web")
        .stdin(std::os::fd::OwnedFd::from(listening))
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let child = shell.spawn().unwrap();
    let mut client = UnixStream::connect(&path).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 1);
    assert!(path.exists(), "an activated listener removes no name");
}

pub(super) fn is_activated() -> io::Result<()> {
    let builder = Listener::<Stream>::builder;
    let wrong = Listener::<SeqPacket>::builder().from_activation(Some("admin")).unwrap_err();
    assert_eq!(SocketError::of(&wrong), Some(&SocketError::WrongSocket { expected: "SOCK_SEQPACKET" }));
    let listener = builder().from_activation(Some("web"))?;
    assert_eq!(builder().from_activation(Some("web")).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(builder().from_activation(None).unwrap_err().kind(), io::ErrorKind::NotFound);
    listener.accept()?.write_all(b"x")
}
