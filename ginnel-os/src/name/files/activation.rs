//! Listening sockets that a service manager opened for us. sd_listen_fds(3)

use std::env;
use std::io;
use std::os::fd::OwnedFd;

use crate::sys;

/// The first descriptor of a passed set: `SD_LISTEN_FDS_START`.
const FIRST: i32 = 3;

/// Takes over a socket that was passed to this process: the first with this name that nobody took yet, or the
/// first of all. `None`: none was passed to this very process.
///
/// `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` are left as they are, since a program with threads cannot
/// change its environment safely; children ignore them, as the process id is not theirs. What is taken is
/// close-on-exec, and by that known to be taken; call this before anything else closes descriptors from 3 on.
///
/// # Errors
/// The kernel's, see fcntl(2).
pub fn activated(name: Option<&str>) -> io::Result<Option<OwnedFd>> {
    let announced = Announced {
        pid: env::var("LISTEN_PID").unwrap_or_default(),
        count: env::var("LISTEN_FDS").unwrap_or_default(),
        names: env::var("LISTEN_FDNAMES").unwrap_or_default(),
    };
    for number in announced.numbers(std::process::id(), name) {
        match sys::take_inherited(number) {
            Ok(Some(fd)) => return Ok(Some(fd)),
            // Taken before, and open still or closed since.
            Ok(None) => {}
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The three variables.
struct Announced {
    pid: String,
    count: String,
    names: String,
}

impl Announced {
    /// The descriptors meant for process `pid` that have this name.
    fn numbers(&self, pid: u32, name: Option<&str>) -> Vec<i32> {
        if self.pid.parse() != Ok(pid) {
            return Vec::new();
        }
        let count = self.count.parse::<u16>().unwrap_or(0);
        let names = self.names.split(':').map(Some).chain(std::iter::repeat(None));
        (0..i32::from(count))
            .zip(names)
            .filter(|(_, given)| name.is_none() || name == *given)
            .map(|(index, _)| FIRST + index)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(pid: &str, count: &str, names: &str) -> Announced {
        Announced { pid: pid.into(), count: count.into(), names: names.into() }
    }

    #[test]
    fn descriptors_are_found_by_number_and_by_name() {
        let three = announced("7", "3", "web:admin:web");
        assert_eq!(three.numbers(7, None), [3, 4, 5]);
        assert_eq!(three.numbers(7, Some("web")), [3, 5]);
        assert_eq!(three.numbers(7, Some("admin")), [4]);
        assert_eq!(three.numbers(7, Some("mail")), [0_i32; 0]);
    }

    #[test]
    fn what_was_meant_for_another_process_is_ignored() {
        assert_eq!(announced("8", "3", "").numbers(7, None), [0_i32; 0]);
        assert_eq!(announced("", "3", "").numbers(7, None), [0_i32; 0]);
    }

    #[test]
    fn nonsense_announces_nothing() {
        assert_eq!(announced("7", "-1", "").numbers(7, None), [0_i32; 0]);
        assert_eq!(announced("7", "many", "").numbers(7, None), [0_i32; 0]);
        assert_eq!(announced("7", "2", "").numbers(7, Some("web")), [0_i32; 0]);
    }
}
