//! Everything at once, for a second.

use std::io::Write as _;
use std::net::Shutdown;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ginnel::*;

use super::hostile::Raw;
use super::hostile::*;

/// Numbers without order.
fn random(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

/// Whoever it was for may be gone, but nobody may wait for ever.
fn is_over(done: Result<(), SendError>) {
    assert!(!done.is_err_and(|failed| failed.error.is_timeout()), "it hangs");
}

/// Asks, sends, and throws out.
fn torment(server: &ServerHandle, mut random: impl FnMut(usize) -> usize) {
    let all = server.connections();
    let Some(&id) = all.get(random(1 + all.len())) else { return };
    let body = vec![0; random(30_000)];
    match random(16) {
        0 => drop(server.disconnect(id)),
        1 => drop(server.broadcast(body)),
        2..8 => is_over(server.call(id, body).map(drop)),
        _ => is_over(server.send(id, body)),
    }
}

/// Comes, says this and that, and goes in the middle of it.
fn visit(path: &Path, mut random: impl FnMut(usize) -> usize) {
    let mut peer = Raw::connect(path);
    for question in 0..random(30) as u64 {
        let said = match random(4) {
            0 => about(REQUEST, question, &[0; 3000]),
            1 => about(CANCEL, question, b""),
            2 => frame(PING, b""),
            _ => frame(MESSAGE, &[0; 1000]),
        };
        // It may have been thrown out.
        let _ = peer.stream.write_all(&said);
    }
    if random(2) == 0 {
        let _ = peer.stream.shutdown(Shutdown::Write);
    }
}

/// Serves until told to stop: who joined, and who left.
fn serve(server: &ServerHandle) -> (Vec<ConnId>, Vec<ConnId>) {
    let (mut joined, mut left) = (Vec::new(), Vec::new());
    loop {
        match server.next().expect("something happens") {
            Happening::Joined(id) => joined.push(id),
            Happening::Left(id, _) => left.push(id),
            Happening::Request(request) => {
                let echo = request.message.body.clone();
                server.reply(request, echo);
            }
            Happening::Message(_, message) if message.body == "stop" => return (joined, left),
            Happening::Message(..) | Happening::Cancelled(..) => {}
        }
    }
}

/// Answers what it is asked until the client is ended.
fn attend(client: &ClientHandle) {
    while let Some(delivery) = client.next().expect("it comes back") {
        if let Delivery::Request(request) = delivery {
            is_over(client.reply(request, "yes"));
        }
    }
}

#[test]
fn in_a_storm_nobody_waits_for_ever_and_each_that_joined_leaves_once() -> Told {
    let small = small_inbox().queue(Bound { messages: 8, bytes: 200_000, fds: 16 });
    let (server, (_dir, path)) = listening(small.clone())?;
    let server = serving(server);
    let servers = [0, 1].map(|_| server.clone()).map(|server| begin(move || serve(&server)));
    let options = ClientOptions::new().connection(small);
    let clients = [0, 1].map(|_| driven(Client::connect_with(&path, &options).expect("a poller")).0);
    let attending = clients.clone().map(|client| begin(move || attend(&client)));
    let begun = Instant::now();
    let blows = || begun.elapsed() < Duration::from_secs(1);
    thread::scope(|threads| {
        for (seed, client) in (0..).zip(&clients) {
            let (server, path) = (&server, &path);
            let [mut one, mut two, mut three] = [0, 2, 4].map(|more| random(seed + more));
            threads.spawn(move || {
                while blows() {
                    torment(server, &mut one)
                }
            });
            threads.spawn(move || {
                while blows() {
                    visit(path, &mut two)
                }
            });
            threads.spawn(move || {
                while blows() {
                    is_over(client.call(vec![0; three(30_000)]).map(drop))
                }
            });
        }
    });
    clients.iter().for_each(ClientHandle::disconnect);
    attending.into_iter().for_each(Begun::ends);
    let mut last = Connection::connect(&path)?;
    last.send("stop")?;
    last.send("stop")?;
    drop(last);
    let [(mut joined, mut left), other] = servers.map(Begun::ends);
    joined.extend(other.0);
    left.extend(other.1);
    while joined.len() != left.len() {
        match server.next()? {
            Happening::Joined(id) => joined.push(id),
            Happening::Left(id, _) => left.push(id),
            _ => {}
        }
    }
    joined.sort();
    left.sort();
    assert_eq!(joined, left);
    Ok(())
}
