//! What a kernel answers at the corners that matter here, as rules that two kernels can be held to.
//!
//! A rule is a script of calls and what it sees, in words. The same scripts run on the [fake kernel](crate::kernel) and
//! on Linux: what they see must be what stands beside them. [`list`] names them.

mod calls;
mod connecting;
mod descriptors;
mod ends;
mod fake;
mod giving;
mod locks;
mod names;
mod noticing;
mod packets;
mod polling;
mod processes;
mod queueing;
#[cfg(test)]
mod real;
mod second;
mod streams;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::Path;

use ginnel_os::sys::{Descriptors, Names, Sys};

pub use fake::{FakeBench, OtherProcess};
pub use second::{Deed, Second};

/// A kernel as one process sees it, and what no call of [`Sys`] can do.
pub trait Bench {
    /// The kernel.
    type Sys: Sys + Names<Pin = <Self::Sys as Descriptors>::Fd>;
    /// Another process; dropping it kills it.
    type Other;

    /// The kernel.
    fn sys(&self) -> &Self::Sys;
    /// An empty directory, and nobody else's.
    fn root(&self) -> &Path;
    /// How many descriptors the process has.
    fn open_count(&self) -> usize;
    /// Leaves room for so many more descriptors; `None`: for as many as there were. `RLIMIT_NOFILE`
    fn leave_room(&self, room: Option<usize>);
    /// The process goes on as a user without privileges.
    fn lose_privileges(&self);
    /// Nobody can send descriptors to this socket from now on. `SO_PASSRIGHTS`
    ///
    /// # Errors
    /// As setsockopt(2); [`Unsupported`](io::ErrorKind::Unsupported) before Linux 6.16.
    fn refuse_fds(&self, fd: &Fd<Self>) -> io::Result<()>;
    /// How many datagrams of strangers a socket holds, less one. `net.unix.max_dgram_qlen`
    fn datagram_limit(&self) -> usize;
    /// A descriptor as messages carry it.
    fn lend<'a>(&self, fd: &'a Fd<Self>) -> <Self::Sys as Descriptors>::Lent<'a>;
    /// A child of this process, which keeps this descriptor for a while longer than the process lives.
    fn leave_child(&self, fd: &Fd<Self>);
    /// Lets others, and threads that wait, go on for a moment.
    fn pass(&self);
    /// Another process that has done this, and lives.
    fn second(&self, deed: Deed) -> Second<Self::Other>;
}

/// A descriptor on a bench.
pub type Fd<B> = <<B as Bench>::Sys as Descriptors>::Fd;

/// What a script saw, in words.
pub type Seen = Vec<String>;

/// A rule: calls, and what a kernel answers.
pub struct Rule<B> {
    /// What it is called.
    pub name: &'static str,
    /// What it says.
    pub says: &'static str,
    /// What is to be seen.
    pub sees: &'static [&'static str],
    script: fn(&B) -> Seen,
}

impl<B: Bench> Rule<B> {
    /// Makes the calls. A descriptor that is left over is seen too.
    pub fn run(&self, bench: &B) -> Seen {
        let before = bench.open_count();
        let mut seen = (self.script)(bench);
        bench.leave_room(None);
        let after = bench.open_count();
        if before != after {
            seen.push(format!("{before} descriptors became {after}"));
        }
        seen
    }
}

impl<B> fmt::Debug for Rule<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("name", &self.name).field("says", &self.says).finish_non_exhaustive()
    }
}

const fn rule<B>(
    name: &'static str,
    says: &'static str,
    sees: &'static [&'static str],
    script: fn(&B) -> Seen,
) -> Rule<B> {
    Rule { name, says, sees, script }
}

/// All rules.
pub fn rules<B: Bench>() -> Vec<Rule<B>> {
    let mut rules = streams::rules();
    rules.extend(ends::rules());
    rules.extend(packets::rules());
    rules.extend(descriptors::rules());
    rules.extend(connecting::rules());
    rules.extend(queueing::rules());
    rules.extend(names::rules());
    rules.extend(locks::rules());
    rules.extend(giving::rules());
    rules.extend(noticing::rules());
    rules.extend(processes::rules());
    rules.extend(polling::rules());
    rules
}

/// What all rules are called and what they say.
pub fn list() -> Vec<(&'static str, &'static str)> {
    rules::<FakeBench>().into_iter().map(|rule| (rule.name, rule.says)).collect()
}
