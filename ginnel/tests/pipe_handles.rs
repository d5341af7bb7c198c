//! What was opened is closed. Alone in its process, since it counts all handles.
#![cfg(windows)]
#![expect(unsafe_code, reason = "std does not count handles")]

mod support;

use std::io::{self, Read, Write};
use std::thread;

use ginnel::*;
use support::*;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount};

type Told = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn handles() -> u32 {
    let mut count = 0;
    // SAFETY: one number is written.
    let counted = unsafe { GetProcessHandleCount(GetCurrentProcess(), &raw mut count) };
    assert_ne!(counted, 0, "{}", io::Error::last_os_error());
    count
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
