//! Commands of the user, run by `sh -c`.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use command_fds::{CommandFdExt, FdMapping};
use ginnel::Credentials;

/// Starts a command with a connection as its standard input and output.
pub(crate) fn on_connection(script: &OsStr, connection: OwnedFd, peer: &Credentials) -> io::Result<Child> {
    let mut command = shell(script);
    introduce(&mut command, peer);
    // This process keeps no duplicate of the connection: that the command ends must end it.
    command.stdin(connection.try_clone()?).stdout(connection).spawn()
}

/// Starts a command whose standard input is written and whose standard output is read here.
pub(crate) fn between_pipes(script: &OsStr, peer: &Credentials) -> io::Result<Child> {
    let mut command = shell(script);
    introduce(&mut command, peer);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
}

/// Runs a command to its end, with these bytes as its standard input and these descriptors at 3, 4, ...
pub(crate) fn to_its_end(
    script: &OsStr,
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
    peer: &Credentials,
) -> io::Result<Output> {
    let mut command = shell(script);
    introduce(&mut command, peer);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    start_on_message(command, bytes, fds)?.wait_with_output()
}

/// Starts a command with these bytes as its standard input and these descriptors at 3, 4, ...
pub(crate) fn on_message(
    script: &OsStr,
    bytes: impl AsRef<[u8]> + Send + 'static,
    fds: Vec<OwnedFd>,
) -> io::Result<Child> {
    start_on_message(shell(script), bytes, fds)
}

fn start_on_message(
    mut command: Command,
    bytes: impl AsRef<[u8]> + Send + 'static,
    fds: Vec<OwnedFd>,
) -> io::Result<Child> {
    command.env("GINNEL_FDS", fds.len().to_string()).stdin(Stdio::piped());
    let numbered = fds.into_iter().zip(3..).map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
    command.fd_mappings(numbered.collect()).expect("every descriptor has a number of its own");
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command need not read what it is given, so nobody waits for this.
        thread::Builder::new().spawn(move || stdin.write_all(bytes.as_ref()))?;
    }
    Ok(child)
}

/// Says who connected.
fn introduce(command: &mut Command, peer: &Credentials) {
    match peer.pid {
        Some(pid) => command.env("GINNEL_PEER_PID", pid.to_string()),
        None => command.env_remove("GINNEL_PEER_PID"),
    };
    command.env("GINNEL_PEER_UID", peer.uid.to_string()).env("GINNEL_PEER_GID", peer.gid.to_string());
}

fn shell(script: &OsStr) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command
}
