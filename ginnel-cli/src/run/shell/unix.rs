//! Commands are run by `sh -c`.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};

use command_fds::{CommandFdExt, FdMapping};
use ginnel::Credentials;

/// Starts a command with a connection as its standard input and output.
pub(crate) fn on_connection(script: &OsStr, connection: OwnedFd, peer: &Credentials) -> io::Result<Child> {
    let mut command = shell(script);
    introduce(&mut command, peer);
    // This process keeps no duplicate of the connection: that the command ends must end it.
    command.stdin(connection.try_clone()?).stdout(connection).spawn()
}

/// Gives a command these descriptors at 3, 4, ...
pub(super) fn hand_over(command: &mut Command, fds: Vec<OwnedFd>) {
    command.env("GINNEL_FDS", fds.len().to_string());
    let numbered = fds.into_iter().zip(3..).map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
    command.fd_mappings(numbered.collect()).expect("every descriptor has a number of its own");
}

/// Says who connected.
pub(super) fn introduce(command: &mut Command, peer: &Credentials) {
    match peer.pid {
        Some(pid) => command.env("GINNEL_PEER_PID", pid.to_string()),
        None => command.env_remove("GINNEL_PEER_PID"),
    };
    command.env("GINNEL_PEER_UID", peer.uid.to_string()).env("GINNEL_PEER_GID", peer.gid.to_string());
}

pub(super) fn shell(script: &OsStr) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command
}
