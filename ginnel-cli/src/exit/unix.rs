//! Ends of processes on Unix.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The code of a process that has ended, or 128 and the signal that ended it.
pub(super) fn code(status: ExitStatus) -> Option<i32> {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal))
}

/// Does what a signal does that nobody holds up. It returns if that does not end a process.
pub(super) fn end_by(signal: i32) {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// The part of `--help` about exit codes.
pub(crate) const HELP: &str = "\
Exit codes:
    0  success; also when the reader of standard output has gone
    1  any other failure
    2  wrong usage
    3  nobody listens there
    4  the address is in use
    5  not permitted
    6  the other side broke a rule of the wire, or sent what the codec cannot read
    7  the other side answered a call with a failure
  124  the time given by --timeout, or for one message of sp, has passed
    N  of the command, with recv --exec and connect --exec (128 + the signal that ended it)

Examples:
  ginnel demo
  ginnel listen /tmp/echo.sock --exec cat &
  echo hello | ginnel connect /tmp/echo.sock
  ginnel recv /tmp/in.sock --exec 'cat <&3' &
  ginnel send /tmp/in.sock --fd README.md";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_command_lends_its_exit_code() {
        assert_eq!(Exit::like(ExitStatus::from_raw(7 << 8)), Exit::Code(7));
        assert_eq!(Exit::like(ExitStatus::from_raw(9)), Exit::Code(137));
    }
}
