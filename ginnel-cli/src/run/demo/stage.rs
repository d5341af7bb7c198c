//! A directory and processes that are gone when the demo ends, however it ends.

use std::fs::{self, DirBuilder};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use ginnel::Stream;

use super::part::{READY, Role};

/// Where the steps take place.
#[derive(Debug)]
pub(super) struct Stage {
    directory: PathBuf,
    deadline: Instant,
}

impl Stage {
    /// Makes a directory of its own, for this user alone.
    pub(super) fn set(deadline: Instant) -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("ginnel-demo-{}", token()?));
        let made = DirBuilder::new().mode(0o700).create(&directory);
        made.with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(Self { directory, deadline })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// When every wait is over.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Starts a part and waits until it listens at `path`.
    pub(super) fn start(&self, role: Role, path: &Path) -> Result<Part> {
        Part::start(role, path, self.deadline, [Stdio::null(), Stdio::inherit()])?.once_ready()
    }

    /// Starts a part that has this socket as its standard input, and waits until it is ready.
    pub(super) fn start_with(&self, role: Role, socket: OwnedFd) -> Result<Part> {
        Part::start(role, &self.directory, self.deadline, [socket.into(), Stdio::inherit()])?.once_ready()
    }

    /// Starts a part that is expected to fail, and returns what it said.
    pub(super) fn start_in_vain(&self, role: Role, path: &Path) -> Result<(u32, String)> {
        // What it tells people is expected, and would only disturb them.
        let mut part = Part::start(role, path, self.deadline, [Stdio::null(), Stdio::null()])?;
        Ok((part.pid(), part.line()?))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Nobody is left to tell, and the system clears its directory of temporary files.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Something that nobody could have known before: 32 hexadecimal digits.
pub(super) fn token() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Another process of the demo. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub(super) struct Part {
    process: Child,
    /// Its standard output.
    voice: Stream,
}

impl Part {
    fn start(role: Role, path: &Path, deadline: Instant, [input, complaints]: [Stdio; 2]) -> Result<Self> {
        let (mut voice, theirs) = Stream::pair()?;
        voice.set_deadline(Some(deadline))?;
        let program = std::env::current_exe().context("cannot find this program")?;
        let process = Command::new(program)
            .args(["demo-part", role.name()])
            .arg(path)
            .stdin(input)
            .stdout(OwnedFd::from(theirs))
            .stderr(complaints)
            .spawn()
            .context("cannot start a process")?;
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

    /// Sends SIGKILL and waits for the end.
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
