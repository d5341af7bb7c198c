//! Talks with the Node package `@procwire/transport`, which speaks [`Wire::LengthPrefixed`] and [`Wire::Lines`]:
//! either may listen. The package's side of it is in `interop/procwire`.
#![cfg(unix)]

use std::error::Error as StdError;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use ginnel::{Connection, ConnectionOptions, Error, PeerFault, Stream, Wire};
use serde_json::{Value, json};
use tempfile::TempDir;

type Told = Result<(), Box<dyn StdError>>;

#[test]
fn messages_of_every_size_come_back() -> Told {
    for case in CASES {
        let mut met = case.meet("echo")?;
        for size in SIZES {
            met.connection.send(pattern(size))?;
            assert_body(&mut met.connection, &pattern(size))?;
        }
        met.close()?;
    }
    Ok(())
}

#[test]
fn small_messages_that_leave_in_one_piece_come_back_one_by_one() -> Told {
    for case in CASES {
        let mut met = case.meet("echo")?;
        for number in 0..1000 {
            met.connection.feed(pattern(number % 50))?;
        }
        met.connection.flush()?;
        for number in 0..1000 {
            assert_body(&mut met.connection, &pattern(number % 50))?;
        }
        met.close()?;
    }
    Ok(())
}

#[test]
fn a_message_that_leaves_in_many_pieces_comes_back_whole() -> Told {
    for case in CASES {
        let mut met = case.meet("echo")?;
        // The kernel rounds it up to the least it allows: a few KiB at a time.
        rustix::net::sockopt::set_socket_send_buffer_size(&met.connection, 1)?;
        met.connection.send(pattern(1 << 20))?;
        assert_body(&mut met.connection, &pattern(1 << 20))?;
        met.close()?;
    }
    Ok(())
}

/// Its programs send messages of the same kinds, the last one byte by byte, and check what comes back.
#[test]
fn what_the_package_sends_in_one_piece_or_many_arrives_whole() -> Told {
    for case in CASES {
        let mut met = case.meet("speak")?;
        let burst = (0..1000).map(|number| number % 50);
        for size in SIZES.into_iter().chain(burst).chain([300]) {
            let message = met.connection.recv()?.ok_or("it ended early")?;
            assert_eq!(message.body, pattern(size), "a body of {size} bytes");
            met.connection.send(message)?;
        }
        met.program.says("all came back");
        assert!(met.connection.recv()?.is_none());
        drop(met.connection);
        met.program.says("ended");
    }
    Ok(())
}

#[test]
fn an_end_inside_a_message_is_told_after_the_messages_before_it() -> Told {
    for case in CASES {
        let mut met = case.meet("stop")?;
        assert_body(&mut met.connection, &pattern(100))?;
        let error = met.connection.recv().expect_err("half a message");
        assert!(matches!(error, Error::Peer(PeerFault::CutShort { .. })), "{error}");
    }
    Ok(())
}

/// Just dropped, it would reset the package in the middle of its answers, and version 0.3.0 throws over that.
#[test]
fn a_close_in_the_middle_of_answers_resets_nobody() -> Told {
    for case in CASES {
        let mut met = case.meet("echo")?;
        for _ in 0..3 {
            met.connection.send(pattern(300_000))?;
        }
        met.close()?;
    }
    Ok(())
}

#[test]
fn each_side_refuses_what_is_over_its_own_limit() -> Told {
    for case in CASES {
        let narrow = ConnectionOptions::new().largest_message(1000);
        let mut met = case.meet_with("echo", &[], narrow)?;
        met.connection.send(pattern(1000))?;
        met.connection.send(pattern(1001))?;
        assert_body(&mut met.connection, &pattern(1000))?;
        let error = met.connection.recv().expect_err("one byte too many");
        assert!(matches!(error, Error::Peer(PeerFault::TooLong { limit: 1000, .. })), "{error}");

        let mut met = case.meet_with("echo", &["1000"], ConnectionOptions::new())?;
        // The package counts the end of a line too.
        let (largest, told) = match case.wire {
            Wire::Lines => (999, "FRAMING_ERROR: Buffer size 1001 exceeds maximum 1000"),
            _ => (1000, "FRAMING_ERROR: Message length 1001 exceeds maximum 1000"),
        };
        met.connection.send(pattern(largest))?;
        assert_body(&mut met.connection, &pattern(largest))?;
        met.connection.send(pattern(largest + 1))?;
        met.program.says(told);
    }
    Ok(())
}

#[test]
fn the_packages_questions_are_answered_by_hand() -> Told {
    for case in CASES {
        let mut met = case.meet("ask")?;
        let echo = question(&mut met.connection)?;
        assert_eq!(echo, json!({"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {"a": 1}}));
        met.tell(&json!({"jsonrpc": "2.0", "id": echo["id"], "result": {"got": echo["params"]}}))?;
        met.program.says(r#"result {"got":{"a":1}}"#);

        let fail = question(&mut met.connection)?;
        assert_eq!(fail, json!({"jsonrpc": "2.0", "id": 2, "method": "fail"}));
        met.tell(&json!({"jsonrpc": "2.0", "id": fail["id"], "error": {"code": -32000, "message": "no"}}))?;
        met.program.says(r#"Request failed: {"code":-32000,"message":"no"}"#);

        let ping = question(&mut met.connection)?;
        assert_eq!(ping, json!({"jsonrpc": "2.0", "method": "ping", "params": [1]}));
        assert!(met.connection.recv()?.is_none());
        drop(met.connection);
        met.program.says("ended");
    }
    Ok(())
}

#[test]
fn questions_by_hand_are_answered_by_the_packages_channel() -> Told {
    for case in CASES {
        let mut met = case.meet("answer")?;
        met.tell(&json!({"jsonrpc": "2.0", "id": 7, "method": "echo", "params": {"a": 1}}))?;
        assert_body(&mut met.connection, br#"{"jsonrpc":"2.0","id":7,"result":{"got":{"a":1}}}"#)?;
        met.tell(&json!({"jsonrpc": "2.0", "id": "eight", "method": "fail"}))?;
        let refusal = br#"{"jsonrpc":"2.0","id":"eight","error":{"code":-32603,"message":"nope","data":{}}}"#;
        assert_body(&mut met.connection, refusal)?;
        met.tell(&json!({"jsonrpc": "2.0", "method": "ping", "params": [1]}))?;
        met.program.says("ping [1]");
        met.close()?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
struct Case {
    wire: Wire,
    listener: Listener,
}

#[derive(Debug, Clone, Copy)]
enum Listener {
    Ginnel,
    Package,
}

impl Case {
    const fn new(wire: Wire, listener: Listener) -> Self {
        Self { wire, listener }
    }

    fn meet(self, role: &str) -> Result<Met, Box<dyn StdError>> {
        self.meet_with(role, &[], ConnectionOptions::new())
    }

    /// Starts a program of the package in this role, and connects with it.
    fn meet_with(
        self,
        role: &str,
        more: &[&str],
        options: ConnectionOptions,
    ) -> Result<Met, Box<dyn StdError>> {
        // Shown if the test fails.
        println!("{self:?}");
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("s");
        let wire = if matches!(self.wire, Wire::Lines) { "lines" } else { "length-prefixed" };
        let arguments = [&[wire, role][..], more].concat();
        let deadline = Some(Instant::now() + PATIENCE);
        let (stream, program) = match self.listener {
            Listener::Ginnel => {
                let mut listener = Stream::listen(&path)?;
                listener.set_deadline(deadline)?;
                let program = Program::start("client.mjs", &path, &arguments);
                (listener.accept()?, program)
            }
            Listener::Package => {
                let program = Program::start("server.mjs", &path, &arguments);
                program.says("listening");
                (Stream::connect(&path)?, program)
            }
        };
        let mut connection = Connection::over(stream, &options.wire(self.wire));
        connection.set_deadline(deadline);
        Ok(Met { connection, program, _directory: directory })
    }
}

/// A connection, and who is at its other end.
struct Met {
    connection: Connection,
    program: Program,
    _directory: TempDir,
}

impl Met {
    fn tell(&mut self, value: &Value) -> Told {
        Ok(self.connection.send(value.to_string())?)
    }

    /// Both sides end, and nobody calls it an error.
    fn close(self) -> Told {
        self.connection.close(PATIENCE)?;
        self.program.says("ended");
        Ok(())
    }
}

fn question(connection: &mut Connection) -> Result<Value, Box<dyn StdError>> {
    let message = connection.recv()?.ok_or("it ended early")?;
    Ok(serde_json::from_slice(&message.body)?)
}

fn assert_body(connection: &mut Connection, expected: &[u8]) -> Told {
    let message = connection.recv()?.ok_or("it ended early")?;
    // Not `assert_eq!`, which would print a megabyte.
    assert!(message.body == expected, "{} bytes came, {} were expected", message.body.len(), expected.len());
    Ok(())
}

/// Bytes of all values but the one that ends a line. `pattern` in `roles.mjs` is the same.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| ((at * 7 + length) % 245 + 11) as u8).collect()
}

/// A program of the package, and the lines that it says. It ends with its owner.
struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    fn start(script: &str, path: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new("node");
        command.arg(installed().join(script)).arg(path).args(arguments);
        // The program ends when its input does, so it does not outlive a test that is killed.
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = match spawned {
            Err(error) if error.kind() == ErrorKind::NotFound => panic!(
                "node is missing: install Node.js 18 or newer with npm (on Debian: apt install nodejs npm)"
            ),
            spawned => spawned.expect("node starts"),
        };
        let lines = lines_of(child.stdout.take().expect("it was asked to be piped"));
        Self { child, lines }
    }

    /// Waits for the next line, which has to be this one.
    fn says(&self, expected: &str) {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => assert_eq!(line, expected),
            Err(error) => panic!("the package does not say {expected:?}: {error}"),
        }
    }
}

impl Drop for Program {
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

/// The directory of the programs, with the package in it.
fn installed() -> PathBuf {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop/procwire");
    assert!(
        directory.join("node_modules/@procwire/transport/package.json").is_file(),
        "@procwire/transport is missing: run `cargo xtask test --only interop`, or `npm ci --ignore-scripts` in {}",
        directory.display()
    );
    directory
}

const CASES: [Case; 4] = [
    Case::new(Wire::LengthPrefixed, Listener::Ginnel),
    Case::new(Wire::LengthPrefixed, Listener::Package),
    Case::new(Wire::Lines, Listener::Ginnel),
    Case::new(Wire::Lines, Listener::Package),
];

const SIZES: [usize; 4] = [0, 1, 64 << 10, 1 << 20];

/// How long anything may take: far more than it does.
const PATIENCE: Duration = Duration::from_secs(60);
