//! What the kernel says about a process and about all sockets, and what a process may have.

use std::fs;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// What a process holds at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Holding {
    /// Resident memory, in bytes.
    pub(crate) resident: u64,
    /// The most it ever was since [`forget_peak`].
    pub(crate) peak: u64,
    pub(crate) descriptors: u64,
}

impl Holding {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).context("asking about a process")?;
        Ok(Self {
            resident: kilobytes(&status, "VmRSS:")?,
            peak: kilobytes(&status, "VmHWM:")?,
            descriptors: descriptors(pid)?,
        })
    }
}

pub(crate) fn descriptors(pid: u32) -> Result<u64> {
    let all = fs::read_dir(format!("/proc/{pid}/fd")).context("listing descriptors")?;
    Ok(all.count() as u64)
}

/// Lets the peak of resident memory begin anew: `clear_refs`, proc(5).
pub(crate) fn forget_peak(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("forgetting a peak")
}

/// Sockets of the local family, whoever has them.
pub(crate) fn local_sockets() -> Result<u64> {
    let text = fs::read_to_string("/proc/net/unix").context("counting sockets")?;
    Ok(text.lines().skip(1).count() as u64)
}

/// The kernel's own memory for all of its small objects, in bytes: sockets and what is queued in them are among them.
pub(crate) fn kernel_memory() -> Result<u64> {
    kilobytes(&fs::read_to_string("/proc/meminfo").context("asking about memory")?, "Slab:")
}

fn kilobytes(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number =
        line.and_then(|line| line.split_whitespace().next()).with_context(|| format!("no {name}"))?;
    Ok(number.parse::<u64>()? * 1024)
}

/// As many descriptors as this process may ask for. How many that is.
pub(crate) fn raise_descriptor_limit() -> Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    set_descriptor_limit(limit.maximum)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// `None`: no limit.
pub(crate) fn set_descriptor_limit(most: Option<u64>) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: most, ..limit }).context("setting the limit of descriptors")
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Becomes another user and group of this number, for good. Only before other threads are started: the kernel's call
/// changes one.
pub(crate) fn become_user(number: u32) -> Result<()> {
    let (user, group) = (rustix::process::Uid::from_raw(number), rustix::process::Gid::from_raw(number));
    set_thread_groups(&[]).context("leaving all groups")?;
    set_thread_res_gid(group, group, group).context("becoming another group")?;
    set_thread_res_uid(user, user, user).context("becoming another user")
}
