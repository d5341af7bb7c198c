//! What the demo asks of Windows: names of pipes, a clock, what a process is and has.
#![expect(unsafe_code, reason = "the system writes how much memory a process has")]

use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::process::{self, Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use ginnel::Credentials;
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

use crate::run::input::Input;

/// What all names begin with. Pipes go with those who listen, so there is nothing to remove.
#[derive(Debug)]
pub(in crate::run::demo) struct Place(String);

impl Place {
    pub(in crate::run::demo) fn make() -> Result<Self> {
        Ok(Self(format!(r"\\.\pipe\ginnel-demo-{}", token()?)))
    }

    pub(in crate::run::demo) fn address(&self, name: &str) -> OsString {
        format!("{}-{name}", self.0).into()
    }
}

/// What a process says, which a thread reads: an anonymous pipe has no deadlines.
pub(in crate::run::demo) type Voice = Input;

impl Voice {
    /// Starts a process that can be heard.
    pub(in crate::run::demo) fn of(mut command: Command, deadline: Instant) -> Result<(Child, Self)> {
        let mut process = command.stdout(Stdio::piped()).spawn().context("cannot start a process")?;
        let voice = process.stdout.take().context("a process has no standard output")?;
        Ok((process, Self::from(voice, Some(deadline))?))
    }
}

/// Something that nobody could have known before: 32 hexadecimal digits. The keys of std's hashes are random.
#[expect(clippy::unnecessary_wraps, reason = "it may fail elsewhere")]
pub(in crate::run::demo) fn token() -> io::Result<String> {
    let half = || RandomState::new().hash_one(process::id());
    Ok(format!("{:016x}{:016x}", half(), half()))
}

/// The time of a clock that all processes share, in nanoseconds.
pub(in crate::run::demo) fn nanos() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Bytes of this process that are in memory. `GetProcessMemoryInfo`
pub(in crate::run::demo) fn resident() -> Result<usize> {
    let size = size_of::<PROCESS_MEMORY_COUNTERS>();
    let mut counters = PROCESS_MEMORY_COUNTERS { cb: u32::try_from(size)?, ..Default::default() };
    // SAFETY: this process' own handle is always good; as many bytes are written as the structure has, which says so.
    let told = unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &raw mut counters, counters.cb) };
    if told == 0 {
        return Err(io::Error::last_os_error().into());
    }
    Ok(counters.WorkingSetSize)
}

/// The user whom the system names.
pub(in crate::run::demo) fn user(peer: &Credentials) -> String {
    peer.sid.clone()
}

/// After this long every wait of every process of the demo is over. A process takes long to start.
pub(in crate::run::demo) const LIMIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_some_memory_and_more_if_it_takes_more() {
        let before = resident().unwrap();
        let more = vec![1_u8; 64 << 20];
        assert!(before > 0 && resident().unwrap() > before, "{}", more.len());
    }

    #[test]
    fn no_token_comes_twice() {
        assert_ne!(token().unwrap(), token().unwrap());
    }
}
