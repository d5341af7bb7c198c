//! Node-API, as much of it as a table of functions needs: what comes in is checked as it is taken out, what goes wrong
//! becomes an exception, and no panic crosses.
#![expect(unsafe_code, reason = "Node-API is C")]

mod call;
mod failure;
mod handle;
mod home;
mod table;

use std::ffi::c_char;
use std::ptr::null_mut;

use napi_sys as sys;

pub(crate) use call::Call;
pub(crate) use failure::{Failure, Fault};
pub(crate) use handle::Handle;
pub(crate) use home::{Callback, Home, Open};
pub(crate) use table::{Function, export};

/// What most functions answer.
pub(crate) type Answer = Result<Value, Failure>;

/// An environment: one thread that runs JavaScript.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Env(sys::napi_env);

/// A value, while the call lasts that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value(sys::napi_value);

/// Makes a value by a function of Node-API that writes it to its last argument.
macro_rules! made {
    ($function:ident, $($argument:expr),*) => {{
        let mut value = null_mut();
        // SAFETY: the environment is this thread's and the arguments are what the function is documented to take; it
        // writes a value of this call, or fails and leaves null, which stands for `undefined`.
        unsafe { sys::$function($($argument,)* &mut value) };
        Value(value)
    }};
}

impl Env {
    pub(crate) fn number(self, number: f64) -> Value {
        made!(napi_create_double, self.0, number)
    }

    pub(crate) fn int(self, number: i32) -> Value {
        made!(napi_create_int32, self.0, number)
    }

    pub(crate) fn bool(self, value: bool) -> Value {
        made!(napi_get_boolean, self.0, value)
    }

    pub(crate) fn null(self) -> Value {
        made!(napi_get_null, self.0)
    }

    pub(crate) fn undefined(self) -> Value {
        made!(napi_get_undefined, self.0)
    }

    pub(crate) fn text(self, text: &str) -> Value {
        made!(napi_create_string_utf8, self.0, text.as_ptr().cast::<c_char>(), length(text))
    }

    pub(crate) fn array(self, items: impl IntoIterator<Item = Value>) -> Value {
        let array = made!(napi_create_array, self.0);
        for (index, item) in (0..).zip(items) {
            // SAFETY: the array was made in this environment just now, and the item belongs to the same call.
            unsafe { sys::napi_set_element(self.0, array.0, index, item.0) };
        }
        array
    }

    pub(crate) fn object(self, properties: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        let object = made!(napi_create_object, self.0);
        for (name, value) in properties {
            self.set(object, name, value);
        }
        object
    }

    fn set(self, object: Value, name: &str, value: Value) {
        let key = self.text(name);
        // SAFETY: both values belong to the current call of this environment.
        unsafe { sys::napi_set_property(self.0, object.0, key.0, value.0) };
    }

    /// A `Buffer` over these bytes: without a copy where the engine allows it.
    pub(crate) fn buffer(self, bytes: bytes::Bytes) -> Value {
        let (data, size) = (bytes.as_ptr(), bytes.len());
        // Bytes that others share must not be written to from JavaScript.
        let owned = match bytes.try_into_mut() {
            Ok(owned) => owned,
            Err(shared) => return self.copied(&shared),
        };
        let kept = Box::into_raw(Box::new(owned));
        let mut value = null_mut();
        // SAFETY: the box keeps the bytes where they are until the finalizer takes it back, which Node-API runs once,
        // and nobody else holds them.
        let status = unsafe {
            sys::napi_create_external_buffer(
                self.0,
                size,
                data.cast_mut().cast(),
                Some(drop_bytes),
                kept.cast(),
                &mut value,
            )
        };
        if status == sys::Status::napi_ok {
            return Value(value);
        }
        // SAFETY: the call has failed, as it does where memory of others is not allowed, and the box is still ours.
        let kept = unsafe { Box::from_raw(kept) };
        self.copied(&kept)
    }

    /// A `Buffer` with a copy of these bytes.
    pub(crate) fn copied(self, bytes: &[u8]) -> Value {
        let mut value = null_mut();
        // SAFETY: the bytes are only read, during the call.
        unsafe {
            sys::napi_create_buffer_copy(
                self.0,
                bytes.len(),
                bytes.as_ptr().cast(),
                null_mut(),
                &mut value,
            );
        }
        Value(value)
    }
}

unsafe extern "C" fn drop_bytes(
    _: sys::napi_env,
    _: *mut std::ffi::c_void,
    kept: *mut std::ffi::c_void,
) {
    // SAFETY: `kept` is the box that `Env::buffer` let go of, and this is its only finalizer.
    drop(unsafe { Box::from_raw(kept.cast::<bytes::BytesMut>()) });
}

fn length(text: &str) -> isize {
    isize::try_from(text.len()).unwrap_or(isize::MAX)
}
