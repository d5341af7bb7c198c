//! What the demo asks of Unix: a directory, a clock, what a process is and has.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::{self, Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ginnel::{Credentials, Stream};
use rustix::time::{ClockId, clock_gettime};

/// A directory.
#[derive(Debug)]
pub(in crate::run::demo) struct Place(PathBuf);

impl Place {
    pub(in crate::run::demo) fn make() -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("ginnel-demo-{}", token()?));
        let made = DirBuilder::new().mode(0o700).create(&directory);
        made.with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(Self(directory))
    }

    pub(in crate::run::demo) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(in crate::run::demo) fn address(&self, name: &str) -> OsString {
        self.path(&format!("{name}.sock")).into()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nobody is left to tell, and the system clears its directory of temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a process says, by a socket, which has deadlines.
#[derive(Debug)]
pub(in crate::run::demo) struct Voice(Stream);

impl Voice {
    /// Starts a process that can be heard.
    pub(in crate::run::demo) fn of(mut command: Command, deadline: Instant) -> Result<(Child, Self)> {
        let (mut voice, theirs) = Stream::pair()?;
        voice.set_deadline(Some(deadline))?;
        let process = command.stdout(OwnedFd::from(theirs)).spawn().context("cannot start a process")?;
        Ok((process, Self(voice)))
    }
}

impl Read for Voice {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

/// Something that nobody could have known before: 32 hexadecimal digits.
pub(in crate::run::demo) fn token() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// The time of a clock that all processes share, in nanoseconds. clock_gettime(2)
pub(in crate::run::demo) fn nanos() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// Bytes of this process that are in memory. proc_pid_status(5); ps(1) where there is no such file
pub(in crate::run::demo) fn resident() -> Result<usize> {
    let told = match fs::read_to_string("/proc/self/status") {
        Ok(status) => status.lines().find_map(|line| line.strip_prefix("VmRSS:")).map(str::to_owned),
        Err(_) => {
            let ps = Command::new("ps").args(["-o", "rss=", "-p", &process::id().to_string()]).output()?;
            Some(String::from_utf8(ps.stdout)?)
        }
    };
    let kib = told.as_deref().and_then(|told| told.split_whitespace().next());
    Ok(kib.context("nobody tells how much memory this process has")?.parse::<usize>()? << 10)
}

/// The user whom the kernel names.
pub(in crate::run::demo) fn user(peer: &Credentials) -> String {
    peer.uid.to_string()
}

/// After this long every wait of every process of the demo is over.
pub(in crate::run::demo) const LIMIT: Duration = Duration::from_secs(4);
