//! The part of libuv that is needed: a poll handle, a timer, and the names of errors. Node brings the symbols.
#![expect(unsafe_code, reason = "libuv is C")]

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};

pub(crate) const READABLE: c_int = 1;
pub(crate) const WRITABLE: c_int = 2;

/// Numbers of `uv_handle_type`, the same in every 1.x.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(crate) enum Kind {
    Poll = 8,
    Timer = 13,
}

/// Where a handle stands: as much room as this libuv says that its kind takes.
pub(crate) type Place = *mut c_void;
pub(crate) type Loop = *mut napi_sys::uv_loop_s;

pub(crate) type OnPoll = unsafe extern "C" fn(Place, c_int, c_int);
pub(crate) type OnHandle = unsafe extern "C" fn(Place);

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

/// Room for a handle of this kind, aligned as any of its fields. In cells, as libuv writes there while it is shared.
pub(crate) fn room(kind: Kind) -> Vec<Cell<u64>> {
    // SAFETY: a look into a table of libuv.
    let bytes = unsafe { uv_handle_size(kind as c_int) };
    vec![Cell::new(0); bytes.div_ceil(size_of::<u64>())]
}
