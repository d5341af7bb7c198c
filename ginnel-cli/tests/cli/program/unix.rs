use std::ffi::OsString;
use std::fs;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ginnel::Stream;
use rustix::process::{Pid, Signal, kill_process};

use super::Running;

impl Running {
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

/// The words as they are: names are files in the directory where the program runs.
pub(super) fn placed(words: &str, _: &Path) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

/// A directory in which only we can replace files.
pub(crate) fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    dir
}

/// What a name in the directory is called.
pub(crate) fn called(name: &str, _: &Path) -> String {
    name.into()
}

/// The same as a URL.
pub(crate) fn called_url(name: &str, _: &Path) -> String {
    format!("ipc://{name}")
}

/// The same for this process.
pub(crate) fn address(name: &str, directory: &Path) -> OsString {
    directory.join(name).into()
}

/// Has nobody this name?
pub(crate) fn is_free(name: &str, directory: &Path) -> bool {
    !directory.join(name).exists()
}

/// Says that nothing follows. What is returned may still be written to by the other side.
pub(crate) fn end(stream: Stream) -> Option<Stream> {
    stream.shutdown(Shutdown::Write).unwrap();
    Some(stream)
}

pub(super) fn lines(text: String) -> String {
    text
}

/// Commands one after another.
pub(crate) const AND: &str = ";";
/// How the end of a command is told.
pub(crate) const ENDED: &str = "exit status: ";
/// Somebody who is not we.
pub(crate) const SOMEBODY: &str = "uid:4294967294";

/// The value of a variable in a command.
pub(crate) fn var(name: &str) -> String {
    format!("${name}")
}

/// How many steps the demo has.
pub(crate) const STEPS: usize = 11;

/// Is this the number of the second socket of a path?
pub(crate) fn is_second(epoch: u64) -> bool {
    epoch == 2
}
