//! Processes that are killed.

use super::*;
use crate::sys::windows::objects::Object;
use crate::sys::windows::security::Sid;
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A process of this program that does what `part` says, up to the line that it prints. `None`: this is that process.
fn other(part: &str) -> Option<(Child, PipeName)> {
    if env::var("GINNEL_TEST_PART").is_ok_and(|told| told == part) {
        return None;
    }
    let name = name();
    let mut child = Command::new(env::current_exe().expect("this program"))
        .args([&format!("sys::windows::tests::processes::{part}"), "--exact", "--nocapture"])
        .env("GINNEL_TEST_PART", part)
        .env("GINNEL_TEST_PIPE", name.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert!(lines.any(|line| line.expect("a line").contains("ready")), "it has got so far");
    Some((child, name))
}

fn told() -> PipeName {
    PipeName::new(&env::var("GINNEL_TEST_PIPE").expect("a name")).expect("a name")
}

/// This process has got so far. It says so once: nobody hears more.
fn ready() {
    println!("ready");
}

/// Until somebody kills this process.
fn linger() -> ! {
    loop {
        std::thread::park();
    }
}

#[test]
fn a_server_that_is_killed_while_it_writes_is_the_end() -> io::Result<()> {
    let Some((mut child, name)) = other("a_server_that_is_killed_while_it_writes_is_the_end") else {
        let listener = listener(SocketKind::Stream, &told());
        ready();
        let server = accept(&listener);
        while server.send(&[IoSlice::new(&[1; 1 << 16])])?.is_some() {}
        linger();
    };
    let client = connect(SocketKind::Stream, &name)?;
    while client.send(&[IoSlice::new(&[2; 1 << 16])])?.is_some() {}
    receive(&client, 1)?.expect("it writes");
    child.kill()?;
    child.wait()?;
    assert!(receive_all(&client)?.iter().all(|&byte| byte == 1));
    client.wait(Directions::WRITE, None);
    assert_eq!(client.send(&[IoSlice::new(b"x")]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    Ok(())
}

#[test]
fn the_right_to_a_name_dies_with_its_process() -> io::Result<()> {
    let Some((mut child, name)) = other("the_right_to_a_name_dies_with_its_process") else {
        let _held = Object::take(&told())?.expect("it is free");
        ready();
        linger();
    };
    assert!(Object::is_taken(&name)?);
    assert!(Object::take(&name)?.is_none());
    child.kill()?;
    child.wait()?;
    assert!(!Object::is_taken(&name)?);
    assert!(Object::take(&name)?.is_some());
    Ok(())
}

#[test]
fn the_other_process_is_known_at_both_ends() -> io::Result<()> {
    let Some((mut child, name)) = other("the_other_process_is_known_at_both_ends") else {
        let listener = listener(SocketKind::Stream, &told());
        ready();
        let server = accept(&listener);
        send_all(&server, &server.peer()?.pid.to_le_bytes())?;
        linger();
    };
    let client = connect(SocketKind::Stream, &name)?;
    assert_eq!(client.peer()?.pid, child.id());
    assert_eq!(receive(&client, 4)?, Some((std::process::id().to_le_bytes().to_vec(), 4)));
    child.kill()?;
    child.wait()?;
    Ok(())
}

#[test]
fn a_client_is_known_whose_process_has_ended() -> io::Result<()> {
    let Some((mut child, name)) = other("a_client_is_known_whose_process_has_ended") else {
        ready();
        let client = loop {
            match connect(SocketKind::Stream, &told()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => std::thread::yield_now(),
                connected => break connected?,
            }
        };
        send_all(&client, b"x")?;
        std::process::exit(0);
    };
    let listener = listener(SocketKind::Stream, &name);
    let server = accept(&listener);
    assert_eq!(receive(&server, 9)?, Some((b"x".to_vec(), 1)));
    child.wait()?;
    let pid = child.id();
    drop(child);
    // Its number may be another's once nobody holds the process.
    while Sid::of(pid).is_some() {
        std::thread::yield_now();
    }
    assert_eq!(server.peer()?.sid, Some(Sid::ours()?));
    Ok(())
}
