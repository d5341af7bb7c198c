//! The errors of the system that mean something here, by the number that [`std::io::Error::raw_os_error`] tells.

#[cfg(unix)]
mod numbers {
    /// The other side refuses descriptors (`SO_PASSRIGHTS`).
    pub(crate) const FDS_REFUSED: i32 = libc::EPERM;
    /// Too many descriptors of this user are under way unread.
    pub(crate) const FDS_UNDER_WAY: i32 = libc::ETOOMANYREFS;
    /// Too many files are open.
    pub(crate) const TOO_MANY_FILES: i32 = libc::EMFILE;
    /// The other side closed with something unread.
    pub(crate) const RESET: i32 = libc::ECONNRESET;
    /// Nobody reads at the other end.
    pub(crate) const BROKEN: i32 = libc::EPIPE;
    /// It is no socket.
    pub(crate) const NO_SOCKET: i32 = libc::ENOTSOCK;
    /// There is no such process.
    pub(crate) const NO_PROCESS: i32 = libc::ESRCH;
    /// What stands for an error without a number.
    pub(crate) const UNKNOWN: i32 = libc::EIO;
    /// Whoever knocked is gone: the next one may be accepted at once. accept(2)
    pub(crate) const GONE: [i32; 2] = [libc::ECONNABORTED, libc::EPROTO];
    /// There is no room for a further connection now. accept(2)
    pub(crate) const NO_ROOM: [i32; 4] = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
}

#[cfg(windows)]
mod numbers {
    use windows_sys::Win32::Foundation as win;
    use windows_sys::Win32::Networking::WinSock as winsock;

    /// No descriptor is ever sent, so nobody refuses one; what an end says that takes none.
    pub(crate) const FDS_REFUSED: i32 = win::ERROR_NOT_SUPPORTED as i32;
    /// Nor are any under way. No error has this number.
    pub(crate) const FDS_UNDER_WAY: i32 = i32::MIN;
    /// Too many files are open.
    pub(crate) const TOO_MANY_FILES: i32 = win::ERROR_TOO_MANY_OPEN_FILES as i32;
    /// A TCP connection was reset. Pipes are not.
    pub(crate) const RESET: i32 = winsock::WSAECONNRESET;
    /// Nobody reads at the other end: what whoever writes is told.
    pub(crate) const BROKEN: i32 = win::ERROR_NO_DATA as i32;
    /// It is no socket.
    pub(crate) const NO_SOCKET: i32 = winsock::WSAENOTSOCK;
    /// There is no such process: `OpenProcess` calls its number a bad parameter.
    pub(crate) const NO_PROCESS: i32 = win::ERROR_INVALID_PARAMETER as i32;
    /// What stands for an error without a number.
    pub(crate) const UNKNOWN: i32 = win::ERROR_GEN_FAILURE as i32;
    /// Whoever knocked is gone: the next one may be accepted at once.
    pub(crate) const GONE: [i32; 3] =
        [win::ERROR_NO_DATA as i32, win::ERROR_BROKEN_PIPE as i32, winsock::WSAECONNRESET];
    /// There is no room for a further connection now.
    pub(crate) const NO_ROOM: [i32; 8] = [
        win::ERROR_TOO_MANY_OPEN_FILES as i32,
        win::ERROR_NOT_ENOUGH_MEMORY as i32,
        win::ERROR_OUTOFMEMORY as i32,
        win::ERROR_NO_SYSTEM_RESOURCES as i32,
        win::ERROR_COMMITMENT_LIMIT as i32,
        win::ERROR_NOT_ENOUGH_QUOTA as i32,
        winsock::WSAEMFILE,
        winsock::WSAENOBUFS,
    ];
}

pub(crate) use numbers::*;
