//! A Windows below `target`, in which nothing but our tests runs.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::std::GNU;
use crate::cargo::passes;

/// It ends with this, and with it whatever is left in it.
pub(super) struct Wine {
    program: PathBuf,
    prefix: PathBuf,
}

impl Wine {
    /// Makes it if it is not there, and starts it. Without that it would start with the first test, and hold that one's output
    /// open for as long as it runs.
    pub(super) fn at(prefix: &Path) -> Result<Self> {
        let program = program().context("wine is missing; on Debian: apt install wine64")?;
        let wine = Self { program, prefix: prefix.to_owned() };
        let made = prefix.join("made-by-xtask");
        if !made.exists() {
            if prefix.exists() {
                fs::remove_dir_all(prefix)?;
            }
            ensure!(wine.runs(&["wineboot", "-i"])?, "wine cannot make a Windows");
            wine.server(&["-w"])?;
            // Otherwise it says that it is Windows 7, which Node.js refuses.
            let newer = ["reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f"];
            ensure!(wine.runs(&newer)?, "wine cannot be told its version");
            ensure!(wine.add_random_numbers()?, "the library of random numbers cannot be compiled");
            fs::write(made, "")?;
        }
        wine.server(&["-p"])?;
        ensure!(wine.runs(&["cmd", "/c", "exit"])?, "wine does not start");
        Ok(wine)
    }

    /// Tells cargo how to link for Windows, and what runs the result, for how long at most.
    pub(super) fn prepare<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let key = |what: &str| format!("CARGO_TARGET_{}_{what}", GNU.replace('-', "_").to_uppercase());
        let runner = format!("timeout -k 10 {PATIENCE} {}", self.program.display());
        command.env(key("LINKER"), LINKER).env(key("RUNNER"), runner);
        self.inside(command)
    }

    /// What runs a program for Windows.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(program);
        command
    }

    /// A command that runs there, and what it starts.
    pub(super) fn inside<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        // Without these two libraries it asks nobody whether .NET and a browser should be fetched.
        command.env("WINEPREFIX", &self.prefix).env("WINEDLLOVERRIDES", "mscoree,mshtml=");
        command.env("WINEDEBUG", "-all").env_remove("DISPLAY")
    }

    fn runs(&self, args: &[&str]) -> Result<bool> {
        let mut command = within(PATIENCE, Command::new(&self.program).args(args));
        passes(self.inside(&mut command).stdout(Stdio::null()).stderr(Stdio::null()))
    }

    fn server(&self, args: &[&str]) -> Result<bool> {
        let server = self.program.with_file_name("wineserver");
        let mut command = within(PATIENCE, Command::new(server).args(args));
        passes(self.inside(&mut command).stdout(Stdio::null()).stderr(Stdio::null()))
    }

    /// std takes the seeds of its hash maps from `bcryptprimitives.dll`, which wine has had since its version 9.
    fn add_random_numbers(&self) -> Result<bool> {
        let library = self.prefix.join("drive_c/windows/system32/bcryptprimitives.dll");
        if library.exists() {
            return Ok(true);
        }
        let mut compiler = Command::new(LINKER);
        compiler.args(["-O1", "-shared", "-x", "c", "-", "-ladvapi32", "-o"]).arg(library);
        let mut compiler = compiler.stdin(Stdio::piped()).spawn().context("starting the compiler")?;
        let mut source = compiler.stdin.take().context("its input was asked to be piped")?;
        source.write_all(RANDOM_NUMBERS.as_bytes())?;
        drop(source);
        Ok(compiler.wait()?.success())
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // It would also end by itself if its last program ended; one that hangs does not.
        let _ = self.server(&["-k"]);
    }
}

/// Where wine is: Debian leaves it out of the path unless more of it is installed.
pub(super) fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|place| place.join("wine64"));
    on_path
        .chain([DEBIAN.into()])
        .find(|program| program.is_file() && program.with_file_name("wineserver").is_file())
}

/// The same command, ended after so many seconds, with whatever it has started.
pub(super) fn within(seconds: u32, command: &Command) -> Command {
    let mut bounded = Command::new("timeout");
    bounded.args(["-k", "10", &seconds.to_string()]).arg(command.get_program()).args(command.get_args());
    if let Some(place) = command.get_current_dir() {
        bounded.current_dir(place);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bounded.env(name, value),
            None => bounded.env_remove(name),
        };
    }
    bounded
}

/// Compiles C and links, for Windows.
pub(super) const LINKER: &str = "x86_64-w64-mingw32-gcc";

const DEBIAN: &str = "/usr/lib/wine/wine64";

/// Seconds after which a program is given up.
const PATIENCE: u32 = 180;

const RANDOM_NUMBERS: &str = "\
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(void *room, unsigned long length);
__declspec(dllexport) BOOL WINAPI ProcessPrng(unsigned char *room, size_t length)
{
    return SystemFunction036(room, (unsigned long)length);
}
";
