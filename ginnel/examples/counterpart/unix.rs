//! The stories, and who tells them.

mod messages;
mod patterns;
mod peers;
mod servers;
mod sockets;

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

pub(crate) type Told = Result<(), Box<dyn Error>>;

/// A story: its name, whoever serves, and whoever connects.
type Story = (&'static str, fn(&str) -> Told, fn(&str) -> Told);

pub(crate) fn main() -> Told {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, role, at] = arguments.as_slice() else {
        return Err("counterpart <story> <role> <where>".into());
    };
    if name == "member" {
        return peers::member(at);
    }
    let stories = [sockets::STORIES, messages::STORIES, servers::STORIES, peers::STORIES, patterns::STORIES];
    let (_, serve, connect) =
        stories.concat().into_iter().find(|story| story.0 == name).ok_or("no such story")?;
    match role.as_str() {
        "serve" => serve(at),
        "connect" => connect(at),
        _ => Err("either serve or connect".into()),
    }
}

/// Tells the other side a line.
fn say(line: impl std::fmt::Display) {
    println!("{line}");
    io::stdout().flush().unwrap();
}

/// Waits for a line of the other side's.
fn hear() -> String {
    let mut line = String::new();
    io::stdin().read_line(&mut line).unwrap();
    assert!(line.ends_with('\n'), "the other side has gone");
    line.trim_end().to_owned()
}

/// An unnamed file with this text.
fn file(text: &str) -> OwnedFd {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.into()
}

fn text_of(fd: OwnedFd) -> String {
    let mut file = File::from(fd);
    file.seek(SeekFrom::Start(0)).unwrap();
    io::read_to_string(file).unwrap()
}

/// The length of the body, over and over.
fn numbered(number: u32) -> Vec<u8> {
    let length = number as usize % 300;
    [&number.to_be_bytes()[..], &vec![b'.'; length]].concat()
}

const LONG: Duration = Duration::from_secs(20);
