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
pub(crate) use failure::{Failure, Fault, errno};
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

impl Env {
    /// Makes a value by a function of Node-API that writes it where it is told to. If it fails, `undefined` stays.
    fn made(self, make: impl FnOnce(sys::napi_env, *mut sys::napi_value) -> sys::napi_status) -> Value {
        let mut value = null_mut();
        make(self.0, &mut value);
        Value(value)
    }

    pub(crate) fn number(self, number: f64) -> Value {
        // SAFETY: the environment is this thread's, and the value is written to a local.
        self.made(|env, made| unsafe { sys::napi_create_double(env, number, made) })
    }

    pub(crate) fn int(self, number: i32) -> Value {
        // SAFETY: the environment is this thread's, and the value is written to a local.
        self.made(|env, made| unsafe { sys::napi_create_int32(env, number, made) })
    }

    pub(crate) fn bool(self, value: bool) -> Value {
        // SAFETY: the environment is this thread's, and the value is written to a local.
        self.made(|env, made| unsafe { sys::napi_get_boolean(env, value, made) })
    }

    pub(crate) fn null(self) -> Value {
        // SAFETY: the environment is this thread's, and the value is written to a local.
        self.made(|env, made| unsafe { sys::napi_get_null(env, made) })
    }

    pub(crate) fn undefined(self) -> Value {
        // SAFETY: the environment is this thread's, and the value is written to a local.
        self.made(|env, made| unsafe { sys::napi_get_undefined(env, made) })
    }

    pub(crate) fn text(self, text: &str) -> Value {
        // SAFETY: the text is read during the call; the value is written to a local.
        self.made(|env, made| unsafe {
            sys::napi_create_string_utf8(env, text.as_ptr().cast::<c_char>(), length(text), made)
        })
    }

    pub(crate) fn array(self, items: impl IntoIterator<Item = Value>) -> Value {
        // SAFETY: the environment is this thread's, and the value is written to a local.
        let array = self.made(|env, made| unsafe { sys::napi_create_array(env, made) });
        for (index, item) in (0..).zip(items) {
            // SAFETY: the array was made in this environment just now, and the item belongs to the same call.
            unsafe { sys::napi_set_element(self.0, array.0, index, item.0) };
        }
        array
    }

    pub(crate) fn object(self, properties: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        // SAFETY: the environment is this thread's, and the value is written to a local.
        let object = self.made(|env, made| unsafe { sys::napi_create_object(env, made) });
        self.define(object, properties);
        object
    }

    /// Gives an object properties of its own. They are not set but defined: what a prototype has set up runs no code here.
    fn define(self, object: Value, properties: impl IntoIterator<Item = (&'static str, Value)>) {
        let plain = sys::PropertyAttributes::writable
            | sys::PropertyAttributes::enumerable
            | sys::PropertyAttributes::configurable;
        let all: Vec<_> = properties
            .into_iter()
            .map(|(name, value)| sys::napi_property_descriptor {
                utf8name: std::ptr::null(),
                name: self.text(name).0,
                method: None,
                getter: None,
                setter: None,
                value: value.0,
                attributes: plain,
                data: null_mut(),
            })
            .collect();
        // SAFETY: the object, the names and the values belong to the current call of this environment.
        unsafe { sys::napi_define_properties(self.0, object.0, all.len(), all.as_ptr()) };
    }

    /// A `Buffer` with these bytes. Many are handed over as they are, where the engine allows it: few cost less copied, and
    /// would keep what they were a part of.
    pub(crate) fn buffer(self, bytes: bytes::Bytes) -> Value {
        if bytes.len() < LARGE {
            return self.copied(&bytes);
        }
        // Bytes that others share must not be written to from JavaScript.
        let mut owned = match bytes.try_into_mut() {
            Ok(owned) => owned,
            Err(shared) => return self.copied(&shared),
        };
        let (data, size) = (owned.as_mut_ptr(), owned.len());
        let kept = Box::into_raw(Box::new(owned));
        let mut value = null_mut();
        // SAFETY: the box keeps the bytes where they are until the finalizer takes it back, which Node-API runs once,
        // and nobody else holds them.
        let status = unsafe {
            sys::napi_create_external_buffer(
                self.0,
                size,
                data.cast(),
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
            sys::napi_create_buffer_copy(self.0, bytes.len(), bytes.as_ptr().cast(), null_mut(), &mut value);
        }
        Value(value)
    }
}

unsafe extern "C" fn drop_bytes(_: sys::napi_env, _: *mut std::ffi::c_void, kept: *mut std::ffi::c_void) {
    // SAFETY: `kept` is the box that `Env::buffer` let go of, and this is its only finalizer.
    drop(unsafe { Box::from_raw(kept.cast::<bytes::BytesMut>()) });
}

fn length(text: &str) -> isize {
    isize::try_from(text.len()).unwrap_or(isize::MAX)
}

/// From here on bytes are handed over as they are.
pub(crate) const LARGE: usize = 16 << 10;
