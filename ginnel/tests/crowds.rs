//! Many connections at once or one after another, much in both directions, and processes that are killed in the middle of
//! it: the same on every system.

mod support;

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ginnel::*;
use support::*;

type Told = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Only what hangs takes so long.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn two_hundred_that_connect_one_after_another_are_all_answered() -> Told {
    let (_dir, path) = place();
    let listener = Stream::listen(&path)?;
    let echo = thread::spawn(move || {
        for _ in 0..200 {
            let mut stream = listener.accept()?;
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            stream.write_all(&byte)?;
        }
        io::Result::Ok(())
    });
    for number in 0..200_u8 {
        let mut stream = Stream::connect(&path)?;
        stream.write_all(&[number])?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        assert_eq!(bytes, [number]);
    }
    echo.join().unwrap()?;
    assert!(is_free(&path));
    Ok(())
}

#[test]
fn a_client_that_reconnects_two_hundred_times_is_known_each_time() -> Told {
    let (_dir, path) = place();
    let (mut server, driver) = Server::listen(&path)?.shared();
    server.set_deadline(Instant::now().checked_add(LONG));
    thread::spawn(|| driver.run());
    let mut client = Client::connect(&path)?;
    client.set_deadline(Instant::now().checked_add(LONG));
    for number in 0..200_u8 {
        client.wait_for(|status| status == Status::Connected, LONG)?;
        client.send(vec![number])?;
        // What had not been read yet is read before the leave is taken.
        let id = loop {
            match server.next()? {
                Happening::Message(id, message) => {
                    assert_eq!(message.body[..], [number]);
                    break id;
                }
                Happening::Joined(_) | Happening::Left(..) => {}
                other => panic!("{other:?}"),
            }
        };
        client.disconnect();
        while server.is_connected(id) {
            server.next()?;
        }
        client.reconnect();
    }
    Ok(())
}

#[test]
fn thirty_two_clients_at_once_are_served() -> Told {
    let (_dir, path) = place();
    let mut server = Server::listen(&path)?;
    server.set_deadline(Instant::now().checked_add(LONG));
    let clients: Vec<_> = (0..32_u8)
        .map(|number| {
            let path = path.clone();
            thread::spawn(move || -> Told {
                let mut connection = Connection::connect(&path)?;
                connection.set_deadline(Instant::now().checked_add(LONG));
                for call in 0..50_u8 {
                    assert_eq!(connection.call(vec![number, call])?.body[..], [number, call]);
                }
                connection.close(LONG)?;
                Ok(())
            })
        })
        .collect();
    let mut left = 0;
    while left < 32 {
        match server.next()? {
            Happening::Request(request) => {
                let body = request.message.body.clone();
                server.reply(request, body);
            }
            Happening::Left(..) => left += 1,
            _ => {}
        }
    }
    for client in clients {
        client.join().unwrap()?;
    }
    assert_eq!(server.connection_count(), 0);
    Ok(())
}

#[test]
fn sixteen_mebibytes_go_both_ways_at_once() -> Told {
    const MUCH: usize = 16 << 20;
    let (left, right) = Stream::pair()?;
    let byte_at = |position: usize| (position % 251) as u8;
    let mut ends = Vec::new();
    for stream in [left, right] {
        let (mut reader, mut writer) = stream.into_split();
        ends.push(thread::spawn(move || {
            let piece: Vec<u8> = (0..251 * 100).map(byte_at).collect();
            let mut sent = 0;
            while sent < MUCH {
                let part = piece.len().min(MUCH - sent);
                writer.write_all(&piece[..part])?;
                sent += part;
            }
            io::Result::Ok(Some(writer))
        }));
        ends.push(thread::spawn(move || {
            let (mut seen, mut room) = (0, vec![0; 100_000]);
            while seen < MUCH {
                let read = reader.read(&mut room)?;
                assert!(read > 0, "{seen} bytes came");
                assert!(room[..read].iter().zip(seen..).all(|(&byte, at)| byte == byte_at(at)));
                seen += read;
            }
            assert_eq!(seen, MUCH);
            io::Result::Ok(None)
        }));
    }
    for end in ends {
        drop(end.join().unwrap()?);
    }
    Ok(())
}

#[test]
fn packets_of_every_size_keep_their_borders() -> Told {
    let (left, mut right) = SeqPacket::pair()?;
    right.set_max_packet(100_000);
    let sizes =
        || (0..20).chain([511, 512, 513, 4095, 4096, 4097, 65_535, 65_536, 65_537, 100_000]).chain([0, 1, 0]);
    let sending = thread::spawn(move || {
        for size in sizes() {
            left.send(&vec![size as u8; size])?;
        }
        left.send(&[0; 100_001])?;
        left.send(b"after")?;
        io::Result::Ok(())
    });
    for size in sizes() {
        let packet = right.recv()?.expect("a packet").body;
        assert_eq!(packet.len(), size);
        assert!(packet.iter().all(|&byte| byte == size as u8));
    }
    let error = right.recv().unwrap_err();
    assert_eq!(SocketError::of(&error), Some(&SocketError::PacketCut { size: 100_001, room: 100_000 }));
    assert_eq!(right.recv()?.expect("a packet").body, "after");
    sending.join().unwrap()?;
    assert!(right.recv()?.is_none());
    Ok(())
}

/// The process behind the tests below; does nothing when the tests run.
#[test]
fn serves_until_it_is_killed() {
    let Some(path) = given_place() else { return };
    let mut server = Server::listen(&path).unwrap();
    eprintln!("serves");
    loop {
        if let Happening::Request(request) = server.next().unwrap() {
            server.reply(request, std::process::id().to_string());
        }
    }
}

/// The other one: it lets one in, reads a byte, and then nothing.
#[test]
fn reads_one_byte_and_waits_to_be_killed() {
    let Some(path) = given_place() else { return };
    let mut stream = Stream::listen(&path).unwrap().accept().unwrap();
    stream.write_all(b"last words").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    eprintln!("reads no more");
    loop {
        thread::park();
    }
}

#[test]
fn a_write_under_way_to_a_process_that_is_killed_fails_and_what_it_said_is_read() -> Told {
    for _ in 0..5 {
        let (_dir, path) = place();
        let mut part = Part::start("reads_one_byte_and_waits_to_be_killed", &path);
        let mut stream = loop {
            match Stream::connect(&path) {
                Ok(stream) => break stream,
                Err(error) if error.kind() == io::ErrorKind::NotFound => thread::yield_now(),
                Err(error) => return Err(error.into()),
            }
        };
        stream.set_deadline(Instant::now().checked_add(LONG))?;
        let (mut reader, mut writer) = stream.into_split();
        let writing = thread::spawn(move || writer.write_all(&vec![0; 32 << 20]));
        part.until("reads no more");
        part.kill();
        let error = writing.join().unwrap().unwrap_err();
        assert!(
            matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset),
            "{error}"
        );
        let mut said = Vec::new();
        // What it has left unread is a reset on Unix.
        let end = reader.read_to_end(&mut said);
        assert!(end.is_ok() || end.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset));
        assert_eq!(said, b"last words");
        drop(Stream::listen(&path)?);
    }
    Ok(())
}

/// Asks and asks, and says who answers whenever that is somebody else than before.
fn ask(client: &mut Client, is_over: &AtomicBool, say: &mpsc::Sender<u32>) -> Told {
    let mut last = 0;
    while !is_over.load(Ordering::SeqCst) {
        match client.call(vec![7; 300_000]) {
            Ok(answer) => {
                let pid = std::str::from_utf8(&answer.body)?.parse()?;
                if pid != last {
                    last = pid;
                    say.send(pid)?;
                }
            }
            // It was lost with the process that it was sent to.
            Err(failed) => assert!(matches!(failed.error, Error::Stopped(_)), "{failed:?}"),
        }
    }
    Ok(())
}

#[test]
fn clients_of_a_server_that_is_killed_while_they_ask_come_back_to_the_next() -> Told {
    let (_dir, path) = place();
    let (say, answering) = mpsc::channel();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut part = Part::start("serves_until_it_is_killed", &path);
    part.until("serves");
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (path, say, is_over) = (path.clone(), say.clone(), Arc::clone(&is_over));
            thread::spawn(move || {
                let mut client = Client::connect(&path)?;
                client.set_deadline(Instant::now().checked_add(2 * LONG));
                ask(&mut client, &is_over, &say)
            })
        })
        .collect();
    for round in 0.. {
        for _ in 0..clients.len() {
            assert_eq!(answering.recv_timeout(LONG)?, part.pid());
        }
        if round == 5 {
            break;
        }
        part.kill();
        part = Part::start("serves_until_it_is_killed", &path);
    }
    is_over.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().unwrap()?;
    }
    part.kill();
    drop(Server::listen(&path)?);
    Ok(())
}

/// One of many who want the same name: whoever has it says who it is to everybody who connects.
#[test]
fn takes_the_name_as_soon_as_it_can() {
    let Some(path) = given_place() else { return };
    let listener = loop {
        match Stream::listen(&path) {
            Ok(listener) => break listener,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}"),
        }
        thread::park_timeout(Duration::from_millis(1));
    };
    loop {
        // Whoever has gone again needs no answer.
        let _ = listener.accept().unwrap().write_all(&std::process::id().to_le_bytes());
    }
}

/// Who has the name; asked again while nobody has, or whoever had has just ended.
fn owner(path: &Place) -> u32 {
    let begun = Instant::now();
    loop {
        let mut pid = [0; 4];
        let asked = Stream::connect_deadline(path, Instant::now() + LONG);
        if let Ok(mut stream) = asked
            && stream.read_exact(&mut pid).is_ok()
        {
            return u32::from_le_bytes(pid);
        }
        assert!(begun.elapsed() < LONG, "nobody has the name");
        thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn of_many_who_want_a_name_one_has_it_whoever_is_killed() {
    let (_dir, path) = place();
    let start = || Part::start("takes_the_name_as_soon_as_it_can", &path);
    let mut parts: Vec<_> = (0..4).map(|_| start()).collect();
    for round in 0..30 {
        let one = owner(&path);
        for _ in 0..10 {
            assert_eq!(owner(&path), one, "two have it");
        }
        let killed = match parts.iter().position(|part| part.pid() == one) {
            // One who only waits for it.
            Some(one) if round % 5 == 4 => (one + 1) % parts.len(),
            Some(one) => one,
            None => panic!("{one} has ended"),
        };
        parts[killed].kill();
        parts[killed] = start();
    }
    drop(parts);
    drop(Stream::listen(&path).unwrap());
    assert!(is_free(&path));
}
