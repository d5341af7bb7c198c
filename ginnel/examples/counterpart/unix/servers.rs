//! Servers, and clients that come back.

use ginnel::{Client, ConnId, Connection, Delivery, Happening, Server, Status};

use super::{LONG, Story, Told, say};

pub(crate) const STORIES: &[Story] =
    &[("reconnecting", serve_and_go, come_back), ("broadcast", serve_three, three_connect)];

const ROUNDS: u8 = 5;

/// A server that is replaced again and again.
fn serve_and_go(at: &str) -> Told {
    for round in 0..ROUNDS {
        let mut server = Server::listen(at)?;
        say("ready");
        loop {
            match server.next()? {
                Happening::Message(_, message) => {
                    assert_eq!(message.body[..], [round]);
                    break;
                }
                Happening::Joined(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    Ok(())
}

fn come_back(at: &str) -> Told {
    let mut client = Client::connect(at)?;
    for round in 0..ROUNDS {
        client.send(vec![round])?;
        client.wait_for(|status| !matches!(status, Status::Connected), LONG)?;
    }
    Ok(())
}

fn next_joined(server: &mut Server) -> ConnId {
    match server.next().unwrap() {
        Happening::Joined(id) => id,
        other => panic!("{other:?}"),
    }
}

/// What is for all reaches all, questions go both ways, and each that leaves is told of.
fn serve_three(at: &str) -> Told {
    let mut server = Server::listen(at)?;
    say("ready");
    let ids = [next_joined(&mut server), next_joined(&mut server), next_joined(&mut server)];
    assert_eq!(server.connections(), ids);
    assert!(server.broadcast("to all").is_empty());
    for id in ids {
        assert_eq!(server.call(id, "who?")?.body, "me");
    }
    for _ in ids {
        let Happening::Request(request) = server.next()? else { panic!("a question") };
        server.reply(request, "well");
    }
    assert!(server.disconnect(ids[0]));
    let mut left = Vec::new();
    while left.len() < 3 {
        let Happening::Left(id, _) = server.next()? else { panic!("all leave") };
        left.push(id);
    }
    assert_eq!(left[0], ids[0]);
    Ok(())
}

fn three_connect(at: &str) -> Told {
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(Connection::connect(at)?);
    }
    for connection in &mut all {
        let Some(Delivery::Message(told)) = connection.next()? else { panic!("told") };
        assert_eq!(told.body, "to all");
        let Some(Delivery::Request(request)) = connection.next()? else { panic!("asked") };
        connection.reply(request, "me")?;
        connection.flush()?;
    }
    for connection in &mut all {
        assert_eq!(connection.call("how?")?.body, "well");
    }
    assert!(all[0].recv()?.is_none());
    Ok(())
}
