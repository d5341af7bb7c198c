// Descriptors within values. Included by `typed.rs` on Unix.

#[derive(Serialize, Deserialize)]
struct Job {
    name: String,
    input: Fd,
    output: Option<Fd>,
}

/// An unnamed file with this text.
fn file(text: &str) -> Fd {
    let mut file = tempfile::tempfile().expect("a temporary file");
    io::Write::write_all(&mut file, text.as_bytes()).expect("room for the text");
    io::Seek::rewind(&mut file).expect("it is a file");
    file.into()
}

driver! { story a_question_with_an_open_file_is_answered_with_another {
    let (client, server) = Connection::pair()?;
    let serving = driver!(spawn {
        let mut server: Typed<Connection, Job, Job> = Typed::new(server);
        let Some(TypedDelivery::Request(job, asked)) = driver!(wait server.next())? else { panic!("a request came") };
        let text = io::read_to_string(File::from(job.input))?;
        assert!(job.output.is_none());
        let answer = Job { name: job.name, input: file(&text.to_uppercase()), output: Some(file("log")) };
        driver!(wait server.reply(asked, &answer))?;
        let Some(TypedDelivery::Request(_, asked)) = driver!(wait server.next())? else { panic!("a request came") };
        driver!(wait server.fail(asked, "not today"))?;
        Told::Ok(())
    });
    let mut client: Typed<Connection, Job, Job> = Typed::new(client);
    let job = Job { name: "shout".into(), input: file("quietly"), output: None };
    let answer = driver!(wait client.call(&job))?;
    assert_eq!((answer.name.as_str(), io::read_to_string(File::from(answer.input))?.as_str()), ("shout", "QUIETLY"));
    assert!(answer.output.is_some());
    let Err(failed) = driver!(wait client.call(&job)) else { panic!("it said no") };
    assert!(matches!(&failed, Error::Failure(why) if &why[..] == b"not today"), "{failed}");
    driver!(join serving)?;
    Ok(())
}}

driver! { story a_file_that_nobody_names_is_an_error_and_is_closed {
    let (mut left, right) = Connection::pair()?;
    let mut right: Typed<Connection, Say, Say> = Typed::new(right);
    let body = codec::Codec::encode(&codec::Cbor::new(), &Say::Count(1))?;
    driver!(wait left.send(Message::new(body).with_fds(vec![file("stray").into()])))?;
    let error = driver!(wait right.recv()).expect_err("nobody names it");
    assert!(matches!(error, Error::Codec(codec::CodecError::FdsUnclaimed { count: 1 })), "{error}");
    Ok(())
}}

driver! { story a_broadcast_carries_no_descriptors {
    let (_dir, path) = place();
    let mut server: TypedServer<Server, Job, Job> = TypedServer::new(Server::listen(&path)?);
    let job = Job { name: "all".into(), input: file("one"), output: None };
    assert!(matches!(server.broadcast(&job), Err(Error::Misuse(Misuse::NoFds))));
    Ok(())
}}
