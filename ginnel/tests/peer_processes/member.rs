use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A process that takes part: this test binary again, running `member` alone. Killed at the end.
pub(crate) struct Member {
    pub(crate) child: Child,
    hears: ChildStdin,
    says: BufReader<ChildStderr>,
    /// A child that it has forked, to be ended with it.
    pub(crate) orphan: Option<Pid>,
}

impl Member {
    /// Starts one; it takes part once it says so.
    pub(crate) fn start(path: &Path, standby: bool) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "member", "--nocapture", "--test-threads=1"])
            .env("GINNEL_MEMBER", path)
            .env("GINNEL_STANDBY", if standby { "1" } else { "" })
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stderr.take().unwrap());
        let hears = child.stdin.take().unwrap();
        Self { child, hears, says, orphan: None }
    }

    pub(crate) fn listens(path: &Path) -> Self {
        let mut first = Self::start(path, true);
        first.until("role Listener");
        first
    }

    /// One who is connected to this one.
    pub(crate) fn follows(path: &Path, listener: &Self, standby: bool) -> Self {
        let mut next = Self::start(path, standby);
        next.until(&format!("joined {}", listener.pid()));
        next
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.says.read_line(&mut line).unwrap() > 0, "it has ended");
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

    /// Says what it says next of these two.
    pub(crate) fn either(&mut self, one: &str, other: &str) -> String {
        loop {
            let line = self.line();
            if line.starts_with(one) || line.starts_with(other) {
                return line;
            }
        }
    }

    pub(crate) fn tell(&mut self, order: &str) {
        writeln!(self.hears, "{order}").unwrap();
    }

    /// Its role and the count of sockets, as it knows them.
    pub(crate) fn stands(&mut self) -> String {
        self.tell("ask");
        self.until("stands")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
        if let Some(orphan) = self.orphan.take() {
            // It may have ended by its own alarm.
            let _ = kill_process(orphan, Signal::KILL);
        }
    }
}
