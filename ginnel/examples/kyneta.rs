//! The opening exchange of kyneta 1.8 over [`Wire::Kyneta`]: a client and a server introduce themselves, say which
//! document they have, and the client asks for what is newer, gets it, and leaves.
//!
//! `cargo run -p ginnel --example kyneta`. Between the two stands somebody who writes down every byte: in the end these
//! are compared with what kyneta itself wrote.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use ginnel::{Connection, ConnectionOptions, ReadHalf, Stream, Wire, WriteHalf};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

type Told<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Told {
    let (client_end, client_side) = Stream::pair()?;
    let (server_end, server_side) = Stream::pair()?;
    let (from_client, to_client) = client_side.into_split();
    let (from_server, to_server) = server_side.into_split();
    let server = thread::spawn(|| server(End::new("server", server_end)));
    let up = thread::spawn(|| pass_on(from_client, to_server));
    let down = thread::spawn(|| pass_on(from_server, to_client));

    client(End::new("client", client_end))?;
    server.join().expect("the server does not panic")?;
    let up = up.join().expect("it only copies")?;
    let down = down.join().expect("it only copies")?;

    let introduction = "establish, client";
    let present = "present, first use of a schema";
    assert_eq!(up, captured(&[introduction, introduction, present, "interest", "depart"]));
    assert_eq!(down, captured(&["establish, server", present, "offer, delta as json"]));
    println!("all {} bytes are as kyneta writes them", up.len() + down.len());
    Ok(())
}

fn client(mut end: End) -> Told {
    end.say(&establish("client", "Cli", "user"))?;
    let Some(Message::Establish(_)) = end.hear()? else { return Err("no introduction came".into()) };
    let Some(Message::Present(_)) = end.hear()? else { return Err("no documents came".into()) };
    // Kyneta's client introduces itself twice. The server passes over the second time.
    end.say(&establish("client", "Cli", "user"))?;
    end.say(&present())?;
    let (dx, doc) = (Some(NUMBER), None);
    end.say(&Message::Interest(Interest { t: Tag, dx, doc, v: Some("1".to_owned()), r: Some(false) }))?;
    let Some(Message::Offer(_)) = end.hear()? else { return Err("no offer came".into()) };
    end.say(&Message::Depart(Depart { t: Tag }))?;
    end.connection.close(PATIENCE)?;
    Ok(())
}

fn server(mut end: End) -> Told {
    let Some(Message::Establish(_)) = end.hear()? else { return Err("no introduction came".into()) };
    end.say(&establish("server", "Srv", "service"))?;
    end.say(&present())?;
    while let Some(message) = end.hear()? {
        match message {
            Message::Interest(_) => end.say(&offer())?,
            Message::Depart(_) => break,
            Message::Establish(_) | Message::Present(_) | Message::Offer(_) => {}
        }
    }
    Ok(())
}

fn establish(id: &str, name: &str, kind: &str) -> Message {
    Message::Establish(Establish {
        t: Tag,
        id: id.to_owned(),
        n: Some(name.to_owned()),
        y: kind.to_owned(),
        f: Some(Features { a: true }),
    })
}

fn present() -> Message {
    let document = Document {
        d: "doc-1".to_owned(),
        a: NUMBER,
        rt: ("plain".to_owned(), 1, 0),
        ms: 1,
        sh: Some("0168025d0ca7b3d42c3799e9edc30092b2".to_owned()),
        sa: Some(0),
        shx: None,
    };
    Message::Present(Present { t: Tag, docs: vec![document] })
}

fn offer() -> Message {
    Message::Offer(Offer {
        t: Tag,
        pk: 1,
        pe: 0,
        d: CHANGE.to_owned(),
        v: "2".to_owned(),
        dx: Some(NUMBER),
        doc: None,
        r: Some(false),
    })
}

/// One of the two, who tells what it says and hears.
struct End {
    name: &'static str,
    connection: Connection,
}

impl End {
    fn new(name: &'static str, stream: Stream) -> Self {
        Self { name, connection: Connection::over(stream, &ConnectionOptions::new().wire(Wire::Kyneta)) }
    }

    fn say(&mut self, message: &Message) -> Told {
        println!("{} says   {message}", self.name);
        self.connection.send(cbor4ii::serde::to_vec(Vec::new(), message)?)?;
        Ok(())
    }

    fn hear(&mut self) -> Told<Option<Message>> {
        let Some(received) = self.connection.recv()? else {
            return Ok(None);
        };
        let message: Message = cbor4ii::serde::from_slice(&received.body)?;
        println!("{} hears  {message}", self.name);
        Ok(Some(message))
    }
}

/// Hands everything over until the end, and gives back what it was.
fn pass_on(mut from: ReadHalf, mut to: WriteHalf) -> io::Result<Vec<u8>> {
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = from.read(&mut piece)?;
        if length == 0 {
            return Ok(seen);
        }
        to.write_all(&piece[..length])?;
        seen.extend(&piece[..length]);
    }
}

/// The frames of these names, one after the other, as kyneta wrote them.
fn captured(names: &[&str]) -> Vec<u8> {
    let frame = |name: &&str| {
        let mut lines = FRAMES.lines().filter_map(|line| line.split_once('\t'));
        let (_, hex) = lines.find(|line| line.0 == *name).expect("a frame of this name");
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
    };
    names.iter().flat_map(frame).collect()
}

/// What kyneta puts into a frame: a map with these keys in this order.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Message {
    Establish(Establish),
    Depart(Depart),
    Present(Present),
    Interest(Interest),
    Offer(Offer),
}

/// Who somebody is: its id, its name, what it is, and what it can do.
#[derive(Serialize, Deserialize)]
struct Establish {
    t: Tag<0x01>,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    y: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<Features>,
}

/// Whether documents and schemas may be called by number.
#[derive(Serialize, Deserialize)]
struct Features {
    #[serde(default)]
    a: bool,
}

#[derive(Serialize, Deserialize)]
struct Depart {
    t: Tag<0x02>,
}

#[derive(Serialize, Deserialize)]
struct Present {
    t: Tag<0x10>,
    docs: Vec<Document>,
}

/// Name, number, type of replica, way of merging, then the schema: its hash and the number that it gets, or its number.
#[derive(Serialize, Deserialize)]
struct Document {
    d: String,
    a: u32,
    rt: (String, u32, u32),
    ms: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    sh: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sa: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shx: Option<u32>,
}

/// The sender's number of a document, or its name; the version that is here, and whether the other side should be
/// interested too.
#[derive(Serialize, Deserialize)]
struct Interest {
    t: Tag<0x11>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dx: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    v: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<bool>,
}

/// Everything or what is newer, JSON or bytes (of which this example knows the former), the version that it leads to,
/// and of which document it is.
#[derive(Serialize, Deserialize)]
struct Offer {
    t: Tag<0x12>,
    pk: u8,
    pe: u8,
    d: String,
    v: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dx: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<bool>,
}

/// The number that says which message it is: no other is accepted.
struct Tag<const T: u8>;

impl<const T: u8> Serialize for Tag<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(T)
    }
}

impl<'de, const T: u8> Deserialize<'de> for Tag<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            found if found == T => Ok(Self),
            found => Err(D::Error::custom(format_args!("message {found} is not {T}"))),
        }
    }
}

impl Display for Message {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Establish(it) => {
                write!(f, "establish: I am {} ({}), a {}", it.id, it.n.as_deref().unwrap_or("no name"), it.y)
            }
            Self::Depart(_) => write!(f, "depart"),
            Self::Present(it) => {
                write!(f, "present:")?;
                it.docs.iter().try_for_each(|document| write!(f, " {} is {}", document.a, document.d))
            }
            Self::Interest(it) => {
                let version = it.v.as_deref().unwrap_or("none");
                write!(f, "interest: in {}, here is version {version}", called(it.dx, it.doc.as_deref()))
            }
            Self::Offer(it) => {
                let kind = if it.pk == 0 { "everything" } else { "what is newer" };
                let document = called(it.dx, it.doc.as_deref());
                write!(f, "offer: {kind} of {document}, to version {}: {}", it.v, it.d)
            }
        }
    }
}

fn called(number: Option<u32>, name: Option<&str>) -> String {
    name.map_or_else(|| format!("document {}", number.unwrap_or_default()), str::to_owned)
}

/// What either side calls its one document, once it has presented it: each counts its own from 0.
const NUMBER: u32 = 0;

const CHANGE: &str =
    r#"[[{"path":[{"type":"field","field":"title"}],"change":{"type":"replace","value":"hello"}}]]"#;

const FRAMES: &str = include_str!("../../ginnel-proto/tests/vectors/kyneta-1.8.txt");

const PATIENCE: Duration = Duration::from_secs(10);
