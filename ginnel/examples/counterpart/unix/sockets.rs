//! Streams, packets and datagrams.

use std::io::{Read, Write};
use std::os::fd::AsFd;

use ginnel::{Datagram, SeqPacket, Stream};

use super::{Story, Told, file, hear, numbered, say, text_of};

pub(crate) const STORIES: &[Story] = &[
    ("bytes", serve_bytes, send_bytes),
    ("descriptors", serve_descriptors, send_descriptors),
    ("credentials", serve_credentials, ask_credentials),
    ("packets", serve_packets, send_packets),
    ("datagrams", serve_datagrams, send_datagrams),
];

/// Four megabytes go up to the end, and their number comes back.
fn serve_bytes(at: &str) -> Told {
    let listener = Stream::listen(at)?;
    say("ready");
    let mut stream = listener.accept()?;
    let mut body = Vec::new();
    stream.read_to_end(&mut body)?;
    assert!(body.iter().all(|&byte| byte == 7));
    stream.write_all(body.len().to_string().as_bytes())?;
    Ok(())
}

fn send_bytes(at: &str) -> Told {
    let (mut reader, mut writer) = Stream::connect(at)?.into_split();
    writer.write_all(&vec![7; 4 << 20])?;
    drop(writer);
    let mut answer = String::new();
    reader.read_to_string(&mut answer)?;
    assert_eq!(answer, "4194304");
    Ok(())
}

/// Ten bytes, each with as many files as its number; then one comes back.
fn serve_descriptors(at: &str) -> Told {
    let listener = Stream::listen(at)?;
    say("ready");
    let stream = listener.accept()?;
    for number in 1..=10 {
        let (bytes, fds) = stream.recv_with_fds(&mut [0])?;
        let texts: Vec<_> = fds.into_iter().map(text_of).collect();
        let expected: Vec<_> = (0..number).map(|at| format!("{number}.{at}")).collect();
        assert_eq!((bytes, texts), (1, expected));
    }
    stream.send_with_fds(b"k", &[file("from the server").as_fd()])?;
    Ok(())
}

fn send_descriptors(at: &str) -> Told {
    let stream = Stream::connect(at)?;
    for number in 1..=10 {
        let files: Vec<_> = (0..number).map(|at| file(&format!("{number}.{at}"))).collect();
        let fds: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        stream.send_with_fds(b"x", &fds)?;
    }
    let (bytes, fds) = stream.recv_with_fds(&mut [0; 4])?;
    let texts: Vec<_> = fds.into_iter().map(text_of).collect();
    assert_eq!((bytes, texts), (1, vec!["from the server".to_owned()]));
    Ok(())
}

fn who_is(stream: &Stream) -> Told {
    let there = stream.peer_credentials()?;
    say(std::process::id());
    assert_eq!(there.pid.map(|pid| pid.to_string()), Some(hear()));
    assert_eq!(there.uid, rustix::process::geteuid().as_raw());
    Ok(())
}

fn serve_credentials(at: &str) -> Told {
    let listener = Stream::listen(at)?;
    say("ready");
    who_is(&listener.accept()?)
}

fn ask_credentials(at: &str) -> Told {
    who_is(&Stream::connect(at)?)
}

/// A thousand packets of all sizes, an empty one, and one with a file; and what has been counted comes back.
fn serve_packets(at: &str) -> Told {
    let listener = SeqPacket::listen(at)?;
    say("ready");
    let socket = listener.accept()?;
    for number in 0..1000 {
        assert_eq!(socket.recv()?.unwrap().body, numbered(number));
    }
    assert!(socket.recv()?.unwrap().body.is_empty());
    let last = socket.recv()?.unwrap();
    assert_eq!(last.fds.into_iter().map(text_of).collect::<Vec<_>>(), ["beside"]);
    socket.send(b"all")?;
    assert!(socket.recv()?.is_none());
    Ok(())
}

fn send_packets(at: &str) -> Told {
    let socket = SeqPacket::connect(at)?;
    for number in 0..1000 {
        socket.send(&numbered(number))?;
    }
    socket.send(b"")?;
    socket.send_with_fds(b"last", &[file("beside").as_fd()])?;
    assert_eq!(socket.recv()?.unwrap().body, "all");
    Ok(())
}

/// More than a queue holds, and an answer to where they came from.
fn serve_datagrams(at: &str) -> Told {
    let socket = Datagram::bind(at)?;
    say("ready");
    for number in 0..1000 {
        assert_eq!(socket.recv()?.body, numbered(number));
    }
    let (last, from) = socket.recv_from()?;
    assert_eq!(last.fds.into_iter().map(text_of).collect::<Vec<_>>(), ["beside"]);
    socket.send_to(b"all", from.expect("it has a name"))?;
    hear();
    Ok(())
}

fn send_datagrams(at: &str) -> Told {
    let socket = Datagram::bind(format!("{at}.client"))?;
    for number in 0..1000 {
        socket.send_to(&numbered(number), at)?;
    }
    socket.send_to_with_fds(b"last", &[file("beside").as_fd()], at)?;
    assert_eq!(socket.recv()?.body, "all");
    say("heard");
    Ok(())
}
