// What users do with values, told once for both drivers. What only Unix has stands in `unix/`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

type Told = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum Say {
    Count(u64),
    Names(BTreeMap<String, Vec<u8>>),
}

driver! { story values_go_and_come {
    let (left, right) = Connection::pair()?;
    let mut left: Typed<Connection, Say, Say> = Typed::new(left);
    let mut right: Typed<Connection, Say, Say> = Typed::new(right);
    let names = || Say::Names(BTreeMap::from([("one".to_owned(), vec![1, 2, 3])]));
    driver!(wait left.feed(&Say::Count(u64::MAX)))?;
    driver!(wait left.send(&names()))?;
    assert_eq!(driver!(wait right.recv())?, Some(Say::Count(u64::MAX)));
    assert_eq!(driver!(wait right.recv())?, Some(names()));
    drop(left);
    assert_eq!(driver!(wait right.recv())?, None);
    Ok(())
}}

driver! { story every_codec_speaks_on_every_wire_that_takes_it {
    for wire in [Wire::Native, Wire::LengthPrefixed, Wire::Lines] {
        let options = ConnectionOptions::new().wire(wire);
        let (a, b) = Stream::pair()?;
        let mut left = Typed::<_, Say, Say, _>::with_codec(Connection::over(a, &options), codec::Json::new());
        let mut right = Typed::<_, Say, Say, _>::with_codec(Connection::over(b, &options), codec::Json::new());
        driver!(wait left.send(&Say::Count(7)))?;
        assert_eq!(driver!(wait right.recv())?, Some(Say::Count(7)));
    }
    let (a, b) = Connection::pair()?;
    let mut left = Typed::<_, String, String, _>::with_codec(a, codec::Raw::new());
    let mut right = Typed::<_, String, String, _>::with_codec(b, codec::Raw::new());
    driver!(wait left.send(&"as it is".to_owned()))?;
    assert_eq!(driver!(wait right.recv())?.as_deref(), Some("as it is"));
    Ok(())
}}

driver! { story a_question_of_a_value_is_answered_with_a_value {
    let (client, server) = Connection::pair()?;
    let serving = driver!(spawn {
        let mut server: Typed<Connection, Say, Say> = Typed::new(server);
        let Some(TypedDelivery::Request(question, asked)) = driver!(wait server.next())? else { panic!("a request") };
        assert_eq!(question, Say::Count(1));
        driver!(wait server.reply(asked, &Say::Count(2)))?;
        let Some(TypedDelivery::Request(_, asked)) = driver!(wait server.next())? else { panic!("a request came") };
        driver!(wait server.fail(asked, "not today"))?;
        Told::Ok(())
    });
    let mut client: Typed<Connection, Say, Say> = Typed::new(client);
    assert_eq!(driver!(wait client.call(&Say::Count(1)))?, Say::Count(2));
    let failed = driver!(wait client.call(&Say::Count(1))).expect_err("it said no");
    assert!(matches!(&failed, Error::Failure(why) if &why[..] == b"not today"), "{failed}");
    driver!(join serving)?;
    Ok(())
}}

driver! { story what_is_no_such_value_is_named_and_ends_the_connection_after_all_before_it {
    let (mut left, right) = Connection::pair()?;
    let mut right: Typed<Connection, Say, Say> = Typed::new(right);
    let good = codec::Codec::encode(&codec::Cbor::new(), &Say::Count(1))?;
    driver!(wait left.feed(good.clone()))?;
    driver!(wait left.feed(b"{\"json\":true}".to_vec()))?;
    driver!(wait left.send(good))?;
    assert_eq!(driver!(wait right.recv())?, Some(Say::Count(1)));
    let error = driver!(wait right.recv()).expect_err("JSON is no CBOR");
    assert!(matches!(error, Error::Codec(_)), "{error}");
    // It has ended, which may take a moment to be seen.
    while driver!(wait left.send("more")).is_ok() {}
    Ok(())
}}

driver! { story values_go_over_clients_servers_and_their_handles {
    let (_dir, path) = place();
    let (server, driver) = Server::listen(&path)?.shared();
    let serving = driver!(drive driver);
    let mut server: TypedServer<ServerHandle, Say, Say> = TypedServer::new(server);
    let mut client: Typed<Client, Say, Say> = Typed::new(Client::connect(&path)?);
    driver!(wait client.send(&Say::Count(1)))?;
    let TypedHappening::Joined(id) = driver!(wait server.next())? else { panic!("somebody joins") };
    let TypedHappening::Value(from, value) = driver!(wait server.next())? else { panic!("a value") };
    assert_eq!((from, value), (id, Say::Count(1)));
    assert!(server.broadcast(&Say::Count(2))?.is_empty());
    assert_eq!(driver!(wait client.recv())?, Some(Say::Count(2)));
    let asking = driver!(spawn {
        let answer = driver!(wait client.call(&Say::Count(3)));
        (client, answer)
    });
    let TypedHappening::Request(question, asked) = driver!(wait server.next())? else { panic!("a question") };
    assert_eq!((question, asked.connection()), (Say::Count(3), id));
    server.reply(asked, &Say::Count(4))?;
    let (client, answer) = driver!(join asking);
    assert_eq!(answer?, Say::Count(4));
    let (client, driver) = client.into_inner().shared();
    let driven = driver!(drive driver);
    let mut client: Typed<ClientHandle, Say, Say> = Typed::new(client);
    driver!(wait client.clone().send(&Say::Count(5)))?;
    assert!(matches!(driver!(wait server.next())?, TypedHappening::Value(_, Say::Count(5))));
    // Bytes that are no value end that connection, and no other.
    driver!(wait client.inner().send("\u{ff}"))?;
    assert!(matches!(driver!(wait server.next())?, TypedHappening::Invalid(bad, _) if bad == id));
    assert!(matches!(driver!(wait server.next())?, TypedHappening::Left(bad, _) if bad == id));
    let TypedHappening::Joined(again) = driver!(wait server.next())? else { panic!("it comes back") };
    driver!(wait server.send(again, &Say::Count(6)))?;
    assert_eq!(driver!(wait client.recv())?, Some(Say::Count(6)));
    drop((client, server));
    driver!(join driven)?;
    driver!(join serving)?;
    Ok(())
}}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io;

    use super::*;

    include!("unix/typed.rs");
}
