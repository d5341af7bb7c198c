//! What happens to a connection that is shared.

use super::*;

/// A connection that stands, and one at the other end who reads nothing.
fn with_deaf_peer() -> Told<(Connection, Raw)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut peer = Raw::over(theirs);
    peer.says(&[greeting(16 << 20), frame(MESSAGE, b"hello")].concat());
    let mut connection = Connection::over(OwnedFd::from(ours).into(), &ConnectionOptions::new());
    assert!(connection.recv()?.is_some());
    Ok((connection, peer))
}

#[test]
fn a_pong_that_waits_when_a_connection_is_shared_holds_up_nothing() -> Told {
    let (mut connection, _peer) = with_deaf_peer()?;
    let mut fit = 0;
    connection.set_deadline(in_millis(50));
    while connection.send(vec![0; 8000]).is_ok() {
        fit += 1;
    }
    // As many fill the link of another exactly, so that nothing but the pong waits.
    let (mut connection, mut peer) = with_deaf_peer()?;
    for _ in 0..fit {
        connection.send(vec![0; 8000])?;
    }
    peer.says(&frame(PING, b""));
    connection.set_deadline(in_millis(50));
    assert!(connection.recv().is_err_and(|error| error.is_timeout()), "nothing was sent");
    let handle = shared(connection)?;
    peer.reads_on();
    handle.send("x")?;
    Ok(())
}

#[test]
fn descriptors_refused_of_what_a_shared_connection_held_are_told_once() -> Told {
    let (connection, peer) = with_deaf_peer()?;
    refused_once(connection, peer)?;
    // The same before its greeting was read.
    let (ours, theirs) = UnixStream::pair()?;
    let mut peer = Raw::over(theirs);
    peer.says(&greeting(16 << 20));
    let connection = Connection::over(OwnedFd::from(ours).into(), &ConnectionOptions::new());
    refused_once(connection, peer)
}

fn refused_once(mut connection: Connection, mut peer: Raw) -> Told {
    if !peer.refuses_fds()? {
        return Ok(());
    }
    connection.try_feed(with("refused", &null()))?;
    for _ in 0..15 {
        connection.try_feed(vec![0; MUCH / 15])?;
    }
    let handle = shared(connection)?;
    let failed = handle.flush().expect_err("descriptors are refused");
    assert_eq!(failed.message.expect("nothing of it was sent").body, "refused");
    // The rest is not sent because one came back.
    let flushing = asleep(move || handle.flush());
    assert!(!flushing.has_ended(), "nobody has read it");
    for _ in 0..15 {
        assert_eq!(peer.hears().1.len(), MUCH / 15);
    }
    flushing.ends()?;
    Ok(())
}

#[test]
fn whoever_waits_for_a_status_may_use_the_handle_to_judge_it() -> Told {
    let (_dir, path) = place();
    let (client, _driver) = driven(Client::connect(&path)?);
    begin(move || client.wait_for(|_| client.status() != Status::Connected, LONG)).ends()?;
    Ok(())
}

#[test]
fn a_large_message_waits_for_the_greeting() -> Told {
    let (_dir, path) = place();
    let listener = listen(&path)?;
    let handle = shared(Connection::connect(&path)?)?;
    let mut peer = Raw::silent(&listener);
    let other = handle.clone();
    let sending = asleep(move || other.send(vec![0; 100_000]));
    peer.says(&greeting(16 << 20));
    assert_eq!(peer.hears().1.len(), 100_000);
    sending.ends()?;
    handle.send("small")?;
    assert_eq!(peer.hears(), (MESSAGE, b"small".to_vec()));
    Ok(())
}
