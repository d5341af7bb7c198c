//! Rounds of chaos: something is done to a herd, and then it must be healthy again.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;

use crate::herd::{Habits, Herd};
use crate::report::{Order, Told};

/// What is done in a round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    /// The leader is killed.
    Kill,
    /// The leader is killed, and a moment later somebody else.
    KillTwo,
    /// The leader is killed while another starts.
    KillAndStart,
    /// Somebody is stopped, the leader is killed, and the stopped one goes on.
    StopAndKill,
    /// The leader is stopped for a while.
    StopLeader,
    /// The leader forks a child that keeps every descriptor, and is killed.
    ForkAndKill,
    /// A member leaves in order.
    Leave,
    /// The socket file is deleted.
    DeleteSocket,
    /// The lock file is deleted.
    DeleteLock,
    /// The directory is deleted, and comes back.
    DeleteDirectory,
}

impl Deed {
    pub(crate) const ALL: [Self; 10] = [
        Self::Kill,
        Self::KillTwo,
        Self::KillAndStart,
        Self::StopAndKill,
        Self::StopLeader,
        Self::ForkAndKill,
        Self::Leave,
        Self::DeleteSocket,
        Self::DeleteLock,
        Self::DeleteDirectory,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::KillTwo => "kill-two",
            Self::KillAndStart => "kill-and-start",
            Self::StopAndKill => "stop-and-kill",
            Self::StopLeader => "stop-leader",
            Self::ForkAndKill => "fork-and-kill",
            Self::Leave => "leave",
            Self::DeleteSocket => "delete-socket",
            Self::DeleteLock => "delete-lock",
            Self::DeleteDirectory => "delete-directory",
        }
    }

    /// Does it take files away that a leader relies on?
    const fn robs(self) -> bool {
        matches!(self, Self::DeleteSocket | Self::DeleteLock | Self::DeleteDirectory)
    }

    pub(crate) const fn is_kill(self) -> bool {
        matches!(self, Self::Kill | Self::KillTwo)
    }
}

/// Many rounds, one after the other.
#[derive(Debug)]
pub(crate) struct Rounds {
    herd: Herd,
    peers: usize,
    random: fastrand::Rng,
    /// The most descriptors that a connector may have.
    allowed: Option<usize>,
    /// The longest heal after a fork.
    pub(crate) longest_fork: Duration,
}

impl Rounds {
    pub(crate) fn new(directory: &Path, peers: usize, seed: u64) -> Result<Self> {
        let mut herd = Herd::new(directory, Habits { mixed: true, ..Habits::default() })?;
        for _ in 0..peers {
            herd.start()?;
        }
        herd.heal()?;
        let random = fastrand::Rng::with_seed(seed);
        Ok(Self { herd, peers, random, allowed: None, longest_fork: Duration::ZERO })
    }

    /// Does one thing to them, and checks everything afterwards.
    pub(crate) fn round(&mut self, deed: Deed) -> Result<()> {
        self.herd.note(format!("{deed:?}"));
        let done = self.done(deed).and_then(|()| self.fill_up()).and_then(|()| self.settle(deed));
        done.with_context(|| format!("after {deed:?}, which went so:{}", self.herd.story()))
    }

    /// Waits until all is well. Whoever was robbed of a file may not have noticed yet, and seem well.
    fn settle(&mut self, deed: Deed) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            self.herd.heal()?;
            match self.check() {
                Err(_) if deed.robs() && Instant::now() < until => {
                    self.herd.robbed = true;
                    self.herd.listen(Duration::from_millis(10))?;
                }
                checked => return checked,
            }
        }
    }

    fn done(&mut self, deed: Deed) -> Result<()> {
        match deed {
            Deed::Kill => self.kill_leader(),
            Deed::KillTwo => {
                self.kill_leader()?;
                let pause = Duration::from_micros(self.random.u64(..400));
                let until = Instant::now() + pause;
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
                let victim = self.random.usize(..self.herd.members.len());
                self.kill(victim)
            }
            Deed::KillAndStart => {
                self.herd.start()?;
                self.kill_leader()
            }
            Deed::StopAndKill => self.stop_and_kill(),
            Deed::StopLeader => self.stop_leader(),
            Deed::ForkAndKill => self.fork_and_kill(),
            Deed::Leave => self.leave(),
            Deed::DeleteSocket => self.delete("s"),
            Deed::DeleteLock => self.delete("s.lock"),
            Deed::DeleteDirectory => self.delete_directory(),
        }
    }

    fn leader(&self) -> Result<usize> {
        self.herd.leader().context("nobody leads")
    }

    fn kill_leader(&mut self) -> Result<()> {
        let leader = self.leader()?;
        self.kill(leader)
    }

    fn kill(&mut self, at: usize) -> Result<()> {
        let (_, dead) = self.herd.kill(at)?;
        dead.reap()?;
        Ok(())
    }

    fn fill_up(&mut self) -> Result<()> {
        while self.herd.members.len() < self.peers {
            self.herd.start()?;
        }
        while self.herd.members.len() > self.peers {
            let last = self.herd.members.len() - 1;
            self.kill(last)?;
        }
        Ok(())
    }

    fn stop_and_kill(&mut self) -> Result<()> {
        let leader = self.leader()?;
        let stopped =
            (leader + 1 + self.random.usize(..self.herd.members.len() - 1)) % self.herd.members.len();
        let number = self.herd.members[stopped].number;
        self.herd.signal(stopped, Signal::STOP)?;
        self.kill_leader()?;
        self.herd.heal()?;
        let stopped = self.herd.members.iter().position(|member| member.number == number);
        self.herd.signal(stopped.context("it was stopped, not killed")?, Signal::CONT)
    }

    /// Nobody takes its place: it may only be slow.
    fn stop_leader(&mut self) -> Result<()> {
        let leader = self.leader()?;
        self.herd.signal(leader, Signal::STOP)?;
        self.herd.start()?;
        let until = Instant::now() + Duration::from_millis(400);
        while Instant::now() < until {
            self.herd.listen(Duration::from_millis(50))?;
        }
        self.herd.signal(leader, Signal::CONT)
    }

    fn fork_and_kill(&mut self) -> Result<()> {
        let leader = self.leader()?;
        self.herd.fork(leader)?;
        let begun = Instant::now();
        self.kill_leader()?;
        self.herd.heal()?;
        self.longest_fork = self.longest_fork.max(begun.elapsed());
        self.herd.end_children();
        Ok(())
    }

    fn leave(&mut self) -> Result<()> {
        let at =
            self.herd.members.iter().position(|member| member.driven).context("half of them are driven")?;
        let leader = self.leader()?;
        let at = if self.herd.members[leader].driven { leader } else { at };
        let number = self.herd.members[at].number;
        self.herd.order(at, Order::Leave)?;
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let at =
                self.herd.members.iter().position(|member| member.number == number).context("it left")?;
            if self.herd.members[at].state == Told::Left {
                return self.herd.members.swap_remove(at).reap().map_err(Into::into);
            }
            ensure!(Instant::now() < until, "member {number} does not leave");
            self.herd.listen(Duration::from_millis(50))?;
        }
    }

    /// Somebody deletes a file: what is lost is made anew, or somebody else takes over.
    fn delete(&mut self, name: &str) -> Result<()> {
        self.herd.robbed = true;
        let file = self.herd.directory().join(name);
        fs::remove_file(&file)?;
        self.await_file(&file)
    }

    /// Waits until somebody has made it anew.
    fn await_file(&mut self, file: &Path) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(10);
        while !file.exists() {
            ensure!(Instant::now() < until, "{} is not made anew", file.display());
            self.herd.listen(Duration::from_millis(1))?;
        }
        Ok(())
    }

    fn delete_directory(&mut self) -> Result<()> {
        self.herd.robbed = true;
        // Somebody may make a file in the middle of it.
        while let Err(error) = fs::remove_dir_all(self.herd.directory()) {
            ensure!(error.kind() == io::ErrorKind::DirectoryNotEmpty, "cannot delete the directory: {error}");
        }
        self.herd.listen(Duration::from_millis(self.random.u64(..5)))?;
        fs::DirBuilder::new().mode(0o700).create(self.herd.directory())?;
        self.await_file(&self.herd.path())
    }

    /// The leader is reached at the path, nothing is left over, nobody has descriptors too many.
    fn check(&mut self) -> Result<()> {
        let leader = self.leader()?;
        let name = name_at(&self.herd.path())?;
        let number = self.herd.members[leader].number;
        ensure!(name == number.to_string(), "{name} is at the path, and {number} leads");
        let names = self.herd.names()?;
        let private = names.iter().filter(|name| name.ends_with(".gnl")).count();
        ensure!(names.len() == 2 + private && private <= 1, "left over: {names:?}");
        for member in self.herd.members.iter().filter(|member| member.number != number) {
            let open = member.descriptors()?;
            let allowed = *self.allowed.get_or_insert(open.max(ALLOWED));
            ensure!(open <= allowed, "{} has {open} descriptors open, {allowed} are allowed", member.number);
        }
        Ok(())
    }

    /// How often all of them together go to sleep in three seconds in which nothing happens.
    pub(crate) fn idle_waits(&mut self) -> Result<u64> {
        thread::sleep(Duration::from_millis(200));
        let waits = |herd: &Herd| herd.members.iter().map(|member| member.waits()).sum::<Result<u64>>();
        let before = waits(&self.herd)?;
        thread::sleep(Duration::from_secs(3));
        Ok(waits(&self.herd)? - before)
    }

    /// Everybody is gone, and one who comes last and leaves in order: only the lock file stays.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.herd.end()?;
        let last = ginnel::Peer::join(self.herd.path())?;
        last.dispose(Duration::from_secs(1))?;
        let names = self.herd.names()?;
        ensure!(names == ["s.lock"], "left over: {names:?}");
        Ok(())
    }
}

/// The name that whoever listens at a path says it has: the hello behind its greeting, see docs/wire.md.
fn name_at(path: &Path) -> Result<String> {
    let mut stream = UnixStream::connect(path).context("nobody is reached at the path")?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut head = [0; GREETING + HEADER + HELLO];
    stream.read_exact(&mut head).context("nobody greets at the path")?;
    let mut name = vec![0; usize::from(head[GREETING + HEADER + HELLO - 1])];
    stream.read_exact(&mut name)?;
    match String::from_utf8(name) {
        Ok(name) => Ok(name),
        Err(_) => bail!("a name that is no text"),
    }
}

const GREETING: usize = 32;
const HEADER: usize = 8;
/// Bytes of a hello before its name.
const HELLO: usize = 23;

/// Descriptors of a connector: standard streams, the line twice, the poller, its waker, the connection, the process at
/// its other end; as the standby also the duplicate, the directory, the socket file and the lock file; of a listener before, an inotify.
const ALLOWED: usize = 15;
