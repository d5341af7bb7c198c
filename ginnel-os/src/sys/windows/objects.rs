//! Objects of the kernel that exist under a name as long as somebody holds them. They vanish with their process.
#![expect(unsafe_code, reason = "an object is made by a bare call")]

use std::io;
use std::os::windows::io::{FromRawHandle, OwnedHandle};

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS, ERROR_FILE_NOT_FOUND, ERROR_INVALID_HANDLE, GetLastError,
};
use windows_sys::Win32::System::Threading::{CreateMutexW, OpenMutexW, SYNCHRONIZATION_SYNCHRONIZE};

use super::name::PipeName;
use super::pipe::error;
use super::security::{Access, Descriptor, wide};
use crate::sys::Would;

/// The right to a name of a pipe. Dropping it gives it back.
///
/// It is a mutex that nobody ever locks: a lock would be a thread's, and this is a process'. What counts is that it
/// exists.
#[derive(Debug)]
pub struct Object {
    _handle: OwnedHandle,
}

impl Object {
    /// Takes the right to a name. `None`: somebody has it. `CreateMutex`
    pub(super) fn take(name: &PipeName) -> Would<Self> {
        let descriptor = Descriptor::new(&Access::Owner)?;
        let attributes = descriptor.attributes();
        let name = object_name(name);
        // SAFETY: the name ends with a NUL; the attributes point to a descriptor that lives across the call.
        let handle = unsafe { CreateMutexW(&raw const attributes, 0, name.as_ptr()) };
        // SAFETY: it reads this thread's last error, which the call sets also if it succeeds.
        let code = unsafe { GetLastError() };
        if handle.is_null() {
            // Another user has it, or it is an object of another kind.
            let taken = matches!(code, ERROR_ACCESS_DENIED | ERROR_INVALID_HANDLE);
            return if taken { Ok(None) } else { Err(error(code)) };
        }
        // SAFETY: it was opened just now and is nobody else's.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        Ok((code != ERROR_ALREADY_EXISTS).then_some(Self { _handle: handle }))
    }

    /// Does anybody have the right to a name? `OpenMutex`
    pub(super) fn is_taken(name: &PipeName) -> io::Result<bool> {
        let name = object_name(name);
        // SAFETY: the name ends with a NUL.
        let handle = unsafe { OpenMutexW(SYNCHRONIZATION_SYNCHRONIZE, 0, name.as_ptr()) };
        if !handle.is_null() {
            // SAFETY: it was opened just now and is nobody else's.
            drop(unsafe { OwnedHandle::from_raw_handle(handle) });
            return Ok(true);
        }
        // SAFETY: it reads this thread's last error.
        match unsafe { GetLastError() } {
            ERROR_FILE_NOT_FOUND => Ok(false),
            ERROR_ACCESS_DENIED | ERROR_INVALID_HANDLE => Ok(true),
            code => Err(error(code)),
        }
    }
}

/// Names of pipes are the same for all sessions, so these are too.
fn object_name(name: &PipeName) -> Vec<u16> {
    wide(&format!(r"Global\{}.own", name.folded()))
}
