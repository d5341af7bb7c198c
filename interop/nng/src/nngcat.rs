//! `nngcat`, the command that Debian has in `nng-utils`: an older nng than the one that is built here, 1.5 in Debian 12.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::exchange::End;
use crate::protocol::Protocol;

/// What nngcat is asked to do, and what the end across sees of it.
#[derive(Debug, Clone, Copy)]
pub struct Talk {
    /// The end across.
    pub end: Protocol,
    /// What nngcat is told beside the address.
    args: &'static [&'static str],
    does: Does,
}

#[derive(Debug, Clone, Copy)]
enum Does {
    /// nngcat sends [`ITS_WORD`].
    Says,
    /// nngcat prints [`OUR_WORD`].
    Hears,
    /// nngcat sends, and prints what came back.
    Asks,
    /// nngcat answers with its word.
    Answers,
}

/// Every one that nngcat knows; it has no bus.
pub const TALKS: [Talk; 10] = [
    Talk { end: Protocol::Pull, args: &["--push", "--data", ITS_WORD], does: Does::Says },
    Talk { end: Protocol::Push, args: &["--pull", "--quoted", "--count", "1"], does: Does::Hears },
    Talk { end: Protocol::Sub, args: &["--pub", "--data", ITS_WORD], does: Does::Says },
    Talk {
        end: Protocol::Pub,
        args: &["--sub", "--subscribe", "o", "--quoted", "--count", "1"],
        does: Does::Hears,
    },
    Talk { end: Protocol::Rep, args: &["--req", "--data", ITS_WORD, "--quoted"], does: Does::Asks },
    Talk { end: Protocol::Req, args: &["--rep", "--data", ITS_WORD], does: Does::Answers },
    Talk {
        end: Protocol::Respondent,
        args: &["--surveyor", "--data", ITS_WORD, "--quoted"],
        does: Does::Asks,
    },
    Talk { end: Protocol::Surveyor, args: &["--respondent", "--data", ITS_WORD], does: Does::Answers },
    Talk { end: Protocol::Pair0, args: &["--pair0", "--data", ITS_WORD, "--quoted"], does: Does::Asks },
    Talk { end: Protocol::Pair1, args: &["--pair1", "--data", ITS_WORD, "--quoted"], does: Does::Asks },
];

impl Talk {
    /// Has nngcat connect to this end, which listens at that address and, if it subscribes, to everything.
    pub fn hold(&self, end: &mut dyn End, url: &str) -> Result<()> {
        let nngcat = Nngcat::start(self.args, url)?;
        match self.does {
            Does::Says => hears(end),
            Does::Hears => {
                end.met().context("waiting for nngcat")?;
                end.send(OUR_WORD.as_bytes())?;
                nngcat.prints(OUR_WORD)
            }
            Does::Asks => {
                hears(end)?;
                end.send(OUR_WORD.as_bytes())?;
                nngcat.prints(OUR_WORD)
            }
            Does::Answers => {
                end.met().context("waiting for nngcat")?;
                end.send(OUR_WORD.as_bytes())?;
                hears(end)
            }
        }
    }
}

fn hears(end: &mut dyn End) -> Result<()> {
    let word = end.recv().context("waiting for nngcat's word")?;
    ensure!(word == ITS_WORD.as_bytes(), "nngcat's word came as \"{}\"", word.escape_ascii());
    Ok(())
}

/// The process; it is ended when this is dropped.
#[derive(Debug)]
struct Nngcat {
    child: Child,
    lines: Receiver<String>,
}

impl Nngcat {
    fn start(args: &[&str], url: &str) -> Result<Self> {
        let mut command = Command::new("nngcat");
        command.args(args).args(["--dial", url]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("starting nngcat, which Debian has in nng-utils")?;
        let output = child.stdout.take().context("standard output was asked to be piped")?;
        let (lines, read) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Whether anybody still wants it is not this thread's concern.
                let _ = lines.send(line);
            }
        });
        Ok(Self { child, lines: read })
    }

    fn prints(&self, word: &str) -> Result<()> {
        let line = self.lines.recv_timeout(PATIENCE).context("waiting for nngcat to print")?;
        ensure!(line == format!("\"{word}\""), "nngcat prints {line}");
        Ok(())
    }
}

impl Drop for Nngcat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ITS_WORD: &str = "meow";
const OUR_WORD: &str = "our word";
const PATIENCE: Duration = Duration::from_secs(20);
