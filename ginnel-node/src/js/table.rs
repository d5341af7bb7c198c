use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use napi_sys as sys;

use super::call::ARGUMENTS;
use super::{Answer, Call, Env, Failure, Value, length};

/// A function that JavaScript can call.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Call) -> Answer,
}

/// Puts functions into the exports, under a name of their own.
pub(crate) fn export(env: Env, exports: Value, name: &'static str, functions: &'static [Function]) {
    let table = env.object(functions.iter().map(|function| (function.name, make(env, function))));
    env.define(exports, [(name, table)]);
}

fn make(env: Env, function: &'static Function) -> Value {
    let data = std::ptr::from_ref(function).cast_mut().cast();
    let name = function.name;
    let mut value = null_mut();
    // SAFETY: the function is a static, which `enter` only reads.
    unsafe {
        sys::napi_create_function(env.0, name.as_ptr().cast(), length(name), Some(enter), data, &mut value);
    }
    Value(value)
}

/// Where every call comes in: no panic leaves it.
unsafe extern "C" fn enter(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut arguments = [null_mut(); ARGUMENTS];
    let (mut count, mut data): (_, *mut c_void) = (ARGUMENTS, null_mut());
    // SAFETY: Node-API calls this with what belongs to the call. Arguments that were not given are set to `undefined`.
    let function = unsafe {
        sys::napi_get_cb_info(env, info, &mut count, arguments.as_mut_ptr(), null_mut(), &mut data);
        &*data.cast::<Function>().cast_const()
    };
    let env = Env(env);
    let call = Call::new(env, arguments);
    let answer = catch_unwind(AssertUnwindSafe(|| (function.run)(&call)));
    match answer.unwrap_or_else(|panic| Err(Failure::panicked(&*panic))) {
        Ok(value) => value.0,
        Err(failure) => {
            failure.throw(env);
            null_mut()
        }
    }
}

/// What Node calls when an environment loads the addon.
#[unsafe(no_mangle)]
unsafe extern "C" fn napi_register_module_v1(
    env: sys::napi_env,
    exports: sys::napi_value,
) -> sys::napi_value {
    let _ = catch_unwind(|| crate::begin(Env(env), Value(exports)));
    exports
}
