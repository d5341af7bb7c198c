//! Linux as a bench: each script has a process of its own, for limits, masks and users belong to a process.

use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use ginnel_os::sys::{Descriptors, Kernel};
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, Uid, getrlimit, setrlimit, umask};

use super::second::{Deed, Second, perform};
use super::{Bench, Fd, rules};

/// The real kernel, as this process sees it.
#[derive(Debug)]
pub(super) struct RealBench {
    kernel: Kernel,
    root: PathBuf,
    limit: Rlimit,
}

impl RealBench {
    fn new(root: PathBuf) -> Self {
        umask(Mode::WGRP | Mode::WOTH);
        let limit = Rlimit { current: Some(MOST.into()), ..getrlimit(Resource::Nofile) };
        setrlimit(Resource::Nofile, limit).expect("any process may have so many descriptors");
        Self { kernel: Kernel::default(), root, limit }
    }
}

/// A child that waits until it is killed.
pub(super) struct OtherProcess(Child);

impl Drop for OtherProcess {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("a child can be killed");
    }
}

impl Bench for RealBench {
    type Sys = Kernel;
    type Other = OtherProcess;

    fn sys(&self) -> &Kernel {
        &self.kernel
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn open_count(&self) -> usize {
        (0..MOST).filter(|&number| self.kernel.duplicate(number).is_ok()).count()
    }

    fn leave_room(&self, room: Option<usize>) {
        let mut free = (0..MOST).filter(|&number| self.kernel.duplicate(number).is_err());
        let limit = match room {
            // Every number below is taken but for so many.
            Some(room) => Rlimit { current: free.nth(room).map(u64::from), ..self.limit },
            None => self.limit,
        };
        setrlimit(Resource::Nofile, limit).expect("a limit can be set");
    }

    fn lose_privileges(&self) {
        if rustix::process::geteuid().is_root() {
            rustix::thread::set_thread_uid(Uid::from_raw(NOBODY)).expect("root may become anybody");
        }
    }

    fn refuse_fds(&self, fd: &Fd<Self>) -> io::Result<()> {
        match ginnel_os::refuse_fds(fd.as_fd())? {
            true => Ok(()),
            false => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn datagram_limit(&self) -> usize {
        let limit =
            std::fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen").expect("Linux has such a limit");
        limit.trim().parse().expect("it is a number")
    }

    fn lend<'a>(&self, fd: &'a Fd<Self>) -> std::os::fd::BorrowedFd<'a> {
        fd.as_fd()
    }

    fn leave_child(&self, fd: &Fd<Self>) {
        let kept = fd.try_clone().expect("a number is left");
        let mut sleeper = Command::new("sleep");
        sleeper.arg("2").stdin(kept).stdout(Stdio::null()).stderr(Stdio::null());
        drop(sleeper.spawn().expect("a child can be started"));
    }

    fn pass(&self) {
        thread::sleep(Duration::from_millis(1));
    }

    fn second(&self, deed: Deed) -> Second<OtherProcess> {
        let mut child = child(&format!("{deed:?}"), &self.root).spawn().expect("a child can be started");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let said = lines.map_while(Result::ok).find_map(|line| marked(&line));
        Second { said: said.unwrap_or_default(), process: OtherProcess(child) }
    }
}

/// Has a child run one rule in a directory. Each thing that it saw is a line.
pub(super) fn run_elsewhere(rule: &str, root: &Path) -> Vec<String> {
    let output = child(rule, root).stdin(Stdio::null()).output().expect("a child can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut seen: Vec<String> = text.lines().filter_map(marked).collect();
    if !output.status.success() {
        seen.push(format!("{} {text}", output.status));
    }
    seen
}

/// What a child does: a rule, or what a rule wants of a second process.
pub(super) fn be_a_child() {
    let (Ok(task), Ok(root)) = (std::env::var(TASK), std::env::var(ROOT)) else { return };
    let bench = RealBench::new(root.into());
    if let Some(rule) = rules().into_iter().find(|rule| rule.name == task) {
        rule.run(&bench).iter().for_each(|seen| println!("\n{MARK}{seen}"));
    }
    if let Some(&deed) = Deed::ALL.iter().find(|deed| format!("{deed:?}") == task) {
        let (said, _held) = perform(&bench, deed);
        println!("\n{MARK}{said}");
        // Nothing is ever written: it waits to be killed, or for whoever started it to end.
        let _ = io::stdin().lines().next();
    }
}

fn child(task: &str, root: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test knows its file"));
    command.args(["--exact", "conform::tests::a_process_for_one_script", "--nocapture"]);
    command.env(TASK, task).env(ROOT, root).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn marked(line: &str) -> Option<String> {
    line.strip_prefix(MARK).map(str::to_owned)
}

const TASK: &str = "GINNEL_CONFORM_TASK";
const ROOT: &str = "GINNEL_CONFORM_ROOT";
/// The harness prints lines too.
const MARK: &str = "seen: ";
/// Descriptor numbers are below.
const MOST: u16 = 1024;
/// A user without privileges.
const NOBODY: u32 = 65534;
