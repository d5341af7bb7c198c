//! Many peers at one path, each in a process of its own, and what they say of themselves.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ginnel::SeqPacket;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::process::{Pid, Signal, kill_process};

use crate::report::{Order, Report, Told, now};

/// How a herd lives.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    pub(crate) no_standby: bool,
    /// What is measured is not to be slowed down by what is told.
    pub(crate) quiet: bool,
    /// Half of them are driven by threads of their own.
    pub(crate) mixed: bool,
}

/// Many peers at one path.
#[derive(Debug)]
pub(crate) struct Herd {
    directory: PathBuf,
    habits: Habits,
    /// What members say.
    lines: OwnedFd,
    pub(crate) members: Vec<Member>,
    last: usize,
    /// Children that were forked by members, and keep what those had.
    children: Vec<i32>,
    /// Two leaders at once are not an error for now: the lock file was taken from them.
    pub(crate) robbed: bool,
    /// What was said and done of late.
    log: VecDeque<String>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) number: usize,
    child: Child,
    line: SeqPacket,
    /// What it said last.
    pub(crate) state: Told,
    /// When it said that.
    pub(crate) since: u64,
    pub(crate) is_stopped: bool,
    pub(crate) driven: bool,
}

impl Herd {
    pub(crate) fn new(directory: &Path, habits: Habits) -> Result<Self> {
        let (directory, lines) = (directory.to_owned(), epoll::create(CreateFlags::CLOEXEC)?);
        Ok(Self {
            lines,
            directory,
            habits,
            members: Vec::new(),
            last: 0,
            children: Vec::new(),
            robbed: false,
            log: VecDeque::new(),
        })
    }

    /// Where they meet.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join("s")
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts one more.
    pub(crate) fn start(&mut self) -> Result<()> {
        self.last += 1;
        let number = self.last;
        let (line, theirs) = SeqPacket::pair()?;
        let others = self.members.iter().filter(|member| member.driven).count();
        let driven = self.habits.mixed && others * 2 <= self.members.len();
        let mut command = Command::new("/proc/self/exe");
        command.arg("member").arg("--path").arg(self.path()).args(["--number", &number.to_string()]);
        if self.habits.no_standby {
            command.arg("--no-standby");
        }
        if self.habits.quiet {
            command.arg("--quiet");
        }
        if driven {
            command.arg("--driven");
        }
        let child =
            command.stdin(Stdio::from(OwnedFd::from(theirs))).spawn().context("a member does not start")?;
        let state = Told::Seeks;
        epoll::add(&self.lines, &line, EventData::new_u64(number as u64), EventFlags::IN)?;
        self.members.push(Member { number, child, line, state, since: now(), is_stopped: false, driven });
        Ok(())
    }

    /// Who leads, if one does.
    pub(crate) fn leader(&self) -> Option<usize> {
        self.members.iter().position(|member| member.state == Told::Leads)
    }

    /// Sends one a signal.
    pub(crate) fn signal(&mut self, at: usize, signal: Signal) -> Result<()> {
        let member = &mut self.members[at];
        match signal {
            Signal::STOP => member.is_stopped = true,
            Signal::CONT => member.is_stopped = false,
            _ => {}
        }
        kill_process(member.pid(), signal).context("a member cannot be signalled")?;
        if signal == Signal::STOP { member.await_stop() } else { Ok(()) }
    }

    /// Kills one, and tells when that was. It is reaped later: its death must not wait for that.
    pub(crate) fn kill(&mut self, at: usize) -> Result<(u64, Member)> {
        let when = now();
        self.signal(at, Signal::KILL)?;
        Ok((when, self.members.swap_remove(at)))
    }

    /// What they said counts no more: their leader is gone.
    pub(crate) fn forget(&mut self) {
        self.members.iter_mut().for_each(|member| member.state = Told::Seeks);
    }

    /// Tells one to do something.
    pub(crate) fn order(&mut self, at: usize, order: Order) -> Result<()> {
        let member = &mut self.members[at];
        if order == Order::Leave {
            // It gives up the path before it can say so.
            member.state = Told::Seeks;
        }
        Ok(member.line.send(order.encode())?)
    }

    /// Lets a member fork a child that keeps every descriptor.
    pub(crate) fn fork(&mut self, at: usize) -> Result<()> {
        let before = self.children.len();
        self.order(at, Order::Fork)?;
        let until = Instant::now() + PATIENCE;
        while self.children.len() == before {
            ensure!(Instant::now() < until, "a member does not fork");
            self.listen(Duration::from_millis(100))?;
        }
        Ok(())
    }

    /// Ends what members have forked.
    pub(crate) fn end_children(&mut self) {
        for child in self.children.drain(..) {
            if let Some(child) = Pid::from_raw(child) {
                // It may have ended by itself.
                let _ = kill_process(child, Signal::KILL);
            }
        }
    }

    /// Takes what members say, for so long at most. `false`: nobody has said anything.
    pub(crate) fn listen(&mut self, length: Duration) -> Result<bool> {
        let mut events = [MaybeUninit::uninit(); 1024];
        let timeout = Timespec::try_from(length)?;
        let ready: Vec<_> = match epoll::wait(&self.lines, &mut events, Some(&timeout)) {
            Ok((events, _)) => events.iter().map(|event| event.data.u64() as usize).collect(),
            Err(rustix::io::Errno::INTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if ready.is_empty() {
            return Ok(false);
        }
        for number in ready {
            if let Some(at) = self.members.iter().position(|member| member.number == number) {
                self.hear(at)?;
            }
        }
        self.check_leaders()?;
        Ok(true)
    }

    fn hear(&mut self, at: usize) -> Result<()> {
        let member = &mut self.members[at];
        let Some(packet) = member.line.recv()? else { bail!("member {} is gone", member.number) };
        let report = Report::decode(&packet.body)?;
        let said = format!("{} {:?} at {:.3} ms", member.number, report.what, report.at as f64 / 1e6);
        self.log.push_back(said);
        let member = &mut self.members[at];
        match report.what {
            Told::Child(pid) => self.children.push(pid),
            // It tries again by itself.
            Told::Trouble(why) if self.robbed => drop(why),
            Told::Trouble(why) => bail!("member {} is in trouble: {why}", member.number),
            what => (member.state, member.since) = (what, report.at),
        }
        Ok(())
    }

    /// At most one of those who live believes that it leads.
    fn check_leaders(&self) -> Result<()> {
        let leaders: Vec<_> = self
            .members
            .iter()
            .filter(|member| member.state == Told::Leads)
            .map(|member| member.number)
            .collect();
        ensure!(leaders.len() <= 1 || self.robbed, "members {leaders:?} lead at the same time");
        Ok(())
    }

    /// Waits until one leads and all others who run follow it.
    pub(crate) fn heal(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        // With many the listening itself would take the processors from them.
        let pause = if self.members.len() > MANY { Duration::from_millis(2) } else { Duration::ZERO };
        while !self.is_healthy() {
            thread::sleep(pause);
            if Instant::now() > until {
                bail!("not healed after {PATIENCE:?}: {}", self.tell());
            }
            self.listen(Duration::from_millis(100))?;
        }
        self.robbed = false;
        self.check_leaders()
    }

    fn is_healthy(&self) -> bool {
        let mut running = self.members.iter().filter(|member| !member.is_stopped);
        let leaders: Vec<_> = self.members.iter().filter(|member| member.state == Told::Leads).collect();
        let [leader] = leaders[..] else { return false };
        let follows = |member: &Member| member.state == Told::Follows(leader.number);
        running.all(|member| member.number == leader.number || follows(member))
    }

    fn tell(&self) -> String {
        let tell = |member: &Member| {
            format!("{} {:?}{}", member.number, member.state, if member.is_stopped { " stopped" } else { "" })
        };
        let names = self.names().unwrap_or_default().join(" ");
        format!("{} [{names}]", self.members.iter().map(tell).collect::<Vec<_>>().join(", "))
    }

    /// The names in the directory.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.directory)?;
        let mut names: Vec<_> = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<_>>()?;
        names.sort();
        Ok(names)
    }

    /// Notes what is done, and forgets what was long ago.
    pub(crate) fn note(&mut self, what: String) {
        self.log.push_back(format!("{what} at {:.3} ms", now() as f64 / 1e6));
        let old = self.log.len().saturating_sub(LOG);
        self.log.drain(..old);
    }

    /// What was said and done of late.
    pub(crate) fn story(&self) -> String {
        self.log.iter().map(|line| format!("\n    {line}")).collect()
    }

    /// Ends everybody.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.end_children();
        while !self.members.is_empty() {
            self.kill(0)?.1.reap()?;
        }
        Ok(())
    }
}

impl Drop for Herd {
    fn drop(&mut self) {
        // Whoever is left ends with the line to it.
        let _ = self.end();
    }
}

impl Member {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until it has stopped: a signal is on its way for a while, and whoever goes on for that long may take a lock
    /// with it into its sleep.
    fn await_stop(&self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()))?;
            let states = tasks.map(|task| Ok(fs::read_to_string(task?.path().join("stat"))?));
            let states: Vec<String> = states.collect::<Result<_>>()?;
            // The state stands behind the name, which is in brackets.
            if states
                .iter()
                .all(|state| state.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" T")))
            {
                return Ok(());
            }
            ensure!(Instant::now() < until, "member {} does not stop", self.number);
            thread::yield_now();
        }
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> io::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// How often its threads have gone to sleep by themselves.
    pub(crate) fn waits(&self) -> Result<u64> {
        let mut waits = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let status = fs::read_to_string(thread?.path().join("status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            waits += line.context("no count of waits")?.trim().parse::<u64>()?;
        }
        Ok(waits)
    }

    pub(crate) fn reap(mut self) -> io::Result<()> {
        self.child.wait().map(drop)
    }
}

/// So many are listened to every now and then.
const MANY: usize = 50;

/// Lines that are kept of what was said and done.
const LOG: usize = 60;

/// How long anything may take before it counts as broken.
const PATIENCE: Duration = Duration::from_secs(10);
