//! `sim`: runs the library on a kernel that fails on purpose, and tries whether that finds mistakes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

use crate::cargo::{cargo, passes};
use crate::workspace::Workspace;

/// What is to be run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seeds: u64,
    pub(crate) seed: Option<u64>,
    /// Ends of SP alone.
    pub(crate) sp: Option<String>,
    pub(crate) planted: bool,
}

pub(crate) fn run(workspace: &Workspace, plan: &Plan) -> Result<bool> {
    if plan.planted {
        return find_planted(workspace, plan.seeds);
    }
    let program = build(workspace.root(), None)?;
    let program = program.unwrap_or_else(|| workspace.release_dir().join("ginnel-sim"));
    for play in plays(plan) {
        println!("== sim: {}", play.sp.as_deref().map_or("ours".to_owned(), |ends| format!("SP, {ends}")));
        let mut command = Command::new(&program);
        command.args(play.arguments());
        if let Some(seed) = plan.seed {
            command.arg("--seed").arg(seed.to_string());
        }
        if !passes(&mut command)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// As many runs as CI makes, in which every kind of fault happens often.
pub(crate) fn in_ci(workspace: &Workspace) -> Result<bool> {
    run(workspace, &Plan { seeds: SEEDS, seed: None, sp: None, planted: false })
}

/// Runs of one check.
pub(crate) const SEEDS: u64 = 100_000;
/// Runs of SP in it.
const SP_SEEDS: u64 = 15_000;

/// So many runs of one thing.
#[derive(Debug, PartialEq, Eq)]
struct Play {
    sp: Option<String>,
    seeds: u64,
}

/// What is played, one after the other.
fn plays(plan: &Plan) -> Vec<Play> {
    let sp = |ends: &str, seeds| Play { sp: Some(ends.to_owned()), seeds };
    let ours = Play { sp: None, seeds: plan.seeds };
    match plan.sp.as_deref() {
        Some("each") => ENDS.iter().map(|ends| sp(ends, plan.seeds)).collect(),
        Some(ends) => vec![sp(ends, plan.seeds)],
        None if plan.seed.is_some() => vec![ours],
        None => vec![ours, sp("any", plan.seeds.min(SP_SEEDS))],
    }
}

impl Play {
    /// With how often each kind of fault has to happen in so many runs.
    fn arguments(&self) -> Vec<String> {
        let least = match &self.sp {
            None if self.seeds >= SEEDS => LEAST,
            Some(_) if self.seeds >= SP_SEEDS => SP_LEAST,
            _ => 0,
        };
        let numbers = ["--seeds".to_owned(), self.seeds.to_string(), "--least".to_owned(), least.to_string()];
        let ends = self.sp.iter().flat_map(|ends| ["--sp".to_owned(), ends.clone()]);
        numbers.into_iter().chain(ends).collect()
    }
}

const LEAST: u64 = 1000;
const SP_LEAST: u64 = 100;
/// The ends of SP, as the simulator calls them.
const ENDS: [&str; 7] = ["pair0", "pair1", "pub", "req", "push", "survey", "bus"];

/// Builds the simulator of a tree; where the build goes elsewhere, says where the program is.
fn build(root: &Path, target: Option<&Path>) -> Result<Option<PathBuf>> {
    let mut command = cargo(root, ["build", "--release", "--locked", "-p", "ginnel-sim"]);
    if let Some(target) = target {
        command.env("CARGO_TARGET_DIR", target);
    }
    if !passes(&mut command)? {
        bail!("ginnel-sim does not build");
    }
    Ok(target.map(|target| target.join("release/ginnel-sim")))
}

/// Plants one mistake after the other in a copy of the tree. Each has to be found, and taken for what it is.
fn find_planted(workspace: &Workspace, seeds: u64) -> Result<bool> {
    let garden = Garden::new(workspace)?;
    println!("== planted: nothing");
    let plan = Plan { seeds, seed: None, sp: None, planted: false };
    for play in plays(&plan) {
        if !garden.grow(None, &play)?.status.success() {
            bail!("something goes wrong without any mistake planted: run `cargo xtask sim`");
        }
    }
    let mut table = String::new();
    let mut all = true;
    for patch in patches(workspace.root())? {
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        println!("\n== planted: {name}");
        let Mistake { words, sp } = expected(&patch)?;
        let output = garden.grow(Some(&patch), &Play { sp, seeds })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let found = text.lines().find(|line| line.starts_with("seed "));
        let noticed = |line: &&str| words.iter().any(|words| line.contains(words));
        let found = if output.status.success() { None } else { found.filter(noticed) };
        all &= found.is_some();
        let found = found.unwrap_or("NOT FOUND");
        let line = format!("{name:<36} {:>7}  {found}\n", search_time(&text));
        print!("{line}");
        table += &line;
    }
    println!("\n== planted mistakes: time to find, seed, and what was noticed\n{table}");
    Ok(all)
}

/// A copy of the tree that mistakes are planted in.
struct Garden<'a> {
    root: &'a Path,
    tree: PathBuf,
    target: PathBuf,
}

impl<'a> Garden<'a> {
    fn new(workspace: &'a Workspace) -> Result<Self> {
        let place = workspace.target_dir().join("planted");
        fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
        let place = place.canonicalize().context("finding the copy of the tree")?;
        Ok(Self { root: workspace.root(), tree: place.join("tree"), target: place.join("target") })
    }

    /// Builds the tree with this mistake in it, and runs it.
    fn grow(&self, patch: Option<&Path>, play: &Play) -> Result<Output> {
        copy_tree(self.root, &self.tree)?;
        if let Some(patch) = patch {
            let fits = passes(self.apply(patch, &["--whitespace=nowarn"]).stderr(Stdio::null()))?;
            // Git leaves out, without a word, what it thinks to be outside of where it stands.
            if !fits || !passes(&mut self.apply(patch, &["--reverse", "--check"]))? {
                bail!("{} does not fit the tree any more", patch.display());
            }
        }
        let program =
            build(&self.tree, Some(&self.target))?.context("a build with a place of its own has one")?;
        Command::new(program).args(play.arguments()).output().context("starting ginnel-sim")
    }

    fn apply(&self, patch: &Path, args: &[&str]) -> Command {
        let mut git = Command::new("git");
        git.arg("apply").args(args).arg(patch).current_dir(&self.tree);
        // The copy lies inside of our own repository as a rule, and is none.
        git.env("GIT_CEILING_DIRECTORIES", self.tree.parent().unwrap_or(&self.tree));
        git
    }
}

/// What is known of a mistake.
#[derive(Debug)]
struct Mistake {
    /// What may be noticed.
    words: Vec<String>,
    /// Which ends of SP it is in, if it is in any.
    sp: Option<String>,
}

/// As the first lines of a patch say.
fn expected(patch: &Path) -> Result<Mistake> {
    let text = fs::read_to_string(patch).with_context(|| format!("reading {}", patch.display()))?;
    let words = text.lines().next().and_then(|line| line.strip_prefix("Noticed as: "));
    let words = words.with_context(|| format!("{} does not say what is to be noticed", patch.display()))?;
    let sp = text.lines().nth(1).and_then(|line| line.strip_prefix("Ends of SP: "));
    Ok(Mistake { words: words.split(" or ").map(str::to_owned).collect(), sp: sp.map(str::to_owned) })
}

/// How long it took until something was found: the simulator's first line ends with it.
fn search_time(text: &str) -> String {
    let line = text.lines().find(|line| line.contains(" runs of ")).unwrap_or_default();
    line.rsplit_once(" in ").map_or_else(String::new, |(_, time)| time.to_owned())
}

fn patches(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = root.join("ginnel-sim/planted");
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let paths: std::io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut patches: Vec<_> =
        paths?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "patch")).collect();
    patches.sort();
    Ok(patches)
}

/// Copies what git knows of the tree. Files that have not changed keep their times, so that little is built again.
fn copy_tree(root: &Path, to: &Path) -> Result<()> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output();
    let listed = listed.context("asking git for the files of the tree")?.stdout;
    for name in String::from_utf8_lossy(&listed).split_terminator('\0') {
        let (from, to) = (root.join(name), to.join(name));
        let Ok(bytes) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap_or(&to))?;
        fs::write(&to, bytes).with_context(|| format!("writing {}", to.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(sp: Option<&str>, seed: Option<u64>) -> Vec<Play> {
        plays(&Plan { seeds: SEEDS, seed, sp: sp.map(str::to_owned), planted: false })
    }

    #[test]
    fn ends_of_sp_are_played_by_name_each_after_the_other_or_as_a_share() {
        let sp = |ends: &str, seeds| Play { sp: Some(ends.to_owned()), seeds };
        let ours = || Play { sp: None, seeds: SEEDS };
        assert_eq!(played(None, None), [ours(), sp("any", SP_SEEDS)]);
        assert_eq!(played(None, Some(7)), [ours()]);
        assert_eq!(played(Some("req"), None), [sp("req", SEEDS)]);
        assert_eq!(played(Some("each"), None), ENDS.map(|ends| sp(ends, SEEDS)));
    }

    #[test]
    fn every_planted_mistake_says_what_is_noticed_and_where_it_is() {
        let workspace = Workspace::load().expect("this workspace");
        let patches = patches(workspace.root()).expect("there are some");
        assert!(!patches.is_empty());
        for patch in patches {
            let Mistake { words, sp } = expected(&patch).expect("it says so");
            assert!(!words.is_empty());
            assert!(sp.is_none_or(|ends| ENDS.contains(&ends.as_str())), "{}", patch.display());
        }
    }
}
