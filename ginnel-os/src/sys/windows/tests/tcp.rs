//! TCP, over the loopback.

use super::many::handles;
use super::*;
use crate::sys::windows::port::Port;
use crate::sys::windows::tcp::calls;
use crate::sys::{Kernel, Poller, Sockets, Sys};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use windows_sys::Win32::Networking::WinSock::{SO_LINGER, SOL_SOCKET};

const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

fn listens() -> io::Result<(Socket, SocketAddr)> {
    let listener = Socket::listen_tcp(ANY.into(), 128)?;
    let port = listener.tcp_port()?;
    Ok((listener, port))
}

fn pair() -> io::Result<(Socket, Socket)> {
    let (listener, port) = listens()?;
    let client = Socket::connect_tcp(port)?;
    let server = accept(&listener);
    assert_eq!(client.wait(Directions::WRITE, None), Some(Directions::WRITE));
    Ok((client, server))
}

/// More than the system takes, so that the last write is still under way.
fn fill(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    let mut taken = 0;
    while let Some(sent) = socket.send(&[IoSlice::new(&bytes[taken..])])? {
        taken += sent;
    }
    Ok(taken)
}

#[test]
fn bytes_go_both_ways_and_then_the_end() -> io::Result<()> {
    let (a, b) = pair()?;
    assert_eq!(a.tcp_port()?.ip(), ANY.0);
    send_all(&a, b"there")?;
    assert_eq!(receive(&b, 100)?, Some((b"there".to_vec(), 5)));
    send_all(&b, b"back")?;
    drop(b);
    assert_eq!(receive_all(&a)?, b"back");
    assert_eq!(receive(&a, 10)?, None, "the end stays");
    Ok(())
}

#[test]
fn both_versions_of_the_protocol_are_spoken() -> io::Result<()> {
    let listener = Socket::listen_tcp((Ipv6Addr::UNSPECIFIED, 0).into(), 128)?;
    let port = listener.tcp_port()?.port();
    for host in [SocketAddr::from((Ipv6Addr::LOCALHOST, port)), (Ipv4Addr::LOCALHOST, port).into()] {
        let client = Socket::connect_tcp(host)?;
        send_all(&client, b"x")?;
        assert_eq!(receive(&accept(&listener), 9)?, Some((b"x".to_vec(), 1)));
    }
    Ok(())
}

#[test]
fn small_rooms_and_several_slices_lose_nothing() -> io::Result<()> {
    let (a, b) = pair()?;
    let bytes = pattern(3000);
    let slices: Vec<_> = bytes.chunks(71).flat_map(|part| [IoSlice::new(part), IoSlice::new(&[])]).collect();
    assert!(slices.len() > 64, "more than go at once");
    let mut rest = &slices[..];
    while !rest.is_empty() {
        let mut sent = a.send(rest)?.expect("there is room");
        while let Some(slice) = rest.first()
            && slice.len() <= sent
        {
            sent -= slice.len();
            rest = &rest[1..];
        }
        assert_eq!(sent, 0, "whole slices while there is room");
    }
    let mut all = Vec::new();
    for room in (1..).map(|at| at % 97 + 1) {
        all.extend(receive(&b, room)?.expect("not the end").0);
        if all.len() == bytes.len() {
            break;
        }
    }
    assert!(all == bytes);
    Ok(())
}

#[test]
fn sixteen_mebibytes_both_ways_at_once() -> io::Result<()> {
    let (a, b) = pair()?;
    let bytes = &pattern(16 << 20);
    thread::scope(|scope| {
        for (one, other) in [(&a, &b), (&b, &a)] {
            scope.spawn(move || {
                send_all(one, bytes).expect("sent");
                one.finish();
            });
            scope.spawn(move || assert!(receive_all(other).expect("received") == *bytes));
        }
    });
    Ok(())
}

#[test]
fn what_is_under_way_when_it_is_finished_arrives_then_the_end_and_answers_still_come() -> io::Result<()> {
    let (a, b) = pair()?;
    let bytes = pattern(32 << 20);
    let taken = fill(&a, &bytes)?;
    assert!(taken < bytes.len(), "the system is full");
    assert_eq!(a.wait(Directions::WRITE, Some(std::time::Instant::now())), None);
    a.finish();
    assert!(receive_all(&b)? == bytes[..taken]);
    assert_eq!(a.send(&[IoSlice::new(b"x")]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    send_all(&b, b"answer")?;
    drop(b);
    assert_eq!(receive_all(&a)?, b"answer");
    Ok(())
}

#[test]
fn what_is_under_way_when_it_is_dropped_arrives_and_then_the_end() -> io::Result<()> {
    let (a, b) = pair()?;
    let bytes = pattern(32 << 20);
    let taken = fill(&a, &bytes)?;
    drop(a);
    assert!(receive_all(&b)? == bytes[..taken]);
    Ok(())
}

#[test]
fn what_a_thread_has_begun_goes_on_when_the_thread_has_ended() -> io::Result<()> {
    let (listener, port) = listens()?;
    let client = thread::scope(|scope| {
        scope
            .spawn(|| -> io::Result<Socket> {
                assert!(listener.accept(true)?.is_none());
                Socket::connect_tcp(port)
            })
            .join()
    })
    .expect("no panic")?;
    let server = accept(&listener);
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(client.receive(&mut [MaybeUninit::uninit()]).expect("received"), None));
    });
    send_all(&server, b"!")?;
    assert_eq!(receive(&client, 1)?, Some((b"!".to_vec(), 1)));
    Ok(())
}

#[test]
fn that_nobody_listens_is_told_by_whoever_reads() -> io::Result<()> {
    let (listener, port) = listens()?;
    drop(listener);
    let client = Socket::connect_tcp(port)?;
    let refused = io::ErrorKind::ConnectionRefused;
    assert_eq!(receive(&client, 9).unwrap_err().kind(), refused);
    assert_eq!(receive(&client, 9).unwrap_err().kind(), refused, "and told again");
    assert_eq!(client.send(&[IoSlice::new(b"x")]).unwrap_err().kind(), refused);
    assert!(!Kernel.is_connected_stream(&client)?);
    Ok(())
}

#[test]
fn a_port_is_one_listeners_and_free_when_it_is_dropped() -> io::Result<()> {
    let (listener, port) = listens()?;
    assert_eq!(Socket::listen_tcp(port, 8).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    assert!(listener.accept(true)?.is_none(), "one is under way to be taken");
    drop(listener);
    for _ in 0..20 {
        let again = Socket::listen_tcp(port, 8)?;
        assert!(again.accept(true)?.is_none());
    }
    Ok(())
}

#[test]
fn whoever_resets_is_told_of_and_others_still_get_in() -> io::Result<()> {
    let (listener, port) = listens()?;
    for _ in 0..20 {
        let gone = TcpStream::connect(port)?;
        // Closing is resetting: on, and no time at all.
        calls::set(&gone, SOL_SOCKET, SO_LINGER, 1)?;
    }
    let mut last = TcpStream::connect(port)?;
    last.write_all(b"here")?;
    let mut ends = 0;
    loop {
        let server = accept(&listener);
        match receive(&server, 9) {
            Ok(Some((bytes, _))) => {
                assert_eq!(bytes, b"here");
                break;
            }
            Ok(None) | Err(_) => ends += 1,
        }
    }
    assert!(ends <= 20);
    Ok(())
}

#[test]
fn a_std_peer_is_understood_both_ways() -> io::Result<()> {
    let listener = TcpListener::bind(ANY)?;
    let client = Socket::connect_tcp(listener.local_addr()?)?;
    send_all(&client, b"ping")?;
    let (mut peer, _) = listener.accept()?;
    let mut four = [0; 4];
    peer.read_exact(&mut four)?;
    assert_eq!(&four, b"ping");
    peer.write_all(b"pong")?;
    assert_eq!(receive(&client, 9)?, Some((b"pong".to_vec(), 4)));
    client.finish();
    assert_eq!(peer.read(&mut four)?, 0);
    Ok(())
}

#[test]
fn what_is_left_undone_is_told_again_by_a_port() -> io::Result<()> {
    let mut port = Port::new();
    let look = |port: &mut Port| {
        let mut ready = Vec::new();
        port.look(&mut ready).expect("looked");
        ready.into_iter().map(|ready| (ready.token, ready.directions)).collect::<Vec<_>>()
    };
    let (a, b) = pair()?;
    port.add(&a, 7, Directions::READ)?;
    assert_eq!(look(&mut port), []);
    send_all(&b, b"xy")?;
    for _ in 0..2 {
        port.wait(None)?;
        assert_eq!(look(&mut port), [(7, Directions::READ)]);
        assert_eq!(look(&mut port), [(7, Directions::READ)]);
        receive(&a, 1)?;
    }
    assert_eq!(look(&mut port), []);
    let bytes = pattern(32 << 20);
    let mut taken = fill(&a, &bytes)?;
    port.change(&a, 7, Directions::BOTH)?;
    assert_eq!(look(&mut port), []);
    while taken > 0 {
        taken -= receive(&b, 1 << 16)?.expect("not the end").1;
    }
    port.wait(None)?;
    assert_eq!(look(&mut port), [(7, Directions::WRITE)]);
    drop(b);
    port.change(&a, 7, Directions::READ)?;
    port.wait(None)?;
    assert_eq!(look(&mut port), [(7, Directions::READ)], "the end can be read");
    Ok(())
}

#[test]
fn it_is_no_local_socket() -> io::Result<()> {
    let (a, _b) = pair()?;
    let (listener, _) = listens()?;
    assert_eq!(Kernel.kind(&a)?, None);
    assert_eq!(Kernel.peer_ids(&a).unwrap_err().kind(), io::ErrorKind::Unsupported);
    assert!(Kernel.is_connected_stream(&a)?);
    assert!(!Kernel.is_connected_stream(&listener)?);
    assert!(Kernel.is_listening(&listener)?);
    let (pipe, _other) = Socket::pair(SocketKind::Stream, true)?;
    assert_eq!(pipe.tcp_port().unwrap_err().kind(), io::ErrorKind::Unsupported);
    Ok(())
}

/// As its namesake of pipes: it looks for what grows with every round.
#[test]
fn no_handle_is_left() -> io::Result<()> {
    let round = || -> io::Result<()> {
        let (listener, port) = listens()?;
        let (client, refused) = (Socket::connect_tcp(port)?, Socket::connect_tcp(port)?);
        let server = accept(&listener);
        assert!(server.receive(&mut [MaybeUninit::uninit()])?.is_none(), "a read is under way");
        send_all(&client, b"x")?;
        assert!(receive(&server, 9)?.is_some());
        drop(listener);
        drop(refused);
        server.finish();
        assert_eq!(receive(&client, 9)?, None);
        Ok(())
    };
    round()?;
    let before = handles();
    for _ in 0..300 {
        round()?;
    }
    assert!(handles() < before + 300, "{before} became {}", handles());
    Ok(())
}
