//! Parts that are played by processes of their own: this test program again, running one test alone.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

use super::Place;

/// Where the part is to play, for the process that plays it.
const PLACE: &str = "GINNEL_PLACE";

/// The place that this process was started for; `None` in the process that runs all tests.
pub(crate) fn given_place() -> Option<Place> {
    env::var_os(PLACE).map(Place::from)
}

/// A process that plays a part. Killed at the end.
pub(crate) struct Part {
    child: Child,
    hears: ChildStdin,
    says: BufReader<ChildStderr>,
}

impl Part {
    /// Starts one that runs this test, which finds the place by [`given_place`].
    pub(crate) fn start(test: &str, place: &Place) -> Self {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(PLACE, place)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        let says = BufReader::new(child.stderr.take().expect("it is piped"));
        let hears = child.stdin.take().expect("it is piped");
        Self { child, hears, says }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.says.read_line(&mut line).expect("a text") > 0, "it has ended");
        line.trim().to_owned()
    }

    /// Reads until it says something that begins so; says what follows.
    pub(crate) fn until(&mut self, beginning: &str) -> String {
        loop {
            if let Some(rest) = self.line().strip_prefix(beginning) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Gives it an order.
    pub(crate) fn tell(&mut self, order: &str) {
        writeln!(self.hears, "{order}").expect("it listens");
    }

    /// Ends it at once. What it holds is given back by the system before this returns.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.kill();
    }
}
