//! Other users: who gets in, who is judged, and who owns the name.

use super::*;

#[test]
fn what_another_user_may_not_probe_is_not_touched() {
    if !is_root() {
        return;
    }
    let (dir, path) = place();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    drop(UnixListener::bind(&path).unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = part("listens", &path);
    command.uid(NOBODY).gid(NOBODY);
    assert_eq!(told(command).trim(), "Err(PermissionDenied)");
    assert!(path.exists(), "an unknown answer led to a removal");
}

#[test]
fn nobody_gets_in_before_the_mode_is_set() {
    if !is_root() {
        return;
    }
    let (dir, path) = place();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = part("knocks", &path);
    command.uid(NOBODY).gid(NOBODY);
    let mut child = command.spawn().unwrap();
    assert_eq!(first_line(&mut child), "knocking");
    for _ in 0..300 {
        drop(Stream::listen(&path).unwrap());
    }
    drop(child.stdin.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success());
    let (knocks, let_in) = said.trim().split_once(' ').unwrap();
    assert!(knocks.parse::<u32>().unwrap() > 300, "{said}");
    assert_eq!(let_in, "0", "{said}");
}

/// Connects over and over until standard input ends, and says how often it knocked and how often it got in.
pub(super) fn knocks(path: &Path) -> io::Result<()> {
    eprintln!("knocking");
    let done = std::thread::spawn(|| io::stdin().read(&mut [0; 1]));
    let (mut knocks, mut let_in) = (0_u64, 0);
    while !done.is_finished() {
        knocks += 1;
        let_in += u32::from(UnixStream::connect(path).is_ok());
    }
    eprintln!("{knocks} {let_in}");
    Ok(())
}

#[test]
fn a_socket_file_is_given_to_its_owner_before_its_name_appears() {
    if !is_root() {
        return;
    }
    let (_dir, path) = place();
    let builder = Listener::<Stream>::builder().owner(NOBODY).group(NOBODY).mode(0o660);
    let listener = builder.listen(&path).unwrap();
    let status = fs::metadata(&path).unwrap();
    assert_eq!((status.uid(), status.gid(), status.permissions().mode() & 0o777), (NOBODY, NOBODY, 0o660));
    let mut command = part("connects", &path);
    command.uid(NOBODY).gid(NOBODY);
    fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    let child = command.spawn().unwrap();
    let mut accepted = listener.accept().unwrap();
    accepted.write_all(b"y").unwrap();
    assert_eq!(accepted.peer_credentials().unwrap().gid, NOBODY);
    let said = String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr).into_owned();
    assert_eq!(said.lines().last(), Some("answered"));
}

#[test]
fn another_user_at_an_abstract_name_is_closed_unread() {
    if !is_root() {
        return;
    }
    let name = format!("@ginnel-fault-{}", std::process::id());
    let listener = Listener::<Stream>::builder().allow(Policy::same_user()).listen(&name).unwrap();
    let mut stranger = part("connects", Path::new(&name));
    stranger.uid(NOBODY).gid(NOBODY);
    let mut stranger = stranger.spawn().unwrap();
    // It stands in the queue before its friend does, however slowly a process starts.
    assert_eq!(first_line(&mut stranger), "connected");
    let friend = part("connects", Path::new(&name)).spawn().unwrap();
    let mut accepted = listener.accept().unwrap();
    let peer = accepted.peer_credentials().unwrap();
    assert_eq!((peer.uid, peer.pid), (0, Some(friend.id())));
    let mut byte = [0; 1];
    accepted.read_exact(&mut byte).unwrap();
    drop(listener);
    for (child, expected) in [(friend, "answered"), (stranger, "closed")] {
        if expected == "answered" {
            accepted.write_all(b"y").unwrap();
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr).lines().last(), Some(expected));
    }
}

/// Connects, says so, writes a byte and says whether one came back.
pub(super) fn connects(path: &Path) -> io::Result<()> {
    let mut stream = Stream::connect(path.to_str().unwrap())?;
    eprintln!("connected");
    // A policy may close the connection before the byte is written.
    let written = stream.write_all(b"x");
    let answered = written.is_ok() && matches!(stream.read(&mut [0; 1]), Ok(1));
    eprintln!("{}", if answered { "answered" } else { "closed" });
    Ok(())
}
