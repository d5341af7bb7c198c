//! Connections that carry messages and requests.

use std::time::{Duration, Instant};

use ginnel::{Connection, ConnectionOptions, Delivery, Error, Message, Request, Stream};

use super::{LONG, Story, Told, file, hear, numbered, say, text_of};

pub(crate) const STORIES: &[Story] = &[
    ("messages", serve_messages, send_messages),
    ("requests", serve_requests, ask_requests),
    ("large", serve_messages, send_large),
    ("backpressure", serve_slowly, flood),
    ("greetings", serve_greetings, ask_greetings),
];

fn accepted(at: &str, options: &ConnectionOptions) -> Result<Connection, Box<dyn std::error::Error>> {
    let listener = Stream::listen(at)?;
    say("ready");
    Ok(Connection::over(listener.accept()?, options))
}

/// Everything comes back as it is.
fn serve_messages(at: &str) -> Told {
    let mut connection = accepted(at, &ConnectionOptions::new())?;
    while let Some(message) = connection.recv()? {
        connection.send(message)?;
    }
    assert!(connection.said_goodbye());
    Ok(())
}

fn send_messages(at: &str) -> Told {
    let mut connection = Connection::connect(at)?;
    for number in 0..300 {
        let fds = (0..number % 3).map(|at| file(&format!("{number}.{at}"))).collect();
        connection.send(Message::new(numbered(number)).with_fds(fds))?;
        let message = connection.recv()?.unwrap();
        assert_eq!(message.body, numbered(number));
        let texts: Vec<_> = message.fds.into_iter().map(text_of).collect();
        assert_eq!(texts, (0..number % 3).map(|at| format!("{number}.{at}")).collect::<Vec<_>>());
    }
    connection.close(LONG)?;
    Ok(())
}

fn send_large(at: &str) -> Told {
    let mut connection = Connection::connect(at)?;
    let body: Vec<u8> = (0..3_000_000_u32).map(|byte| (byte % 251) as u8).collect();
    connection.send(Message::new(body.clone()).with_fds(vec![file("beside")]))?;
    let echo = connection.recv()?.unwrap();
    assert!(echo.body == body);
    assert_eq!(echo.fds.into_iter().map(text_of).collect::<Vec<_>>(), ["beside"]);
    connection.close(LONG)?;
    Ok(())
}

fn asked(connection: &mut Connection) -> Request {
    match connection.next().unwrap() {
        Some(Delivery::Request(request)) => request,
        other => panic!("a request, not {other:?}"),
    }
}

/// An answer, a failure, and one that nobody waits for any more.
fn serve_requests(at: &str) -> Told {
    let mut connection = accepted(at, &ConnectionOptions::new())?;
    let mut request = asked(&mut connection);
    let fds = std::mem::take(&mut request.message.fds);
    assert_eq!(fds.into_iter().map(text_of).collect::<Vec<_>>(), ["question"]);
    connection.reply(request, Message::new("here").with_fds(vec![file("answer")]))?;
    let request = asked(&mut connection);
    connection.fail(request, "no such thing")?;
    let request = asked(&mut connection);
    assert!(matches!(connection.next()?, Some(Delivery::Cancelled(id)) if id == request.id));
    connection.reply(request, "too late")?;
    connection.send("it was cancelled")?;
    assert!(connection.recv()?.is_none());
    Ok(())
}

fn ask_requests(at: &str) -> Told {
    let mut connection = Connection::connect(at)?;
    let answer = connection.call(Message::new("read this").with_fds(vec![file("question")]))?;
    assert_eq!(answer.body, "here");
    assert_eq!(answer.fds.into_iter().map(text_of).collect::<Vec<_>>(), ["answer"]);
    let failed = connection.call("something else").unwrap_err();
    assert!(matches!(&failed.error, Error::Failure(why) if &why[..] == b"no such thing"), "{failed}");
    connection.set_deadline(Some(Instant::now() + Duration::from_millis(50)));
    connection.call("slow").expect_err("nobody answers");
    connection.set_deadline(None);
    assert_eq!(connection.recv()?.unwrap().body, "it was cancelled");
    connection.close(LONG)?;
    Ok(())
}

/// It does not read before the other side can send no more.
fn serve_slowly(at: &str) -> Told {
    let mut connection = accepted(at, &ConnectionOptions::new())?;
    let count: u32 = hear().parse()?;
    assert!((1..4000).contains(&count), "{count} were taken");
    for number in 0..count {
        let message = connection.recv()?.unwrap();
        assert_eq!((message.body.len(), &message.body[..4]), (8192, &number.to_be_bytes()[..]));
    }
    assert_eq!(connection.recv()?.unwrap().body, "end");
    assert!(connection.recv()?.is_none());
    Ok(())
}

fn flood(at: &str) -> Told {
    let mut connection = Connection::connect(at)?;
    let mut count = 0_u32;
    loop {
        let mut body = vec![0; 8192];
        body[..4].copy_from_slice(&count.to_be_bytes());
        connection.set_deadline(Some(Instant::now() + Duration::from_millis(200)));
        if connection.feed(body).is_err() {
            break;
        }
        count += 1;
    }
    connection.set_deadline(None);
    say(count);
    connection.send("end")?;
    connection.close(LONG)?;
    Ok(())
}

/// What each takes at most is known to the other, and kept.
fn serve_greetings(at: &str) -> Told {
    let mut connection = accepted(at, &ConnectionOptions::new().largest_message(100_000).most_fds(17))?;
    greeted(&mut connection, 200_000, 18)
}

fn ask_greetings(at: &str) -> Told {
    let stream = Stream::connect(at)?;
    let mut connection =
        Connection::over(stream, &ConnectionOptions::new().largest_message(200_000).most_fds(18));
    greeted(&mut connection, 100_000, 17)
}

fn greeted(connection: &mut Connection, bytes: u32, fds: u16) -> Told {
    connection.send("hello")?;
    assert_eq!(connection.recv()?.unwrap().body, "hello");
    let there = connection.greeting().unwrap();
    assert_eq!((there.message, there.fds), (bytes, fds));
    let failed = connection.send(vec![0; bytes as usize + 1]).unwrap_err();
    assert!(matches!(failed.error, Error::Limit(_)), "{failed}");
    connection.send(vec![0; bytes as usize])?;
    assert!(connection.recv()?.unwrap().body.len() >= 100_000);
    say("done");
    hear();
    Ok(())
}
