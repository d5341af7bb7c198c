//! Ends of processes on Windows.

use std::process::{self, ExitStatus};

use windows_sys::Win32::Foundation::STATUS_CONTROL_C_EXIT;

/// The code of a process that has ended.
pub(super) fn code(status: ExitStatus) -> Option<i32> {
    status.code()
}

/// Ends the process with the code that the console's own handler gives it, whichever event it was.
pub(super) fn end_by(_: i32) {
    process::exit(STATUS_CONTROL_C_EXIT);
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
    N  of the command, with recv --exec and connect --exec

Examples:
  ginnel demo
  start ginnel listen named:date --exec \"date /t\"
  ginnel connect named:date
  ginnel recv named:in > notes.txt
  ginnel send named:in < notes.txt";

#[cfg(test)]
mod tests {
    use std::os::windows::process::ExitStatusExt;

    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_command_lends_its_exit_code() {
        assert_eq!(Exit::like(ExitStatus::from_raw(7)), Exit::Code(7));
        assert_eq!(Exit::like(ExitStatus::from_raw(0x100)), Exit::FAILURE);
        assert_eq!(Exit::like(ExitStatus::from_raw(0xC000_013A)), Exit::FAILURE);
    }
}
