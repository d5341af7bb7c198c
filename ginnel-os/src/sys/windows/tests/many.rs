//! Many clients, and nothing left of them.

use super::*;
use std::thread;

use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount};

#[test]
fn thirty_two_clients_at_once_are_all_served() -> io::Result<()> {
    let name = &name();
    let listener = listener(SocketKind::Stream, name);
    thread::scope(|scope| {
        for number in 0..32_u8 {
            scope.spawn(move || {
                let client = connect(SocketKind::Stream, name).expect("connected");
                send_all(&client, &[number]).expect("sent");
                assert_eq!(receive(&client, 9).expect("received"), Some((vec![number, !number], 2)));
            });
        }
        for _ in 0..32 {
            let server = accept(&listener);
            scope.spawn(move || {
                let (bytes, _) = receive(&server, 9).expect("received").expect("not the end");
                send_all(&server, &[bytes[0], !bytes[0]]).expect("sent");
                assert_eq!(receive(&server, 9).expect("received"), None);
            });
        }
    });
    Ok(())
}

#[test]
fn two_hundred_quick_reconnects() -> io::Result<()> {
    let name = &name();
    let listener = listener(SocketKind::Stream, name);
    thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..200_u8 {
                let client = connect(SocketKind::Stream, name).expect("connected");
                send_all(&client, &[number]).expect("sent");
            }
        });
        let mut found: Vec<u8> = (0..200)
            .map(|_| receive(&accept(&listener), 9).expect("received").expect("not the end").0[0])
            .collect();
        found.sort_unstable();
        assert!(found.into_iter().eq(0..200));
    });
    Ok(())
}

#[test]
fn whoever_finds_all_instances_taken_is_told_so_and_gets_in_later() -> io::Result<()> {
    let name = name();
    let listener = listener(SocketKind::Stream, &name);
    let mut clients = Vec::new();
    let late = loop {
        let client = Socket::new(SocketKind::Stream, true);
        match client.connect(&name)? {
            Some(()) => clients.push(client),
            None => break client,
        }
        assert!(clients.len() <= 8);
    };
    assert_eq!(clients.len(), 8);
    let _first = accept(&listener);
    assert_eq!(late.connect(&name)?, Some(()));
    Ok(())
}

#[test]
fn threads_that_accept_at_once_leave_as_many_instances_as_there_were() -> io::Result<()> {
    let name = &name();
    let listener = &listener(SocketKind::Stream, name);
    for _ in 0..100 {
        let client = connect(SocketKind::Stream, name)?;
        listener.wait(Directions::READ, None);
        let taken = thread::scope(|scope| {
            let both = [(); 2].map(|()| scope.spawn(|| listener.accept(true).expect("accepted").is_some()));
            both.into_iter().map(|one| one.join().expect("no panic")).filter(|one| *one).count()
        });
        assert_eq!(taken, 1);
        drop(client);
    }
    let mut clients = Vec::new();
    loop {
        let client = Socket::new(SocketKind::Stream, true);
        if client.connect(name)?.is_none() {
            break;
        }
        clients.push(client);
    }
    assert_eq!(clients.len(), 8);
    Ok(())
}

#[test]
fn the_oldest_client_is_taken_first() -> io::Result<()> {
    let name = name();
    let listener = listener(SocketKind::Stream, &name);
    for number in 0..20 {
        let client = connect(SocketKind::Stream, &name)?;
        let other = connect(SocketKind::Stream, &name)?;
        send_all(&client, &[number])?;
        send_all(&other, &[!number])?;
        let (one, two) = (accept(&listener), accept(&listener));
        let mut both = [receive(&one, 1)?, receive(&two, 1)?].map(|got| got.expect("not the end").0[0]);
        // Completions of two instances may be told in either order.
        both.sort_unstable();
        assert_eq!(both, [number, !number]);
    }
    Ok(())
}

#[test]
fn a_name_is_free_again_when_its_listener_was_dropped() -> io::Result<()> {
    let name = name();
    for _ in 0..50 {
        let listener = listener(SocketKind::Stream, &name);
        drop(listener);
        assert_eq!(connect(SocketKind::Stream, &name).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
    Ok(())
}

#[test]
fn a_client_that_nobody_took_sees_the_end() -> io::Result<()> {
    let name = name();
    let listener = listener(SocketKind::Stream, &name);
    let client = connect(SocketKind::Stream, &name)?;
    drop(listener);
    assert_eq!(receive(&client, 9)?, None);
    Ok(())
}

/// It counts those of the whole process, so it looks for what grows with every round, not for what other tests hold.
#[test]
fn no_handle_is_left() -> io::Result<()> {
    let round = || -> io::Result<()> {
        let name = name();
        let listener = listener(SocketKind::SeqPacket, &name);
        let client = connect(SocketKind::SeqPacket, &name)?;
        let server = accept(&listener);
        for size in [1, 4000] {
            send(&client, &pattern(size))?;
            receive(&server, 5000)?;
        }
        server.peer()?;
        client.peer()?;
        drop(client);
        assert_eq!(receive(&server, 9)?, None);
        Ok(())
    };
    round()?;
    let before = handles();
    for _ in 0..400 {
        round()?;
    }
    assert!(handles() < before + 400, "{before} became {}", handles());
    Ok(())
}

pub(super) fn handles() -> u32 {
    let mut count = 0;
    #[expect(unsafe_code, reason = "the system counts")]
    // SAFETY: the handle stands for this process; one number is written.
    unsafe {
        GetProcessHandleCount(GetCurrentProcess(), &raw mut count);
    };
    count
}
