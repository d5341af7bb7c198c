//! The symbols of libuv, as the process that loads us exports them.

use std::ffi::{c_char, c_int, c_void};

use super::{Loop, OnHandle, Place};

pub(crate) const READABLE: c_int = 1;
pub(crate) const WRITABLE: c_int = 2;

pub(crate) type OnPoll = unsafe extern "C" fn(Place, c_int, c_int);

unsafe extern "C" {
    pub(crate) fn uv_handle_size(kind: c_int) -> usize;
    pub(crate) fn uv_handle_set_data(handle: Place, data: *mut c_void);
    pub(crate) fn uv_handle_get_data(handle: Place) -> *mut c_void;
    pub(crate) fn uv_poll_init(on: Loop, handle: Place, fd: c_int) -> c_int;
    pub(crate) fn uv_poll_start(handle: Place, events: c_int, call: OnPoll) -> c_int;
    pub(crate) fn uv_poll_stop(handle: Place) -> c_int;
    pub(crate) fn uv_timer_init(on: Loop, handle: Place) -> c_int;
    pub(crate) fn uv_timer_start(handle: Place, call: OnHandle, after: u64, again: u64) -> c_int;
    pub(crate) fn uv_timer_stop(handle: Place) -> c_int;
    pub(crate) fn uv_update_time(on: Loop);
    pub(crate) fn uv_ref(handle: Place);
    pub(crate) fn uv_unref(handle: Place);
    pub(crate) fn uv_close(handle: Place, call: OnHandle);
    pub(crate) fn uv_err_name_r(error: c_int, name: *mut c_char, room: usize) -> *mut c_char;
}

/// libuv's number for an error of errno(3).
pub(crate) const fn own_number(number: i32) -> c_int {
    -number
}

/// Errors for which libuv has no name, or not the one that fits. Too many descriptors are under way.
pub(crate) const NAMES: &[(i32, &str)] = &[(libc::ETOOMANYREFS, "ETOOMANYREFS")];
