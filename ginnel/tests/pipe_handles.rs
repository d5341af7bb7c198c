//! What was opened is closed. Alone in its process, since it counts all handles.
#![cfg(windows)]
#![expect(unsafe_code, reason = "std does not count handles")]

mod support;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::windows::io::AsRawHandle;
use std::thread;

use ginnel::*;
use support::*;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount};

type Told = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// How many are open.
fn handles() -> usize {
    let mut count = 0;
    // SAFETY: one number is written.
    let counted = unsafe { GetProcessHandleCount(GetCurrentProcess(), &raw mut count) };
    assert_ne!(counted, 0, "{}", io::Error::last_os_error());
    if count == 0 { highest() } else { count as usize }
}

/// wine counts none, but gives the lowest free number to each new handle, and numbers are multiples of four.
fn highest() -> usize {
    let program = std::env::current_exe().expect("this program");
    let fill: Vec<_> = (0..64).map(|_| File::open(&program).expect("it is there")).collect();
    fill.iter().map(|file| file.as_raw_handle().addr() / 4).max().unwrap_or_default()
}

/// Connections of all kinds, some of them dropped in the middle of something.
fn a_day() -> Told {
    let (_guard, place) = place();
    let listener = Stream::listen(&place)?;
    for _ in 0..10 {
        let mut client = Stream::connect(&place)?;
        let mut server = listener.accept()?;
        client.write_all(b"question")?;
        server.read_exact(&mut [0; 8])?;
        server.write_all(&[0; 1000])?;
        client.read_exact(&mut [0; 10])?;
        assert!(Stream::listen(&place).is_err());
    }
    let _never_accepted = Stream::connect(&place)?;
    drop(listener);
    let (left, right) = SeqPacket::pair()?;
    left.send(b"never read")?;
    drop((left, right));
    let (_guard, place) = support::place();
    let mut server = Server::listen(&place)?;
    let asking = {
        let place = place.clone();
        thread::spawn(move || -> Told { Ok(Client::connect(&place)?.call("?").map(drop)?) })
    };
    loop {
        match server.next()? {
            Happening::Request(request) => server.reply(request, "!"),
            Happening::Left(..) => break,
            _ => {}
        }
    }
    asking.join().expect("it does not panic")?;
    let (_guard, place) = support::place();
    drop(Peer::join(&place)?);
    Ok(())
}

#[test]
fn nothing_is_left_open_when_everything_is_dropped() -> Told {
    // The first time, the system's pool and std open what they keep.
    for _ in 0..3 {
        a_day()?;
    }
    let before = handles();
    let pair = Stream::pair()?;
    assert!(handles() >= before + 2, "they are counted");
    drop(pair);
    for _ in 0..20 {
        a_day()?;
    }
    // The pool closes what was under way, and takes and gives back threads as it likes: what leaks, leaks each time.
    let mut after = handles();
    for _ in 0..1000 {
        if after <= before + 10 {
            break;
        }
        thread::yield_now();
        after = handles();
    }
    assert!(after <= before + 10, "{before} handles became {after}");
    Ok(())
}
