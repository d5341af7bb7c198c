//! Whoever drives an end and gives each outcome to whoever waits for it.
//!
//! On Unix: what is written there is there, and a pipe tells a moment later.
#![cfg(unix)]

use ginnel_os::driven::{Driven, Queued};
use ginnel_os::{
    CallId, Client, ClientOptions, ConnId, Delivery, Error, Happening, Listener, ListenerOptions, Message,
    SendError, Server, ServerOptions, SocketKind,
};
use ginnel_proto::{Address, Answer};

/// Both are turned until something has come. Nothing here takes time: what is written is there.
fn until<T>(
    (client, server): (&mut Client, &mut Server),
    mut come: impl FnMut(&mut Client, &mut Server) -> Option<T>,
) -> T {
    for _ in 0..1000 {
        client.turn(true).expect("it turns");
        server.turn(true).expect("it turns");
        if let Some(came) = come(client, server) {
            return came;
        }
    }
    panic!("it has not come");
}

fn met() -> (tempfile::TempDir, Client, Server, ConnId) {
    let dir = tempfile::tempdir().expect("a place");
    let address = Address::path(dir.path().join("socket")).expect("a short path");
    let mut options = ListenerOptions::default();
    options.nonblocking = true;
    let listener = Listener::open(SocketKind::Stream, &address, options).expect("nobody is there");
    let mut server = Server::new(listener, &ServerOptions::new()).expect("it serves");
    let mut client = Client::new(address, &ClientOptions::new()).expect("it dials");
    server.dispatch();
    client.dispatch();
    client.has_reader();
    server.has_reader();
    let id = until((&mut client, &mut server), |_, server| match server.happened() {
        Some(Happening::Joined(id)) => Some(id),
        _ => None,
    });
    (dir, client, server, id)
}

fn some(text: &'static str) -> Option<Message> {
    Some(Message::new(text))
}

/// What an answer says, or why there is none.
fn said(answer: Result<Message, SendError>) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match answer {
        Ok(message) => Ok(text(&message.body)),
        Err(SendError { error: Error::Failure(said), .. }) => Err(text(&said)),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn answers_come_with_the_numbers_of_their_questions_however_they_end() {
    let (_dir, mut client, mut server, id) = met();
    let first = client.ask(&mut some("good")).unwrap().unwrap();
    let second = client.ask(&mut some("bad")).unwrap().unwrap();
    let asked: [CallId; 2] = [(); 2].map(|()| {
        until((&mut client, &mut server), |_, server| match server.happened() {
            Some(Happening::Request(request)) => Some(request.id),
            _ => None,
        })
    });
    server.answer_call(id, asked[1], Answer::Failure(Message::new("no")));
    server.answer_call(id, asked[0], Answer::Response(Message::new("yes")));
    let mut answers = [(); 2].map(|()| {
        let (_, call, answer) = until((&mut client, &mut server), |client, _| client.next_answer());
        (call, said(answer))
    });
    answers.sort_by_key(|(call, _)| *call);
    assert_eq!(answers, [(first, Ok("yes".to_owned())), (second, Err("no".to_owned()))]);
    assert!(client.next_answer().is_none());
}

#[test]
fn a_server_asks_too() {
    let (_dir, mut client, mut server, id) = met();
    let call = server.ask(id, &mut some("who")).unwrap().unwrap();
    let (connection, asked) =
        until((&mut client, &mut server), |client, _| match client.arrived().unwrap() {
            Some(Some(Delivery::Request(request))) => Some((request.connection, request.id)),
            _ => None,
        });
    let mut answer = Some(Answer::Response(Message::new("me")));
    client.answer_call(connection, asked, &mut answer).unwrap().unwrap();
    assert!(answer.is_none());
    let (of, told, answer) = until((&mut client, &mut server), |_, server| server.next_answer());
    assert_eq!((of, told, said(answer)), (id, call, Ok("me".to_owned())));
}

#[test]
fn an_answer_to_no_request_is_let_be() {
    let (_dir, mut client, mut server, id) = met();
    let before = server.last(id);
    for connection in [id, ConnId(id.0 + 1)] {
        server.answer_call(connection, CallId(99), Answer::Response(Message::new("x")));
    }
    assert_eq!(server.last(id), before);
    let mut answer = Some(Answer::Response(Message::new("x")));
    assert!(matches!(client.answer_call(ConnId(99), CallId(0), &mut answer), Ok(Some(Queued::NotWanted))));
}

#[test]
fn how_far_has_been_sent_is_known_until_the_connection_is_gone() {
    let (_dir, mut client, mut server, id) = met();
    let mine = client.feed(&mut some("x")).unwrap().unwrap();
    let yours = server.feed(id, &mut some("y")).unwrap().unwrap();
    assert!(client.sent_up_to() < mine);
    assert!(server.sent_up_to(id).unwrap() < yours);
    until((&mut client, &mut server), |client, server| {
        (client.sent_up_to() == mine && server.sent_up_to(id) == Some(yours)).then_some(())
    });
    server.disconnect(id);
    assert_eq!(server.sent_up_to(id), None);
}

#[test]
fn what_cannot_be_sent_comes_back_with_its_number_and_its_message() {
    let (_dir, mut client, mut server, id) = met();
    // The kernel takes a part of the first, and nobody reads.
    let texts = [vec![1; 600 << 10], vec![2; 100]];
    let fed = |at: usize| Some(Message::new(texts[at].clone()));
    let mine = [0, 1].map(|at| client.feed(&mut fed(at)).unwrap().unwrap());
    let yours = [0, 1].map(|at| server.feed(id, &mut fed(at)).unwrap().unwrap());
    client.turn(true).unwrap();
    server.turn(true).unwrap();
    let back = |failed: SendError| failed.message.map(|message| message.body.to_vec());
    server.disconnect(id);
    // Else it comes back, and sends what was not begun.
    client.disconnect();
    let failures = [(); 2]
        .map(|()| until((&mut client, &mut server), |_, server| server.next_failure()))
        .map(|(to, number, failed)| (to, number, back(failed)));
    assert_eq!(failures, [(id, yours[0], None), (id, yours[1], Some(texts[1].clone()))]);
    let failures = [(); 2]
        .map(|()| until((&mut client, &mut server), |client, _| client.next_failure()))
        .map(|(_, number, failed)| (number, back(failed)));
    assert_eq!(
        failures,
        [(mine[0], None), (mine[1], Some(texts[1].clone()))],
        "what was begun cannot come back"
    );
}
