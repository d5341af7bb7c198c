//! The client's end of a pipe.
#![expect(unsafe_code, reason = "a pipe is opened by a bare call")]

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_PIPE_BUSY, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_OVERLAPPED, OPEN_EXISTING, SECURITY_IDENTIFICATION, SECURITY_SQOS_PRESENT,
};
use windows_sys::Win32::System::Pipes::{
    GetNamedPipeInfo, PIPE_READMODE_MESSAGE, PIPE_TYPE_MESSAGE, SetNamedPipeHandleState,
};

use super::name::PipeName;
use super::security::{TALK, check};
use crate::SocketError;
use crate::sys::Would;

/// Opens the client's end. `None`: all instances are taken. The server may find out who we are, but not act as us.
pub(super) fn open(name: &PipeName) -> Would<OwnedHandle> {
    // SAFETY: the name ends with a NUL; the handle is not inherited.
    let handle = unsafe {
        CreateFileW(
            name.wide().as_ptr(),
            TALK,
            0,
            ptr::null(),
            OPEN_EXISTING,
            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
            ptr::null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        let error = io::Error::last_os_error();
        let busy = error.raw_os_error() == Some(ERROR_PIPE_BUSY.cast_signed());
        return if busy { Ok(None) } else { Err(error) };
    }
    // SAFETY: it was opened just now and is nobody else's.
    Ok(Some(unsafe { OwnedHandle::from_raw_handle(handle) }))
}

/// A pipe that carries packets is read packet by packet, one that does not is refused, and the other way round.
pub(super) fn set_mode(handle: &OwnedHandle, packets: bool) -> io::Result<()> {
    let mut flags = 0;
    let none = ptr::null_mut();
    // SAFETY: the handle is open; one number is written.
    check(unsafe { GetNamedPipeInfo(handle.as_raw_handle(), &raw mut flags, none, none, none) })?;
    let found = flags & PIPE_TYPE_MESSAGE != 0;
    if found != packets {
        return Err(SocketError::WrongPipe { packets: found }.into());
    }
    if packets {
        let mode = PIPE_READMODE_MESSAGE;
        let raw = handle.as_raw_handle();
        // SAFETY: the handle is open; one number is read.
        check(unsafe { SetNamedPipeHandleState(raw, &raw const mode, ptr::null(), ptr::null()) })?;
    }
    Ok(())
}
