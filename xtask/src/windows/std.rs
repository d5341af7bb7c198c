//! The standard library for other systems: compiled for the one whose tests run, checked for the others.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::supply::sysroot;
use crate::cargo::{cargo, passes};

/// Windows, with the linker and the runtime that Debian has.
pub(super) const GNU: &str = "x86_64-pc-windows-gnu";
/// Windows, as most compile for it.
pub(super) const MSVC: &str = "x86_64-pc-windows-msvc";
pub(super) const APPLE: &str = "aarch64-apple-darwin";
pub(super) const FREEBSD: &str = "x86_64-unknown-freebsd";

/// The targets for which this toolchain has no std.
pub(super) fn missing() -> Result<Vec<&'static str>> {
    let mut missing = Vec::new();
    for target in [GNU, MSVC, APPLE, FREEBSD] {
        if !has_std(&place_of(target)?) {
            missing.push(target);
        }
    }
    Ok(missing)
}

fn has_std(place: &Path) -> bool {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with("libstd-"))
}

fn place_of(target: &str) -> Result<PathBuf> {
    sysroot(&["--print", "target-libdir", "--target", target])
}

/// Where cargo looks for the source of std.
pub(super) fn own_source() -> Result<PathBuf> {
    Ok(sysroot(&["--print", "sysroot"])?.join("lib/rustlib/src/rust"))
}

/// Where the source of std is.
pub(super) enum Source {
    /// Where cargo looks for it.
    Own,
    /// Somewhere else; while it is needed, a link stands where cargo looks.
    Lent { from: PathBuf, at: PathBuf },
}

/// Metadata is all that `cargo check` and clippy read.
pub(super) fn check(source: &Source, stub: &Path, targets: &[&str]) -> Result<()> {
    compile(source, stub, "check", targets)?;
    targets.iter().try_for_each(|target| put(stub, target, "rmeta"))
}

pub(super) fn build(source: &Source, stub: &Path) -> Result<()> {
    compile(source, stub, "build", &[GNU])?;
    put(stub, GNU, "rlib")
}

/// Compiles an empty crate, and with it std. Neither is worth much optimisation, and nobody reads backtraces.
fn compile(source: &Source, stub: &Path, command: &str, targets: &[&str]) -> Result<()> {
    fs::create_dir_all(stub.join("src"))?;
    fs::write(stub.join("src/lib.rs"), "")?;
    fs::write(stub.join("Cargo.toml"), STUB)?;
    let _link = Link::of(source)?;
    let mut cargo = cargo(stub, [command, "--release", "-q", "--target-dir", "target"]);
    cargo.args(["-Zbuild-std=std,panic_unwind,test", "-Zbuild-std-features=panic-unwind"]);
    cargo.args(targets.iter().flat_map(|target| ["--target", target]));
    let passed = passes(cargo.env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTFLAGS"))?;
    ensure!(passed, "std cannot be compiled for {}", targets.join(", "));
    Ok(())
}

/// Takes what was compiled to where rustc looks; a renamed directory is never there in part.
fn put(stub: &Path, target: &str, extension: &str) -> Result<()> {
    let place = place_of(target)?;
    let part = place.with_extension("part");
    if part.exists() {
        fs::remove_dir_all(&part)?;
    }
    fs::create_dir_all(&part).with_context(|| format!("making {}", part.display()))?;
    let made = stub.join("target").join(target).join("release/deps");
    for entry in fs::read_dir(made)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if path.extension() == Some(OsStr::new(extension)) && !name.to_string_lossy().starts_with("libstub-")
        {
            fs::copy(&path, part.join(name))?;
        }
    }
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::rename(part, place)?;
    fs::remove_dir_all(stub.join("target").join(target))?;
    Ok(())
}

/// The link to a lent source, which goes when nobody needs it any more.
struct Link<'a>(Option<&'a Path>);

impl<'a> Link<'a> {
    fn of(source: &'a Source) -> Result<Self> {
        let Source::Lent { from, at } = source else { return Ok(Self(None)) };
        if at.is_symlink() {
            fs::remove_file(at)?;
        }
        fs::create_dir_all(at.parent().context("it is inside the toolchain")?)?;
        symlink(from, at).with_context(|| format!("making {}", at.display()))?;
        Ok(Self(Some(at)))
    }
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        // One that stays is made anew next time.
        let _ = self.0.map(fs::remove_file);
    }
}

const STUB: &str = "\
[package]
name = \"stub\"
version = \"0.0.0\"
edition = \"2024\"

[workspace]

[profile.release]
debug = false
opt-level = 1
";
