//! Talks with Node.js for Windows over a named pipe, length-prefixed: either may listen. Node's side of it is
//! `interop/windows/peer.mjs`; `cargo xtask test --windows` fetches Node and says by [`NODE`] where it is.
#![cfg(windows)]

use std::error::Error as StdError;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use ginnel::{Bound, Connection, ConnectionOptions, Stream, Wire};

type Told = Result<(), Box<dyn StdError>>;

#[test]
fn what_node_sends_as_a_client_goes_back_to_it() -> Told {
    let name = name("call");
    let mut listener = Stream::listen(&name)?;
    listener.set_deadline(Some(Instant::now() + PATIENCE))?;
    let node = Node::start("call", &name);
    let mut connection = connection(listener.accept()?);
    while let Some(message) = connection.recv()? {
        connection.send(message)?;
    }
    node.says("all came back");
    drop(connection);
    node.says("ended");
    Ok(())
}

#[test]
fn what_is_sent_to_a_server_of_nodes_comes_back() -> Told {
    let name = name("serve");
    let node = Node::start("serve", &name);
    node.says("listening");
    let mut connection = connection(Stream::connect(&name)?);
    for size in [0, 1, 64 << 10, 1 << 20].into_iter().chain((0..1000).map(|number| number % 50)) {
        connection.send(pattern(size))?;
        let message = connection.recv()?.ok_or("it ended early")?;
        // Not `assert_eq!`, which would print a megabyte.
        assert!(message.body == pattern(size), "{} bytes came for {size}", message.body.len());
    }
    connection.close(PATIENCE)?;
    node.says("ended");
    Ok(())
}

fn name(role: &str) -> String {
    format!(r"\\.\pipe\ginnel-node-{role}-{}", std::process::id())
}

fn connection(stream: Stream) -> Connection {
    // Node sends all that it has before it reads: what comes while something is sent back must find room.
    let inbox = Bound { bytes: 4 << 20, messages: 2048, ..Bound::CONNECTION };
    let options = ConnectionOptions::new().wire(Wire::LengthPrefixed).inbox(inbox);
    let mut connection = Connection::over(stream, &options);
    connection.set_deadline(Some(Instant::now() + PATIENCE));
    connection
}

/// `pattern` in `peer.mjs` is the same.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| ((at * 7 + length) % 251) as u8).collect()
}

/// A running Node.js, and the lines that it says. It ends with its owner.
struct Node {
    child: Child,
    lines: Receiver<String>,
}

impl Node {
    fn start(role: &str, name: &str) -> Self {
        let node =
            std::env::var_os(NODE).expect("Node.js for Windows is missing: run `cargo xtask test --windows`");
        let mut command = Command::new(node);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../interop/windows/peer.mjs")).args([role, name]);
        // What went wrong it says in its lines. Under wine it cannot write to an error output that is a pipe of Linux.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("node starts");
        let lines = lines_of(child.stdout.take().expect("it was asked to be piped"));
        Self { child, lines }
    }

    /// Waits for the next line, which has to be this one.
    fn says(&self, expected: &str) {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => assert_eq!(line, expected),
            Err(error) => panic!("node does not say {expected:?}: {error}"),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail only if it was waited for already, which nobody does.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Where Node.js for Windows is.
const NODE: &str = "GINNEL_WINDOWS_NODE";

/// How long anything may take: far more than it does.
const PATIENCE: Duration = Duration::from_secs(60);
