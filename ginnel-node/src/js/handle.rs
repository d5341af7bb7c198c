use std::any::TypeId;
use std::ffi::c_void;
use std::ptr::null_mut;

use napi_sys as sys;

use super::{Call, Env, Failure, Value};

/// Something of ours that JavaScript holds, in an external value. It is dropped once that is collected, and at the end of
/// the environment at the latest.
///
/// The package keeps these values in private fields: they never reach its users, so one that is an external value is one
/// of ours. Which of ours is checked.
#[repr(C)]
pub(crate) struct Handle<T> {
    kind: TypeId,
    held: T,
}

impl<T: 'static> Handle<T> {
    /// Lets JavaScript hold it.
    pub(crate) fn give(env: Env, held: T) -> Value {
        let boxed = Box::into_raw(Box::new(Self { kind: TypeId::of::<T>(), held }));
        let mut value = null_mut();
        // SAFETY: the box lives until the finalizer takes it back, which Node-API runs once: when the value is
        // collected, or when the environment ends.
        let status = unsafe {
            sys::napi_create_external(env.0, boxed.cast(), Some(finalize::<T>), null_mut(), &mut value)
        };
        if status != sys::Status::napi_ok {
            // SAFETY: nobody has it, since there is no value.
            drop(unsafe { Box::from_raw(boxed) });
        }
        Value(value)
    }
}

unsafe extern "C" fn finalize<T>(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: `data` is the box that `give` let go of, and this is its only finalizer.
    let held = unsafe { Box::from_raw(data.cast::<Handle<T>>()) };
    // A panic while it is dropped is a mistake of ours, which must not end the process.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(held)));
}

impl Call {
    /// Something of ours that JavaScript holds.
    ///
    /// It is only lent, and shared: a getter of an array of the caller's may call again.
    pub(crate) fn held<T: 'static>(&self, index: usize) -> Result<&T, Failure> {
        let mut data = null_mut();
        // SAFETY: the argument belongs to this call.
        let status = unsafe { sys::napi_get_value_external(self.env().0, self.value(index).0, &mut data) };
        if status != sys::Status::napi_ok || data.is_null() || !data.cast::<Handle<T>>().is_aligned() {
            return Err(Failure::wants(index, "a handle"));
        }
        // SAFETY: external values that reach us are ours, and all of ours begin with their kind.
        let kind = unsafe { *data.cast::<TypeId>() };
        if kind != TypeId::of::<T>() {
            return Err(Failure::wants(index, "a handle of another kind"));
        }
        // SAFETY: it is of this kind, and lives as long as the value, which is an argument of this call.
        Ok(unsafe { &(*data.cast::<Handle<T>>()).held })
    }
}
