//! What named pipes are asked and told through this library: names, modes, owners, whom they let in.
#![cfg(windows)]
#![expect(unsafe_code, reason = "pipes of others are made by bare calls")]

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::ptr::null;
use std::time::{Duration, Instant};

use ginnel::*;
use support::*;
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::Storage::FileSystem::PIPE_ACCESS_DUPLEX;
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, PIPE_TYPE_BYTE, PIPE_TYPE_MESSAGE, PIPE_UNLIMITED_INSTANCES, PIPE_WAIT,
};

const LONG: Duration = Duration::from_secs(60);

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn is_wine() -> bool {
    let ntdll = wide("ntdll.dll");
    // SAFETY: both texts end in a zero, and live across the calls; every process has this module.
    unsafe { GetProcAddress(GetModuleHandleW(ntdll.as_ptr()), c"wine_get_version".as_ptr().cast()).is_some() }
}

/// A pipe that somebody has made without this library, and lets as many in.
fn squatted(place: &Place, mode: u32, instances: u32) -> OwnedHandle {
    let name = wide(place.as_str());
    // SAFETY: the name ends in a zero, and lives across the call.
    let handle = unsafe {
        CreateNamedPipeW(
            name.as_ptr(),
            PIPE_ACCESS_DUPLEX,
            mode | PIPE_WAIT,
            instances,
            4096,
            4096,
            0,
            null(),
        )
    };
    assert_ne!(handle, INVALID_HANDLE_VALUE, "{}", io::Error::last_os_error());
    // SAFETY: it was made just now and is nobody else's.
    unsafe { OwnedHandle::from_raw_handle(handle) }
}

fn fact(error: &io::Error) -> &SocketError {
    SocketError::of(error).unwrap_or_else(|| panic!("{error}"))
}

#[test]
fn a_name_that_is_none_is_refused_with_the_reason() {
    let table = [
        ("", "the address is empty"),
        (r"\\.\pipe\", r"no name stands behind \\.\pipe\"),
        (r"\\.\pipe\a/b", "'/' cannot stand there: the name of a pipe has no slash, backslash or NUL"),
        (r"\\.\pipe\a\b", r"'\\' cannot stand there: the name of a pipe has no slash, backslash or NUL"),
        ("\\\\.\\pipe\\a\0b", r"'\0' cannot stand there: the name of a pipe has no slash, backslash or NUL"),
        (r"\\.\pipe\a.", "'.' cannot stand at the end of the name of a pipe: Windows would take it away"),
    ];
    let long = format!(r"\\.\pipe\{}", "n".repeat(248));
    let too_long = r"257 UTF-16 units given, 256 fit the name of a pipe, \\.\pipe\ included";
    for (address, message) in table.into_iter().chain([(long.as_str(), too_long)]) {
        for error in [Stream::listen(address).unwrap_err(), Stream::connect(address).unwrap_err()] {
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidInput, message));
        }
    }
}

#[test]
fn the_longest_name_is_one() -> io::Result<()> {
    let name = format!(r"\\.\pipe\{:n<247}", std::process::id());
    assert_eq!(name.len(), 256);
    let listener = Stream::listen(&name)?;
    let _client = Stream::connect(&name)?;
    listener.accept()?;
    assert_eq!(Stream::listen(&name).unwrap_err().kind(), ErrorKind::AddrInUse);
    Ok(())
}

#[test]
fn a_path_or_an_abstract_name_says_what_is_wanted_instead() {
    for address in [r"C:\Users\me\app.sock", "/run/app.sock", "app.sock", "@app"] {
        for error in [Stream::listen(address).unwrap_err(), Stream::connect(address).unwrap_err()] {
            assert_eq!(
                (fact(&error), error.kind()),
                (&SocketError::NotAPipe, ErrorKind::Unsupported),
                "{address}"
            );
        }
    }
}

#[test]
fn a_portable_name_is_a_pipe_of_our_user() -> io::Result<()> {
    let name = format!("named:ginnel-test-{}", std::process::id());
    let listener = Stream::listen(&name)?;
    let client = Stream::connect(&name)?;
    listener.accept()?;
    let sid = client.peer_credentials()?.sid;
    let pipe = format!(r"\\.\pipe\ginnel-{sid}-ginnel-test-{}", std::process::id());
    Stream::connect(&pipe)?;
    Ok(())
}

#[test]
fn letters_large_and_small_make_one_name() -> io::Result<()> {
    let (_guard, place) = place();
    let listener = Stream::listen(&place)?;
    let shouted = place.as_str().to_uppercase();
    assert_eq!(Stream::listen(&shouted).unwrap_err().kind(), ErrorKind::AddrInUse);
    let _client = Stream::connect(&shouted)?;
    listener.accept()?;
    Ok(())
}

#[test]
fn a_pipe_of_the_wrong_kind_is_told_and_the_listener_goes_on() -> io::Result<()> {
    let (_guard, place) = place();
    let packets = SeqPacket::listen(&place)?;
    let error = Stream::connect(&place).unwrap_err();
    assert_eq!(fact(&error), &SocketError::WrongPipe { packets: true });
    let client = SeqPacket::connect(&place)?;
    client.send(b"right")?;
    // Whoever was wrong has been there, and gone.
    let packet = loop {
        if let Ok(Some(packet)) = packets.accept()?.recv() {
            break packet;
        }
    };
    assert_eq!(packet.body, "right");
    drop((packets, client));
    let _stream = Stream::listen(&place)?;
    let error = SeqPacket::connect(&place).unwrap_err();
    assert_eq!(fact(&error), &SocketError::WrongPipe { packets: false });
    Ok(())
}

#[test]
fn a_name_that_somebody_else_has_is_not_listened_at() -> io::Result<()> {
    let (_guard, place) = place();
    let squatter = squatted(&place, PIPE_TYPE_BYTE, 1);
    assert_eq!(fact(&Stream::listen(&place).unwrap_err()), &SocketError::AddressInUse);
    drop(squatter);
    drop(Stream::listen(&place)?);
    let squatter = squatted(&place, PIPE_TYPE_BYTE, PIPE_UNLIMITED_INSTANCES);
    let listened = Stream::listen(&place);
    if is_wine() {
        assert!(listened.is_ok(), "this wine protects the first instance: take the exception out");
    } else {
        assert_eq!(fact(&listened.unwrap_err()), &SocketError::AddressInUse);
    }
    drop(squatter);
    Ok(())
}

#[test]
fn a_pipe_of_another_program_of_our_user_is_spoken_with() -> io::Result<()> {
    let (_guard, place) = place();
    let squatter = squatted(&place, PIPE_TYPE_BYTE, 1);
    let mut stream = Stream::connect(&place)?;
    stream.set_deadline(Instant::now().checked_add(LONG))?;
    let mut other = std::fs::File::from(squatter);
    other.write_all(b"who are you?")?;
    let mut heard = [0; 12];
    stream.read_exact(&mut heard)?;
    assert_eq!(&heard, b"who are you?");
    stream.write_all(b"x")?;
    other.read_exact(&mut [0])?;
    assert!(is_this_process(&stream.peer_credentials()?));
    drop(other);
    assert_eq!(stream.read(&mut heard)?, 0);
    Ok(())
}

#[test]
fn messages_of_another_program_are_no_stream() {
    let (_guard, place) = place();
    let _squatter = squatted(&place, PIPE_TYPE_MESSAGE, 1);
    let error = Stream::connect(&place).unwrap_err();
    assert_eq!(fact(&error), &SocketError::WrongPipe { packets: true });
}

#[test]
fn whoever_is_not_named_is_not_let_in_and_whoever_is_named_is() -> io::Result<()> {
    let (_guard, place) = place();
    // The system's own user.
    let only = |text: &str| text.parse::<Policy>().unwrap();
    let mut listener = Listener::<Stream>::builder().allow(only("sid:S-1-5-18")).listen(&place)?;
    match Stream::connect(&place) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
        Ok(mut refused) => {
            assert!(is_wine(), "the pipe's own list let us in");
            listener.set_deadline(Instant::now().checked_add(Duration::from_millis(50)))?;
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::TimedOut);
            assert!(matches!(refused.read(&mut [0]), Ok(0) | Err(_)), "closed before a byte was read");
        }
    }
    drop(listener);
    let (_guard, place) = support::place();
    let probe = Stream::listen(&place)?;
    let sid = Stream::connect(&place)?.peer_credentials()?.sid;
    drop(probe);
    for policy in [format!("sid:S-1-5-18,sid:{sid}"), "same-user".to_owned(), "anyone".to_owned()] {
        let listener = Listener::<Stream>::builder().allow(only(&policy)).listen(&place)?;
        let client = Stream::connect(&place)?;
        assert!(is_this_process(&listener.accept()?.peer_credentials()?), "{policy}");
        drop(client);
    }
    Ok(())
}

#[test]
fn credentials_name_the_process_the_session_and_the_user() -> io::Result<()> {
    let (_guard, place) = place();
    let listener = SeqPacket::listen(&place)?;
    let client = SeqPacket::connect(&place)?;
    let server = listener.accept()?;
    let (there, here) = (client.peer_credentials()?, server.peer_credentials()?);
    assert_eq!(there, here, "it is one process");
    assert_eq!(there.pid, Some(std::process::id()));
    assert!(there.session.is_some() && there.sid.starts_with("S-1-5-"), "{there:?}");
    Ok(())
}

#[test]
fn what_had_arrived_is_delivered_before_the_end_and_the_end_is_told_for_good() -> io::Result<()> {
    let (left, right) = SeqPacket::pair()?;
    for packet in ["one", "", "two"] {
        left.send(packet.as_bytes())?;
    }
    right.send(b"never read")?;
    drop(left);
    for packet in ["one", "", "two"] {
        assert_eq!(right.recv()?.expect("it came").body, packet);
    }
    assert!(right.recv()?.is_none() && right.recv()?.is_none());
    assert_eq!(right.send(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    Ok(())
}

#[test]
fn a_deadline_ends_every_wait_and_what_is_ready_is_still_taken() -> io::Result<()> {
    let (_guard, place) = place();
    let soon = || Instant::now().checked_add(Duration::from_millis(20));
    let mut listener = Stream::listen(&place)?;
    listener.set_deadline(soon())?;
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::TimedOut);
    listener.set_deadline(None)?;
    let mut client = Stream::connect(&place)?;
    let mut server = listener.accept()?;
    client.set_deadline(soon())?;
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    client.set_deadline(soon())?;
    assert_eq!(client.write_all(&vec![0; 32 << 20]).unwrap_err().kind(), ErrorKind::TimedOut);
    client.set_deadline(None)?;
    server.write_all(b"xy")?;
    client.read_exact(&mut [0])?;
    client.set_deadline(Some(Instant::now()))?;
    assert_eq!(client.read(&mut [0; 8])?, 1, "it is there, however late");
    let packets = SeqPacket::pair()?;
    let mut receiver = packets.1;
    receiver.set_deadline(soon())?;
    assert_eq!(receiver.recv().unwrap_err().kind(), ErrorKind::TimedOut);
    Ok(())
}
