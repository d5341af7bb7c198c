//! Processes that start a listener on one path at once, killed at random, some leaving a forked child behind.
#![cfg(unix)]
#![expect(unsafe_code, reason = "a starter forks without exec, as some programs do")]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use ginnel::Stream;

const ROUNDS: u32 = 1000;
const STARTERS: u32 = 8;

/// What a starter says on its standard error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Owns,
    Busy,
    /// It was killed before it could say anything.
    Died,
}

/// A process that tries to own the path. Killed at the end, by its own handle.
struct Starter {
    child: Child,
    says: BufReader<ChildStderr>,
    orphan: Option<i32>,
}

impl Starter {
    fn spawn(path: &Path, forks: bool) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "starter", "--nocapture", "--test-threads=1"])
            .env("GINNEL_STARTER", path)
            .env("GINNEL_FORKS", if forks { "1" } else { "" })
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stderr.take().unwrap());
        Self { child, says, orphan: None }
    }

    /// Waits for the verdict.
    fn verdict(&mut self) -> Verdict {
        loop {
            let mut line = String::new();
            self.says.read_line(&mut line).unwrap();
            match line.trim() {
                "" => return Verdict::Died,
                "owns" => return Verdict::Owns,
                "busy" => return Verdict::Busy,
                other => match other.strip_prefix("forked ") {
                    Some(pid) => self.orphan = Some(pid.parse().unwrap()),
                    None => panic!("a starter said {other:?}"),
                },
            }
        }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn end_orphan(&mut self) {
        if let Some(pid) = self.orphan.take() {
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            // It may have ended by its own alarm.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Starter {
    fn drop(&mut self) {
        self.kill();
        self.end_orphan();
    }
}

/// The process behind [`Starter`]; does nothing when the tests run.
#[test]
fn starter() -> io::Result<()> {
    let Some(path) = env::var_os("GINNEL_STARTER") else { return Ok(()) };
    let listener = match Stream::listen(Path::new(&path)) {
        Ok(listener) => listener,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            eprintln!("busy");
            return Ok(());
        }
        Err(error) => {
            eprintln!("failed: {error}");
            return Ok(());
        }
    };
    if env::var("GINNEL_FORKS").is_ok_and(|forks| !forks.is_empty()) {
        fork_and_stay();
    }
    eprintln!("owns");
    for stream in &listener {
        // Whoever probes may be gone already.
        let _ = stream?.write_all(&std::process::id().to_ne_bytes());
    }
    Ok(())
}

/// Leaves a child behind that keeps every descriptor, for a minute at most.
fn fork_and_stay() {
    // SAFETY: the child makes async-signal-safe calls only, and never returns. fork(2), signal-safety(7)
    match unsafe { libc::fork() } {
        // SAFETY: as above.
        0 => unsafe {
            libc::alarm(60);
            loop {
                libc::pause();
            }
        },
        child => eprintln!("forked {child}"),
    }
}

/// Who answers at the path, if anybody does.
fn who_answers(path: &Path) -> Option<u32> {
    let mut stream = UnixStream::connect(path).ok()?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    let mut pid = [0; 4];
    stream.read_exact(&mut pid).ok()?;
    Some(u32::from_ne_bytes(pid))
}

/// xorshift: the same rounds in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[derive(Default, Debug)]
struct Tally {
    owned: u32,
    refused: u32,
    killed: u32,
    orphans: u32,
    nobody: u32,
}

/// One round; the path is stale when it ends.
fn round(path: &Path, dice: &mut Dice, tally: &mut Tally) {
    let forks = dice.roll(8) == 0;
    let mut starters: Vec<_> = (0..STARTERS).map(|_| Starter::spawn(path, forks)).collect();
    let mut killed = Vec::new();
    for (index, starter) in starters.iter_mut().enumerate() {
        if dice.roll(4) == 0 {
            for _ in 0..dice.roll(200_000) {
                std::hint::spin_loop();
            }
            starter.kill();
            killed.push(index);
        }
    }
    let verdicts: Vec<_> = starters.iter_mut().map(Starter::verdict).collect();
    let living = |index: &usize| !killed.contains(index);
    let owners: Vec<_> =
        (0..starters.len()).filter(living).filter(|&i| verdicts[i] == Verdict::Owns).collect();
    assert!(owners.len() <= 1, "two live owners: {verdicts:?}, killed {killed:?}");
    assert!((0..starters.len()).filter(living).all(|i| verdicts[i] != Verdict::Died), "{verdicts:?}");
    tally.killed += killed.len() as u32;
    tally.refused += verdicts.iter().filter(|&&v| v == Verdict::Busy).count() as u32;
    tally.orphans += starters.iter().filter(|s| s.orphan.is_some()).count() as u32;
    match owners[..] {
        [owner] => {
            let pid = starters[owner].child.id();
            assert_eq!(who_answers(path), Some(pid), "a live listener cannot be reached");
            let mut later = Starter::spawn(path, false);
            assert_eq!(later.verdict(), Verdict::Busy);
            assert_eq!(who_answers(path), Some(pid), "a live listener was displaced");
            tally.owned += 1;
        }
        _ => {
            tally.nobody += 1;
            starters.iter_mut().for_each(Starter::end_orphan);
            heals(path, &starters.iter().map(|s| s.child.id()).collect::<Vec<_>>());
        }
    }
}

/// With nobody alive, the next starter owns the path. An orphan that was just ended may still be dying.
fn heals(path: &Path, before: &[u32]) {
    for _ in 0..100 {
        let mut next = Starter::spawn(path, false);
        if next.verdict() == Verdict::Owns {
            let answers = who_answers(path);
            assert_eq!(answers, Some(next.child.id()));
            assert!(!before.contains(&next.child.id()));
            return;
        }
    }
    panic!("a dead listener blocks the path");
}

#[test]
fn of_many_starters_one_owns_the_path_whoever_is_killed() {
    if env::var_os("GINNEL_STARTER").is_some() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("s");
    let (mut dice, mut tally) = (Dice(0x9e37_79b9_7f4a_7c15), Tally::default());
    for _ in 0..ROUNDS {
        round(&path, &mut dice, &mut tally);
    }
    println!("{ROUNDS} rounds of {STARTERS}: {tally:?}");
    heals(&path, &[]);
    drop(Stream::listen(&path).unwrap());
    let mut left: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["s.lock"], "only the lock file stays");
}
