//! `bench`: builds and runs the benchmark, with other libraries beside it where they build.

mod node;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;

use crate::cargo::{cargo, passes};
use crate::workspace::Workspace;

/// The race, how fast peers heal, and the race of Node's packages; with `--only` what it names.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<bool> {
    match only(args) {
        Some("heal") => heal(workspace),
        Some(scenario) if node::is_meant(scenario) => node::run(workspace, args),
        Some(_) => race(workspace, args),
        None => {
            // A race whose bars were missed says nothing about the others.
            let raced = race(workspace, args)?;
            let healed = heal(workspace)?;
            Ok(node::behind_the_others(workspace, args)? && healed && raced)
        }
    }
}

fn only(args: &[String]) -> Option<&str> {
    let at = args.iter().position(|arg| arg == "--only")?;
    Some(args.get(at + 1).map_or("", String::as_str))
}

/// From SIGKILL of a listener to the last of its survivors being served.
fn heal(workspace: &Workspace) -> Result<bool> {
    let args = ["run", "--release", "--locked", "-p", "ginnel-chaos", "--", "heal"];
    passes(&mut cargo(workspace.root(), args))
}

fn race(workspace: &Workspace, args: &[String]) -> Result<bool> {
    let peers = build_peers(workspace.root())?;
    let program = build(workspace)?;
    let mut command = Command::new(program);
    command.current_dir(workspace.root()).args(args);
    match peers {
        Ok(peers) => {
            command.arg("--peers").arg(peers);
        }
        Err(reason) => println!("left out: other libraries (reason: {reason})"),
    }
    passes(&mut command)
}

/// Builds the benchmark and says where it is.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    if !passes(&mut cargo(workspace.root(), ["build", "--release", "--locked", "-p", "ginnel-bench"]))? {
        bail!("ginnel-bench does not build");
    }
    Ok(workspace.release_dir().join("ginnel-bench"))
}

/// Builds the other libraries, or says why not.
///
/// They need compilers and sources that not everybody has, so a failure here is news and not an error.
fn build_peers(root: &Path) -> Result<Result<PathBuf, String>> {
    let (compiled, missing): (Vec<_>, Vec<_>) = COMPILED.iter().partition(|library| library.can_be_built());
    for library in missing {
        println!("{}", library.absence());
    }
    let mut command = cargo(root, ["build", "--release", "--locked", "--manifest-path", PEERS_MANIFEST]);
    command.args(["--no-default-features", "--features", &features(&compiled)]);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("starting cargo")?;
    let stderr = child.stderr.take().context("standard error was asked to be piped")?;
    let mut messages = Vec::new();
    for line in BufReader::new(stderr).lines() {
        let line = line.context("reading what cargo says")?;
        eprintln!("{line}");
        messages.push(line);
    }
    let status = child.wait().context("waiting for cargo")?;
    if !status.success() {
        return Ok(Err(first_error(&messages).map_or_else(|| status.to_string(), str::to_owned)));
    }
    let peers = MetadataCommand::new()
        .current_dir(root)
        .manifest_path(root.join(PEERS_MANIFEST))
        .no_deps()
        .exec()
        .context("reading the workspace of the other libraries")?;
    Ok(Ok(peers.target_directory.as_std_path().join("release").join("ginnel-bench-peers")))
}

/// Another library whose own sources are in C or C++: a feature of the other libraries' program.
#[derive(Debug)]
struct Compiled {
    feature: &'static str,
    /// What builds it.
    program: &'static str,
    /// Names another program to build it with.
    variable: &'static str,
    /// Where Debian has it.
    package: &'static str,
}

impl Compiled {
    fn can_be_built(&self) -> bool {
        let program = std::env::var_os(self.variable).unwrap_or_else(|| self.program.into());
        let tried =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    }

    fn absence(&self) -> String {
        let Self { feature, program, package, .. } = self;
        format!("left out: {feature} (reason: {program} is missing; try apt install {package})")
    }
}

fn features(libraries: &[&Compiled]) -> String {
    libraries.iter().map(|library| library.feature).collect::<Vec<_>>().join(",")
}

fn first_error(messages: &[String]) -> Option<&str> {
    messages.iter().map(String::as_str).find(|line| line.starts_with("error"))
}

const COMPILED: [Compiled; 2] = [
    Compiled { feature: "nng", program: "cmake", variable: "CMAKE", package: "cmake" },
    Compiled { feature: "zmq", program: "c++", variable: "CXX", package: "g++" },
];
const PEERS_MANIFEST: &str = "ginnel-bench/peers/Cargo.toml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_names_is_found() {
        let only = |line: &str| {
            let args: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            super::only(&args).map(str::to_owned)
        };
        assert_eq!(only("--quick --only node-rtt-64 --json x").as_deref(), Some("node-rtt-64"));
        assert_eq!(only("--only").as_deref(), Some(""));
        assert_eq!(only("--quick"), None);
    }

    #[test]
    fn a_library_without_its_tool_is_left_out_by_name() {
        let library = Compiled { program: "no-such-program", variable: "NO_SUCH_VARIABLE", ..COMPILED[0] };
        assert!(!library.can_be_built());
        let expected = "left out: nng (reason: no-such-program is missing; try apt install cmake)";
        assert_eq!(library.absence(), expected);
        assert_eq!(features(&[&COMPILED[0], &COMPILED[1]]), "nng,zmq");
        assert_eq!(features(&[]), "");
    }

    #[test]
    fn every_compiled_library_is_a_feature_of_theirs() {
        let manifest = Workspace::load().expect("this workspace").root().join(PEERS_MANIFEST);
        let theirs =
            MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("their workspace");
        for library in COMPILED {
            assert!(theirs.packages[0].features.contains_key(library.feature), "{}", library.feature);
        }
    }

    #[test]
    fn the_first_error_is_the_reason() {
        let messages = ["   Compiling a", "warning: b", "error[E0425]: c", "error: d"].map(str::to_owned);
        assert_eq!(first_error(&messages), Some("error[E0425]: c"));
        assert_eq!(first_error(&messages[..2]), None);
    }
}
