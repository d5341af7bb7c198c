//! Where the workspace is, and which crates and source files it has.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};
use walkdir::WalkDir;

use crate::source::{Source, mark_test_modules};

/// What `cargo metadata --no-deps` says, which needs no network and no lock file.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) metadata: Metadata,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec().context("reading the workspace")?;
        Ok(Self { metadata })
    }

    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// Where builds land; cargo has already taken `CARGO_TARGET_DIR` into account.
    pub(crate) fn target_dir(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// Where release builds land.
    pub(crate) fn release_dir(&self) -> PathBuf {
        self.target_dir().join("release")
    }

    /// The system that this toolchain runs on, as rustc calls it.
    pub(crate) fn host(&self) -> Result<String> {
        let output = rustc().arg("-vV").current_dir(self.root()).output().context("starting rustc")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let host = text.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(host.context("rustc does not say its host")?.to_owned())
    }

    /// The path as people know it: below the root of the repository.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(self.root()).unwrap_or(path)
    }

    /// The Rust files of each crate, by crate name.
    pub(crate) fn sources(&self) -> Result<Vec<(String, Vec<Source>)>> {
        self.metadata
            .workspace_packages()
            .into_iter()
            .map(|package| {
                let dir = package.manifest_path.parent().context("a manifest lies in a directory")?;
                Ok((package.name.to_string(), self.sources_below(dir.as_std_path())?))
            })
            .collect()
    }

    /// Only cargo's own directories are read: a crate may hold another workspace beside its `src`.
    fn sources_below(&self, crate_dir: &Path) -> Result<Vec<Source>> {
        let mut sources = Vec::new();
        for part in SOURCE_PLACES.iter().map(|place| crate_dir.join(place)).filter(|part| part.exists()) {
            for entry in WalkDir::new(&part).sort_by_file_name() {
                let path = entry.context("listing sources")?.into_path();
                if path.extension().is_some_and(|extension| extension == "rs") {
                    sources.push(self.read(&path, path.strip_prefix(crate_dir).unwrap_or(&path))?);
                }
            }
        }
        mark_test_modules(&mut sources);
        Ok(sources)
    }

    fn read(&self, path: &Path, inside_crate: &Path) -> Result<Source> {
        let shown = self.relative(path);
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", shown.display()))?;
        Source::parse(shown, inside_crate, &text)
    }
}

/// The compiler of the toolchain that started us.
pub(crate) fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

const SOURCE_PLACES: [&str; 5] = ["src", "build.rs", "tests", "examples", "benches"];
