//! What connections and engines do on every platform: turned by what tokio watches, or by a poller that wakes a task.

mod everywhere;

use std::io;
use std::time::Duration;

use everywhere::{cancel, place};
use ginnel_tokio::sp::{Rep, Req};
use ginnel_tokio::{
    Client, Connection, Delivery, Error, Happening, Message, Peer, PeerHandle, Role, Server, ServerOptions,
    Status, Stream,
};
use tokio::task::JoinSet;

/// A message with a number in front.
fn numbered(number: u32, length: usize) -> Message {
    let mut body = number.to_ne_bytes().to_vec();
    body.resize(length.max(4), 0);
    Message::new(body)
}

fn number(message: &Message) -> u32 {
    u32::from_ne_bytes(message.body[..4].try_into().expect("four bytes"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_connections_that_flood_each_other_get_everything_in_order() -> Result<(), Error> {
    let (left, right) = Connection::pair()?;
    let mut tasks = JoinSet::new();
    for connection in [left, right] {
        let (mut sender, mut receiver) = connection.split();
        tasks.spawn(async move {
            for number in 0..FLOOD {
                sender.feed(numbered(number, 1000)).await?;
            }
            sender.flush().await?;
            Ok::<_, Error>(())
        });
        tasks.spawn(async move {
            for expected in 0..FLOOD {
                assert_eq!(number(&receiver.recv().await?.expect("a message")), expected);
            }
            assert!(receiver.recv().await?.is_none());
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic")?;
    }
    Ok(())
}

/// A send that has to wait also reads.
#[tokio::test]
async fn two_ends_that_both_send_first_do_not_wait_for_each_other_for_ever() -> Result<(), Error> {
    let (left, right) = Connection::pair()?;
    let end = async |mut connection: Connection| {
        for number in 0..800 {
            connection.send(numbered(number, 1200)).await?;
        }
        for expected in 0..800 {
            assert_eq!(number(&connection.recv().await?.expect("a message")), expected);
        }
        connection.close(LONG).await
    };
    tokio::try_join!(end(left), end(right))?;
    Ok(())
}

#[tokio::test]
async fn a_message_of_many_writes_arrives_whole() -> Result<(), Error> {
    let (mut left, mut right) = Connection::pair()?;
    let large: Vec<u8> = (0..5 << 20_u32).map(|i| (i % 251) as u8).collect();
    let receiving = async {
        let came = right.recv().await?.expect("a message");
        assert!(came.body == large, "it is what was sent");
        Ok::<_, Error>(())
    };
    let sending = async { Ok(left.send(large.clone()).await?) };
    tokio::try_join!(sending, receiving)?;
    Ok(())
}

#[tokio::test]
async fn a_cancelled_receive_loses_no_message() -> Result<(), Error> {
    let (mut left, mut right) = Connection::pair()?;
    for round in 0..20 {
        cancel(right.recv()).await;
        left.send(numbered(round, 100)).await?;
        assert_eq!(number(&right.recv().await?.expect("a message")), round);
    }
    Ok(())
}

#[tokio::test]
async fn questions_are_answered_both_ways_at_once() -> Result<(), Error> {
    let (left, right) = Connection::pair()?;
    let mut tasks = JoinSet::new();
    for connection in [left, right] {
        let (handle, driver) = connection.shared()?;
        tokio::spawn(driver);
        let answers = handle.clone();
        tokio::spawn(async move {
            while let Ok(Some(Delivery::Request(request))) = answers.next().await {
                let echo = request.message.body.clone();
                answers.reply(request, echo).await.expect("whoever asked is there");
            }
        });
        for number in 0..50 {
            let handle = handle.clone();
            tasks.spawn(async move { Ok::<_, Error>((number, handle.call(numbered(number, 2000)).await?)) });
        }
    }
    while let Some(done) = tasks.join_next().await {
        let (asked, answer) = done.expect("no panic")?;
        assert_eq!(number(&answer), asked);
    }
    Ok(())
}

#[tokio::test]
async fn whoever_sends_no_more_says_goodbye_and_still_receives() -> Result<(), Error> {
    let (left, mut right) = Connection::pair()?;
    let (mut sender, mut receiver) = left.split();
    sender.send("that is all").await?;
    drop(sender);
    assert_eq!(right.recv().await?.expect("a message").body, "that is all");
    assert!(right.recv().await?.is_none());
    assert!(right.said_goodbye());
    right.send("thank you").await?;
    assert_eq!(receiver.recv().await?.expect("a message").body, "thank you");
    Ok(())
}

/// Where one direction cannot end before the other, it is told that nobody listens any more.
#[tokio::test]
async fn whoever_floods_one_that_takes_leave_still_receives_everything() -> Result<(), Error> {
    let (mut left, mut right) = Connection::pair()?;
    let flooding = tokio::spawn(async move {
        let flooded = async {
            for _ in 0..1000 {
                right.feed(vec![1; 1000]).await?;
            }
            right.flush().await
        };
        match flooded.await.map_err(|failed| failed.error) {
            Err(Error::Io(error)) if cfg!(windows) => assert_eq!(error.kind(), io::ErrorKind::BrokenPipe),
            flooded => flooded?,
        }
        for _ in 0..700 {
            assert_eq!(right.recv().await?.expect("a message").body.len(), 1000);
        }
        assert!(right.recv().await?.is_none());
        assert!(right.said_goodbye());
        Ok::<_, Error>(())
    });
    for _ in 0..700 {
        left.feed(vec![2; 1000]).await?;
    }
    left.close(LONG).await?;
    flooding.await.expect("no panic")
}

#[tokio::test]
async fn a_thousand_quick_messages_go_through_a_server_and_back() -> Result<(), Error> {
    let place = place();
    let mut server = Server::listen(&place.address)?;
    let serving = tokio::spawn(async move {
        let mut echoed = 0;
        loop {
            match server.next().await? {
                Happening::Message(id, message) => {
                    server.feed(id, message).await?;
                    echoed += 1;
                }
                Happening::Left(..) => return Ok::<_, Error>(echoed),
                _ => {}
            }
        }
    });
    let (client, driver) = Client::connect(&place.address)?.shared();
    tokio::spawn(driver);
    let sending = client.clone();
    let sent = tokio::spawn(async move {
        for number in 0..QUICK {
            sending.feed(numbered(number, 20)).await?;
        }
        Ok::<_, Error>(())
    });
    for expected in 0..QUICK {
        assert_eq!(number(&client.recv().await?.expect("a message")), expected);
    }
    sent.await.expect("no panic")?;
    client.close(LONG).await?;
    assert_eq!(serving.await.expect("no panic")?, QUICK);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_clients_at_once_ask_one_server() -> Result<(), Error> {
    let place = place();
    let (server, driver) = Server::listen(&place.address)?.shared();
    tokio::spawn(driver);
    for _ in 0..2 {
        let server = server.clone();
        tokio::spawn(async move {
            while let Ok(happened) = server.next().await {
                if let Happening::Request(request) = happened {
                    let echo = request.message.body.clone();
                    server.reply(request, echo);
                }
            }
        });
    }
    let mut clients = JoinSet::new();
    for client in 0..32 {
        let address = place.address.clone();
        clients.spawn(async move {
            let mut connection = Client::connect(&address)?;
            for round in 0..20 {
                let asked = client * 100 + round;
                assert_eq!(number(&connection.call(numbered(asked, 700)).await?), asked);
            }
            connection.close(LONG).await
        });
    }
    while let Some(done) = clients.join_next().await {
        done.expect("no panic")?;
    }
    server.close(LONG).await
}

#[tokio::test]
async fn a_client_comes_back_to_the_next_server() -> Result<(), Error> {
    let place = place();
    let (client, driver) = Client::connect(&place.address)?.shared();
    tokio::spawn(driver);
    for round in 0..3 {
        let mut server = next_server(&place.address).await?;
        let asking = client.call(numbered(round, 4));
        let answering = async {
            loop {
                if let Happening::Request(request) = server.next().await? {
                    let echo = request.message.body.clone();
                    server.reply(request, echo);
                    return Ok::<_, Error>(());
                }
            }
        };
        let (answer, answered) = tokio::join!(asking, answering);
        answered?;
        assert_eq!(number(&answer?), round);
        drop(server);
        client.wait_for(|status| status != Status::Connected, LONG).await?;
    }
    Ok(())
}

/// A pipe's name is free once whoever was connected has let go too.
async fn next_server(address: &ginnel_tokio::Address) -> io::Result<Server> {
    loop {
        match Stream::listen(address) {
            Ok(listener) => return Server::over(listener, &ServerOptions::new()),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => tokio::task::yield_now().await,
            Err(error) => return Err(error),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_three_peers_one_listens_and_when_it_leaves_another_does() -> Result<(), Error> {
    let place = place();
    let mut peers = Vec::new();
    let mut joining = JoinSet::new();
    for _ in 0..3 {
        let address = place.address.clone();
        joining.spawn(async move {
            let (peer, driver) = Peer::join(&address).await?.shared();
            tokio::spawn(driver);
            Ok::<_, Error>(peer)
        });
    }
    while let Some(joined) = joining.join_next().await {
        peers.push(joined.expect("no panic")?);
    }
    while !peers.is_empty() {
        let listens = until(|| peers.iter().position(|peer| listens_for(peer, peers.len() - 1))).await;
        let listener = peers.swap_remove(listens);
        for peer in &peers {
            let leader = until(|| peer.listener()).await;
            assert_eq!(peer.role(), Role::Connector);
            let heard = async {
                let (from, message) = listener.recv().await?;
                assert_eq!(message.body, "hello");
                listener.send(from, "well met").await?;
                Ok::<_, Error>(())
            };
            let said = async {
                peer.send(leader, "hello").await?;
                assert_eq!(peer.recv().await?.1.body, "well met");
                Ok(())
            };
            tokio::try_join!(heard, said)?;
        }
        listener.dispose(LONG).await?;
    }
    Ok(())
}

fn listens_for(peer: &PeerHandle, others: usize) -> bool {
    peer.role() == Role::Listener && peer.connection_count() == others
}

/// Looks until it is there.
async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = look() {
            return found;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn requests_of_the_messaging_patterns_are_answered() -> Result<(), Error> {
    let place = place();
    let url = url(&place);
    let mut rep = Rep::new()?;
    rep.listen(&url)?;
    tokio::spawn(async move {
        while let Ok(request) = rep.recv().await {
            let answer = request.body.to_ascii_uppercase();
            rep.reply(request, answer);
        }
    });
    let mut req = Req::new()?;
    req.dial(&url).await?;
    for _ in 0..100 {
        assert_eq!(req.request("hello").await?, "HELLO");
    }
    Ok(())
}

#[cfg(unix)]
fn url(place: &everywhere::Place) -> String {
    format!("ipc://{}", place.address)
}

#[cfg(windows)]
fn url(place: &everywhere::Place) -> String {
    format!("ipc://{}", place.address.to_string().trim_start_matches(r"\\.\pipe\"))
}

const FLOOD: u32 = 3000;

const QUICK: u32 = 1000;

const LONG: Duration = Duration::from_secs(60);
