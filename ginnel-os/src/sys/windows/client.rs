//! Who a client is, asked of the pipe: the system remembers whom it was opened by. A process id may be another's by now.
#![expect(unsafe_code, reason = "a thread acts as somebody else for a moment")]

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::process;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_CANNOT_IMPERSONATE, ERROR_NO_TOKEN, HANDLE};
use windows_sys::Win32::Security::{TOKEN_ACCESS_MASK, TOKEN_IMPERSONATE, TOKEN_QUERY};
use windows_sys::Win32::System::Pipes::ImpersonateNamedPipeClient;
use windows_sys::Win32::System::Threading::{GetCurrentThread, OpenThreadToken, SetThreadToken};

use super::security::{Sid, check};

/// The user that has opened the client's end of this pipe. `None`: the client does not want to be known, or the system
/// does not say.
///
/// Of a client that wants it to be found out anew with everything that it writes (`SECURITY_CONTEXT_TRACKING`, which is what
/// those get who ask for nothing), the system knows nothing before something of it was read: until then it is the user that
/// its process runs as.
pub(super) fn user(pipe: HANDLE, pid: u32) -> Option<Sid> {
    match remembered(pipe) {
        Err(error) if error.raw_os_error() == Some(ERROR_CANNOT_IMPERSONATE.cast_signed()) => Sid::of(pid),
        remembered => remembered.ok(),
    }
}

/// `ImpersonateNamedPipeClient`
fn remembered(pipe: HANDLE) -> io::Result<Sid> {
    let _self = Oneself { before: token(TOKEN_IMPERSONATE)? };
    // SAFETY: the handle is open. What this thread does until it is itself again follows here.
    check(unsafe { ImpersonateNamedPipeClient(pipe) })?;
    let token = token(TOKEN_QUERY)?.ok_or(io::ErrorKind::PermissionDenied)?;
    Sid::of_token(&token)
}

/// Whoever this thread was when it was made, it is again when this is dropped.
struct Oneself {
    /// `None`: it was its process.
    before: Option<OwnedHandle>,
}

impl Drop for Oneself {
    fn drop(&mut self) {
        let before = self.before.as_ref().map_or(ptr::null_mut(), AsRawHandle::as_raw_handle);
        // SAFETY: null stands for this thread, and for no token; the other handle is open.
        if unsafe { SetThreadToken(ptr::null(), before) } == 0 {
            // It must not go on as somebody else. `RevertToSelf`
            process::abort();
        }
    }
}

/// As whom this thread acts; `None`: as its process.
fn token(access: TOKEN_ACCESS_MASK) -> io::Result<Option<OwnedHandle>> {
    let mut token = ptr::null_mut();
    // SAFETY: the first handle is a constant that stands for this thread; one handle is written.
    match check(unsafe { OpenThreadToken(GetCurrentThread(), access, 1, &raw mut token) }) {
        // SAFETY: it was opened just now and is nobody else's.
        Ok(()) => Ok(Some(unsafe { OwnedHandle::from_raw_handle(token) })),
        Err(error) if error.raw_os_error() == Some(ERROR_NO_TOKEN.cast_signed()) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windows_sys::Win32::Security::{ImpersonateSelf, RevertToSelf, SecurityImpersonation};

    use crate::sys::SocketKind;
    use crate::sys::windows::Socket;

    #[test]
    fn whoever_asks_is_himself_again() -> io::Result<()> {
        let (one, other) = Socket::pair(SocketKind::Stream, true)?;
        let ask = || [&one, &other].map(|end| end.peer().map(|peer| peer.sid).ok().flatten());
        assert_eq!(ask(), [Some(Sid::ours()?), Some(Sid::ours()?)]);
        assert!(token(TOKEN_QUERY)?.is_none(), "no longer anybody else");
        // SAFETY: it concerns this thread alone, and is taken back below.
        check(unsafe { ImpersonateSelf(SecurityImpersonation) })?;
        assert_eq!(ask(), [Some(Sid::ours()?), Some(Sid::ours()?)]);
        assert!(token(TOKEN_QUERY)?.is_some(), "still whom he acted as");
        // SAFETY: it concerns this thread alone.
        check(unsafe { RevertToSelf() })
    }
}
