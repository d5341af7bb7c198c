// Names that are files, and what stands at them. Included by `list.rs` on Unix.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};

#[cfg(not(target_vendor = "apple"))]
fn inode(path: &PathBuf) -> u64 {
    fs::symlink_metadata(path).expect("it is there").ino()
}

/// A socket file whose listener is gone.
fn leave_dead_socket(path: &PathBuf) {
    drop(UnixListener::bind(path).expect("the path is free"));
    assert!(path.exists());
}

#[cfg(not(target_vendor = "apple"))]
driver! { story a_live_listener_keeps_its_file {
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
