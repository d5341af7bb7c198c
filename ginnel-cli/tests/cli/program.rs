//! The program under test, running.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use serde_json::Value;

/// The program, not started yet. It talks JSON, and gives up by itself rather than hang a test.
pub(crate) fn ginnel(words: &str, directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ginnel"));
    let words = placed(words, directory);
    let mut words = words.iter();
    command.args(words.next()).arg("--json").current_dir(directory);
    if !words.clone().any(|word| word == "--timeout") {
        command.args(["--timeout", "30"]);
    }
    command.args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end with this standard input.
pub(crate) fn run(mut command: Command, input: impl Into<Vec<u8>>) -> Finished {
    let mut running = Running::start(command.stdin(Stdio::piped()));
    running.type_in(input);
    running.finish()
}

/// The program, running. Dropping it kills it.
pub(crate) struct Running {
    pub(crate) child: Child,
    events: BufReader<ChildStderr>,
}

/// What it left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) events: Vec<Value>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let events = BufReader::new(child.stderr.take().unwrap());
        Self { child, events }
    }

    /// Starts it and waits until it listens.
    pub(crate) fn listening(command: &mut Command) -> Self {
        let mut running = Self::start(command);
        running.event("listening");
        running
    }

    /// Reads on until this event comes.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        let mut line = String::new();
        while self.events.read_line(&mut line).unwrap() > 0 {
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["event"] == name {
                return event;
            }
            assert_ne!(event["event"], "error", "{event}");
            line.clear();
        }
        panic!("it ended without the event {name:?}");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives it this standard input and its end, without waiting for it to be read.
    pub(crate) fn type_in(&mut self, input: impl Into<Vec<u8>>) {
        let mut stdin = self.child.stdin.take().unwrap();
        let input = input.into();
        // A program that does not read everything is some tests' point.
        std::thread::spawn(move || stdin.write_all(&input));
    }

    /// The next line of standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        let stdout = self.child.stdout.as_mut().unwrap();
        let mut byte = [0];
        while stdout.read(&mut byte).unwrap() > 0 && byte != *b"\n" {
            line.extend(byte);
        }
        lines(String::from_utf8(line).unwrap())
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Finished {
        let mut stdout = Vec::new();
        if let Some(mut output) = self.child.stdout.take() {
            output.read_to_end(&mut stdout).unwrap();
        }
        let mut text = String::new();
        self.events.read_to_string(&mut text).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "half a line: {text:?}");
        let events = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Finished { status: self.child.wait().unwrap(), stdout, events }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Its standard output, after success.
    pub(crate) fn text(self) -> String {
        assert!(self.status.success(), "{self:?}");
        lines(String::from_utf8(self.stdout).unwrap())
    }

    /// Its exit code and its last words.
    pub(crate) fn failure(self) -> (i32, String) {
        let error = self.events.iter().find(|event| event["event"] == "error");
        let (code, error) = (self.status.code().unwrap(), error.unwrap());
        assert_eq!(error["code"], code, "{error}");
        (code, error["message"].as_str().unwrap().to_owned())
    }
}
