//! Names and processes that are gone when the demo ends, however it ends.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::part::{READY, Role};
use super::system::{Place, Voice};

/// Where the steps take place.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) place: Place,
    deadline: Instant,
}

impl Stage {
    /// A place of its own, for this user alone.
    pub(super) fn set(deadline: Instant) -> Result<Self> {
        Ok(Self { place: Place::make()?, deadline })
    }

    /// Where something called so listens.
    pub(super) fn address(&self, name: &str) -> OsString {
        self.place.address(name)
    }

    /// When every wait is over.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Starts a part and waits until it listens at this address.
    pub(super) fn start(&self, role: Role, address: &OsStr) -> Result<Part> {
        Part::start(role, address, self.deadline, [Stdio::null(), Stdio::inherit()])?.once_ready()
    }

    /// Starts a part with something as its standard input, and waits until it is ready.
    #[cfg(unix)]
    pub(super) fn start_with(&self, role: Role, input: impl Into<Stdio>) -> Result<Part> {
        let nowhere = OsStr::new("-");
        Part::start(role, nowhere, self.deadline, [input.into(), Stdio::inherit()])?.once_ready()
    }

    /// Starts a part that is expected to fail, and returns what it said.
    pub(super) fn start_in_vain(&self, role: Role, address: &OsStr) -> Result<(u32, String)> {
        // What it tells people is expected, and would only disturb them.
        let mut part = Part::start(role, address, self.deadline, [Stdio::null(), Stdio::null()])?;
        Ok((part.pid(), part.line()?))
    }
}

/// Another process of the demo. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub(super) struct Part {
    process: Child,
    /// Its standard output.
    voice: Voice,
}

impl Part {
    fn start(
        role: Role,
        address: &OsStr,
        deadline: Instant,
        [input, complaints]: [Stdio; 2],
    ) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.args(["demo-part", role.name]).arg(address).stdin(input).stderr(complaints);
        let (process, voice) = Voice::of(command, deadline)?;
        Ok(Self { process, voice })
    }

    fn once_ready(mut self) -> Result<Self> {
        let line = self.line()?;
        ensure!(line == READY, "{} said {line:?} where {READY:?} was expected", self.pid());
        Ok(self)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next line that it says. It says few, so they are read byte by byte.
    fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        while line.len() < 200 {
            let n = self.voice.read(&mut byte).with_context(|| format!("{} said nothing", self.pid()))?;
            if n == 0 {
                bail!("{} ended in silence", self.pid());
            }
            if byte == *b"\n" {
                break;
            }
            line.push(byte[0]);
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Ends it at once, without asking it, and waits for the end.
    pub(super) fn kill(mut self) -> io::Result<()> {
        self.process.kill()?;
        self.process.wait().map(|_| ())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself, or been killed and waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
