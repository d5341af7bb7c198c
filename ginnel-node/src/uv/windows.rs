//! The symbols of libuv, looked up when the addon is loaded: in the program that runs, whatever its file is called, and
//! else in the library that it has Node in. An import library would name `node.exe`, which programs that bring Node with
//! them are not called.

use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;

use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
};

use super::{Loop, OnHandle, Place};

/// What was found. The module that they stand in is never unloaded, since it runs us.
#[derive(Debug)]
struct Symbols {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    handle_set_data: unsafe extern "C" fn(Place, *mut c_void),
    handle_get_data: unsafe extern "C" fn(Place) -> *mut c_void,
    async_init: unsafe extern "C" fn(Loop, Place, OnHandle) -> c_int,
    async_send: unsafe extern "C" fn(Place) -> c_int,
    timer_init: unsafe extern "C" fn(Loop, Place) -> c_int,
    timer_start: unsafe extern "C" fn(Place, OnHandle, u64, u64) -> c_int,
    timer_stop: unsafe extern "C" fn(Place) -> c_int,
    update_time: unsafe extern "C" fn(Loop),
    ref_: unsafe extern "C" fn(Place),
    unref: unsafe extern "C" fn(Place),
    close: unsafe extern "C" fn(Place, OnHandle),
    err_name_r: unsafe extern "C" fn(c_int, *mut c_char, usize) -> *mut c_char,
    translate_sys_error: unsafe extern "C" fn(c_int) -> c_int,
}

/// The one static beside those of `napi-sys`: threads of the system's pool ring, and have no environment to ask.
static SYMBOLS: OnceLock<Symbols> = OnceLock::new();

/// Finds the symbols of Node-API and of libuv, once for the process. Before any of them is called.
pub(crate) fn find() {
    SYMBOLS.get_or_init(|| {
        stay();
        // SAFETY: this runs once, and before any symbol is called: nobody reads what it writes.
        let host = unsafe { napi_sys::setup() };
        // SAFETY: these are the functions of libuv 1.x under their names, which keep their signatures.
        let symbols = unsafe {
            Symbols {
                handle_size: *host.get(b"uv_handle_size\0").expect(NODE),
                handle_set_data: *host.get(b"uv_handle_set_data\0").expect(NODE),
                handle_get_data: *host.get(b"uv_handle_get_data\0").expect(NODE),
                async_init: *host.get(b"uv_async_init\0").expect(NODE),
                async_send: *host.get(b"uv_async_send\0").expect(NODE),
                timer_init: *host.get(b"uv_timer_init\0").expect(NODE),
                timer_start: *host.get(b"uv_timer_start\0").expect(NODE),
                timer_stop: *host.get(b"uv_timer_stop\0").expect(NODE),
                update_time: *host.get(b"uv_update_time\0").expect(NODE),
                ref_: *host.get(b"uv_ref\0").expect(NODE),
                unref: *host.get(b"uv_unref\0").expect(NODE),
                close: *host.get(b"uv_close\0").expect(NODE),
                err_name_r: *host.get(b"uv_err_name_r\0").expect(NODE),
                translate_sys_error: *host.get(b"uv_translate_sys_error\0").expect(NODE),
            }
        };
        // Symbols are called as long as the process runs.
        std::mem::forget(host);
        symbols
    });
}

/// Node unloads an addon with the last worker that has loaded it, and threads of the system's pool may run in it still: it
/// stays as long as the process does.
fn stay() {
    let mut module = std::ptr::null_mut();
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
    // SAFETY: any address in a module names it, and a function of ours is in ours; the handle is written to a local.
    let found = unsafe { GetModuleHandleExW(flags, (find as *const ()).cast(), &raw mut module) };
    assert!(found != 0, "we are a module");
}

const NODE: &str = "Node.js exports libuv";

fn symbols() -> &'static Symbols {
    SYMBOLS.get().expect("they are looked up when the addon is loaded")
}

pub(crate) unsafe fn uv_handle_size(kind: c_int) -> usize {
    // SAFETY: the caller's to see to, here and below.
    unsafe { (symbols().handle_size)(kind) }
}

pub(crate) unsafe fn uv_handle_set_data(handle: Place, data: *mut c_void) {
    // SAFETY: as above.
    unsafe { (symbols().handle_set_data)(handle, data) }
}

pub(crate) unsafe fn uv_handle_get_data(handle: Place) -> *mut c_void {
    // SAFETY: as above.
    unsafe { (symbols().handle_get_data)(handle) }
}

pub(crate) unsafe fn uv_async_init(on: Loop, handle: Place, call: OnHandle) -> c_int {
    // SAFETY: as above.
    unsafe { (symbols().async_init)(on, handle, call) }
}

pub(crate) unsafe fn uv_async_send(handle: Place) -> c_int {
    // SAFETY: as above.
    unsafe { (symbols().async_send)(handle) }
}

pub(crate) unsafe fn uv_timer_init(on: Loop, handle: Place) -> c_int {
    // SAFETY: as above.
    unsafe { (symbols().timer_init)(on, handle) }
}

pub(crate) unsafe fn uv_timer_start(handle: Place, call: OnHandle, after: u64, again: u64) -> c_int {
    // SAFETY: as above.
    unsafe { (symbols().timer_start)(handle, call, after, again) }
}

pub(crate) unsafe fn uv_timer_stop(handle: Place) -> c_int {
    // SAFETY: as above.
    unsafe { (symbols().timer_stop)(handle) }
}

pub(crate) unsafe fn uv_update_time(on: Loop) {
    // SAFETY: as above.
    unsafe { (symbols().update_time)(on) }
}

pub(crate) unsafe fn uv_ref(handle: Place) {
    // SAFETY: as above.
    unsafe { (symbols().ref_)(handle) }
}

pub(crate) unsafe fn uv_unref(handle: Place) {
    // SAFETY: as above.
    unsafe { (symbols().unref)(handle) }
}

pub(crate) unsafe fn uv_close(handle: Place, call: OnHandle) {
    // SAFETY: as above.
    unsafe { (symbols().close)(handle, call) }
}

pub(crate) unsafe fn uv_err_name_r(error: c_int, name: *mut c_char, room: usize) -> *mut c_char {
    // SAFETY: as above.
    unsafe { (symbols().err_name_r)(error, name, room) }
}

/// libuv's number for an error of `GetLastError`.
pub(crate) fn own_number(number: i32) -> c_int {
    // SAFETY: libuv looks the number up in a table.
    unsafe { (symbols().translate_sys_error)(number) }
}

/// Errors for which libuv has no name, or not the one that fits. Of a pipe whose other end is gone it says that it was read
/// to its end (`ERROR_BROKEN_PIPE`), where here somebody was writing.
pub(crate) const NAMES: &[(i32, &str)] = &[(109, "EPIPE")];
