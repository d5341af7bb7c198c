//! Who may connect to a pipe, and who is at its other end.
#![expect(unsafe_code, reason = "security descriptors and identifiers are memory of the system's")]

use std::ffi::c_void;
use std::fmt;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, ConvertStringSidToSidW,
    GetSecurityInfo, SDDL_REVISION_1, SE_KERNEL_OBJECT,
};
use windows_sys::Win32::Security::Cryptography::{BCRYPT_USE_SYSTEM_PREFERRED_RNG, BCryptGenRandom};
use windows_sys::Win32::Security::{
    GetTokenInformation, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES,
    TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Pipes::{
    GetNamedPipeClientProcessId, GetNamedPipeClientSessionId, GetNamedPipeServerProcessId,
    GetNamedPipeServerSessionId,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, OpenProcess, OpenProcessToken, PROCESS_QUERY_LIMITED_INFORMATION,
};

use super::client;
use super::operation::length;

/// A security identifier: a user, a group or a service, as text (`S-1-5-...`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Sid(String);

impl Sid {
    /// Reads a text; the short forms of SDDL are understood too. `ConvertStringSidToSid`
    ///
    /// # Errors
    /// The system's: it is no identifier.
    pub(super) fn new(text: &str) -> io::Result<Self> {
        // Not left to the system: wine takes nothing for an identifier.
        if text.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let wide = wide(text);
        let mut sid: PSID = ptr::null_mut();
        // SAFETY: the text ends with a NUL; what is made is freed below.
        check(unsafe { ConvertStringSidToSidW(wide.as_ptr(), &raw mut sid) })?;
        let sid = Local(sid);
        // SAFETY: the call above made it.
        unsafe { Self::read(sid.0) }
    }

    /// The user that this process runs as.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn ours() -> io::Result<Self> {
        // SAFETY: it gives a constant that stands for this process, and need not be closed.
        Self::of_process(unsafe { GetCurrentProcess() })
    }

    /// The user that a process runs as. `None` of one that is gone or may not be looked at.
    pub(super) fn of(pid: u32) -> Option<Self> {
        // SAFETY: any number may be given.
        let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) };
        if process.is_null() {
            return None;
        }
        // SAFETY: it was opened just now and is nobody else's.
        let process = unsafe { OwnedHandle::from_raw_handle(process) };
        Self::of_process(process.as_raw_handle()).ok()
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it the system itself, or its administrators?
    pub(super) fn is_trusted(&self) -> bool {
        matches!(self.as_str(), "S-1-5-18" | "S-1-5-32-544")
    }

    fn of_process(process: HANDLE) -> io::Result<Self> {
        let mut token = ptr::null_mut();
        // SAFETY: the handle is open or stands for this process.
        check(unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) })?;
        // SAFETY: it was opened just now and is nobody else's.
        Self::of_token(&unsafe { OwnedHandle::from_raw_handle(token) })
    }

    /// The user of a token that may be asked.
    pub(super) fn of_token(token: &OwnedHandle) -> io::Result<Self> {
        // Aligned for the structure at its front. The longest identifier has 68 bytes.
        let mut room = [0_u64; 16];
        let (mut size, most) = (0, u32::try_from(size_of_val(&room)).unwrap_or_default());
        // SAFETY: no more is written than there is room for.
        check(unsafe {
            let room = room.as_mut_ptr().cast::<c_void>();
            GetTokenInformation(token.as_raw_handle(), TokenUser, room, most, &raw mut size)
        })?;
        // SAFETY: the call has written this structure there, which points into the room.
        unsafe { Self::read((*room.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
    }

    /// # Safety
    /// The pointer is to an identifier that the system has made.
    unsafe fn read(sid: PSID) -> io::Result<Self> {
        let mut text = ptr::null_mut();
        // SAFETY: the caller vouches for the identifier; what is made is freed below.
        check(unsafe { ConvertSidToStringSidW(sid, &raw mut text) })?;
        let text = Local(text.cast());
        // SAFETY: the call above made a text that ends with a NUL.
        Ok(Self(unsafe { narrow(text.0.cast()) }))
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whom a pipe lets in, beside our own user. The system looks at it when somebody opens the pipe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// Nobody else.
    Owner,
    /// These, too.
    Sids(Vec<Sid>),
    /// Every user of this machine.
    Anyone,
}

/// A security descriptor.
#[derive(Debug)]
pub(super) struct Descriptor(Local);

// SAFETY: it is memory that is never changed.
unsafe impl Send for Descriptor {}
// SAFETY: as above.
unsafe impl Sync for Descriptor {}

impl Descriptor {
    /// Of an object of ours: everything for our own user, talking for the others. They may not make further instances of
    /// the pipe (`FILE_CREATE_PIPE_INSTANCE`, 4), so they cannot take its clients.
    pub(super) fn new(access: &Access) -> io::Result<Self> {
        let ours = Sid::ours()?;
        let mut text = format!("O:{ours}D:P(A;;GA;;;{ours})");
        let mut allow = |sid: &str| text.push_str(&format!("(A;;{TALK:#x};;;{sid})"));
        match access {
            Access::Owner => {}
            Access::Sids(sids) => sids.iter().for_each(|sid| allow(sid.as_str())),
            Access::Anyone => allow("WD"),
        }
        let wide = wide(&text);
        let mut made: PSECURITY_DESCRIPTOR = ptr::null_mut();
        // SAFETY: the text ends with a NUL; what is made is freed with the value.
        check(unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                wide.as_ptr(),
                SDDL_REVISION_1,
                &raw mut made,
                ptr::null_mut(),
            )
        })?;
        Ok(Self(Local(made)))
    }

    /// For a call that makes an object: not to be inherited. It points to the descriptor.
    pub(super) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or_default(),
            lpSecurityDescriptor: self.0.0,
            bInheritHandle: 0,
        }
    }
}

/// Who is at the other end of a pipe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Peer {
    /// Process id. Never decide by it: the process may be gone and its number given to another.
    pub(super) pid: u32,
    /// The session that it lives in.
    pub(super) session: u32,
    /// Of a client the user that has opened the pipe; `None` if the system does not say. Of a server the owner of the pipe,
    /// which is the user that has made it.
    pub(super) sid: Option<Sid>,
}

impl Peer {
    /// `server`: ours is the server's end.
    pub(super) fn of(pipe: HANDLE, server: bool) -> io::Result<Self> {
        let (mut pid, mut session) = (0, 0);
        // SAFETY: the handle is open; each call writes one number.
        unsafe {
            if server {
                check(GetNamedPipeClientProcessId(pipe, &raw mut pid))?;
                check(GetNamedPipeClientSessionId(pipe, &raw mut session))?;
            } else {
                check(GetNamedPipeServerProcessId(pipe, &raw mut pid))?;
                check(GetNamedPipeServerSessionId(pipe, &raw mut session))?;
            }
        }
        let sid = if server { client::user(pipe, pid) } else { owner(pipe).ok().flatten() };
        Ok(Self { pid, session, sid })
    }
}

/// Who answers for the server's end of a pipe: the pipe's owner, which is the user of whoever made it and nobody else can
/// claim to be. wine 8 knows no owner of a pipe that was made without saying who may use it; then the user as whom the
/// server runs. `None`: neither is known.
pub(super) fn owner(pipe: HANDLE) -> io::Result<Option<Sid>> {
    if let Some(owner) = recorded_owner(pipe)? {
        return Ok(Some(owner));
    }
    let mut pid = 0;
    // SAFETY: the handle is open; the call writes one number.
    check(unsafe { GetNamedPipeServerProcessId(pipe, &raw mut pid) })?;
    Ok(Sid::of(pid))
}

/// `GetSecurityInfo`
fn recorded_owner(pipe: HANDLE) -> io::Result<Option<Sid>> {
    let (mut sid, mut descriptor): (PSID, PSECURITY_DESCRIPTOR) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the handle is open; what is made is freed below.
    let code = unsafe {
        GetSecurityInfo(
            pipe,
            SE_KERNEL_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut sid,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut descriptor,
        )
    };
    if code != 0 {
        return Err(super::pipe::error(code));
    }
    let _descriptor = Local(descriptor);
    if sid.is_null() {
        return Ok(None);
    }
    // SAFETY: it points into the descriptor, which still lives.
    unsafe { Sid::read(sid) }.map(Some)
}

/// The owner and the list of those who are let in, as text. `GetSecurityInfo`
#[cfg(test)]
pub(super) fn describe(object: HANDLE) -> io::Result<String> {
    use windows_sys::Win32::Security::Authorization::ConvertSecurityDescriptorToStringSecurityDescriptorW;
    use windows_sys::Win32::Security::DACL_SECURITY_INFORMATION;

    let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
    let parts = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    let none = ptr::null_mut();
    // SAFETY: the handle is open; what is made is freed below.
    let code = unsafe {
        GetSecurityInfo(
            object,
            SE_KERNEL_OBJECT,
            parts,
            none,
            none,
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut descriptor,
        )
    };
    if code != 0 {
        return Err(super::pipe::error(code));
    }
    let descriptor = Local(descriptor);
    let mut text = ptr::null_mut();
    // SAFETY: the call above made the descriptor; the text is freed below.
    check(unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor.0,
            SDDL_REVISION_1,
            parts,
            &raw mut text,
            ptr::null_mut(),
        )
    })?;
    let text = Local(text.cast());
    // SAFETY: the call above made a text that ends with a NUL.
    Ok(unsafe { narrow(text.0.cast()) })
}

/// Memory that the system has made for us (`LocalFree`).
#[derive(Debug)]
struct Local(*mut c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: it was made by a call that says so, and is freed once. Null is no error.
        unsafe { LocalFree(self.0) };
    }
}

/// What says by zero that it failed.
pub(super) fn check(done: i32) -> io::Result<()> {
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// With a NUL behind it.
pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// # Safety
/// The text ends with a NUL.
unsafe fn narrow(text: *const u16) -> String {
    // SAFETY: the caller vouches for it: everything up to the NUL is there.
    let length = (0..).take_while(|&at| unsafe { *text.add(at) } != 0).count();
    // SAFETY: as above.
    String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(text, length) })
}

/// To read, to write, and to be waited for: `FILE_GENERIC_READ | FILE_GENERIC_WRITE` without
/// `FILE_CREATE_PIPE_INSTANCE`.
pub(super) const TALK: u32 = 0x0012_019B;

/// Bits that nobody can guess.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bits = [0; N];
    let size = length(&bits);
    // SAFETY: as many bytes are written as there is room for.
    let status =
        unsafe { BCryptGenRandom(ptr::null_mut(), bits.as_mut_ptr(), size, BCRYPT_USE_SYSTEM_PREFERRED_RNG) };
    if status < 0 { Err(io::ErrorKind::Other.into()) } else { Ok(bits) }
}
