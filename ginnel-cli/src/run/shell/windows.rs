//! Commands are run by `cmd /d /s /c`.

use std::ffi::{OsStr, OsString};
use std::os::windows::process::CommandExt;
use std::process::Command;

use ginnel::Credentials;

/// No message has descriptors.
pub(super) fn hand_over<F>(_: &mut Command, _: Vec<F>) {}

/// Says who connected.
pub(super) fn introduce(command: &mut Command, peer: &Credentials) {
    let mut say = |name, number: Option<u32>| {
        match number {
            Some(number) => command.env(name, number.to_string()),
            None => command.env_remove(name),
        };
    };
    say("GINNEL_PEER_PID", peer.pid);
    say("GINNEL_PEER_SESSION", peer.session);
    command.env("GINNEL_PEER_SID", &peer.sid);
}

/// By `/s` everything between the first quotation mark and the last is the script, as it stands: nothing is quoted again.
/// `cmd /?`
pub(super) fn shell(script: &OsStr) -> Command {
    let mut quoted = OsString::from("\"");
    quoted.push(script);
    quoted.push("\"");
    let mut command = Command::new("cmd.exe");
    command.args(["/d", "/s", "/c"]).raw_arg(quoted);
    command
}
