use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::Path;

use ginnel::Stream;

/// The words with a pipe of the directory's own in the place of each name.
pub(super) fn placed(words: &str, directory: &Path) -> Vec<String> {
    let mut words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
    if words[0] == "sp" {
        for word in &mut words {
            if let Some(name) = word.strip_prefix("ipc://").filter(|name| !name.starts_with(&own(directory)))
            {
                *word = called_url(name, directory);
            }
        }
    } else if let Some(word) = words.get_mut(1).filter(|word| !word.contains([':', '@'])) {
        *word = called(word, directory);
    }
    words
}

/// A directory whose name is in all names.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// What a name in the directory is called.
pub(crate) fn called(name: &str, directory: &Path) -> String {
    format!(r"\\.\pipe\{}-{name}", own(directory))
}

/// The same as a URL.
pub(crate) fn called_url(name: &str, directory: &Path) -> String {
    format!("ipc://{}-{name}", own(directory))
}

/// The same for this process.
pub(crate) fn address(name: &str, directory: &Path) -> OsString {
    called(name, directory).into()
}

/// A directory's own name, which is another one for each test.
fn own(directory: &Path) -> String {
    directory.file_name().unwrap().to_str().unwrap().trim_start_matches('.').into()
}

/// Has nobody this name?
pub(crate) fn is_free(name: &str, directory: &Path) -> bool {
    matches!(Stream::connect(address(name, directory)), Err(error) if error.kind() == ErrorKind::NotFound)
}

/// Nothing follows, and nothing is heard any more: a pipe ends as a whole.
pub(crate) fn end(mut stream: Stream) -> Option<Stream> {
    stream.flush().unwrap();
    None
}

/// As commands of Windows end them.
pub(super) fn lines(text: String) -> String {
    text.replace('\r', "")
}

/// Commands one after another.
pub(crate) const AND: &str = "&";
/// How the end of a command is told.
pub(crate) const ENDED: &str = "exit code: ";
/// Somebody who is not we.
pub(crate) const SOMEBODY: &str = "sid:S-1-5-18";

/// The value of a variable in a command.
pub(crate) fn var(name: &str) -> String {
    format!("%{name}%")
}

/// How many steps the demo has.
pub(crate) const STEPS: usize = 9;

/// Numbers of pipes rise, and count nothing: no file is left in which they could be counted.
pub(crate) fn is_second(epoch: u64) -> bool {
    epoch > 0
}
