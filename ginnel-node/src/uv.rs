//! The part of libuv that is needed: what is polled or woken, a timer, and the names of errors. Node brings the symbols.
#![expect(unsafe_code, reason = "libuv is C")]

use std::cell::Cell;
use std::ffi::{c_int, c_void};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

/// Numbers of `uv_handle_type`, the same in every 1.x.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(crate) enum Kind {
    #[cfg(windows)]
    Async = 1,
    #[cfg(unix)]
    Poll = 8,
    Timer = 13,
}

/// Where a handle stands: as much room as this libuv says that its kind takes.
pub(crate) type Place = *mut c_void;
pub(crate) type Loop = *mut napi_sys::uv_loop_s;

pub(crate) type OnHandle = unsafe extern "C" fn(Place);

/// Room for a handle of this kind, aligned as any of its fields. In cells, as libuv writes there while it is shared.
pub(crate) fn room(kind: Kind) -> Vec<Cell<u64>> {
    // SAFETY: a look into a table of libuv.
    let bytes = unsafe { uv_handle_size(kind as c_int) };
    vec![Cell::new(0); bytes.div_ceil(size_of::<u64>())]
}

/// The name that libuv has for an error of the system's, if it has one.
pub(crate) fn name_of(number: i32) -> Option<String> {
    let mut room = [0u8; 32];
    // SAFETY: libuv looks the number up in a table, and writes at most as many bytes as there is room for.
    unsafe { uv_err_name_r(own_number(number), room.as_mut_ptr().cast(), room.len()) };
    let size = room.iter().position(|&byte| byte == 0).unwrap_or(0);
    let name = String::from_utf8_lossy(&room[..size]).into_owned();
    (!name.is_empty() && !name.starts_with("Unknown")).then_some(name)
}
