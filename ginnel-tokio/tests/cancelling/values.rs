//! Values over connections and servers.

use super::*;

/// A number, much of it, and an open file.
type Value = (u8, Vec<u8>, Fd);

fn value(number: u8) -> Value {
    let file = File::open("/dev/null").expect("it exists");
    (number, vec![number; LARGE], file.into())
}

/// Answers each question with itself; the numbers of the values that came.
fn echo(connection: Connection) -> tokio::task::JoinHandle<Vec<u8>> {
    tokio::spawn(async move {
        let mut typed: Typed<Connection, Value, Value> = Typed::new(connection);
        let mut numbers = Vec::new();
        while let Ok(Some(delivery)) = typed.next().await {
            match delivery {
                TypedDelivery::Value((number, bytes, _)) => {
                    assert_eq!(bytes.len(), LARGE, "it is whole");
                    numbers.push(number);
                }
                TypedDelivery::Request(value, asked) => {
                    if typed.reply(asked, &value).await.is_err() {
                        break;
                    }
                }
                TypedDelivery::Cancelled(_) => {}
            }
        }
        numbers
    })
}

#[test]
fn what_is_sent_and_asked() {
    at_every_await(2, async |polls| {
        let (left, right) = Connection::pair().expect("two sockets");
        let mut left: Typed<_, Value, Value> = Typed::new(left);
        let far = echo(right);
        let fed = up_to(polls, left.feed(&value(1)), || {}).await.is_some();
        let sent = up_to(polls, left.send(&value(2)), || {}).await.is_some();
        let flushed = up_to(polls, left.flush(), || {}).await.is_some();
        let asked = up_to(polls, left.call(&value(3)), || {}).await.is_some();
        assert_eq!(left.call(&value(4)).await.expect("an answer").0, 4);
        drop(left);
        let numbers = far.await.expect("no panic");
        assert!(numbers.is_sorted() && numbers.len() <= 2, "{numbers:?}");
        assert!(!sent || numbers.contains(&2), "{numbers:?}");
        fed && sent && flushed && asked
    });
}

#[test]
fn what_arrives_and_is_answered() {
    at_every_await(2, async |polls| {
        let (left, right) = Connection::pair().expect("two sockets");
        let mut right: Typed<_, Value, Value> = Typed::new(right);
        let far = tokio::spawn(async move {
            let mut left: Typed<_, Value, Value> = Typed::new(left);
            for number in 1..=3 {
                left.feed(&value(number)).await.expect("room");
            }
            left.flush().await.expect("it is read");
            // One of these may never be answered: its answer was dropped.
            let _ = left.call(&value(4)).await;
            let _ = left.call(&value(5)).await;
        });
        let mut numbers = Vec::new();
        let first = up_to(polls, right.recv(), || {}).await;
        let received = first.is_some();
        numbers.extend(first.map(|first| first.expect("a value").expect("not the end").0));
        while numbers.len() < 3 {
            numbers.push(right.recv().await.expect("a value").expect("not the end").0);
        }
        assert_eq!(numbers, [1, 2, 3]);
        let next = up_to(polls, right.next(), || {}).await;
        let taken = next.is_some();
        let next = match next {
            Some(next) => next,
            None => right.next().await,
        };
        let Ok(Some(TypedDelivery::Request((4, ..), asked))) = next else { panic!("a question") };
        let answered = up_to(polls, right.reply(asked, &value(4)), || {}).await.is_some();
        let mut failed = false;
        if answered {
            let Ok(Some(TypedDelivery::Request((5, ..), asked))) = right.next().await else {
                panic!("another question")
            };
            failed = up_to(polls, right.fail(asked, "no"), || {}).await.is_some();
        }
        far.abort();
        let _ = far.await;
        received && taken && answered && failed
    });
}

#[test]
fn what_goes_through_a_server() {
    at_every_await(2, async |polls| {
        let (_dir, path) = place();
        let mut server: TypedServer<Server, Value, Value> =
            TypedServer::new(Server::listen(&path).expect("a free name"));
        let far = echo(Connection::connect(&path).await.expect("it listens"));
        let joined = up_to(polls, server.next(), || {}).await;
        let told = joined.is_some();
        let joined = match joined {
            Some(joined) => joined,
            None => server.next().await,
        };
        let Ok(TypedHappening::Joined(id)) = joined else { panic!("somebody joins") };
        let fed = up_to(polls, server.feed(id, &value(1)), || {}).await.is_some();
        let sent = up_to(polls, server.send(id, &value(2)), || {}).await.is_some();
        let flushed = up_to(polls, server.flush(id), || {}).await.is_some();
        let asked = up_to(polls, server.call(id, &value(3)), || {}).await.is_some();
        assert_eq!(server.call(id, &value(4)).await.expect("an answer").0, 4);
        drop(server);
        let numbers = far.await.expect("no panic");
        assert!(numbers.is_sorted() && (!sent || numbers.contains(&2)), "{numbers:?}");
        told && fed && sent && flushed && asked
    });
}
