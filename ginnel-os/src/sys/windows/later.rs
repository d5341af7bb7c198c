//! What is to be done in a while, by the system's pool.
#![expect(unsafe_code, reason = "the system keeps what it will call with")]

use std::ffi::c_void;
use std::io;
use std::time::Duration;

use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::Threading::{
    CloseThreadpoolTimer, CreateThreadpoolTimer, PTP_CALLBACK_INSTANCE, PTP_TIMER, SetThreadpoolTimer,
};

type Task = Box<dyn FnOnce() + Send>;

/// Does this once, after so long. It must not wait. `CreateThreadpoolTimer`
///
/// # Errors
/// The system's: it will not be done.
pub(super) fn later(length: Duration, task: Task) -> io::Result<()> {
    let task = Box::into_raw(Box::new(task));
    // SAFETY: `due` takes such a pointer.
    let timer = unsafe { CreateThreadpoolTimer(Some(due), task.cast(), std::ptr::null()) };
    if timer == 0 {
        let error = io::Error::last_os_error();
        // SAFETY: nobody else has it.
        drop(unsafe { Box::from_raw(task) });
        return Err(error);
    }
    // Below zero: from now on, in steps of 100 ns.
    let ticks = i64::try_from(length.as_nanos() / 100).unwrap_or(i64::MAX).wrapping_neg().cast_unsigned();
    let moment = FILETIME { dwLowDateTime: ticks as u32, dwHighDateTime: (ticks >> 32) as u32 };
    // SAFETY: the timer was made just now; it rings once, and is closed by what it calls.
    unsafe { SetThreadpoolTimer(timer, &raw const moment, 0, 0) };
    Ok(())
}

/// What a timer calls.
///
/// # Safety
/// It was set by [`later`], once, with this task.
unsafe extern "system" fn due(_: PTP_CALLBACK_INSTANCE, task: *mut c_void, timer: PTP_TIMER) {
    // SAFETY: `later` leaked this box for the one call.
    let task = unsafe { Box::from_raw(task.cast::<Task>()) };
    task();
    // SAFETY: nobody else closes it; it may be closed by what it calls.
    unsafe { CloseThreadpoolTimer(timer) };
}
