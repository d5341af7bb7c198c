//! Commands of the user, run by the shell of the system.

#[cfg(unix)]
#[path = "shell/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "shell/windows.rs"]
mod system;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use ginnel::{Credentials, Message};

#[cfg(unix)]
pub(crate) use system::on_connection;

/// Starts a command whose standard input is written and whose standard output is read here.
pub(crate) fn between_pipes(script: &OsStr, peer: &Credentials) -> io::Result<Child> {
    let mut command = system::shell(script);
    system::introduce(&mut command, peer);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
}

/// Runs a command to its end, with a message's bytes as its standard input and its descriptors at 3, 4, ...
pub(crate) fn to_its_end(script: &OsStr, message: Message, peer: &Credentials) -> io::Result<Output> {
    let mut command = system::shell(script);
    system::introduce(&mut command, peer);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    start_on_message(command, message)?.wait_with_output()
}

/// Starts a command with a message's bytes as its standard input and its descriptors at 3, 4, ...
pub(crate) fn on_message(script: &OsStr, message: Message) -> io::Result<Child> {
    start_on_message(system::shell(script), message)
}

fn start_on_message(mut command: Command, message: Message) -> io::Result<Child> {
    let Message { body, fds, .. } = message;
    system::hand_over(&mut command, fds);
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command need not read what it is given, so nobody waits for this.
        thread::Builder::new().spawn(move || stdin.write_all(&body))?;
    }
    Ok(child)
}
